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
        value: The mean; NaN where it is not defined for any melody.
        low: The lower end of the interval; NaN where fewer than two melodies have a value.
        high: The upper end, likewise.
    """

    value: float
    low: float
    high: float


def estimate(values: FloatArray, *, seed: int = 0, n_resamples: int = 1000) -> Estimate:
    """The mean of what each melody of a set has, such as its novelty, with its 95 % bootstrap interval.

    Args:
        values: Shape (number of melodies,); NaN, where it is not defined, is left out.
        seed: Of the draws: the same ones for all values of a set.
        n_resamples: How many sets are drawn.

    Example:
        >>> estimate(np.array([0.25, 0.75, np.nan])).value
        0.5
    """
    return estimate_from_draws(values, draw_counts(len(values), seed, n_resamples) if len(values) else values[None])


def estimate_ratio(
    numerators: FloatArray, denominators: FloatArray, *, seed: int = 0, n_resamples: int = 1000
) -> Estimate:
    """A ratio of two sums over tunes, such as bits per note, with its 95 % bootstrap interval over tunes.

    Args:
        numerators: What each tune adds above, shape (N,).
        denominators: What it adds below, 0 or more, shape (N,).
        seed: Of the draws: the same ones for all values of a set.
        n_resamples: How many sets are drawn.

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
    """How often each melody is in each redrawn set, shape (n_resamples, n)."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    return np.asarray(counts, dtype=np.float64)


def estimate_from_draws(values: FloatArray, draws: FloatArray) -> Estimate:
    """Return the mean of ``values`` (N,) with its interval over ``draws`` (n_resamples, N); NaN is left out."""
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
