"""The test of a difference between recipes: tunes and runs are both drawn at random, and crossed.

A run with another seed would have given other bits. A test over tunes alone takes the runs as they are, and calls two
recipes different because two of their runs are. Here the bits of tune t by run r of a model are modelled as
``(mean + run effect) * notes + tune effect + noise``, with random effects of tunes and of runs (Clark 1973, The
language-as-fixed-effect fallacy; Baayen, Davidson & Bates 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.melody import FloatArray


@dataclass(frozen=True)
class RunVariance:
    """The variance of the bits per note of a model that its runs account for.

    Attributes:
        of_mean: Variance of the mean over the runs.
        n_runs: Number of runs, 2 or more.
    """

    of_mean: float
    n_runs: int

    @classmethod
    def of(cls, bits: FloatArray, n_notes: FloatArray) -> RunVariance:
        """Return the variance of the mean of runs.

        Args:
            bits: Bits that each run needs for each tune, shape (R, N), R of 2 or more.
            n_notes: Notes of each tune, shape (N,).
        """
        per_note = bits.sum(axis=1) / n_notes.sum()  # (R,)
        return cls(float(per_note.var(ddof=1) / len(bits)), len(bits))


def crossed_test(value: float, of_tunes: float, n_tunes: int, runs: Sequence[RunVariance]) -> tuple[Estimate, float]:
    """Test a difference in bits per note against 0, with random tunes and random runs.

    Formula: ``t = D / sqrt(v_tunes + v_first + v_second)``, with degrees of freedom after Satterthwaite (1946). The
    noise of a run on a tune is in the variance over tunes and again in that over runs. So the test is on the safe side:
    it rejects less often than its level where runs have little effect of their own.

    Args:
        value: The difference.
        of_tunes: Its variance over tunes.
        n_tunes: Number of tunes, 2 or more.
        runs: The variance of each model that has random runs.

    Returns:
        The difference with its 95 % interval, and the p value.
    """
    parts = [(of_tunes, n_tunes - 1), *((of_model.of_mean, of_model.n_runs - 1) for of_model in runs)]
    variance = sum(part for part, _ in parts)
    if not variance:
        return Estimate(value, value, value), 0.0 if value else 1.0
    freedom = variance**2 / sum(part**2 / of_part for part, of_part in parts)
    error = float(np.sqrt(variance))
    reach = float(stdtrit(freedom, 0.975)) * error
    return Estimate(value, value - reach, value + reach), float(2 * stdtr(freedom, -abs(value) / error))
