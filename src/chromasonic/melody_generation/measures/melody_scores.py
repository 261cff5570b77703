"""The scores of a set of melodies, and their means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.bootstrap import Estimate, draw_counts, estimate_from_draws
from chromasonic.melody_generation.melody import FloatArray


@dataclass(frozen=True)
class ScoreSummary:
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
class MelodyScores:
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

    def summary(self, *, seed: int = 0, n_resamples: int = 1000) -> ScoreSummary:
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
        draws = draw_counts(n, seed, n_resamples)

        def scored(scores: FloatArray) -> Estimate:
            return estimate_from_draws(np.nan_to_num(scores, nan=0), draws)

        return ScoreSummary(
            n_melodies=n,
            n_undefined=int(np.isnan(self.overall).sum()),
            overall=scored(self.overall),
            groups={name: scored(scores) for name, scores in self.groups.items()},
            features={name: scored(scores) for name, scores in self.features.items()},
            values={name: estimate_from_draws(values, draws) for name, values in self.values.items()},
        )


def typical_indices(scores: MelodyScores, n: int) -> list[int]:
    """The places of the ``n`` melodies whose overall score is nearest to the median: neither best nor worst.

    A melody without a score counts as 0.

    Example:
        >>> typical_indices(MelodyScores({}, {}, {}, np.array([0.9, 0.5, np.nan, 0.7, 0.6])), 2)
        [1, 4]
    """
    overall = np.nan_to_num(scores.overall, nan=0)
    nearest_first = np.argsort(np.abs(overall - np.median(overall)), kind="stable") if len(overall) else overall
    return sorted(int(place) for place in nearest_first[:n])


def concatenate_scores(parts: Sequence[MelodyScores], order: Sequence[int]) -> MelodyScores:
    """The scores of several sets as of one.

    Args:
        parts: Scores with the same features, one after the other.
        order: The place of each melody of theirs in the whole.
    """
    back = np.argsort(order)

    def together(arrays: Iterable[FloatArray]) -> FloatArray:
        return np.concatenate(list(arrays))[back]

    return MelodyScores(
        {name: together(part.values[name] for part in parts) for name in parts[0].values},
        {name: together(part.features[name] for part in parts) for name in parts[0].features},
        {name: together(part.groups[name] for part in parts) for name in parts[0].groups},
        together(part.overall for part in parts),
    )


def without_nan(value: Any) -> Any:
    """Plain values with None for what is not defined or infinite, since JSON has neither NaN nor infinity."""
    if isinstance(value, dict):
        return {name: without_nan(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
