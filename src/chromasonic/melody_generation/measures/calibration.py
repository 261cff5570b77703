"""Scores that junk cannot game: a melody's features beside what training tunes have.

For each feature keep how its values spread over the training tunes. A melody's value x is then judged by how many of
them are at least as far out: ``u = 2 min(P(X <= x), P(X >= x))``, or ``2 P(X <= x)`` where more is fine, and its
score is ``min(1, u / 0.2)``: 1 within the middle 80 % of real tunes, falling to 0 in the tails. The melody itself is
counted as one more tune, as in conformal prediction, which matters where there are few. A value that is not
defined (the steps of a tune that never moves) is judged like any other: by the part of training tunes of which the
same is true. A group is the geometric mean of its features' scores, none taken below 0.01, and overall is the
geometric mean of the groups.

The scores are 0 to 1, and about 0.85 for real tunes. A melody of fewer than two sounding notes has none (NaN): in a
set it counts as 0, and the summary says how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

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
    """How a feature's values spread over the training tunes.

    Attributes:
        quantiles: At 0, 1, ... 100 %, of the values that are defined; empty if none is.
        undefined: The part of the tunes for which the feature is not defined.
        n_melodies: The tunes.
    """

    quantiles: tuple[float, ...]
    undefined: float
    n_melodies: int

    @classmethod
    def fit(cls, values: FloatArray) -> Distribution:
        """From a value for each tune, NaN where it is not defined."""
        missing = np.isnan(values)
        quantiles = np.quantile(values[~missing], _GRID).tolist() if not missing.all() else []
        return cls(tuple(quantiles), float(missing.mean()), len(values))

    def scores(self, values: FloatArray, *, more_is_fine: bool) -> FloatArray:
        """The score of each value, 0 to 1, of the same shape."""
        tail = np.where(np.isnan(values), self.undefined, 0)
        if self.quantiles:
            at_most, at_least = self._part(values, "right"), 1 - self._part(values, "left")
            # Of all tunes, not of those that have a value.
            defined = (1 - self.undefined) * (at_most if more_is_fine else np.minimum(at_most, at_least))
            tail = np.where(np.isnan(values), tail, 2 * defined)
        # The melody itself counts as one more tune, half of it in either tail: what none of twenty tunes has is not
        # yet unheard of.
        n = self.n_melodies
        return np.minimum(1, (n * tail + 1) / (n + 1) / _TAIL)

    def _part(self, values: FloatArray, side: Literal["left", "right"]) -> FloatArray:
        """The part of the defined values that are at most (right) or less than (left) each value."""
        grid = np.array(self.quantiles)
        above = np.searchsorted(grid, values, side=side)
        upper = above.clip(1, len(grid) - 1)
        lower = upper - 1
        # Between two quantiles the values are taken to lie evenly.
        width = grid[upper] - grid[lower]
        within = np.where(width > 0, (values - grid[lower]) / np.where(width > 0, width, 1), 0).clip(0, 1)
        inside = _GRID[lower] + within * (_GRID[upper] - _GRID[lower])
        return np.where(above == 0, 0, np.where(above == len(grid), 1, inside))


@dataclass(frozen=True)
class Calibration:
    """What real tunes are like, in numbers small enough for a checkpoint.

    Attributes:
        distributions: Of each feature.
        transitions: Of scale degrees.
        n_melodies: The tunes it was fitted on.
    """

    distributions: Mapping[str, Distribution]
    transitions: DegreeTransitions
    n_melodies: int

    @classmethod
    def fit(cls, melodies: Sequence[Melody]) -> Calibration:
        """Learn what training tunes are like.

        What novelty to expect is learnt from how new each tune is beside those of other families.

        Raises:
            InputError: If there are fewer than ten that have two sounding notes.
        """
        n_told = sum(len(sounding_pitches(melody)) > 1 for melody in melodies)
        if n_told < MIN_MELODIES:
            raise InputError(
                f"scores are calibrated on {MIN_MELODIES} melodies or more of two sounding notes, got {n_told}: give "
                "more tunes"
            )
        transitions = DegreeTransitions.fit(melodies)
        values = _values(transitions, melodies)
        # A sampled set is as a rule smaller than a training set, so its tunes should be no less distinct than that.
        values["novelty"] = values["distinctness"] = novelty_among_families(melodies)
        return cls({name: Distribution.fit(values[name]) for name in _SCORED}, transitions, len(melodies))

    def score(self, melodies: Sequence[Melody], novelty: NoveltyIndex | None = None) -> MelodyScores:
        """Score each melody of a set.

        Args:
            melodies: The set; each is also judged by what it has that the others have not, if there are others.
            novelty: The training tunes; without them novelty is not defined, and left out of the scores.
        """
        values = _values(self.transitions, melodies)
        if len(melodies) > 1:
            values["distinctness"] = distinctness(melodies)
        if novelty is not None:
            values["novelty"] = novelty.novelty(melodies)
        return self._judge(values, melodies)

    def _judge(self, values: dict[str, FloatArray], melodies: Sequence[Melody]) -> MelodyScores:
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a checkpoint or a JSON file holds them."""
        return {
            "version": _VERSION,
            "n_melodies": self.n_melodies,
            "transitions": self.transitions.log2_probabilities.tolist(),
            "distributions": {
                name: {"quantiles": list(each.quantiles), "undefined": each.undefined}
                for name, each in self.distributions.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """What ``to_dict`` wrote.

        Raises:
            InputError: If it is of another version, or damaged.
        """
        if values.get("version") != _VERSION:
            raise InputError(
                f"the calibration is of version {values.get('version')}, and this program reads version {_VERSION}: "
                "train the model again, or evaluate it with the program that trained it"
            )
        try:
            n_melodies = int(values["n_melodies"])
            distributions = {name: _read_distribution(values["distributions"][name], n_melodies) for name in _SCORED}
            transitions = np.array(values["transitions"], dtype=np.float64).reshape(2, 12, 12)
            return cls(distributions, DegreeTransitions(transitions), n_melodies)
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(f"the calibration is damaged ({problem}): train the model again") from problem


def fit_if_enough(melodies: Sequence[Melody]) -> Calibration | None:
    """What real tunes are like; None where the melodies are too few to say."""
    try:
        return Calibration.fit(melodies)
    except InputError:
        return None


@dataclass(frozen=True)
class CrossFit:
    """A set that calibrates itself, where there are no training tunes to do so.

    Attributes:
        calibration: Fitted on the whole set, for judging other melodies.
        scores: Of the set's own melodies, each judged by a calibration that has not seen it; without novelty.
    """

    calibration: Calibration
    scores: MelodyScores


def cross_fit(melodies: Sequence[Melody], *, seed: int = 0) -> CrossFit:
    """Calibrate on a set, and score the set itself fold by fold.

    Args:
        melodies: Real tunes, such as a test set.
        seed: Of the division into five parts, each of which is judged by the others.

    Raises:
        InputError: If too few tunes would be left to calibrate on.
    """
    n = len(melodies)
    n_needed = MIN_MELODIES * _N_FOLDS // (_N_FOLDS - 1) + 1
    if n < n_needed:
        raise InputError(
            f"melodies can be calibrated on each other if there are {n_needed} or more, got {n}: give more tunes"
        )
    fold = np.random.default_rng(seed).permutation(n) % _N_FOLDS
    apart = distinctness(melodies)
    order, parts = [], []
    for held_out in range(_N_FOLDS):
        places = np.flatnonzero(fold == held_out).tolist()
        calibration = Calibration.fit([melodies[i] for i in np.flatnonzero(fold != held_out).tolist()])
        tunes = [melodies[i] for i in places]
        values = _values(calibration.transitions, tunes) | {"distinctness": apart[places]}
        parts.append(calibration._judge(values, tunes))
        order.extend(places)
    return CrossFit(Calibration.fit(melodies), concatenate_scores(parts, order))


def _read_distribution(values: Mapping[str, Any], n_melodies: int) -> Distribution:
    quantiles = tuple(float(value) for value in values["quantiles"])
    if len(quantiles) not in {0, len(_GRID)} or list(quantiles) != sorted(quantiles):
        raise ValueError(f"expected {len(_GRID)} rising quantiles, got {len(quantiles)}")
    return Distribution(quantiles, float(values["undefined"]), n_melodies)


def _values(transitions: DegreeTransitions, melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    likelihoods = np.array([transitions.likelihood(melody) for melody in melodies], dtype=np.float64)
    return measure_features(melodies) | {"degree_likelihood": likelihoods}


def _geometric_mean(scores: list[FloatArray]) -> FloatArray:
    return np.asarray(np.exp(np.log(np.maximum(scores, _FLOOR)).mean(axis=0)))
