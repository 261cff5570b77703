"""Paired comparison of two models on the same tunes, since tunes differ more than models do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate_ratio
from chromasonic.melody_generation.melody import FloatArray

_N_PERMUTATIONS = 9999


@dataclass(frozen=True)
class Difference:
    """Difference in bits per note between two models on the same tunes.

    Attributes:
        bits_per_note: First model minus second, with its 95 % bootstrap interval over tunes; below 0 if the first is
            better.
        p_value: Probability of a difference at least as large if the models do not differ; NaN for fewer than two
            tunes, or if a model needs infinitely many bits for one.
        n_better: Number of tunes for which the first model needs fewer bits, both finite.
        n_tunes: Number of tunes.
    """

    bits_per_note: Estimate
    p_value: float
    n_better: int
    n_tunes: int


def difference(first: FloatArray, second: FloatArray, n_notes: FloatArray, *, seed: int = 0) -> Difference:
    """Compare two models on the same tunes.

    Formula of the p value: a paired permutation test, which flips the signs of the tunes' differences (Good 2005,
    Permutation, Parametric and Bootstrap Tests of Hypotheses). If there are at most 9999 combinations, all are used;
    otherwise 9999 random ones and the observed one (Phipson & Smyth 2010), so that the lowest p value is 0.0001. The
    test compares two trained models; comparing two configurations takes several seeds.

    Args:
        first: Bits that the first model needs for each tune, shape (number of tunes,).
        second: Bits that the second model needs for each tune, shape (number of tunes,).
        n_notes: Number of notes of each tune, shape (number of tunes,).
        seed: Seed of the draws.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> result = difference(np.full(20, 90.0), np.full(20, 100.0), np.full(20, 50.0))
        >>> round(result.bits_per_note.value, 3), result.p_value < 0.001, result.n_better
        (-0.2, True, 20)
    """
    if not first.shape == second.shape == n_notes.shape:
        raise ValueError(
            f"arrays must have one value for each tune: got {len(first)}, {len(second)} and {len(n_notes)}"
        )
    is_finite = np.isfinite(first) & np.isfinite(second)
    gap = np.where(is_finite, first, np.nan) - np.where(is_finite, second, np.nan)
    return Difference(estimate_ratio(gap, n_notes, seed=seed), _p_value(gap, seed), int((gap < 0).sum()), len(gap))


def _p_value(gap: FloatArray, seed: int) -> float:
    n = len(gap)
    if n < 2 or not np.isfinite(gap).all():
        return float("nan")
    is_exact = 2**n <= _N_PERMUTATIONS
    signs = _all_signs(n) if is_exact else np.random.default_rng(seed).choice((-1.0, 1.0), (_N_PERMUTATIONS, n))
    is_as_large = np.abs(signs @ gap) >= np.abs(gap.sum()) * (1 - 1e-12)  # rounding depends on the order of the sum
    return float(is_as_large.mean() if is_exact else (is_as_large.sum() + 1) / (_N_PERMUTATIONS + 1))


def _all_signs(n: int) -> FloatArray:
    """Return all combinations of n signs, shape (2 ** n, n)."""
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return np.asarray(2.0 * bits - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p values of several tests to bound the probability of any false positive (Holm 1979).

    Args:
        p_values: The p value of each test; NaN stays NaN and is not counted as a test.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    values = np.array(p_values, dtype=np.float64)
    order = [index for index in np.argsort(values, kind="stable") if not np.isnan(values[index])]
    adjusted, highest = values.copy(), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * values[index]))
        adjusted[index] = highest
    return [float(value) for value in adjusted]
