"""Means and ratios over melodies with bootstrap intervals (Efron 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.melody import FloatArray

_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Estimate:
    """A mean over melodies with its 95 % bootstrap interval.

    Attributes:
        value: The mean; NaN if no melody has a value.
        low: The lower end of the interval; NaN if fewer than two melodies have a value.
        high: The upper end of the interval; NaN if fewer than two melodies have a value.
    """

    value: float
    low: float
    high: float


def estimate(values: FloatArray, *, seed: int = 0, n_resamples: int = 1000) -> Estimate:
    """Return the mean of a value of melodies, such as their novelty, with its 95 % bootstrap interval.

    Args:
        values: Shape (number of melodies,); NaN is ignored.
        seed: Seed of the draws; all values of a set should share it.
        n_resamples: Number of resampled sets.

    Example:
        >>> estimate(np.array([0.25, 0.75, np.nan])).value
        0.5
    """
    return estimate_from_draws(values, draw_counts(len(values), seed, n_resamples) if len(values) else values[None])


def estimate_ratio(
    numerators: FloatArray, denominators: FloatArray, *, seed: int = 0, n_resamples: int = 1000
) -> Estimate:
    """Return a ratio of two sums over tunes, such as bits per note, with its 95 % bootstrap interval over tunes.

    Args:
        numerators: Numerator of each tune, shape (number of tunes,).
        denominators: Denominator of each tune, 0 or more, shape (number of tunes,).
        seed: Seed of the draws; all values of a set should share it.
        n_resamples: Number of resampled sets.

    Example:
        >>> estimate_ratio(np.array([30.0, 10.0]), np.array([10.0, 10.0])).value
        2.0
    """
    if not denominators.sum():
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float(numerators.sum() / denominators.sum())
    if len(numerators) < 2 or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"))
    draws = draw_counts(len(numerators), seed, n_resamples)
    above, below = draws @ numerators, draws @ denominators
    low, high = np.quantile(above[below > 0] / below[below > 0], _INTERVAL)
    return Estimate(value, float(low), float(high))


def draw_counts(n: int, seed: int, n_resamples: int) -> FloatArray:
    """Return the number of times that each of ``n`` melodies is in each resampled set, shape (n_resamples, n)."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    return np.asarray(counts, dtype=np.float64)


def estimate_from_draws(values: FloatArray, draws: FloatArray) -> Estimate:
    """Return the mean of ``values`` (n,) with its interval over ``draws`` (n_resamples, n); NaN is ignored."""
    defined = ~np.isnan(values)
    if not defined.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    mean = float(values[defined].mean())
    drawn = draws[:, defined].sum(axis=1)
    means = (draws[:, defined] @ values[defined])[drawn > 0] / drawn[drawn > 0]
    if defined.sum() < 2 or not len(means):
        return Estimate(mean, float("nan"), float("nan"))
    low, high = np.quantile(means, _INTERVAL)
    return Estimate(mean, float(low), float(high))
