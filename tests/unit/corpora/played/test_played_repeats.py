from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.corpora.played.played_repeats import fold_repeats
from chromasonic.melody_generation.melody import Melody, Metre

Bar = tuple[int, ...]
FOUR = Metre(4, 4)
# Bars of four quarter notes; two parts of bars that differ from each other.
PARTS = st.lists(st.tuples(*[st.integers(60, 80)] * 4), min_size=16, max_size=16, unique=True)


def tune(bars: list[Bar], start: int = 0) -> Melody:
    pitches = [pitch for bar in bars for pitch in bar]
    return Melody(pitches, [24] * len(pitches), metre=FOUR, start=start, title="a", source="b", tonic=2, mode="dorian")


@given(PARTS, st.sampled_from([0, 72]))
def test_two_parts_that_are_played_twice_are_there_once(bars: list[Bar], start: int) -> None:
    first, second = bars[:8], bars[8:]
    assert fold_repeats(tune([*first, *first, *second, *second], start)) == tune([*first, *second], start)
    assert fold_repeats(tune([*first, *first, *second], start)) == tune([*first, *second], start)


@given(PARTS)
def test_a_part_of_sixteen_bars_is_there_once(bars: list[Bar]) -> None:
    assert fold_repeats(tune(bars * 2)) == tune(bars)


@given(PARTS)
def test_four_bars_are_folded_only_in_a_tune_of_such_parts(bars: list[Bar]) -> None:
    strain, other = bars[:4], bars[4:8]
    assert fold_repeats(tune([*strain, *strain, *other, *other])) == tune([*strain, *other])
    varied = tune([*strain, *strain, *bars[4:12]])
    assert fold_repeats(varied) == varied


@given(PARTS)
def test_a_second_ending_follows_the_first(bars: list[Bar]) -> None:
    body, first_ending, second_ending, rest = bars[:6], bars[6:8], bars[8:10], bars[10:12]
    played = tune([*body, *first_ending, *body, *second_ending, *rest])
    assert fold_repeats(played) == tune([*body, *first_ending, *second_ending, *rest])


@given(PARTS)
def test_another_upbeat_is_no_other_part(bars: list[Bar]) -> None:
    first, second = bars[:8], [(50, *bars[0][1:]), *bars[1:8]]
    assert fold_repeats(tune([*first, *second])) == tune(first)


@given(PARTS)
def test_a_tune_without_repeats_stays(bars: list[Bar]) -> None:
    assert fold_repeats(tune(bars)) == tune(bars)


@pytest.mark.parametrize("n_notes", [0, 1, 3])
def test_a_short_melody_stays(n_notes: int) -> None:
    melody = Melody([60] * n_notes, [24] * n_notes)
    assert fold_repeats(melody) == melody


def test_a_note_that_is_held_over_a_bar_line_keeps_its_part() -> None:
    part = [48] * 15 + [48]
    pitches = np.arange(32) % 16 + 60
    durations = np.array([24, *([48] * 15), 24, *part[1:]])
    melody = Melody(np.append(pitches, 60)[: len(durations)], durations, metre=FOUR)
    assert fold_repeats(melody).durations.sum() == melody.durations.sum()
