"""The scores of a set of melodies, and their means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.bootstrap import Estimate, draw_counts, estimate_from_draws
from chromasonic.melody_generation.melody import FloatArray


@dataclass(frozen=True)
class ScoreSummary:
    """Mean scores of a set of melodies.

    Attributes:
        n_melodies: Number of melodies in the set.
        n_undefined: Number of melodies with fewer than two sounding notes, which have no score and count as 0.
        overall: Mean overall score.
        groups: Mean score of each group.
        features: Mean score of each feature.
        values: Mean value of each feature, in its own unit, over the melodies that have a value.
        aspects: Mean score of each aspect.
    """

    n_melodies: int
    n_undefined: int
    overall: Estimate
    groups: Mapping[str, Estimate]
    features: Mapping[str, Estimate]
    values: Mapping[str, Estimate]
    aspects: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class MelodyScores:
    """Features and scores of each melody of a set; every array has shape (number of melodies,).

    Scores are 0 to 1, and NaN for melodies with fewer than two sounding notes.

    Attributes:
        values: Value of each feature in its own unit; NaN where it is not defined.
        features: Score of each feature.
        groups: Score of each group of features.
        overall: Overall score.
        aspects: Score of each aspect, into which groups are divided.
    """

    values: Mapping[str, FloatArray]
    features: Mapping[str, FloatArray]
    groups: Mapping[str, FloatArray]
    overall: FloatArray
    aspects: Mapping[str, FloatArray] = field(default_factory=dict)

    def summary(self, *, seed: int = 0, n_resamples: int = 1000) -> ScoreSummary:
        """Return the means over the set with 95 % bootstrap intervals.

        Args:
            seed: Seed of the draws, which all means share.
            n_resamples: Number of resampled sets.

        Raises:
            InputError: If the set is empty.
        """
        n = len(self.overall)
        if not n:
            raise InputError("there are no melodies to score: generate at least one")
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
            aspects={name: scored(scores) for name, scores in self.aspects.items()},
        )


def typical_indices(scores: MelodyScores, n: int) -> list[int]:
    """Return the indices of the ``n`` melodies whose overall scores are nearest to the median, ascending.

    A melody without a score counts as 0.

    Example:
        >>> typical_indices(MelodyScores({}, {}, {}, np.array([0.9, 0.5, np.nan, 0.7, 0.6])), 2)
        [1, 4]
    """
    overall = np.nan_to_num(scores.overall, nan=0)
    nearest_first = np.argsort(np.abs(overall - np.median(overall)), kind="stable") if len(overall) else overall
    return sorted(int(index) for index in nearest_first[:n])


def concatenate_scores(parts: Sequence[MelodyScores], order: Sequence[int]) -> MelodyScores:
    """Concatenate the scores of several sets and reorder them.

    Args:
        parts: Scores with the same features.
        order: Index in the result of each melody of the concatenated parts.
    """
    inverse = np.argsort(order)

    def concatenate(arrays: Iterable[FloatArray]) -> FloatArray:
        return np.concatenate(list(arrays))[inverse]

    return MelodyScores(
        {name: concatenate(part.values[name] for part in parts) for name in parts[0].values},
        {name: concatenate(part.features[name] for part in parts) for name in parts[0].features},
        {name: concatenate(part.groups[name] for part in parts) for name in parts[0].groups},
        concatenate(part.overall for part in parts),
        {name: concatenate(part.aspects[name] for part in parts) for name in parts[0].aspects},
    )
