import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.paired_differences import difference, holm


def test_a_constant_difference_has_the_lowest_p_value() -> None:
    notes = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0])
    result = difference(2 * notes, 3 * notes, notes)
    assert result.bits_per_note.value == result.bits_per_note.low == result.bits_per_note.high == -1
    # All signs are alike in 2 of 2**8 combinations.
    assert result.p_value == pytest.approx(2 / 2**8)
    assert (result.n_better, result.n_tunes) == (8, 8)


def test_the_p_value_equals_that_of_all_combinations_of_signs() -> None:
    gap = np.array([3.0, -1.0, 2.0, 5.0, -2.5, 4.0])
    sums = [abs(np.dot(signs, gap)) for signs in itertools.product([1, -1], repeat=len(gap))]
    share = np.mean([total >= abs(gap.sum()) - 1e-9 for total in sums])
    result = difference(gap, np.zeros(6), np.full(6, 10.0))
    assert result.p_value == pytest.approx(share)


def test_p_values_of_random_differences_are_uniform() -> None:
    draw = np.random.default_rng(0)
    p_values = [difference(draw.normal(size=30), np.zeros(30), np.ones(30), seed=i).p_value for i in range(60)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.15
    assert 0.3 < np.mean(p_values) < 0.7


def test_swapping_the_models_changes_the_sign_only() -> None:
    draw = np.random.default_rng(1)
    first, second, notes = draw.uniform(50, 100, 20), draw.uniform(50, 100, 20), draw.uniform(10, 40, 20)
    there, back = difference(first, second, notes), difference(second, first, notes)
    assert there.bits_per_note.value == pytest.approx(-back.bits_per_note.value)
    assert there.bits_per_note.low == pytest.approx(-back.bits_per_note.high)
    assert there.p_value == back.p_value
    assert there.n_better + back.n_better == 20


def test_one_tune_has_no_p_value() -> None:
    result = difference(np.array([10.0]), np.array([20.0]), np.array([5.0]))
    assert result.bits_per_note.value == -2
    assert np.isnan([result.p_value, result.bits_per_note.low]).all()


def test_infinite_bits_give_no_p_value() -> None:
    result = difference(np.array([np.inf, 1.0]), np.array([1.0, 1.0]), np.ones(2))
    assert np.isnan([result.p_value, result.bits_per_note.value]).all()
    assert result.n_better == 0
    # Tunes with finite bits are still counted.
    assert difference(np.array([1.0, 1.0]), np.array([np.inf, 2.0]), np.ones(2)).n_better == 1


def test_different_numbers_of_tunes_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2, 3 and 2"):
        difference(np.ones(2), np.ones(3), np.ones(2))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(1 >= after >= before for before, after in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert min(adjusted) == pytest.approx(min(1, len(p_values) * min(p_values)))


def test_nan_is_not_counted_as_a_test() -> None:
    adjusted = holm([0.01, float("nan"), 0.02])
    assert adjusted[0] == 0.02
    assert np.isnan(adjusted[1])
    assert adjusted[2] == 0.02
