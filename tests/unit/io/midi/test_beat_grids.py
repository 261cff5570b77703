from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.io.midi.beat_grids import choose_grids, snap_to_grid


@given(st.integers(0, 10_000), st.sampled_from([3, 4]))
def test_thirty_seconds_and_triplets_are_on_the_grid(index: int, step: int) -> None:
    assert snap_to_grid(index * step) == index * step


@given(st.floats(0, 10_000))
def test_snapping_moves_by_half_a_thirty_second_at_most(ticks: float) -> None:
    assert abs(snap_to_grid(ticks) - ticks) <= 1.5
    assert snap_to_grid(ticks) % 3 == 0 or snap_to_grid(ticks) % 4 == 0


@pytest.mark.parametrize("values", [[12] * 16, [8] * 24, [6] * 32, [16, 8] * 8, [18, 6] * 8, [12, 12, 8, 8, 8] * 4])
def test_even_rhythms_are_on_one_grid(values: list[int]) -> None:
    onsets = [0, *accumulate(values)]
    played = [onset + (-1) ** number for number, onset in enumerate(onsets)]
    assert [onset.position for onset in choose_grids(played)] == onsets


def test_a_quarter_note_of_three_is_ternary() -> None:
    assert [onset.is_ternary for onset in choose_grids([0.5, 8.5, 15.5, 24, 36])] == [True, True, True, False, False]


def test_what_is_frequent_in_a_part_is_likely() -> None:
    """The same onset of a swung part and of one with dotted eighths."""
    swung = [onset for beat in range(10) for onset in (24 * beat, 24 * beat + 15.8)]
    dotted = [onset for beat in range(10) for onset in (24 * beat, 24 * beat + 18.2)]
    last = [240.0, 257.0]
    assert choose_grids(swung + last)[-1].position == 256
    assert choose_grids(dotted + last)[-1].position == 258


@given(st.lists(st.floats(0, 1000), max_size=30).map(sorted))
def test_the_order_is_kept_and_no_onset_moves_far(onsets: list[float]) -> None:
    moved = [onset.position for onset in choose_grids(onsets)]
    assert moved == sorted(moved)
    assert all(abs(after - before) <= 6 for before, after in zip(onsets, moved, strict=True))
