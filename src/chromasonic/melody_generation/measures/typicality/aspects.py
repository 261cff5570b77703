"""Typicality of melodies by aspect, by group of aspects and overall, relative to training tunes.

1. Each feature of a melody has a normal score: its distance from the median of the training tunes
   (:class:`~chromasonic.melody_generation.measures.typicality.distribution.Distributions`).
2. The distance of an aspect is that of Mahalanobis: ``d = (z - m) C^-1 (z - m)`` for the scores z of its features, with
   mean m and covariance C of the training tunes. Three tenths of each covariance between features are kept (shrinkage,
   Ledoit & Wolf 2004). Novelty is an aspect of one feature, and so is distinctness, of which more is fine.
3. The p-value of an aspect is the fraction of tunes as far out, the melody itself counted as one more, as in conformal
   prediction (Vovk et al. 2005).
4. Several aspects have the power mean of their p-values with exponent -1/2 (Vovk & Wang, Combining p-values via
   averaging, 2020). It is between the geometric mean and the least of them: an aspect that is wrong weighs more than
   several that are right. Its own p-value is again the fraction of tunes as far out. The overall score has all features
   as one aspect more, ``whole``: features may be in their middle one by one, but not in each other's company. A
   melody with less novelty or distinctness than 98.5 % of the training tunes is a copy, and p is 0 before it is
   compared with the tunes: copies are odd however typical they are.
5. A melody with p of at most 0.05 is rejected as a real tune, and scores 0. Otherwise the score is ``1 - (1 - q)^8``,
   with ``q = (p - 0.05) / 0.95``: the probability that at least one of eight real tunes, drawn at random among those
   that are not rejected, is as odd as the melody or odder.

So real tunes score 0.95 * 8/9 = 0.84 in the mean, by construction, in every aspect, in every group and overall. All
melodies that are rejected score 0: the training tunes do not tell how much they differ from real tunes, and a search
for a higher score has nothing to follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.features import ASPECTS, GROUPS, OF_A_MELODY, OF_A_SET
from chromasonic.melody_generation.melody import FloatArray

LEVEL = 0.05
N_DRAWN = 8
_POWER = -0.5
_DISTINCTNESS_TAIL = 0.2
_COPY, _COPY_LEVEL = "copying by ", 0.015
_COLUMNS = {aspect: [OF_A_MELODY.index(name) for name in names] for aspect, names in ASPECTS.items()}
# An aspect counts as often as it is named. All features together count most, and shape, which tells least, least.
_OVERALL = (
    *2 * ("line", "direction", "order", "key", "form", "length", "closes", "final", "novelty"),
    *("shape", "key", *6 * ("whole",)),
)
_SHRINKAGE = 0.7
_LEAST_VARIANCE = 0.1


@dataclass(frozen=True, eq=False)
class AspectDistances:
    """Distances of the training tunes from their middle.

    Attributes:
        distances: Distance of each training tune in each aspect, larger ones farther out, shape (number of tunes,);
            those of ``OF_A_SET`` are minus the feature's value.
        means: Mean normal scores of the features of each aspect, shape (number of features,).
        precisions: Inverse of their covariance, shape (number of features, number of features).
    """

    distances: Mapping[str, FloatArray]
    means: Mapping[str, FloatArray]
    precisions: Mapping[str, FloatArray]

    @classmethod
    def fit(cls, scores: FloatArray, of_a_set: Mapping[str, FloatArray], folds: NDArray[np.int64]) -> AspectDistances:
        """Fit the middle of the training tunes. The distance of each tune is that from the middle of the other folds.

        Args:
            scores: Normal scores of the features of ``OF_A_MELODY``, shape (number of tunes, number of features).
            of_a_set: Values of the features of ``OF_A_SET``.
            folds: Fold of each tune; variants of a tune share one.
        """
        distances = _of_a_set(of_a_set)
        means, precisions = {}, {}
        for aspect in ASPECTS:
            z = scores[:, _COLUMNS[aspect]]
            means[aspect], precisions[aspect] = _middle(z)
            distances[aspect] = np.zeros(len(z))
            for fold in np.unique(folds):
                held_out = folds == fold
                middle = _middle(z[~held_out]) if not held_out.all() else (means[aspect], precisions[aspect])
                distances[aspect][held_out] = _mahalanobis(z[held_out], *middle)
        return cls(distances, means, precisions)

    def p_values(self, scores: FloatArray, of_a_set: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return the p-value of each aspect of melodies, shape (number of melodies,).

        Args:
            scores: Normal scores of the features of ``OF_A_MELODY``, shape (number of melodies, number of features).
            of_a_set: Values of those features of ``OF_A_SET`` that are known.
        """
        distances = _of_a_set(of_a_set)
        for aspect in ASPECTS:
            z = scores[:, _COLUMNS[aspect]]
            distances[aspect] = _mahalanobis(z, self.means[aspect], self.precisions[aspect])
        p_values = {name: self._p(name, values) for name, values in distances.items()}
        return p_values | {_COPY + name: self._copying(name, distances[name]) for name in of_a_set}

    def _p(self, name: str, distances: FloatArray) -> FloatArray:
        """Return the p-values of distances in an aspect."""
        p = self._tail(name, distances)
        if name == "novelty":  # too familiar, or too strange
            p = 2 * np.minimum(p, _p_values(-self._ascending[name][::-1], -distances))
        elif name == "distinctness":  # a set of real tunes has variants of each other
            p = p / _DISTINCTNESS_TAIL
        return np.minimum(1, p)

    def _tail(self, name: str, distances: FloatArray) -> FloatArray:
        return _p_values(self._ascending[name], distances)

    @cached_property
    def _ascending(self) -> dict[str, FloatArray]:
        return {name: np.sort(distances) for name, distances in self.distances.items()}

    @cached_property
    def _real(self) -> dict[str, FloatArray]:
        """The p-values of the training tunes."""
        real = {name: self._p(name, distances) for name, distances in self.distances.items()}
        return real | {_COPY + name: self._copying(name, self.distances[name]) for name in OF_A_SET}

    def _copying(self, name: str, distances: FloatArray) -> FloatArray:
        """Return 0 for copies by a feature of ``OF_A_SET``, and 1 for other melodies."""
        return np.where(self._tail(name, distances) <= _COPY_LEVEL, 0.0, 1.0)

    @cached_property
    def _kept(self) -> dict[tuple[str, ...], tuple[FloatArray, FloatArray]]:
        """Oddness and negative p-values of the training tunes, ascending, by the aspects for which they were asked."""
        return {}

    def together(self, p_values: Mapping[str, FloatArray], aspects: Sequence[str]) -> FloatArray:
        """Return the p-value of several aspects together, shape (number of melodies,).

        Args:
            p_values: What ``p_values`` returned.
            aspects: Aspects, as often as they count.
        """
        known = tuple(name for name in self._real if name in p_values)
        key = (*aspects, *known)
        if key not in self._kept:
            real = {name: self._real[name] for name in known}
            oddness = np.sort(_oddness(real, aspects))
            of_real = _with_copying(_p_values(oddness, _oddness(real, aspects)), real, aspects)
            self._kept[key] = oddness, np.sort(-of_real)
        oddness, of_real = self._kept[key]
        return _p_values(of_real, -_with_copying(_p_values(oddness, _oddness(p_values, aspects)), p_values, aspects))


def typicality(p_values: FloatArray) -> FloatArray:
    """Return the score of p-values, 0 to 1.

    Example:
        >>> typicality(np.array([0.05, 0.1, 0.5, 1.0])).round(2).tolist()
        [0.0, 0.35, 0.99, 1.0]
    """
    kept = np.maximum(0, (p_values - LEVEL) / (1 - LEVEL))
    return np.asarray(1 - (1 - kept) ** N_DRAWN)


def groups_of(known: Mapping[str, FloatArray]) -> dict[str, list[str]]:
    """Return the known aspects of each group, and overall, as often as they count."""
    return {
        group: [name for name in aspects if name in known] for group, aspects in {**GROUPS, "overall": _OVERALL}.items()
    }


def _of_a_set(values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return minus the values; one that is not defined, as for a tune of eight notes, is not far out."""
    return {name: -np.nan_to_num(of, nan=1.0) for name, of in values.items()}


def _middle(z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the inverse covariance of normal scores (number of tunes, number of features)."""
    mean = z.mean(axis=0)
    covariance = (z - mean).T @ (z - mean) / max(1, len(z) - 1)
    variance = np.maximum(np.diag(covariance), _LEAST_VARIANCE)
    shrunk = (1 - _SHRINKAGE) * covariance
    np.fill_diagonal(shrunk, variance)
    return mean, np.asarray(np.linalg.inv(shrunk))


def _mahalanobis(z: FloatArray, mean: FloatArray, precision: FloatArray) -> FloatArray:
    distances: FloatArray = np.einsum("ij,jk,ik->i", z - mean, precision, z - mean)
    # The last digits depend on the number of melodies that are measured at once.
    return distances.round(6)


def _oddness(p_values: Mapping[str, FloatArray], aspects: Sequence[str]) -> FloatArray:
    """Return a mean of p-values that grows as they fall, and most as the least of them falls."""
    return np.asarray(np.mean([p_values[name] ** _POWER for name in aspects], axis=0))


def _with_copying(p: FloatArray, p_values: Mapping[str, FloatArray], aspects: Sequence[str]) -> FloatArray:
    """Return p-values, 0 for copies in the group of diversity and overall."""
    if "variety" not in aspects and "whole" not in aspects:
        return p
    known = [p_values[_COPY + name] for name in OF_A_SET if _COPY + name in p_values]
    return np.asarray(np.minimum.reduce([p, *known]))


def _p_values(ascending: FloatArray, values: FloatArray) -> FloatArray:
    """Return the fraction of real tunes and the melody itself that are as far out as each value."""
    n = len(ascending)
    return np.minimum(1, (n - np.searchsorted(ascending, values, side="left") + 1) / (n + 1))
