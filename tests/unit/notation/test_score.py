from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.notation.score import Measure, Symbol, split_measures


def ticks_of(melody: Melody) -> list[list[int]]:
    return [[symbol.ticks for symbol in measure.symbols] for measure in split_measures(melody)]


def symbols_of(measures: list[Measure]) -> list[Symbol]:
    return [symbol for measure in measures for symbol in measure.symbols]


@given(melodies(min_notes=1))
def test_heads_of_a_note_add_up_to_it_and_are_tied(melody: Melody) -> None:
    symbols = symbols_of(split_measures(melody))
    lengths = [0] * len(melody)
    for symbol in symbols:
        lengths[symbol.note] += symbol.ticks
        assert symbol.pitch == melody.pitches[symbol.note]
    assert lengths == melody.durations.tolist()
    assert not symbols[0].continues
    assert not symbols[-1].tied
    for before, symbol in pairwise(symbols):
        is_same = before.note == symbol.note and symbol.pitch != REST
        assert before.tied == symbol.continues == is_same


@given(melodies(min_notes=1))
def test_measures_begin_where_bars_do(melody: Melody) -> None:
    measures = split_measures(melody)
    begins = [sum(measure.ticks for measure in measures[:place]) for place in range(len(measures))]
    written = {tick for place, tick in enumerate(begins) if place or measures[0].symbols[0].position == 0}
    assert written == set(melody.bar_lines.tolist())
    changes = [measure.metre for measure in measures if measure.begins_metre]
    assert changes == [melody.metre, *(each.metre for each in melody.departures if each.metre)]


@given(melodies(min_notes=1))
def test_symbols_look_as_long_as_they_last_and_no_longer_than_their_bar(melody: Melody) -> None:
    for measure in split_measures(melody):
        assert measure.symbols[0].position + measure.ticks <= measure.metre.bar_ticks
        for symbol in measure.symbols:
            assert symbol.fills_bar or symbol.value.half_ticks == 2 * symbol.ticks


@given(melodies(min_notes=1))
def test_every_triplet_value_stands_in_one_triplet(melody: Melody) -> None:
    for measure in split_measures(melody):
        left = 0
        for symbol in measure.symbols:
            assert not (left and symbol.n_in_tuplet)
            left += symbol.n_in_tuplet
            assert symbol.value.is_triplet == (left > 0)
            left -= left > 0
            assert symbol.ends_tuplet == (symbol.value.is_triplet and left == 0)
        assert left == 0


def test_upbeat_ties_and_a_short_last_bar() -> None:
    melody = Melody([67, 72, 71], [24, 120, 24], start=72)
    assert ticks_of(melody) == [[24], [96], [24, 24]]
    assert [measure.is_whole for measure in split_measures(melody)] == [False, True, False]


def test_a_rest_that_fills_a_bar_is_one_rest_and_others_are_not_tied() -> None:
    [first, second] = split_measures(Melody([REST, 60, REST], [120, 24, 96], Metre(5, 4)))
    assert [(each.ticks, each.fills_bar) for each in first.symbols] == [(120, True)]
    assert [(each.ticks, each.fills_bar, each.tied) for each in second.symbols] == [
        (24, False, False),
        (96, False, False),
    ]


def test_triplets_are_gathered_and_a_lone_one_stands_alone() -> None:
    [measure] = split_measures(Melody([60] * 7, [8, 8, 8, 16, 8, 12, 8], Metre(4, 4)))
    assert [each.n_in_tuplet for each in measure.symbols] == [3, 0, 0, 2, 0, 0, 1]
    [measure] = split_measures(Melody([60] * 3, [8, 12, 4], Metre(1, 4)))
    assert [(each.value.name, each.value.dots) for each in measure.symbols] == [
        ("eighth", 0),
        ("eighth", 1),
        ("16th", 0),
    ]


def test_a_triplet_that_would_not_end_soon_is_none() -> None:
    """A lone triplet value off the beat must not drag the rest of the bar into its own time."""
    [measure] = split_measures(Melody([60] * 9, [4, 12, 12, 12, 12, 12, 12, 12, 8], Metre(4, 4)))
    assert [each.n_in_tuplet for each in measure.symbols] == [1, *[0] * 7, 1]


def test_a_bar_line_that_departs_ends_a_measure_early() -> None:
    melody = Melody([60] * 4, [24] * 4, Metre(4, 4), departures=[Departure(1), Departure(2, Metre(2, 4))])
    assert ticks_of(melody) == [[24], [24], [24, 24]]
    assert [measure.begins_metre for measure in split_measures(melody)] == [True, False, True]


def test_in_free_metre_only_what_is_written_ends_a_measure() -> None:
    melody = Melody([60] * 3, [384, 384, 24], Metre.parse("free"), departures=[Departure(2)])
    measures = split_measures(melody)
    assert [measure.ticks for measure in measures] == [768, 24]
    assert all(measure.is_whole for measure in measures)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="without notes"):
        split_measures(Melody([], []))
    with pytest.raises(InputError, match="metre 4/3 cannot be written"):
        split_measures(Melody([60], [24], Metre(4, 3)))
    with pytest.raises(InputError, match="metre 300/4 cannot be written"):
        split_measures(Melody([60], [24], Metre(300, 4)))
