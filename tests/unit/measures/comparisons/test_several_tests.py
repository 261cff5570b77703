import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.comparisons.several_tests import holm


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
