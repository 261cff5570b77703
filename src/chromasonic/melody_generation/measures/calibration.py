"""Calibration: scores of melodies from their features, relative to training tunes.

The score of a feature's value x depends on its quantile in the training tunes: with ``u = 2 min(P(X <= x), P(X >=
x))``, or ``u = 2 P(X <= x)`` for features of which more is fine, the score is ``min(1, u / 0.2)``. It is 1 within the
middle 80 % of real tunes and falls to 0 in the tails. The melody itself counts as one more tune, as in conformal
prediction, which matters if there are few. An undefined value (such as the steps of a constant note) scores by the
fraction of training tunes with an undefined value. The score of a group is the geometric mean of the scores of its
features, at least 0.01 each, and the overall score is the geometric mean of the groups.

Scores are 0 to 1, and about 0.85 for real tunes. A melody with fewer than two sounding notes has no score (NaN). In a
set it counts as 0, and the summary reports the number of such melodies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.features import FEATURES, GROUPS, measure_features
from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.measures.melody_scores import MelodyScores, concatenate_scores
from chromasonic.melody_generation.measures.novelty import NoveltyIndex, distinctness, novelty_among_families
from chromasonic.melody_generation.measures.tonality import DegreeTransitions
from chromasonic.melody_generation.melody import FloatArray, Melody

MIN_MELODIES = 10
_TAIL = 0.2
_FLOOR = 0.01
_GRID = np.linspace(0, 1, 101)
_SCORED = tuple(dict.fromkeys(name for names in GROUPS.values() for name in names))
_N_FOLDS = 5
_VERSION = 1


@dataclass(frozen=True)
class Distribution:
    """Distribution of a feature over the training tunes.

    Attributes:
        quantiles: Quantiles at 0, 1, ... 100 % of the defined values; empty if none is defined.
        undefined: Fraction of the tunes for which the feature is not defined.
        n_melodies: Number of tunes.
    """

    quantiles: tuple[float, ...]
    undefined: float
    n_melodies: int

    @classmethod
    def fit(cls, values: FloatArray) -> Distribution:
        """Fit the distribution to a value for each tune, NaN where it is not defined."""
        missing = np.isnan(values)
        quantiles = np.quantile(values[~missing], _GRID).tolist() if not missing.all() else []
        return cls(tuple(quantiles), float(missing.mean()), len(values))

    def scores(self, values: FloatArray, *, more_is_fine: bool) -> FloatArray:
        """Return the score of each value, 0 to 1, of the same shape."""
        tail = np.where(np.isnan(values), self.undefined, 0)
        if self.quantiles:
            at_most, at_least = self._fraction(values, "right"), 1 - self._fraction(values, "left")
            # A fraction of all tunes, not only of those with a value.
            defined = (1 - self.undefined) * (at_most if more_is_fine else np.minimum(at_most, at_least))
            tail = np.where(np.isnan(values), tail, 2 * defined)
        # The melody itself counts as one more tune, half in either tail: a value outside those of twenty tunes is not
        # impossible.
        n = self.n_melodies
        return np.minimum(1, (n * tail + 1) / (n + 1) / _TAIL)

    def _fraction(self, values: FloatArray, side: Literal["left", "right"]) -> FloatArray:
        """Return the fraction of defined values that are at most (right) or less than (left) each value."""
        grid = np.array(self.quantiles)
        above = np.searchsorted(grid, values, side=side)
        upper = above.clip(1, len(grid) - 1)
        lower = upper - 1
        # Between two quantiles the distribution is uniform.
        width = grid[upper] - grid[lower]
        with np.errstate(over="ignore"):  # far beyond a narrow interval: infinite, and clipped
            within = np.where(width > 0, (values - grid[lower]) / np.where(width > 0, width, 1), 0).clip(0, 1)
        inside = _GRID[lower] + within * (_GRID[upper] - _GRID[lower])
        return np.where(above == 0, 0, np.where(above == len(grid), 1, inside))


@dataclass(frozen=True)
class Calibration:
    """Distributions of the features of real tunes, small enough for a checkpoint.

    Attributes:
        distributions: Distribution of each feature.
        transitions: Transitions between scale degrees.
        n_melodies: Number of tunes that it was fitted on.
    """

    distributions: Mapping[str, Distribution]
    transitions: DegreeTransitions
    n_melodies: int

    @classmethod
    def fit(cls, melodies: Sequence[Melody]) -> Calibration:
        """Fit the distributions to training tunes.

        The expected novelty is that of each tune against the tunes of other families.

        Raises:
            InputError: If fewer than ten tunes have two sounding notes.
        """
        n_usable = sum(len(sounding_pitches(melody)) > 1 for melody in melodies)
        if n_usable < MIN_MELODIES:
            raise InputError(
                f"calibration needs {MIN_MELODIES} or more melodies with two sounding notes, got {n_usable}: add tunes"
            )
        transitions = DegreeTransitions.fit(melodies)
        values = _values(transitions, melodies)
        # A generated set is usually smaller than a training set, so its melodies should be at least as distinct.
        values["novelty"] = values["distinctness"] = novelty_among_families(melodies)
        return cls({name: Distribution.fit(values[name]) for name in _SCORED}, transitions, len(melodies))

    def score(self, melodies: Sequence[Melody], novelty: NoveltyIndex | None = None) -> MelodyScores:
        """Score each melody of a set.

        Args:
            melodies: The set. Distinctness is scored if it has two melodies or more.
            novelty: Index of the training tunes; None leaves novelty out of the scores.
        """
        values = _values(self.transitions, melodies)
        if len(melodies) > 1:
            values["distinctness"] = distinctness(melodies)
        if novelty is not None:
            values["novelty"] = novelty.novelty(melodies)
        return self._scores(values, melodies)

    def _scores(self, values: dict[str, FloatArray], melodies: Sequence[Melody]) -> MelodyScores:
        has_score = np.array([len(sounding_pitches(melody)) > 1 for melody in melodies], dtype=bool)
        features = {}
        for name in (name for name in _SCORED if name in values):
            scores = self.distributions[name].scores(values[name], more_is_fine=FEATURES[name].more_is_fine)
            features[name] = np.where(has_score, scores, np.nan)
        groups = {
            group: _geometric_mean([features[name] for name in names if name in features])
            for group, names in GROUPS.items()
        }
        return MelodyScores(values, features, groups, _geometric_mean(list(groups.values())))

    def to_dict(self) -> JsonObject:
        """Return plain values for a checkpoint or a JSON file."""
        return {
            "version": _VERSION,
            "n_melodies": self.n_melodies,
            "transitions": self.transitions.log2_probabilities.tolist(),
            "distributions": {
                name: {"quantiles": list(distribution.quantiles), "undefined": distribution.undefined}
                for name, distribution in self.distributions.items()
            },
        }

    @classmethod
    def from_dict(cls, values: JsonObject) -> Calibration:
        """Read the values that ``to_dict`` returned.

        Raises:
            InputError: If the values are of another version or damaged.
        """
        if values.get("version") != _VERSION:
            raise InputError(
                f"the calibration has version {values.get('version')}, but this program reads version {_VERSION}: "
                "train the model again, or evaluate it with the program that trained it"
            )
        try:
            n_melodies = int(values["n_melodies"])
            distributions = {name: _read_distribution(values["distributions"][name], n_melodies) for name in _SCORED}
            transitions = np.array(values["transitions"], dtype=np.float64).reshape(2, 12, 12)
            return cls(distributions, DegreeTransitions(transitions), n_melodies)
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise InputError(f"the calibration is damaged ({problem}): train the model again") from problem


def fit_if_enough(melodies: Sequence[Melody]) -> Calibration | None:
    """Return the calibration of ``melodies``, or None if there are too few."""
    try:
        return Calibration.fit(melodies)
    except InputError:
        return None


@dataclass(frozen=True)
class CrossFit:
    """Calibration on a set and scores of the same set, for use without training tunes.

    Attributes:
        calibration: Fitted on the whole set, to score other melodies.
        scores: Scores of the set's own melodies, each by a calibration fitted without it; without novelty.
    """

    calibration: Calibration
    scores: MelodyScores


def cross_fit(melodies: Sequence[Melody], *, seed: int = 0) -> CrossFit:
    """Calibrate on a set, and score the set itself by cross-validation.

    Args:
        melodies: Real tunes, such as a test set.
        seed: Seed of the division into five folds, each scored by a calibration on the others.

    Raises:
        InputError: If a fold would leave too few tunes to calibrate on.
    """
    n = len(melodies)
    n_needed = MIN_MELODIES * _N_FOLDS // (_N_FOLDS - 1) + 1
    if n < n_needed:
        raise InputError(f"cross-validated calibration needs {n_needed} or more melodies, got {n}: add tunes")
    fold = np.random.default_rng(seed).permutation(n) % _N_FOLDS
    set_distinctness = distinctness(melodies)
    order, parts = [], []
    for held_out in range(_N_FOLDS):
        indices = np.flatnonzero(fold == held_out).tolist()
        calibration = Calibration.fit([melodies[i] for i in np.flatnonzero(fold != held_out).tolist()])
        tunes = [melodies[i] for i in indices]
        values = _values(calibration.transitions, tunes) | {"distinctness": set_distinctness[indices]}
        parts.append(calibration._scores(values, tunes))
        order.extend(indices)
    return CrossFit(Calibration.fit(melodies), concatenate_scores(parts, order))


def _read_distribution(values: JsonObject, n_melodies: int) -> Distribution:
    quantiles = tuple(float(value) for value in values["quantiles"])
    if len(quantiles) not in {0, len(_GRID)} or list(quantiles) != sorted(quantiles):
        raise ValueError(f"expected {len(_GRID)} ascending quantiles, got {len(quantiles)}")
    return Distribution(quantiles, float(values["undefined"]), n_melodies)


def _values(transitions: DegreeTransitions, melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    likelihoods = np.array([transitions.likelihood(melody) for melody in melodies], dtype=np.float64)
    return measure_features(melodies) | {"degree_likelihood": likelihoods}


def _geometric_mean(scores: list[FloatArray]) -> FloatArray:
    return np.asarray(np.exp(np.log(np.maximum(scores, _FLOOR)).mean(axis=0)))
