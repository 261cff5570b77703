"""Selection of the melody part, its skyline and its barring."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import (
    MetreChange,
    ParsedScore,
    TimedNote,
    extract_skyline,
    select_melody_part,
    tune_from_score,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre


def timed(onset: int, end: int, pitch: int) -> TimedNote:
    return TimedNote(Fraction(onset), Fraction(end), pitch)


def part(pitch: int, n_notes: int) -> tuple[TimedNote, ...]:
    return tuple(timed(24 * i, 24 * i + 24, pitch) for i in range(n_notes))


def melody_of(timed_notes: list[TimedNote], *metres: MetreChange, bar_lines: tuple[int, ...] | None = None) -> Melody:
    lines = None if bar_lines is None else tuple(map(Fraction, bar_lines))
    return tune_from_score(ParsedScore((tuple(timed_notes),), metres, lines, Key(0, "major")), "test").melody


def change(onset: int, metre: Metre) -> MetreChange:
    return MetreChange(Fraction(onset), metre)


def test_the_highest_part_with_enough_notes_is_the_melody() -> None:
    bass, tune, descant = part(40, 20), part(70, 11), part(90, 4)
    assert select_melody_part([bass, tune, descant]) is tune
    assert select_melody_part([bass, part(70, 9), descant]) is bass


def test_a_score_without_notes_raises_an_error() -> None:
    for parts in ([], [()]):
        with pytest.raises(InputError, match="no pitched notes"):
            select_melody_part(parts)


def test_the_top_note_of_a_chord_is_the_melody() -> None:
    assert extract_skyline([timed(0, 24, 60), timed(0, 12, 67), timed(0, 24, 64)]) == [timed(0, 12, 67)]


def test_notes_below_a_held_note_are_omitted() -> None:
    held = timed(0, 96, 72)
    assert extract_skyline([held, timed(24, 48, 60), timed(48, 96, 62)]) == [held]


def test_a_higher_note_cuts_the_lower_one() -> None:
    assert extract_skyline([timed(0, 96, 60), timed(24, 48, 72)]) == [
        timed(0, 24, 60),
        timed(24, 48, 72),
    ]


def test_a_repeated_note_cuts_the_note_before() -> None:
    assert extract_skyline([timed(0, 30, 60), timed(24, 48, 60)]) == [
        timed(0, 24, 60),
        timed(24, 48, 60),
    ]


def test_a_lower_note_that_overlaps_the_end_of_a_higher_one_is_kept() -> None:
    assert extract_skyline([timed(0, 27, 72), timed(24, 48, 71)]) == [
        timed(0, 24, 72),
        timed(24, 48, 71),
    ]


timed_notes = st.builds(
    lambda onset, length, pitch: timed(onset, onset + length, pitch),
    st.integers(0, 100),
    st.integers(1, 60),
    st.integers(40, 80),
)


@given(st.lists(timed_notes, min_size=1, max_size=25))
def test_a_skyline_is_one_line_with_the_highest_of_all_notes(notes: list[TimedNote]) -> None:
    line = extract_skyline(notes)
    assert all(before.end <= after.onset for before, after in pairwise(line))
    assert {(note.onset, note.pitch) for note in line} <= {(note.onset, note.pitch) for note in notes}
    assert max(note.pitch for note in line) == max(note.pitch for note in notes)
    assert extract_skyline(line) == line


def test_silence_before_the_first_note_sets_its_position() -> None:
    melody = melody_of([timed(96 + 72, 192, 60), timed(192, 288, 62)])
    assert (melody.start, melody.departures) == (72, ())


def test_silence_between_notes_is_a_rest_for_each_bar() -> None:
    melody = melody_of([timed(0, 72, 60), timed(192, 264, 62)])
    assert melody.pitches.tolist() == [60, REST, REST, 62]
    assert melody.durations.tolist() == [72, 24, 96, 72]


def test_notes_across_counted_bar_lines_are_joined_and_are_no_overruns() -> None:
    tune = tune_from_score(ParsedScore(((timed(0, 72, 60), timed(72, 120, 62), timed(120, 192, 64)),)), "test")
    assert tune.melody.durations.tolist() == [72, 48, 72]
    assert tune.n_overruns == 0


def test_a_change_of_metre_is_a_departure_that_restarts_the_count() -> None:
    notes = [timed(0, 96, 60), timed(96, 168, 62), timed(168, 240, 64)]
    melody = melody_of(notes, change(0, Metre(4, 4)), change(96, Metre(3, 4)))
    assert melody.departures == (Departure(1, Metre(3, 4)),)
    assert melody.bar_lines.tolist() == [0, 96, 168]


def test_the_metre_at_the_first_note_is_the_melody_s() -> None:
    melody = melody_of([timed(96, 168, 62), timed(168, 240, 64)], change(0, Metre(4, 4)), change(96, Metre(3, 4)))
    assert (melody.metre, melody.start, melody.departures) == (Metre(3, 4), 0, ())


def test_written_bar_lines_take_precedence() -> None:
    notes = [timed(24 * i, 24 * i + 24, 60 + i % 3) for i in range(13)]
    melody = melody_of(notes, change(0, Metre(3, 4)), bar_lines=(0, 24, 96, 168, 240))
    assert (melody.start, melody.departures) == (48, ())
    # The second bar line is one quarter early.
    melody = melody_of(notes, change(0, Metre(4, 4)), bar_lines=(0, 96, 168, 264))
    assert melody.departures == (Departure(7),)


def test_a_key_signature_without_a_mode_is_resolved_by_the_notes() -> None:
    score = ParsedScore(((timed(0, 24, 69), timed(24, 36, 71), timed(36, 48, 72), timed(48, 144, 69)),), sharps=0)
    melody = tune_from_score(score, "test").melody
    assert (melody.tonic, melody.mode) == (9, "minor")


def test_an_absurdly_late_note_raises_an_error() -> None:
    with pytest.raises(InputError, match="quarter notes"):
        melody_of([timed(0, 24, 60), timed(10**9, 10**9 + 24, 60)])
