import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.networks.neural.sizes import check_sizes


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 10**6))
def test_sizes_of_1_or_more_and_a_dropout_below_1_pass(dropout: float, size: int) -> None:
    check_sizes(dropout, hidden_size=size)


@pytest.mark.parametrize("size", [0, -3, 1.5, 16.0, math.nan, "16", None])
def test_a_size_that_is_no_whole_number_of_1_or_more_is_named(size: object) -> None:
    with pytest.raises(ValueError, match=f"num_layers is a whole number of 1 or more, got {size}"):
        check_sizes(0.0, hidden_size=4, num_layers=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("dropout", [-0.1, 1, 1.5, math.nan])
def test_a_dropout_that_is_no_share_or_drops_all_is_named(dropout: float) -> None:
    with pytest.raises(ValueError, match=f"dropout is at least 0 and less than 1, got {dropout}"):
        check_sizes(dropout, hidden_size=4)
