import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from chromasonic.melody_generation.measures.overlap import feature_overlaps, overlap

samples = st.lists(st.floats(-100, 100), min_size=2, max_size=30).map(np.array)


def test_the_overlap_of_normal_samples_is_that_of_their_densities() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, size=4000), rng.normal(1, 1, size=4000)
    assert overlap(first, second) == pytest.approx(2 * stats.norm.cdf(-0.5), abs=0.03)


@given(samples, samples)
def test_overlaps_are_0_to_1_and_symmetric(first: np.ndarray, second: np.ndarray) -> None:
    result = overlap(first, second)
    assert -1e-9 <= result <= 1 + 1e-9
    assert result == pytest.approx(overlap(second, first))
    assert overlap(first, first) == pytest.approx(1)


def test_constant_samples_overlap_if_and_only_if_they_are_equal() -> None:
    one, two = np.full(5, 1.0), np.full(5, 2.0)
    assert overlap(one, one) == pytest.approx(1)
    assert overlap(one, two) < 0.01


def test_overlaps_of_fewer_than_two_values_are_nan() -> None:
    assert np.isnan(overlap(np.array([1.0, np.nan]), np.arange(5.0)))
    assert np.isnan(overlap(np.arange(5.0), np.array([])))


def test_features_of_only_one_set_are_left_out() -> None:
    values = {"a": np.arange(5.0), "b": np.arange(5.0)}
    assert feature_overlaps(values, {"a": np.arange(5.0)}) == {"a": pytest.approx(1)}
