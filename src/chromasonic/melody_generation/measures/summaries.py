"""The scores of a set of melodies, and how sure their means are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.features import FloatArray

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


@dataclass(frozen=True)
class Summary:
    """What a set of melodies scores.

    Attributes:
        n_melodies: Melodies in the set.
        n_undefined: Those of fewer than two sounding notes, which have no score and count as 0.
        overall: Mean overall score.
        groups: Mean score of each group.
        features: Mean score of each feature.
        values: Mean value of each feature, in its own unit, over the melodies for which it is defined.
    """

    n_melodies: int
    n_undefined: int
    overall: Estimate
    groups: Mapping[str, Estimate]
    features: Mapping[str, Estimate]
    values: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values; what is not defined is None, since JSON has no NaN."""
        return {name: without_nan(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Scores:
    """What each melody of a set has and scores; every array has shape (number of melodies,).

    Attributes:
        values: Of each feature in its own unit; NaN where it is not defined.
        features: The score of each feature, 0 to 1; NaN for a melody of fewer than two sounding notes.
        groups: The score of each group, likewise.
        overall: The overall score, likewise.
    """

    values: Mapping[str, FloatArray]
    features: Mapping[str, FloatArray]
    groups: Mapping[str, FloatArray]
    overall: FloatArray

    def summary(self, *, seed: int = 0, n_resamples: int = 1000) -> Summary:
        """Means over the set with 95 % bootstrap intervals: how they vary over sets drawn from this one.

        Args:
            seed: Of the draws; all means are of the same ones.
            n_resamples: How many sets are drawn.

        Raises:
            InputError: If the set is empty.
        """
        n = len(self.overall)
        if not n:
            raise InputError("no melodies were given, so there is nothing to score: sample at least one")
        draws = _draws(n, seed, n_resamples)

        def scored(scores: FloatArray) -> Estimate:
            return _estimate(np.nan_to_num(scores, nan=0), draws)

        return Summary(
            n_melodies=n,
            n_undefined=int(np.isnan(self.overall).sum()),
            overall=scored(self.overall),
            groups={name: scored(scores) for name, scores in self.groups.items()},
            features={name: scored(scores) for name, scores in self.features.items()},
            values={name: _estimate(values, draws) for name, values in self.values.items()},
        )


def typical(scores: Scores, n: int) -> list[int]:
    """The places of the ``n`` melodies whose overall score is nearest to the median: neither best nor worst.

    A melody without a score counts as 0.

    Example:
        >>> typical(Scores({}, {}, {}, np.array([0.9, 0.5, np.nan, 0.7, 0.6])), 2)
        [1, 4]
    """
    overall = np.nan_to_num(scores.overall, nan=0)
    nearest_first = np.argsort(np.abs(overall - np.median(overall)), kind="stable") if len(overall) else overall
    return sorted(int(place) for place in nearest_first[:n])


def joined(parts: Sequence[Scores], order: Sequence[int]) -> Scores:
    """The scores of several sets as of one.

    Args:
        parts: Scores with the same features, one after the other.
        order: The place of each melody of theirs in the whole.
    """
    back = np.argsort(order)

    def together(arrays: Iterable[FloatArray]) -> FloatArray:
        return np.concatenate(list(arrays))[back]

    return Scores(
        {name: together(part.values[name] for part in parts) for name in parts[0].values},
        {name: together(part.features[name] for part in parts) for name in parts[0].features},
        {name: together(part.groups[name] for part in parts) for name in parts[0].groups},
        together(part.overall for part in parts),
    )


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
    return _estimate(values, _draws(len(values), seed, n_resamples) if len(values) else values[None])


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
    draws = _draws(len(numerators), seed, n_resamples)
    above, below = draws @ numerators, draws @ denominators
    low, high = np.quantile(above[below > 0] / below[below > 0], _INTERVAL)
    return Estimate(value, float(low), float(high))


def _draws(n: int, seed: int, n_resamples: int) -> FloatArray:
    """How often each melody is in each redrawn set, shape (n_resamples, n)."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples)
    return np.asarray(counts, dtype=np.float64)


def _estimate(values: FloatArray, draws: FloatArray) -> Estimate:
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


def without_nan(value: Any) -> Any:
    """Plain values with None for what is not defined or infinite, since JSON has neither NaN nor infinity."""
    if isinstance(value, dict):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
