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
def test_symbols_of_a_note_sum_to_its_duration_and_are_tied(melody: Melody) -> None:
    symbols = symbols_of(split_measures(melody))
    lengths = [0] * len(melody)
    for symbol in symbols:
        lengths[symbol.note] += symbol.ticks
        assert symbol.pitch == melody.pitches[symbol.note]
    assert lengths == melody.durations.tolist()
    assert not symbols[0].tied_to_previous
    assert not symbols[-1].tied_to_next
    for before, symbol in pairwise(symbols):
        is_same = before.note == symbol.note and symbol.pitch != REST
        assert before.tied_to_next == symbol.tied_to_previous == is_same


@given(melodies(min_notes=1))
def test_measures_begin_at_the_bar_lines(melody: Melody) -> None:
    measures = split_measures(melody)
    begins = [sum(measure.ticks for measure in measures[:index]) for index in range(len(measures))]
    written = {tick for index, tick in enumerate(begins) if index or measures[0].symbols[0].position == 0}
    assert written == set(melody.bar_lines.tolist())
    changes = [measure.metre for measure in measures if measure.begins_metre]
    assert changes == [melody.metre, *(departure.metre for departure in melody.departures if departure.metre)]


@given(melodies(min_notes=1))
def test_note_values_match_durations_and_measures_fit_their_metre(melody: Melody) -> None:
    for measure in split_measures(melody):
        assert measure.symbols[0].position + measure.ticks <= measure.metre.bar_ticks
        for symbol in measure.symbols:
            assert symbol.is_measure_rest or symbol.value.half_ticks == 2 * symbol.ticks


@given(melodies(min_notes=1))
def test_every_triplet_value_belongs_to_one_triplet(melody: Melody) -> None:
    for measure in split_measures(melody):
        remaining = 0
        for symbol in measure.symbols:
            assert not (remaining and symbol.n_in_tuplet)
            remaining += symbol.n_in_tuplet
            assert symbol.value.is_triplet == (remaining > 0)
            remaining -= remaining > 0
            assert symbol.ends_tuplet == (symbol.value.is_triplet and remaining == 0)
        assert remaining == 0


def test_an_upbeat_and_a_short_last_bar_are_incomplete_measures() -> None:
    melody = Melody([67, 72, 71], [24, 120, 24], start=72)
    assert ticks_of(melody) == [[24], [96], [24, 24]]
    assert [measure.is_whole for measure in split_measures(melody)] == [False, True, False]


def test_a_rest_that_fills_a_bar_is_one_symbol_and_rests_are_not_tied() -> None:
    [first, second] = split_measures(Melody([REST, 60, REST], [120, 24, 96], Metre(5, 4)))
    assert [(symbol.ticks, symbol.is_measure_rest) for symbol in first.symbols] == [(120, True)]
    assert [(symbol.ticks, symbol.is_measure_rest, symbol.tied_to_next) for symbol in second.symbols] == [
        (24, False, False),
        (96, False, False),
    ]


def test_triplet_values_are_grouped_and_a_leftover_is_a_triplet_of_one() -> None:
    [measure] = split_measures(Melody([60] * 7, [8, 8, 8, 16, 8, 12, 8], Metre(4, 4)))
    assert [symbol.n_in_tuplet for symbol in measure.symbols] == [3, 0, 0, 2, 0, 0, 1]
    [measure] = split_measures(Melody([60] * 3, [8, 12, 4], Metre(1, 4)))
    assert [(symbol.value.name, symbol.value.dots) for symbol in measure.symbols] == [
        ("eighth", 0),
        ("eighth", 1),
        ("16th", 0),
    ]


def test_a_lone_triplet_value_off_the_beat_does_not_capture_the_bar() -> None:
    [measure] = split_measures(Melody([60] * 9, [4, 12, 12, 12, 12, 12, 12, 12, 8], Metre(4, 4)))
    assert [symbol.n_in_tuplet for symbol in measure.symbols] == [1, *[0] * 7, 1]


def test_a_departure_ends_a_measure_early() -> None:
    melody = Melody([60] * 4, [24] * 4, Metre(4, 4), departures=[Departure(1), Departure(2, Metre(2, 4))])
    assert ticks_of(melody) == [[24], [24], [24, 24]]
    assert [measure.begins_metre for measure in split_measures(melody)] == [True, False, True]


def test_in_free_metre_only_departures_end_a_measure() -> None:
    melody = Melody([60] * 3, [384, 384, 24], Metre.parse("free"), departures=[Departure(2)])
    measures = split_measures(melody)
    assert [measure.ticks for measure in measures] == [768, 24]
    assert all(measure.is_whole for measure in measures)


def test_melodies_that_cannot_be_written_raise_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        split_measures(Melody([], []))
    with pytest.raises(InputError, match="metre 4/3 cannot be written"):
        split_measures(Melody([60], [24], Metre(4, 3)))
    with pytest.raises(InputError, match="metre 300/4 cannot be written"):
        split_measures(Melody([60], [24], Metre(300, 4)))
