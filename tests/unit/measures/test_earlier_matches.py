"""The longest earlier match, told once more by looking at every stretch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.earlier_matches import longest_earlier_matches


def by_looking(values: list[int]) -> list[int]:
    def longest(place: int) -> int:
        return max(
            n
            for n in range(place + 1)
            if n == 0
            or any(values[j - n + 1 : j + 1] == values[place - n + 1 : place + 1] for j in range(n - 1, place))
        )

    return [longest(place) for place in range(len(values))]


@given(st.lists(st.integers(0, 2), max_size=25))
def test_it_is_what_looking_at_every_stretch_finds(values: list[int]) -> None:
    assert longest_earlier_matches(values).tolist() == by_looking(values)


def test_a_loop_matches_itself_from_its_second_round_on() -> None:
    assert longest_earlier_matches([1, 2, 3] * 3).tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6]
