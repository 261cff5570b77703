"""Measure PPM on the eight corpora of Pearce (2005, table 4.1), beside what IDyOM's PPM* reaches (table 6.7).

Run ``python benchmarks/pearce.py FOLDER``, where the folder holds one folder of MIDI files for each corpus. Only
pitches are read and predicted, in ten folds; the mean over corpora is compared. The models are those of ``model=ppm``,
with contexts of pitches (and of intervals: a linked viewpoint) instead of those with durations and positions.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from chromasonic.melody_generation.networks.counting.contexts import FactorContexts
from chromasonic.melody_generation.networks.counting.counts import lagged, nested_contexts, stack_orders
from chromasonic.melody_generation.networks.ppm import FactorModel, entropy

# Bits per pitch of IDyOM's PPM*: Pearce 2005, table 6.7.
IDYOM = {
    **{"nova": 2.468, "chorales": 2.347, "elsass": 2.540, "jugoslav": 2.588},
    **{"schweiz": 2.454, "oesterrh": 2.651, "kinder": 2.106, "shanxi": 2.681},
}
N_FOLDS = 10
LONG_ORDER, INTERVAL_ORDER, SHORT_ORDER = 2, 3, 8
LARGEST_INTERVAL = 48
N_INTERVALS = 2 * LARGEST_INTERVAL + 1


class Predictions(NamedTuple):
    """Probabilities of each pitch (N, pitches) of one melody, by model."""

    long: Tensor
    short: Tensor
    interval: Tensor


def read_pitches(path: Path) -> list[int]:
    """Return the pitches of the track with most notes."""
    tracks = mido.MidiFile(path).tracks
    return max(
        ([message.note for message in track if message.type == "note_on" and message.velocity] for track in tracks),
        key=len,
    )


def contexts_of(values: Tensor, orders: tuple[int, int]) -> FactorContexts:
    """Return the contexts of each of one melody's values, -1 where there is none, shape (N,).

    Args:
        values: Symbols, shape (N,).
        orders: Longest contexts of the long-term and of the short-term model.
    """
    past = nn.functional.pad(values[None], (1, 0), value=-2)[:, :-1]  # (1, N)
    nested = [nested_contexts(torch.zeros_like(past), lagged(past, order)) for order in orders]
    return FactorContexts(values[None].clamp(min=0), values[None] >= 0, *map(stack_orders, nested))


def intervals_of(melody: Tensor) -> Tensor:
    """Return the interval to each pitch in classes from 0, -1 for the first, shape (N,)."""
    steps = (melody.diff() + LARGEST_INTERVAL).clamp(0, N_INTERVALS - 1)
    return nn.functional.pad(steps, (1, 0), value=-1)


def predict(melody: Tensor, pitches: Tensor, of_pitch: FactorModel, of_interval: FactorModel) -> Predictions:
    """Return what each model predicts of a melody's pitches (N,).

    Args:
        melody: Index of each pitch in ``pitches``, shape (N,).
        pitches: The corpus's pitches, ascending.
        of_pitch: The model of pitches, trained.
        of_interval: The model of intervals, trained.
    """
    n = len(melody)
    long, short = of_pitch(contexts_of(melody, (LONG_ORDER, SHORT_ORDER)), n)
    intervals, _ = of_interval(contexts_of(intervals_of(pitches[melody]), (INTERVAL_ORDER, 0)), n)
    steps = pitches[None] - pitches[melody].roll(1)[:, None] + LARGEST_INTERVAL  # (N, pitches)
    linked = intervals[0].gather(1, steps.clamp(0, N_INTERVALS - 1))
    linked[0] = 1  # the first pitch has no interval
    return Predictions(long[0], short[0], linked / linked.sum(-1, keepdim=True))


def average(models: Sequence[Tensor]) -> Tensor:
    """Return the average of distributions, each weighted inversely to its entropy, as PPM does."""
    weights = [1 / entropy(model) for model in models]
    return sum(weight * model for weight, model in zip(weights, models, strict=True)) / sum(weights)  # type: ignore[return-value]


def bits_of(melodies: Sequence[Sequence[int]], *, update_exclusion: bool) -> dict[str, float]:
    """Return bits per pitch of the models, in ten folds."""
    pitches = torch.tensor(sorted({pitch for melody in melodies for pitch in melody}))
    tunes = [torch.searchsorted(pitches, torch.tensor(melody)) for melody in melodies]
    fold_of = np.random.default_rng(0).permutation(len(tunes)) % N_FOLDS
    bits = dict.fromkeys(("long", "short", "long and short", "with intervals"), 0.0)
    for fold in range(N_FOLDS):
        of_pitch = FactorModel(torch.full((len(pitches),), 1 / len(pitches)), update_exclusion=update_exclusion)
        of_interval = FactorModel(torch.full((N_INTERVALS,), 1 / N_INTERVALS))
        for tune in (tune for tune, its_fold in zip(tunes, fold_of, strict=True) if its_fold != fold):
            of_pitch.count(contexts_of(tune, (LONG_ORDER, 0)))
            of_interval.count(contexts_of(intervals_of(pitches[tune]), (INTERVAL_ORDER, 0)))
        for tune in (tune for tune, its_fold in zip(tunes, fold_of, strict=True) if its_fold == fold):
            long, short, interval = predict(tune, pitches, of_pitch, of_interval)
            predicted = (long, short, average([long, short]), average([long, short, interval]))
            for name, probabilities in zip(bits, predicted, strict=True):
                bits[name] -= float(probabilities.gather(1, tune[:, None]).log2().sum())
    n_notes = sum(map(len, tunes))
    return {name: total / n_notes for name, total in bits.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with one folder of MIDI files for each corpus")
    parser.add_argument("--corpora", nargs="+", default=list(IDYOM), choices=list(IDYOM))
    parser.add_argument("--no-update-exclusion", action="store_true", help="count every note in every context")
    arguments = parser.parse_args()
    rows = {}
    for corpus in arguments.corpora:
        melodies = [read_pitches(path) for path in sorted((arguments.folder / corpus).glob("*.mid"))]
        rows[corpus] = bits_of(melodies, update_exclusion=not arguments.no_update_exclusion)
        rows[corpus]["IDyOM"] = IDYOM[corpus]
    names = list(next(iter(rows.values())))
    table = Table("bits per pitch", *names)
    rows["mean"] = {name: float(np.mean([row[name] for row in rows.values()])) for name in names}
    for corpus, row in rows.items():
        table.add_row(corpus, *(f"{row[name]:.3f}" for name in names))
    Console().print(table)


if __name__ == "__main__":
    main()
