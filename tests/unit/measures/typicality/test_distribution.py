import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import ndtr

from chromasonic.melody_generation.measures.typicality.distribution import Distributions

values = st.lists(st.floats(-10, 10) | st.just(float("nan")), min_size=1, max_size=40).map(np.array)
TWO_SIDED, MORE_IS_FINE = np.array([False]), np.array([True])


def fitted(sample: np.ndarray) -> Distributions:
    return Distributions.fit(sample[:, None])


def tail_by_hand(sample: np.ndarray, value: float, *, more_is_fine: bool) -> float:
    """Return the expected score of a value: from the fraction of the sample as far out, the value itself included."""
    if np.isnan(value):
        n_out = np.isnan(sample).sum()
    else:
        at_most, at_least = np.sum(sample <= value), np.sum(sample >= value)
        n_out = 2 * (at_most if more_is_fine else min(at_most, at_least))
    return float(min(1, (n_out + 1) / (len(sample) + 1) / 0.2))


@pytest.mark.parametrize("more_is_fine", [False, True])
def test_a_score_is_the_fraction_of_training_tunes_as_far_out(more_is_fine: bool) -> None:
    rng = np.random.default_rng(0)
    sample = np.concatenate([rng.normal(size=3000), np.zeros(600), np.full(400, np.nan)])
    asked = np.array([-9, -3, -2, -1.5, -1, 0, 1, 1.3, 2, 3, 9, np.nan])
    result = fitted(sample).scores(asked[:, None], np.array([more_is_fine]))[:, 0]
    expected = [tail_by_hand(sample, value, more_is_fine=more_is_fine) for value in asked]
    assert result == pytest.approx(np.array(expected), abs=0.05)  # a quantile of 1 % is 0.1 of a score


def test_an_extreme_value_that_many_tunes_have_scores_high() -> None:
    sample = np.array([0.0] * 20 + list(range(1, 81)))
    result = fitted(sample).scores(np.array([[0.0], [-1.0], [79.5], [80.1]]), TWO_SIDED)[:, 0]
    unheard_of = 1 / 101 / 0.2
    assert result[0] == 1
    assert result[2] > 2 * unheard_of * 0.9
    assert result[[1, 3]] == pytest.approx(np.full(2, unheard_of))


def test_values_above_all_score_high_only_if_more_is_fine() -> None:
    distribution = fitted(np.arange(100.0))
    assert distribution.scores(np.array([[1000.0]]), MORE_IS_FINE).tolist() == [[1]]
    assert distribution.scores(np.array([[1000.0]]), TWO_SIDED) == pytest.approx(np.array([[1 / 101 / 0.2]]))


def test_undefined_values_score_by_the_fraction_of_undefined_training_values() -> None:
    result = fitted(np.full(10, np.nan)).scores(np.array([[np.nan], [1.0]]), TWO_SIDED)[:, 0]
    assert result[0] == 1


@given(values, values)
@example(np.array([0.0, 2.2250738585e-313]), np.array([1.0]))
def test_scores_of_any_values_are_0_to_1_and_normal_scores_within_6(sample: np.ndarray, asked: np.ndarray) -> None:
    scores = fitted(sample).scores(asked[:, None], TWO_SIDED)
    assert scores.shape == (len(asked), 1)
    assert ((scores >= 0) & (scores <= 1)).all()
    normal = fitted(sample).normal_scores(asked[:, None])
    assert (np.abs(normal) <= 6).all()


def test_normal_scores_are_normal_for_the_training_tunes_and_rise_with_the_value() -> None:
    sample = np.random.default_rng(0).exponential(size=2000)
    normal = fitted(sample).normal_scores(sample[:, None])[:, 0]
    assert [np.mean(normal < z) for z in (-1, 0, 1)] == pytest.approx([ndtr(-1), 0.5, ndtr(1)], abs=0.01)
    asked = np.linspace(-2, 30, 200)
    assert (np.diff(fitted(sample).normal_scores(asked[:, None])[:, 0]) >= 0).all()


def test_beyond_the_tail_normal_scores_grow_with_the_distance() -> None:
    sample = np.random.default_rng(0).normal(size=1000)
    near, far, farther = fitted(sample).normal_scores(np.array([[3.5], [5.0], [40.0]]))[:, 0]
    assert near == pytest.approx(3.5, abs=0.5)
    assert far == pytest.approx(5, abs=0.7)
    assert farther == 6


def test_an_undefined_value_is_as_far_out_as_it_is_rare() -> None:
    rare, common = np.append(np.arange(99.0), np.nan), np.append(np.arange(50.0), [np.nan] * 50)
    of_rare, of_common = (fitted(sample).normal_scores(np.array([[np.nan]]))[0, 0] for sample in (rare, common))
    assert of_rare > 2 > of_common
    assert fitted(np.arange(100.0)).normal_scores(np.array([[np.nan]]))[0, 0] > of_rare
