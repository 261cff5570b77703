"""Distances between sets, on sets whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from chromasonic.melody_generation.measures.real_distance.set_distances import (
    Neighbourhood,
    frechet_distance,
    of_subsets,
    set_distances,
)
from chromasonic.melody_generation.melody import FloatArray


def with_moments(mean: FloatArray, covariance: FloatArray, seed: int = 0) -> FloatArray:
    """Return points whose mean and covariance are exactly these."""
    values = np.random.default_rng(seed).normal(size=(50, len(mean)))
    values -= values.mean(axis=0)
    values = values @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(values.T)))).T
    return np.asarray(values @ np.linalg.cholesky(covariance).T + mean)


def test_the_frechet_distance_of_normal_distributions_is_that_of_the_formula() -> None:
    one, other = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]])
    expected = 1 + 4 + np.trace(one + other - 2 * np.real(sqrtm(one @ other)))
    found = frechet_distance(with_moments(np.zeros(2), one), with_moments(np.array([1.0, 2.0]), other, 1))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("deviation", "expected"), [(1.0, 0.0), (3.0, 4.0)])
def test_the_frechet_distance_on_a_line_is_that_of_means_and_deviations(deviation: float, expected: float) -> None:
    unit, wide = np.eye(1), np.eye(1) * deviation**2
    found = frechet_distance(with_moments(np.zeros(1), unit), with_moments(np.zeros(1), wide))
    assert found == pytest.approx(expected, abs=1e-6)


def test_repeating_few_tunes_costs_recall_and_strange_tunes_cost_precision() -> None:
    rng = np.random.default_rng(0)
    real, alike = rng.normal(size=(2, 300, 3))
    few = np.repeat(alike[:4], 50, axis=0)
    half_strange = alike + (np.arange(300) % 2)[:, None] * 100
    of_alike, of_few, of_strange = (set_distances(real, made, 100) for made in (alike, few, half_strange))
    assert min(of_alike.precision.value, of_alike.recall.value) > 0.8
    assert of_few.precision.value > 0.7
    assert of_few.recall.value < 0.1
    assert of_strange.precision.value == pytest.approx(of_alike.precision.value / 2, abs=0.05)
    assert of_alike.frechet.value < 0.2 < of_few.frechet.value < of_strange.frechet.value


def test_points_far_from_all_others_have_neither_precision_nor_recall() -> None:
    rng = np.random.default_rng(0)
    measured = set_distances(rng.normal(size=(50, 3)), rng.normal(size=(50, 3)) + 1000, 20)
    assert (measured.precision.value, measured.recall.value) == (0, 0)


def test_copies_are_among_what_they_are_copies_of() -> None:
    line = np.arange(10.0)[:, None]
    assert Neighbourhood.of(np.repeat(line, 5, axis=0)).share_inside(line) == 1


def test_the_interval_of_a_mean_over_subsets_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(size=(200, 1))
    error = values.std() / np.sqrt(200)
    for size in (20, 100):
        found = of_subsets(lambda points: float(points.mean()), values, size)
        assert found.high - found.low == pytest.approx(4 * error, rel=0.25)
