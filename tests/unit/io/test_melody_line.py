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
    extract_skyline,
    tune_from_score,
)
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedNote
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre


def timed(onset: int, end: int, pitch: int) -> TimedNote:
    return TimedNote(Fraction(onset), Fraction(end), pitch)


def of_notes(*notes: TimedNote, sharps: int | None = None, key: Key | None = None) -> ParsedScore:
    return ParsedScore((ScorePart(notes),), sharps=sharps, key=key)


def melody_of(timed_notes: list[TimedNote], *metres: MetreChange, bar_lines: tuple[int, ...] | None = None) -> Melody:
    lines = None if bar_lines is None else tuple(map(Fraction, bar_lines))
    return tune_from_score(ParsedScore((ScorePart(tuple(timed_notes)),), metres, lines, Key(0, "major")), "test").melody


def change(onset: int, metre: Metre) -> MetreChange:
    return MetreChange(Fraction(onset), metre)


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
    tune = tune_from_score(of_notes(timed(0, 72, 60), timed(72, 120, 62), timed(120, 192, 64)), "test")
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
    score = of_notes(timed(0, 24, 69), timed(24, 36, 71), timed(36, 48, 72), timed(48, 144, 69), sharps=0)
    melody = tune_from_score(score, "test").melody
    assert (melody.tonic, melody.mode) == (9, "minor")


def test_an_absurdly_late_note_raises_an_error() -> None:
    with pytest.raises(InputError, match="quarter notes"):
        melody_of([timed(0, 24, 60), timed(10**9, 10**9 + 24, 60)])


def test_a_key_that_the_notes_contradict_is_estimated_and_reported() -> None:
    pitches = (62, 64, 66, 67, 69, 71, 73, 74, 69, 66, 62)
    d_major = [timed(24 * i, 24 * i + 24, pitch) for i, pitch in enumerate(pitches)]
    tune = tune_from_score(of_notes(*d_major, key=Key(0, "major")), "test")
    assert (tune.melody.tonic, tune.melody.mode) == (2, "major")
    assert [remark.detail for remark in tune.remarks] == ["D major instead of C major"]
    for key in (Key(2, "major"), Key(11, "minor"), Key(4, "dorian"), Key(9, "mixolydian")):
        tune = tune_from_score(of_notes(*d_major, key=key), "test")
        assert (tune.melody.tonic, tune.melody.mode, tune.remarks) == (key.tonic, key.mode, ())


def test_a_chromatic_tune_keeps_its_written_key() -> None:
    chromatic = [timed(24 * i, 24 * i + 24, 60 + i % 12) for i in range(48)]
    assert tune_from_score(of_notes(*chromatic, key=Key(5, "minor")), "test").melody.tonic == 5


def test_notes_that_are_no_part_of_the_melody_are_counted() -> None:
    chord = ScorePart((timed(0, 24, 72), timed(0, 24, 64), timed(24, 48, 74)), left_out={"grace notes": 3})
    bass = ScorePart((timed(0, 24, 40), timed(24, 48, 41)), left_out={"grace notes": 5})
    tune = tune_from_score(ParsedScore((chord, bass), left_out={"impossible events": 2}), "test")
    assert tune.left_out == {
        "notes of other parts": 2,
        "lower notes of chords": 1,
        "grace notes": 3,
        "impossible events": 2,
    }
