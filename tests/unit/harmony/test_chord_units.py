"""Units of harmony: they tile a melody from its first bar on, and know where they stand in their part."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.strategies import formed_melodies, metres

from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.harmony.chord_units import chord_units, unit_ticks
from chromasonic.melody_generation.melody import Departure, Melody, Metre


@given(formed_melodies())
def test_units_tile_the_melody_after_a_short_upbeat(melody: Melody) -> None:
    units = chord_units(melody)
    assert units.begins[1:].tolist() == units.ends[:-1].tolist()
    assert (units.ends > units.begins).all()
    assert units.ends[-1] == melody.ticks
    upbeat = int(units.begins[0])
    assert upbeat == 0 or (upbeat == melody.bar_lines[0] and 2 * upbeat < melody.metre.bar_ticks)


@given(formed_melodies())
def test_every_bar_begins_a_unit_and_every_part_ends_with_one(melody: Melody) -> None:
    units = chord_units(melody)
    begins = set(units.begins.tolist())
    assert {line for line in melody.bar_lines.tolist() if line < melody.ticks} <= begins
    assert (units.units_left >= 0).all()
    assert units.units_left[-1] == 0
    before, after = units.units_left[:-1], units.units_left[1:]
    assert ((before == after + 1) | (before == 0)).all()


@given(metres)
def test_a_bar_has_a_few_units_of_a_beat_or_more(metre: Metre) -> None:
    length = unit_ticks(metre)
    if metre.beats:
        assert min(24, metre.bar_ticks) <= length <= metre.bar_ticks
        assert metre.bar_ticks <= 8 * length


def test_bars_are_counted_from_the_beginning_of_each_part() -> None:
    marks = [FormMark(3, FormSign.REPEAT_END), FormMark(6, FormSign.SECTION)]
    units = chord_units(Melody([60] * 8, [96] * 8, form=marks))
    assert units.bars[::2].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert units.units_left.tolist() == [5, 4, 3, 2, 1, 0, 5, 4, 3, 2, 1, 0, 3, 2, 1, 0]


def test_a_second_ending_continues_where_the_first_one_began() -> None:
    marks = [
        FormMark(3, FormSign.ENDING, (1,)),
        FormMark(4, FormSign.REPEAT_END),
        FormMark(4, FormSign.ENDING, (2,)),
    ]
    units = chord_units(Melody([60] * 8, [96] * 8, form=marks))
    assert units.bars[::2].tolist() == [0, 1, 2, 3, 3, 4, 5, 6]


def test_a_part_that_ends_within_a_bar_begins_at_the_next_bar_line() -> None:
    melody = Melody([60] * 9, [24, *[96] * 3, 72, 24, *[96] * 3], start=72, form=[FormMark(5, FormSign.REPEAT_END)])
    units = chord_units(melody)
    assert units.begins[0] == 24
    assert units.bars[::2].tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert units.units_left[:8].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(("start", "begins"), [(72, [24]), (48, [0, 48]), (24, [0, 24, 72]), (36, [0, 60])])
def test_an_upbeat_of_half_a_bar_has_units(start: int, begins: list[int]) -> None:
    units = chord_units(Melody([60, 62], [96 - start, 96], start=start))
    assert units.begins[: len(begins)].tolist() == begins
    assert (units.bars[: len(begins) - 1] == -1).all()


def test_a_short_last_bar_joins_no_other_bar() -> None:
    units = chord_units(Melody([60] * 3, [96, 24, 96], departures=[Departure(2)]))
    assert units.begins.tolist() == [0, 48, 96, 120, 168]


def test_free_metre_has_units_of_two_quarters() -> None:
    units = chord_units(Melody([60] * 5, [24] * 5, metre=Metre(0, 4)))
    assert list(zip(units.begins.tolist(), units.ends.tolist(), strict=True)) == [(0, 48), (48, 96), (96, 120)]


def test_an_empty_melody_has_no_units() -> None:
    assert len(chord_units(Melody([], []))) == 0


def test_a_melody_shorter_than_its_upbeat_is_a_unit() -> None:
    units = chord_units(Melody([60], [12], start=72))
    assert (units.begins.tolist(), units.ends.tolist(), units.bars.tolist()) == ([0], [12], [0])
