"""Fit the model of chords that the package contains, and print its scores beside those of simpler models.

    python tools/fit_chord_model.py           # fits, writes the file, and prints the table of docs/harmony.md
    python tools/fit_chord_model.py --check   # prints the table for the file that there is

It learns from the training tunes of Nottingham, which is downloaded on first use.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chromasonic.melody_generation.atomic_files import write_text
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.splits import split_by_family
from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony import chord_model
from chromasonic.melody_generation.harmony.chord_model import ChordModel, shipped_chord_model
from chromasonic.melody_generation.harmony.chord_scores import chord_agreement
from chromasonic.melody_generation.harmony.counted_chords import ChordsOfNotes, fit_hidden_markov, tonic_chords
from chromasonic.melody_generation.harmony.fit_chords import fit_chord_model
from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate_ratio
from chromasonic.melody_generation.melody import Melody

FILE = Path(chord_model.__file__).with_name("chord_model.json")
SEED, RULE = 0, 2  # of the split by families
Harmoniser = Callable[[Melody], Sequence[Chord]]
Surprisal = Callable[[Melody], tuple[float, int]]


def sides() -> dict[str, list[Melody]]:
    """Return the training, validation and test tunes that have chords."""
    melodies = NottinghamCorpus().load()
    split = split_by_family(melodies, seed=SEED, rule=RULE)
    return {
        side: [melodies[index] for index in getattr(split, side) if melodies[index].chords]
        for side in ("train", "validation", "test")
    }


def digest_of(melodies: Sequence[Melody]) -> str:
    """Return a hash of the sources of tunes, 16 hex digits."""
    return hashlib.sha256("\n".join(sorted(melody.source for melody in melodies)).encode()).hexdigest()[:16]


def fit(tunes: dict[str, list[Melody]]) -> ChordModel:
    """Fit the model to the training tunes."""
    note = (
        f"Weights learned from the chords of {len(tunes['train'])} training tunes of the split of seed {SEED} and "
        f"family rule {RULE}, by tools/fit_chord_model.py. The hash of the sources of the held-out tunes with chords "
        f"is {digest_of(tunes['validation'] + tunes['test'])}. The file contains no tune."
    )
    return fit_chord_model(tunes["train"], NottinghamCorpus().read().report.sources, note=note)


def rows(tunes: dict[str, list[Melody]], model: ChordModel, side: str) -> list[str]:
    """Return a row of scores for each model."""
    of_notes, hidden_markov = ChordsOfNotes.fit(tunes["train"]), fit_hidden_markov(tunes["train"])
    return [
        row("the tonic throughout", tunes[side], tonic_chords),
        row("the most frequent chord of the notes", tunes[side], of_notes.chords, of_notes.surprisal),
        row("hidden Markov model", tunes[side], hidden_markov.chords, hidden_markov.surprisal),
        row("conditional random field", tunes[side], model.chords, model.surprisal),
    ]


def row(name: str, melodies: Sequence[Melody], chords: Harmoniser, surprisal: Surprisal | None = None) -> str:
    """Return accuracy of root, of root and quality, and bits per unit, as a row of a Markdown table."""
    agreements = [chord_agreement(melody, chords(melody)) for melody in melodies]
    ticks = np.array([each.ticks for each in agreements], dtype=np.float64)
    cells = [
        _cell(estimate_ratio(np.array([getattr(each, name) for each in agreements], dtype=np.float64), ticks))
        for name in ("same_root", "same_chord")
    ]
    if surprisal is None:
        return f"| {name} | {cells[0]} | {cells[1]} | |"
    bits = np.array([surprisal(melody) for melody in melodies], dtype=np.float64)
    return f"| {name} | {cells[0]} | {cells[1]} | {_cell(estimate_ratio(bits[:, 0], bits[:, 1]))} |"


def _cell(value: Estimate) -> str:
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def main(arguments: Sequence[str]) -> None:
    """Fit the model unless there are arguments, and print its scores."""
    tunes = sides()
    if "--check" not in arguments:
        values = fit(tunes).to_values().items()
        lines = (f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in values)
        write_text(FILE, "{\n" + ",\n".join(lines) + "\n}\n")
    model = shipped_chord_model()
    print(model.note, *model.sources, sep="\n")
    for side in ("validation", "test"):
        print(f"\n| {len(tunes[side])} {side} tunes | root | root and quality | bits per unit |")
        print("| --- | --- | --- | --- |", *rows(tunes, model, side), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
