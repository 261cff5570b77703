"""Counted bar lines, departures and tied notes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.vocabulary import METRES, NoteVocabulary

THREE = Metre(3, 4)
FOUR = Metre(4, 4)


def bars(metre: Metre, *lengths: list[int]) -> WrittenTune:
    """Return a tune with a bar line after each list of durations in quarters; adjacent pitches differ."""
    counter = BarCounter(metre)
    for length in lengths:
        for quarters in length:
            counter.note(60 + counter.n_notes % 2, 24 * quarters)
        counter.bar_line()
    return counter.tune()


def test_full_bars_have_no_upbeat_and_no_departure() -> None:
    melody = bars(THREE, [1, 2], [3], [1, 1, 1]).melody
    assert (melody.start, melody.departures) == (0, ())
    assert melody.bar_lines.tolist() == [0, 72, 144]


def test_a_short_first_bar_is_an_upbeat() -> None:
    melody = bars(THREE, [1], [1, 1, 1], [3]).melody
    assert (melody.start, melody.departures) == (48, ())
    assert melody.bar_lines.tolist() == [24, 96]


def test_a_single_bar_is_no_upbeat() -> None:
    assert bars(FOUR, [1, 1]).melody.start == 0


def test_a_first_bar_longer_than_the_metre_ends_at_its_bar_line() -> None:
    melody = bars(THREE, [1, 3], [3]).melody
    assert melody.start == 48
    assert not melody.departures


def test_two_incomplete_bars_that_complete_each_other_are_counted() -> None:
    melody = bars(THREE, [1], [3], [2], [1], [3], [2]).melody
    assert (melody.start, melody.departures) == (48, ())


def test_a_short_bar_without_a_complement_departs() -> None:
    melody = bars(FOUR, [4], [3], [4], [4]).melody
    assert melody.departures == (Departure(2),)
    assert melody.positions.tolist() == [0, 0, 0, 0]


def test_a_bar_that_is_too_long_departs_at_its_end() -> None:
    melody = bars(THREE, [3], [1, 3], [3], [3]).melody
    assert melody.departures == (Departure(3),)


def test_a_short_last_bar_is_no_departure() -> None:
    assert not bars(FOUR, [4], [4], [3]).melody.departures


def test_bars_that_are_multiples_of_the_metre_get_the_implied_bar_lines() -> None:
    melody = bars(THREE, [1, 1, 1, 3], [3, 3], [3]).melody
    assert not melody.departures
    assert melody.bar_lines.tolist() == [0, 72, 144, 216, 288]


def test_bar_lines_at_the_same_time_count_once() -> None:
    counter = BarCounter(THREE)
    counter.bar_line()
    for pitch in (60, 62):
        counter.note(pitch, 72)
        counter.bar_line()
        counter.bar_line()
    melody = counter.tune().melody
    assert (melody.start, melody.departures, len(melody)) == (0, (), 2)


def test_notes_tied_across_a_counted_bar_line_are_joined() -> None:
    counter = BarCounter(THREE)
    counter.note(60, 72, tied=True)
    counter.bar_line()
    counter.note(60, 24)
    counter.note(60, 48)
    assert counter.tune().melody.durations.tolist() == [96, 48]


def test_three_tied_notes_are_joined() -> None:
    counter = BarCounter(FOUR)
    for tied in (True, True, False):
        counter.note(60, 24, tied=tied)
    assert counter.tune().melody.durations.tolist() == [72]


def test_a_tie_between_two_pitches_is_a_slur() -> None:
    counter = BarCounter(FOUR)
    counter.note(60, 24, tied=True)
    counter.note(62, 24)
    assert counter.tune().melody.pitches.tolist() == [60, 62]


def test_notes_tied_across_a_departure_are_not_joined() -> None:
    counter = BarCounter(FOUR)
    counter.note(60, 96)
    counter.bar_line()
    counter.note(62, 72, tied=True)
    counter.bar_line()
    counter.note(62, 96)
    melody = counter.tune().melody
    assert melody.durations.tolist() == [96, 72, 96]
    assert melody.departures == (Departure(2),)


def test_notes_tied_across_a_change_of_metre_are_not_joined() -> None:
    counter = BarCounter(FOUR)
    counter.note(60, 96, tied=True)
    counter.metre(THREE)
    counter.note(60, 72)
    melody = counter.tune().melody
    assert melody.durations.tolist() == [96, 72]
    assert melody.departures == (Departure(1, THREE),)


def test_a_change_of_metre_begins_a_new_bar() -> None:
    counter = BarCounter(FOUR)
    counter.note(60, 96)
    counter.bar_line()
    counter.metre(THREE)
    for pitch in (62, 64, 65):
        counter.note(pitch, 72)
        counter.bar_line()
    melody = counter.tune().melody
    assert melody.departures == (Departure(1, THREE),)
    assert melody.bar_lines.tolist() == [0, 96, 168, 240]


def test_repeating_the_metre_has_no_effect() -> None:
    counter = BarCounter(FOUR)
    counter.note(60, 48)
    counter.metre(FOUR)
    counter.note(62, 48)
    counter.bar_line()
    counter.note(64, 96)
    assert counter.tune().melody == Melody([60, 62, 64], [48, 48, 96], FOUR)


def test_a_metre_before_the_first_note_is_the_tune_s_metre() -> None:
    counter = BarCounter(FOUR)
    counter.metre(THREE)
    counter.note(60, 72)
    melody = counter.tune().melody
    assert (melody.metre, melody.departures) == (THREE, ())


def test_notes_past_the_end_of_their_bar_are_reported() -> None:
    assert bars(THREE, [1, 1, 1], [3]).n_overruns == 0
    assert bars(THREE, [3], [2, 2], [3]).n_overruns == 1
    assert bars(FOUR, [3, 2, 3]).n_overruns == 1


def test_rounding_fractional_ticks_keeps_the_length_of_the_bar() -> None:
    counter = BarCounter(Metre(1, 4))
    for pitch in range(60, 67):  # a septuplet fills a quarter
        counter.note(pitch, Fraction(24, 7))
    counter.bar_line()
    counter.note(72, 24)
    tune = counter.tune()
    assert sum(tune.melody.durations[:7].tolist()) == 24
    assert set(tune.melody.durations[:7].tolist()) <= {3, 4}
    assert tune.n_ticks_rounded == 7
    assert not tune.melody.departures


def test_notes_shorter_than_a_tick_get_one_tick() -> None:
    counter = BarCounter(FOUR)
    for _ in range(3):
        counter.note(60, Fraction(1, 8))
    assert counter.tune().melody.durations.tolist() == [1, 1, 1]


def test_in_free_metre_every_bar_line_departs_and_there_is_no_upbeat() -> None:
    melody = bars(Metre(0, 4), [1, 2], [4], [3]).melody
    assert melody.start == 0
    assert melody.departures == (Departure(2), Departure(3))
    assert melody.bar_lines.tolist() == [0, 72, 168]


def test_a_tune_without_notes_raises_an_error() -> None:
    counter = BarCounter(FOUR)
    counter.bar_line()
    with pytest.raises(ValueError, match="no notes"):
        counter.tune()


notes = st.tuples(
    st.just("note"),
    st.sampled_from([REST, 60, 62]),
    st.one_of(st.sampled_from([6, 8, 12, 24, 36, 48, 72, 96]), st.integers(1, 200)),
    st.booleans(),
)
lines = st.just(("line", 0, 0, False))
metres = st.tuples(st.just("metre"), st.integers(0, len(METRES) - 1), st.just(0), st.booleans())
event_lists = st.lists(st.one_of(notes, notes, notes, lines, metres), max_size=40)


@given(events=event_lists, first=st.sampled_from(METRES))
def test_every_tune_keeps_its_length_and_round_trips_through_the_vocabulary(
    events: list[tuple[str, int, int, bool]], first: Metre
) -> None:
    counter = BarCounter(first)
    counter.note(64, 24)
    for kind, value, ticks, tied in events:
        if kind == "note":
            counter.note(value, ticks, tied=tied)
        elif kind == "line":
            counter.bar_line()
        else:
            counter.metre(METRES[value])
    melody = counter.tune(corpus="unknown").melody
    assert melody.ticks == 24 + sum(ticks for kind, _, ticks, _ in events if kind == "note")
    assert melody.pitches[0] == 64

    vocabulary = NoteVocabulary()
    fitted = vocabulary.fit(melody).melody
    if fitted is not None:
        decoded = vocabulary.decode(vocabulary.encode(fitted), tonic=fitted.tonic)
        assert decoded == replace(fitted, title="", source="")


@given(
    metre=st.sampled_from([metre for metre in METRES if metre.beats]),
    n_bars=st.integers(1, 8),
    upbeat=st.integers(0, 400),
    cuts=st.sets(st.integers(1, 3000), max_size=20),
)
def test_a_tune_in_one_metre_has_no_departures_and_no_overruns(
    metre: Metre, n_bars: int, upbeat: int, cuts: set[int]
) -> None:
    first = upbeat % metre.bar_ticks
    lines = [first + metre.bar_ticks * bar for bar in range(n_bars + 1)]
    counter = BarCounter(metre)
    bounds = sorted({0, *lines, *(cut for cut in cuts if cut < lines[-1])})
    for begin, end in pairwise(bounds):
        if begin in lines:
            counter.bar_line()
        counter.note(60 + begin % 7, end - begin)
    counter.bar_line()
    tune = counter.tune()
    assert not tune.melody.departures
    assert tune.n_overruns == 0
    if n_bars > 1 or first:
        assert tune.melody.start == -first % metre.bar_ticks
