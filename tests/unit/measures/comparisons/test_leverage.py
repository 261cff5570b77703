import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.comparisons.leverage import Leverage

GAPS = st.lists(st.tuples(st.integers(-90, 90), st.integers(1, 200)), min_size=4, max_size=20)


@given(GAPS)
def test_shares_and_the_rest_add_up_to_the_difference(tunes: list[tuple[int, int]]) -> None:
    gap, notes = np.array(tunes, dtype=np.float64).T
    leverage = Leverage.of(gap, notes)
    if not gap.sum():
        assert math.isnan(leverage.share)
        return
    rest = leverage.without * notes.sum() * (1 - leverage.share_of_notes)
    assert math.isclose(leverage.share * gap.sum() + rest, gap.sum(), abs_tol=1e-6)
    # No other three tunes leave less of the difference in bits.
    others = np.sort(np.sign(gap.sum()) * np.delete(gap, leverage.tunes))
    assert all(others[-1] <= np.sign(gap.sum()) * gap[list(leverage.tunes)])


def test_a_single_tune_can_be_all_of_a_difference() -> None:
    gap = np.array([1.0, -1.0, 2.0, -2.0, -300.0])
    leverage = Leverage.of(gap, np.full(5, 100.0), n_tunes=1)
    assert leverage == Leverage((4,), 1.0, 0.2, 0.0)


def test_nothing_is_left_without_all_tunes() -> None:
    assert math.isnan(Leverage.of(np.ones(3), np.ones(3)).without)
