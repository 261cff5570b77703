"""Is one model better than another? Tune by tune on the same tunes, since tunes differ more than models do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate_ratio
from chromasonic.melody_generation.melody import FloatArray

_N_PERMUTATIONS = 9999


@dataclass(frozen=True)
class Difference:
    """How much more one model needs than another, over the same tunes.

    Attributes:
        bits_per_note: The first model's less the second's, with its 95 % bootstrap interval over tunes: below 0
            where the first is better.
        p_value: How often a difference as large comes about if it is chance which of the two a tune favours; NaN
            for fewer than two tunes, or where a model needs infinitely many bits.
        n_better: Tunes on which the first is better; those that either model rules out are not known.
        n_tunes: The tunes.
    """

    bits_per_note: Estimate
    p_value: float
    n_better: int
    n_tunes: int


def difference(first: FloatArray, second: FloatArray, n_notes: FloatArray, *, seed: int = 0) -> Difference:
    """Compare two models on the same tunes.

    The test is the paired permutation test of the difference itself: the signs of the tunes' differences are
    swapped (Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses), in all ways where these are few,
    else at random 9999 times, of which the observed signs are one more (Phipson and Smyth 2010): the least that it
    can find is 0.0001. It says whether these two models differ, not whether two recipes do: that takes several seeds.

    Args:
        first: Bits that the first model needs for each tune, shape (N,).
        second: Bits that the second needs, shape (N,).
        n_notes: Notes of each tune, shape (N,).
        seed: Of the draws.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> found = difference(np.full(20, 90.0), np.full(20, 100.0), np.full(20, 50.0))
        >>> round(found.bits_per_note.value, 3), found.p_value < 0.001, found.n_better
        (-0.2, True, 20)
    """
    if not first.shape == second.shape == n_notes.shape:
        raise ValueError(f"tunes must be the same: got {len(first)}, {len(second)} and {len(n_notes)}")
    known = np.isfinite(first) & np.isfinite(second)
    gap = np.where(known, first, np.nan) - np.where(known, second, np.nan)
    return Difference(estimate_ratio(gap, n_notes, seed=seed), _p_value(gap, seed), int((gap < 0).sum()), len(gap))


def _p_value(gap: FloatArray, seed: int) -> float:
    n = len(gap)
    if n < 2 or not np.isfinite(gap).all():
        return float("nan")
    counts_all = 2**n <= _N_PERMUTATIONS
    signs = _all_signs(n) if counts_all else np.random.default_rng(seed).choice((-1.0, 1.0), (_N_PERMUTATIONS, n))
    is_as_large = np.abs(signs @ gap) >= np.abs(gap.sum()) * (1 - 1e-12)  # sums in another order differ a little
    return float(is_as_large.mean() if counts_all else (is_as_large.sum() + 1) / (_N_PERMUTATIONS + 1))


def _all_signs(n: int) -> FloatArray:
    """Every way to sign n numbers, shape (2 ** n, n)."""
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return np.asarray(2.0 * bits - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p values of several tests, so that the chance of any false finding stays (Holm 1979).

    Args:
        p_values: Of each test; NaN stays NaN, and is no test.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    values = np.array(p_values, dtype=np.float64)
    order = [place for place in np.argsort(values, kind="stable") if not np.isnan(values[place])]
    adjusted, highest = values.copy(), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * values[place]))
        adjusted[place] = highest
    return [float(each) for each in adjusted]
