"""Measure how often the tests of a comparison err: the tables of docs/statistics.md.

Run ``python benchmarks/levels.py`` for invented gaps, in some minutes, or with the directories of two evaluated runs
for gaps drawn from theirs: ``python benchmarks/levels.py outputs/results/nottingham_lstm/1 outputs/results/ppm/1``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import stdtr

from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.evaluation.records import read_evaluation
from chromasonic.melody_generation.measures.bootstrap import estimate_ratio
from chromasonic.melody_generation.measures.comparisons.paired_differences import ModelBits, difference
from chromasonic.melody_generation.measures.comparisons.paired_tests import (
    paired_test,
    ratio_variance,
    sign_flip_p_value,
)
from chromasonic.melody_generation.melody import FloatArray

LEVEL, N_RESAMPLES = 0.05, 999
Draw = np.random.Generator
Gaps = tuple[FloatArray, FloatArray]


def lengths(draw: Draw, n_tunes: int, spread: float = 0.5) -> FloatArray:
    """Return notes of tunes, a few of them long."""
    return np.asarray(np.exp(draw.normal(4.4, spread, n_tunes)).round())


def log_normal(draw: Draw, *shape: int) -> FloatArray:
    """Return noise of mean 0 and deviation 1 with a long tail."""
    return np.asarray((np.exp(draw.normal(size=shape)) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e))


POPULATIONS: dict[str, Callable[[Draw, int], Gaps]] = {
    "normal": lambda draw, n: _gaps(lengths(draw, n), draw.normal(size=n)),
    "exponential": lambda draw, n: _gaps(lengths(draw, n), draw.exponential(size=n) - 1),
    "log-normal": lambda draw, n: _gaps(lengths(draw, n), log_normal(draw, n)),
    "log-normal, long tunes": lambda draw, n: _gaps(lengths(draw, n, 0.8), log_normal(draw, n)),
}


def _gaps(notes: FloatArray, per_note: FloatArray) -> Gaps:
    return notes * per_note, notes


def drawn_from(gap: FloatArray, notes: FloatArray) -> Callable[[Draw, int], Gaps]:
    """Return a function that draws tunes of two runs with replacement, the mean of their gaps moved to 0."""
    centred = gap - gap.mean()

    def draw_tunes(draw: Draw, n: int) -> Gaps:
        chosen = draw.integers(len(gap), size=n)
        return centred[chosen], notes[chosen]

    return draw_tunes


def table_of_tunes(populations: dict[str, Callable[[Draw, int], Gaps]], sizes: list[int], n: int) -> Table:
    """Return how often each test rejects a difference of 0 at .05, and how often intervals cover it."""
    columns = ("gaps", "tunes", "sign flips", "t test", "this test", "percentile interval", "this interval")
    table = Table(*columns)
    for name, population in populations.items():
        for n_tunes in sizes:
            draw, counts = np.random.default_rng(0), np.zeros(5)
            for _ in range(n):
                gap, notes = population(draw, n_tunes)
                tested = paired_test(gap, notes, n_resamples=N_RESAMPLES)
                percentile = estimate_ratio(gap, notes)
                t = abs(tested.ratio.value) / ratio_variance(gap, notes) ** 0.5
                p_values = (
                    sign_flip_p_value(gap, n_resamples=N_RESAMPLES),
                    float(2 * stdtr(n_tunes - 1, -t)),
                    tested.p_value,
                )
                covered = [of.low <= 0 <= of.high for of in (percentile, tested.ratio)]
                counts += [*(p <= LEVEL for p in p_values), *covered]
            table.add_row(name, str(n_tunes), *(f"{share:.3f}" for share in counts / n))
    return table


def table_of_recipes(n: int, n_tunes: int = 103, noise: float = 0.06) -> Table:
    """Return how often equal recipes are called different at .05, by number of runs and their own effect."""
    columns = (
        "runs of each",
        "own effect of a run",
        "sign flips",
        "over tunes alone",
        "over tunes and runs",
        "interval",
    )
    table = Table(*columns)
    for n_runs in (1, 2, 3, 5):
        for ratio in (0.0, 1.2, 3.0):
            draw, counts = np.random.default_rng(0), np.zeros(4)
            for _ in range(n):
                notes = lengths(draw, n_tunes)
                models = []
                for _ in range(2):
                    effects = noise / np.sqrt(n_tunes) * ratio * draw.normal(size=(n_runs, 1))
                    models.append(ModelBits(notes * (2 + effects + noise * log_normal(draw, n_runs, n_tunes))))
                first, second = models
                gap = first.mean - second.mean
                flipped = sign_flip_p_value(gap, n_resamples=N_RESAMPLES)
                over_tunes = paired_test(gap, notes, n_resamples=N_RESAMPLES).p_value
                tested = difference(first, second, notes, n_resamples=N_RESAMPLES)
                interval = tested.bits_per_note
                rejected = [p_value <= LEVEL for p_value in (flipped, over_tunes, tested.p_value)]
                counts += [*rejected, interval.low <= 0 <= interval.high]
            cells = [f"{share:.3f}" for share in counts / n]
            table.add_row(str(n_runs), f"{ratio:.1f}", *(cells if n_runs > 1 else [*cells[:2], "no verdict", ""]))
    return table


def power(n: int, n_tunes: int = 103, effect: float = 3.3) -> tuple[float, float]:
    """Return how often sign flips and this test find a difference of ``effect`` standard errors, with normal gaps."""
    draw, counts = np.random.default_rng(0), np.zeros(2)
    for _ in range(n):
        notes = lengths(draw, n_tunes)
        gap = notes * (draw.normal(size=n_tunes) + effect * np.sqrt((notes**2).sum()) / notes.sum())
        p_values = (
            sign_flip_p_value(gap, n_resamples=N_RESAMPLES),
            paired_test(gap, notes, n_resamples=N_RESAMPLES).p_value,
        )
        counts += [p_value <= LEVEL for p_value in p_values]
    return float(counts[0] / n), float(counts[1] / n)


def gaps_of(first: Path, second: Path) -> Gaps:
    """Return the gaps of two evaluated runs."""
    records = {str(run): read_evaluation(run) for run in (first, second)}
    known = {name: record for name, record in records.items() if record}
    compare(known)  # refuses different test tunes
    one, other = (ComparedModel.of(name, {name: record}).bits.mean for name, record in known.items())
    tunes = next(iter(known.values())).tunes_by_hash
    return one - other, np.array([tune.n_notes for tune in tunes], dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="two evaluated runs")
    parser.add_argument("--simulations", type=int, default=1000)
    arguments = parser.parse_args()
    console = Console(width=140)
    if arguments.runs:
        gap, notes = gaps_of(*arguments.runs)
        populations = {"of these runs": drawn_from(gap, notes)}
        console.print(table_of_tunes(populations, [len(gap)], arguments.simulations))
        return
    console.print(table_of_tunes(POPULATIONS, [12, 40, 103], arguments.simulations))
    console.print(table_of_recipes(arguments.simulations))
    flipped, tested = power(arguments.simulations)
    console.print(
        f"a difference of 3.3 standard errors is found by sign flips in {flipped:.0%}, by this test in {tested:.0%}"
    )


if __name__ == "__main__":
    main()
