"""Longest earlier matches, compared with an exhaustive search."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.earlier_matches import longest_earlier_matches


def exhaustive_search(values: list[int]) -> list[int]:
    def longest(end: int) -> int:
        return max(
            n
            for n in range(end + 1)
            if n == 0 or any(values[j - n + 1 : j + 1] == values[end - n + 1 : end + 1] for j in range(n - 1, end))
        )

    return [longest(end) for end in range(len(values))]


@given(st.lists(st.integers(0, 2), max_size=25))
def test_longest_matches_equal_those_of_an_exhaustive_search(values: list[int]) -> None:
    assert longest_earlier_matches(values).tolist() == exhaustive_search(values)


def test_a_loop_matches_itself_from_its_second_repetition() -> None:
    assert longest_earlier_matches([1, 2, 3] * 3).tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6]
