"""The distance of made melodies from real tunes, each measure with its floor: what held-out real tunes get.

* The area under the curve of a two-sample test
  (:mod:`~chromasonic.melody_generation.measures.real_distance.two_sample`). The classifier learns from the training
  tunes and is judged on the held-out ones. Floor: training tunes in the part of the melodies, as many, whole families
  of them, and not among those that the classifier takes for real. The mean of five such draws.
* The Fréchet distance, and precision and recall
  (:mod:`~chromasonic.melody_generation.measures.real_distance.set_distances`), from the training tunes, in a space that
  the training tunes alone define: the sixteen principal axes of the normal scores of their features, each with variance
  1. Floor: the held-out tunes. Subsets of one size are compared, half of the smaller set.

The features are those of the calibration and of
:mod:`~chromasonic.melody_generation.measures.real_distance.plain_features`. All melodies, real or made, are measured by
the counts of four fifths of the training tunes, none of them a variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate
from chromasonic.melody_generation.measures.families import tune_families
from chromasonic.melody_generation.measures.features import ASPECTS
from chromasonic.melody_generation.measures.real_distance.plain_features import measure_plain_features
from chromasonic.melody_generation.measures.real_distance.reasons import TOLD_BY, Reason, reasons
from chromasonic.melody_generation.measures.real_distance.set_distances import SetDistances, set_distances
from chromasonic.melody_generation.measures.real_distance.two_sample import (
    TwoSampleTest,
    two_sample_test,
)
from chromasonic.melody_generation.measures.real_distance.variant_folds import variant_folds
from chromasonic.melody_generation.measures.reference_model.folded_counts import (
    N_FOLDS,
    FoldedCounts,
    folds_of_families,
)
from chromasonic.melody_generation.measures.typicality.distribution import Distributions
from chromasonic.melody_generation.melody import FloatArray, IntArray, Melody

MIN_TUNES, MIN_TRAINING, MIN_FAMILIES = 10, 20, 10
_MAX_TRAINING = 2000
_N_AXES = 16
_FAR = 4.0
_N_FLOORS = 5
_MAX_FRECHET, _ROUNDING = 1e9, 1e-6
# Features that people ask for first.
SIGNS = (
    "bars_long",
    "eight_bar_parts",
    "whole_bars",
    "ends_on_tonic",
    "rests_on_tonic",
    "bar_5_like_1",
    "foreign_notes",
)


@dataclass(frozen=True)
class RealDistance:
    """Distance of a set of melodies from real tunes.

    Attributes:
        n_melodies: Number of melodies.
        two_sample_auc: Probability that the classifier takes the real tune for real, of one and a melody.
        sets: Fréchet distance, precision and recall.
        two_sample_auc_floor: The same for real tunes in the part of the melodies.
        sets_floor: The same for held-out tunes.
        reasons: What the classifier goes by; empty if it cannot tell melodies from tunes.
        signs: Means of the features of ``SIGNS``.
        real_signs: The same of the held-out tunes.
        aspects: The AUC of classifiers that see the features of one aspect alone.
    """

    n_melodies: int
    two_sample_auc: Estimate
    sets: SetDistances
    two_sample_auc_floor: Estimate
    sets_floor: SetDistances
    reasons: tuple[Reason, ...]
    signs: Mapping[str, Estimate]
    real_signs: Mapping[str, Estimate]
    aspects: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def is_possible(self) -> bool:
        """Whether all measures are in their range, and all features are known."""
        shares = [self.two_sample_auc, self.two_sample_auc_floor, *self.aspects.values()]
        shares += [of for sets in (self.sets, self.sets_floor) for of in (sets.precision, sets.recall)]
        amounts = (self.sets.frechet, self.sets_floor.frechet)
        ranges = [(of, 1.0) for of in shares] + [(of, _MAX_FRECHET) for of in amounts]
        names = {reason.feature for reason in self.reasons} | self.signs.keys() | self.real_signs.keys()
        return (
            names <= TOLD_BY.keys()
            and self.aspects.keys() <= ASPECTS.keys()
            and not any(
                value < 0 or value > most + _ROUNDING for of, most in ranges for value in (of.value, of.low, of.high)
            )
        )


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """A space of a few dimensions in which melodies are points, defined by training tunes.

    Attributes:
        distributions: Distributions of the features over the tunes.
        mean: Mean of their normal scores, shape (F,).
        axes: Principal axes, each over its standard deviation, shape (D, F).
    """

    distributions: Distributions
    mean: FloatArray
    axes: FloatArray

    @classmethod
    def fit(cls, values: FloatArray) -> FeatureSpace:
        """Find the axes of tunes with features of shape (N, F)."""
        distributions = Distributions.fit(values)
        scores = distributions.normal_scores(values).clip(-_FAR, _FAR)
        mean = scores.mean(axis=0)
        _, sizes, axes = np.linalg.svd(scores - mean, full_matrices=False)
        deviations = sizes / np.sqrt(len(values) - 1)
        kept = min(_N_AXES, int((deviations > 1e-6).sum()))
        return cls(distributions, mean, axes[:kept] / deviations[:kept, None])

    def points(self, values: FloatArray) -> FloatArray:
        """Return melodies with features of shape (N, F) as points, shape (N, D)."""
        scores = self.distributions.normal_scores(values).clip(-_FAR, _FAR)
        return np.asarray((scores - self.mean) @ self.axes.T)


@dataclass(frozen=True, eq=False)
class RealTunes:
    """Training tunes and held-out tunes as features, from which the distance of melodies is measured.

    Attributes:
        counts: Counts of the training tunes in folds.
        training: Features of the training tunes, shape (N, F).
        families: Family of each training tune, shape (N,).
        held_out_tunes: The held-out tunes.
        held_out: Their features, shape (R, F).
        space: The space that the training tunes define.
    """

    counts: FoldedCounts
    training: FloatArray
    families: IntArray
    held_out_tunes: tuple[Melody, ...]
    held_out: FloatArray
    space: FeatureSpace

    @classmethod
    def fit(cls, held_out: Sequence[Melody], training: Sequence[Melody] | None = None) -> RealTunes | None:
        """Measure real tunes; None if there are too few.

        Args:
            held_out: Real tunes that no model has learned from.
            training: Other real tunes. Without them, the families of the held-out tunes are divided into halves.
        """
        if not training:
            half = tune_families(held_out) % 2 == 0
            training = [tune for tune, is_first in zip(held_out, half, strict=True) if is_first]
            held_out = [tune for tune, is_first in zip(held_out, half, strict=True) if not is_first]
        if len(training) < MIN_TRAINING or len(held_out) < MIN_TUNES:
            return None
        training = list(training)[:: -(-len(training) // _MAX_TRAINING)]
        families = tune_families(training)
        if len(np.unique(families)) < MIN_FAMILIES:
            return None
        folds = folds_of_families(families)
        counts = FoldedCounts.fit(training, folds)
        of_training = _features(counts, training, folds)
        of_held_out = _features(counts, held_out, _in_turn(held_out))
        return cls(counts, of_training, families, tuple(held_out), of_held_out, FeatureSpace.fit(of_training))

    def distance(self, melodies: Sequence[Melody]) -> RealDistance | None:
        """Return the distance of melodies from the real tunes; None for fewer than ten melodies."""
        if len(melodies) < MIN_TUNES:
            return None
        made, names = self._features(melodies), tuple(TOLD_BY)
        folds = variant_folds(self.held_out_tunes, melodies)
        test = two_sample_test(self.held_out, made, self.training, *folds)
        aspects = {}
        for aspect, features in ASPECTS.items():
            if aspect != "whole":
                columns = [names.index(feature) for feature in features]
                real, of_made, learned = (values[:, columns] for values in (self.held_out, made, self.training))
                aspects[aspect] = two_sample_test(real, of_made, learned, *folds).auc
        size = min(len(made), len(self.held_out)) // 2
        real_points, made_points, held_out_points = map(self.space.points, (self.training, made, self.held_out))
        return RealDistance(
            n_melodies=len(melodies),
            two_sample_auc=test.auc,
            sets=set_distances(real_points, made_points, size),
            two_sample_auc_floor=self._auc_floor(len(made)),
            sets_floor=set_distances(real_points, held_out_points, size),
            reasons=self._reasons(test, made),
            signs=_signs(made),
            real_signs=_signs(self.held_out),
            aspects=aspects,
        )

    def told_apart(self, melodies: Sequence[Melody]) -> TwoSampleTest:
        """Return the two-sample test alone, without its floor.

        Raises:
            ValueError: If there are fewer than five melodies.
        """
        return two_sample_test(
            self.held_out, self._features(melodies), self.training, *variant_folds(self.held_out_tunes, melodies)
        )

    def _features(self, melodies: Sequence[Melody]) -> FloatArray:
        return _features(self.counts, melodies, _in_turn(melodies))

    def _auc_floor(self, n_made: int) -> Estimate:
        """Return the mean of the tests of training tunes, in the part of the melodies, against held-out tunes."""
        tests = [self._test_of_real(min(n_made, len(self.training) // 2), seed).auc for seed in range(_N_FLOORS)]
        return Estimate(*(float(np.mean([getattr(auc, end) for auc in tests])) for end in ("value", "low", "high")))

    def _test_of_real(self, n: int, seed: int) -> TwoSampleTest:
        """Test about ``n`` training tunes, whole families, against the held-out tunes."""
        ranks = np.random.default_rng(seed).permutation(int(self.families.max()) + 1)[self.families]
        is_made = ranks <= np.sort(ranks)[n - 1]
        made, folds = self.training[is_made], ranks[is_made] % N_FOLDS
        return two_sample_test(self.held_out, made, self.training[~is_made], folds)

    def _reasons(self, test: TwoSampleTest, made: FloatArray) -> tuple[Reason, ...]:
        if not test.auc.low > 0.5:
            return ()
        scores = tuple(map(self.space.distributions.normal_scores, (made, self.held_out)))
        return reasons(tuple(TOLD_BY), test.gaps, made, self.held_out, (scores[0], scores[1]))


def _in_turn(melodies: Sequence[Melody]) -> NDArray[np.int64]:
    """Return folds for melodies that are no training tunes."""
    return np.arange(len(melodies), dtype=np.int64) % N_FOLDS


def _features(counts: FoldedCounts, melodies: Sequence[Melody], folds: NDArray[np.int64]) -> FloatArray:
    """Return the features of ``TOLD_BY``, shape (number of melodies, F)."""
    values = counts.features(melodies, folds) | measure_plain_features(melodies)
    return np.stack([values[name] for name in TOLD_BY], axis=1)


def _signs(values: FloatArray) -> dict[str, Estimate]:
    names = tuple(TOLD_BY)
    return {name: estimate(values[:, names.index(name)]) for name in SIGNS}
