"""Distances between sets of points, and how much of each set is near the other.

The points are melodies in a space of a few dimensions. All three measures depend on the number of points, so compare
them only for sets of one size: :func:`of_subsets` draws them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.melody import FloatArray

N_NEIGHBOURS = 3
_N_DRAWS = 100
_INTERVAL = (0.025, 0.975)


def frechet_distance(first: FloatArray, second: FloatArray) -> float:
    """Return the Fréchet distance of normal distributions with the means and covariances of two sets.

    Formula: ``|m - n|^2 + trace(C + D - 2 (C D)^(1/2))``. Range: 0 to infinity. Source: Dowson & Landau, The Fréchet
    distance between multivariate normal distributions (1982); Heusel et al., GANs trained by a two time-scale update
    rule (2017).

    Args:
        first: Points, two or more, shape (N, D).
        second: Points, two or more, shape (M, D).

    Example:
        >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> round(frechet_distance(square, square + [3, 4]), 6)
        25.0
    """
    shift = first.mean(axis=0) - second.mean(axis=0)
    one, other = np.atleast_2d(np.cov(first.T)), np.atleast_2d(np.cov(second.T))
    # (C D)^(1/2) has the trace of (C^(1/2) D C^(1/2))^(1/2), which is symmetric.
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(0)).sum()
    return float(max(0, shift @ shift + np.trace(one) + np.trace(other) - 2 * cross))


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Points with the distance of each to its third nearest neighbour (Kynkäänniemi et al. 2019).

    Attributes:
        points: Shape (N, D).
        radii: Shape (N,).
    """

    points: FloatArray
    radii: FloatArray

    @classmethod
    def of(cls, points: FloatArray) -> Neighbourhood:
        """Find the neighbours of points; there must be more than ``N_NEIGHBOURS``."""
        distances = cdist(points, points)
        return cls(points, np.partition(distances, N_NEIGHBOURS, axis=1)[:, N_NEIGHBOURS])

    def share_inside(self, points: FloatArray) -> float:
        """Return the fraction of points that are no farther from one of these than its third neighbour.

        Example:
            >>> line = np.arange(8.0)[:, None]
            >>> Neighbourhood.of(line).share_inside(np.array([[0.5], [7.5], [30.0], [40.0]]))
            0.5
        """
        return float((cdist(points, self.points) <= self.radii).any(axis=1).mean())


@dataclass(frozen=True)
class SetDistances:
    """Distances of a set of melodies from real tunes.

    Attributes:
        frechet: Fréchet distance.
        precision: Fraction of the melodies that are among real tunes.
        recall: Fraction of the real tunes that are among the melodies.
    """

    frechet: Estimate
    precision: Estimate
    recall: Estimate


def set_distances(real: FloatArray, made: FloatArray, size: int) -> SetDistances:
    """Return the distances of subsets of melodies from real tunes. Precision and recall as Kynkäänniemi et al. (2019).

    Args:
        real: Real tunes as points, shape (R, D).
        made: Melodies as points, shape (M, D).
        size: Size of the subsets, 5 or more, and at most M.
    """
    neighbourhood = Neighbourhood.of(real)
    measures: Mapping[str, Callable[[FloatArray], float]] = {
        "frechet": lambda points: frechet_distance(real, points),
        "precision": neighbourhood.share_inside,
        "recall": lambda points: Neighbourhood.of(points).share_inside(real),
    }
    return SetDistances(
        **{name: _possible(of_subsets(measure, made, size), name) for name, measure in measures.items()}
    )


def of_subsets(measure: Callable[[FloatArray], float], points: FloatArray, size: int) -> Estimate:
    """Return the mean of a measure over subsets of a set, with an interval for the mean over all such sets.

    The spread over subsets of ``size`` out of ``n`` is less or more than that over sets of ``n``: it is rescaled by
    ``(size / (n - size))^(1/2)`` (delete-d jackknife, Shao & Wu 1989).

    Args:
        measure: Measures points of shape (size, D).
        points: Shape (n, D), more than ``size``.
        size: Size of the subsets.
    """
    n = len(points)
    rng = np.random.default_rng(0)
    values = np.array([measure(points[rng.permutation(n)[:size]]) for _ in range(_N_DRAWS)])
    mean = float(values.mean())
    scale = math.sqrt(size / (n - size)) if n > size else math.nan
    low, high = mean + (np.quantile(values, _INTERVAL) - mean) * scale
    return Estimate(mean, float(low), float(high))


def _possible(measured: Estimate, name: str) -> Estimate:
    """Return an estimate whose interval does not leave the range of the measure."""
    most = math.inf if name == "frechet" else 1.0
    return Estimate(measured.value, max(0.0, measured.low), min(most, measured.high))
