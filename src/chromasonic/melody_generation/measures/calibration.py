"""Calibration: scores of melodies from their features, relative to training tunes.

A calibration keeps what is counted in the training tunes, the distribution of every feature over them, and their
distances from their middle. :mod:`~chromasonic.melody_generation.measures.typicality.aspects` tells how scores follow.
What a tune has in common with itself or its variants would flatter it, so the training tunes are measured by the counts
of the others: in five folds, with all variants of a tune in one.

Scores are 0 to 1, and about 0.85 for real tunes in the mean. A melody with fewer than two sounding notes has no score
(NaN). In a set it counts as 0, and the summary reports the number of such melodies.

The score of a single feature is simpler. With ``u = 2 min(P(X <= x), P(X >= x))``, or ``u = 2 P(X <= x)`` for features
of which more is fine, it is ``min(1, u / 0.2)``: 1 within the middle 80 % of real tunes, and 0 in the tails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.families import tune_families
from chromasonic.melody_generation.measures.features import (
    ASPECTS,
    FEATURES,
    OF_A_MELODY,
    OF_A_SET,
    measure_features,
)
from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.measures.melody_scores import MelodyScores, concatenate_scores
from chromasonic.melody_generation.measures.novelty import NoveltyIndex, distinctness, novelty_among_families
from chromasonic.melody_generation.measures.reference_model.folded_counts import (
    N_FOLDS,
    FoldedCounts,
    folds_of_families,
)
from chromasonic.melody_generation.measures.reference_model.packed_numbers import packed_floats, unpacked_floats
from chromasonic.melody_generation.measures.reference_model.tune_model import TuneModel
from chromasonic.melody_generation.measures.typicality.aspects import AspectDistances, groups_of, typicality
from chromasonic.melody_generation.measures.typicality.distribution import GRID, Distributions
from chromasonic.melody_generation.melody import FloatArray, Melody

MIN_MELODIES = 10
MAX_MELODIES = 2000  # of more training tunes every n-th is measured
_MORE_IS_FINE = np.array([feature.more_is_fine for feature in FEATURES.values()])
VERSION = 2


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """The features of melodies as a matrix.

    Attributes:
        names: Names of the features, F of them.
        values: Values, NaN where they are not defined, shape (number of melodies, F).
    """

    names: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Calibration:
    """Distributions of the features of real tunes, small enough for a checkpoint.

    Attributes:
        model: Counts of the training tunes.
        distributions: Distributions of the features, in the order of ``FEATURES``.
        aspects: Distances of the training tunes from their middle.
        n_melodies: Number of tunes that were measured.
    """

    model: TuneModel
    distributions: Distributions
    aspects: AspectDistances
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
        tunes = list(melodies)[:: -(-len(melodies) // MAX_MELODIES)]
        families = tune_families(tunes)
        folds = folds_of_families(families)
        values = FoldedCounts.fit(tunes, folds).features(tunes, folds)
        by_family = np.argsort(families, kind="stable")  # a set of real tunes has variants
        of_a_set = {
            "novelty": novelty_among_families(tunes, families),
            "distinctness": distinctness([tunes[index] for index in by_family.tolist()])[np.argsort(by_family)],
        }
        distributions = Distributions.fit(_matrix(values | of_a_set, FEATURES))
        scores = distributions.normal_scores(_matrix(values | of_a_set, FEATURES))
        aspects = AspectDistances.fit(scores[:, : len(OF_A_MELODY)], of_a_set, folds)
        return cls(TuneModel.fit(tunes), distributions, aspects, len(tunes))

    def features(self, melodies: Sequence[Melody]) -> FeatureMatrix:
        """Return all features that need no set and no training tunes, for melodies that are not training tunes."""
        values = _features(self.model, melodies)
        return FeatureMatrix(OF_A_MELODY, _matrix(values, OF_A_MELODY))

    def score(self, melodies: Sequence[Melody], novelty: NoveltyIndex | None = None) -> MelodyScores:
        """Score each melody of a set.

        Args:
            melodies: The set. Distinctness is scored if it has two melodies or more.
            novelty: Index of the training tunes; None leaves novelty out of the scores.
        """
        values = _features(self.model, melodies)
        if len(melodies) > 1:
            values["distinctness"] = distinctness(melodies)
        if novelty is not None:
            values["novelty"] = novelty.novelty(melodies)
        return self._scores(values, melodies)

    def _scores(self, values: dict[str, FloatArray], melodies: Sequence[Melody]) -> MelodyScores:
        has_score = np.array([len(sounding_pitches(melody)) > 1 for melody in melodies], dtype=bool)

        def scored(scores: FloatArray) -> FloatArray:
            return np.where(has_score, scores, np.nan)

        n = len(melodies)
        matrix = _matrix({name: values.get(name, np.full(n, np.nan)) for name in FEATURES}, FEATURES)
        of_features = self.distributions.scores(matrix, _MORE_IS_FINE)
        features = {name: scored(of_features[:, i]) for i, name in enumerate(FEATURES) if name in values}
        normal = self.distributions.normal_scores(matrix)[:, : len(OF_A_MELODY)]
        p_values = self.aspects.p_values(normal, {name: values[name] for name in OF_A_SET if name in values})
        together = {group: self.aspects.together(p_values, names) for group, names in groups_of(p_values).items()}
        groups = {group: scored(typicality(p)) for group, p in together.items()}
        overall = groups.pop("overall")
        aspects = {name: scored(typicality(p_values[name])) for name in (*ASPECTS, *OF_A_SET) if name in p_values}
        return MelodyScores(values, features, groups, overall, aspects)

    def to_dict(self) -> JsonObject:
        """Return plain values for a checkpoint or a JSON file."""
        aspects = self.aspects
        return {
            "version": VERSION,
            "n_melodies": self.n_melodies,
            "model": self.model.to_dict(),
            "quantiles": packed_floats(self.distributions.quantiles),
            "undefined": packed_floats(self.distributions.undefined),
            "distances": {name: packed_floats(values) for name, values in aspects.distances.items()},
            "middles": {
                name: [packed_floats(aspects.means[name]), packed_floats(aspects.precisions[name])] for name in ASPECTS
            },
        }

    @classmethod
    def read(cls, values: JsonObject) -> Calibration | None:
        """Read the values of ``to_dict``; None for those of version 1, whose scores meant something else.

        Raises:
            InputError: If the values are of a version that there is not, or damaged.
        """
        return None if values.get("version") == 1 else cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: JsonObject) -> Calibration:
        """Read the values that ``to_dict`` returned.

        Raises:
            InputError: If the values are of another version or damaged.
        """
        if values.get("version") != VERSION:
            raise InputError(
                f"the calibration has version {values.get('version')}, but this program reads version {VERSION}: "
                "train the model again, or evaluate it with the program that trained it"
            )
        try:
            n_melodies = int(values["n_melodies"])
            quantiles = unpacked_floats(values["quantiles"], (len(FEATURES), len(GRID)))
            if not (np.isnan(quantiles).all(axis=1) | (np.diff(quantiles, axis=1) >= 0).all(axis=1)).all():
                raise ValueError("expected ascending quantiles")
            undefined = unpacked_floats(values["undefined"], (len(FEATURES),))
            distributions = Distributions(quantiles, undefined, n_melodies)
            distances = {
                name: unpacked_floats(values["distances"][name], (n_melodies,)) for name in (*ASPECTS, *OF_A_SET)
            }
            means, precisions = {}, {}
            for name, features in ASPECTS.items():
                mean, precision = values["middles"][name]
                means[name] = unpacked_floats(mean, (len(features),))
                precisions[name] = unpacked_floats(precision, (len(features), len(features)))
            aspects = AspectDistances(distances, means, precisions)
            return cls(TuneModel.from_dict(values["model"]), distributions, aspects, n_melodies)
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
    n_needed = MIN_MELODIES * N_FOLDS // (N_FOLDS - 1) + 1
    if n < n_needed:
        raise InputError(f"cross-validated calibration needs {n_needed} or more melodies, got {n}: add tunes")
    fold = np.random.default_rng(seed).permutation(n) % N_FOLDS
    set_distinctness = distinctness(melodies)
    order, parts = [], []
    for held_out in range(N_FOLDS):
        indices = np.flatnonzero(fold == held_out).tolist()
        calibration = Calibration.fit([melodies[i] for i in np.flatnonzero(fold != held_out).tolist()])
        tunes = [melodies[i] for i in indices]
        values = _features(calibration.model, tunes) | {"distinctness": set_distinctness[indices]}
        parts.append(calibration._scores(values, tunes))
        order.extend(indices)
    return CrossFit(Calibration.fit(melodies), concatenate_scores(parts, order))


def _matrix(values: Mapping[str, FloatArray], names: Iterable[str]) -> FloatArray:
    """Return features as a matrix, shape (number of melodies, number of names)."""
    return np.stack([values[name] for name in names], axis=1)


def _features(model: TuneModel, melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    return measure_features(melodies) | model.features(melodies)
