"""Selection of the melody part, its skyline and its barring."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord, FormMark, FormSign, parse_chord
from chromasonic.melody_generation.io.melody_line import (
    MetreChange,
    ParsedScore,
    TimedMark,
    extract_skyline,
    tune_from_score,
)
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedChord, TimedNote
from chromasonic.melody_generation.io.played.played_melody import played
from chromasonic.melody_generation.io.tunes import CHORD_SYMBOLS
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


def test_a_skyline_keeps_the_spelling_of_the_note_that_is_taken() -> None:
    lower, upper = TimedNote(Fraction(0), Fraction(24), 60, 0), TimedNote(Fraction(0), Fraction(24), 63, 9)
    assert tune_from_score(of_notes(lower, upper), "test").melody.spelling.tolist() == [9]
    assert tune_from_score(of_notes(lower, timed(0, 24, 63)), "test").melody.spelling.tolist() == []


# Form and chords -----------------------------------------------------------------------------------------------------

BEGIN, END, SECTION = (FormMark(0, sign) for sign in (FormSign.REPEAT_BEGIN, FormSign.REPEAT_END, FormSign.SECTION))
QUARTERS = [timed(24 * i, 24 * i + 24, 60 + i) for i in range(16)]


COMMON_TIME = Metre(4, 4)


def formed(
    notes: list[TimedNote],
    *marks: tuple[int, FormMark],
    chords: tuple[tuple[float, str], ...] = (),
    metre: Metre = COMMON_TIME,
    bar_lines: tuple[int, ...] = (0, 96, 192, 288),
) -> Melody:
    timed_chords = tuple(TimedChord(Fraction(onset), chord) for onset, name in chords if (chord := parse_chord(name)))
    score = ParsedScore(
        (ScorePart(tuple(notes), chords=timed_chords),),
        (MetreChange(Fraction(0), metre),),
        tuple(map(Fraction, bar_lines)),
        Key(0, "major"),
        marks=tuple(TimedMark(Fraction(onset), mark) for onset, mark in marks),
    )
    return tune_from_score(score, "test").melody


def signs(melody: Melody) -> list[tuple[int, str]]:
    return [(mark.note, mark.sign.value) for mark in melody.form]


def test_signs_stand_before_the_note_after_them() -> None:
    melody = formed(QUARTERS, (0, BEGIN), (96, END), (192, SECTION), (384, END))
    assert signs(melody) == [(0, "|:"), (4, ":|"), (8, "|:"), (16, ":|")]
    assert len(played(melody)) == 4 + 4 + 4 + 8 + 8


def test_signs_before_the_first_note_and_after_the_last_belong_to_no_note() -> None:
    notes = [timed(96, 192, 60), timed(192, 288, 62)]
    before, after = [(0, BEGIN), (48, END)], [(288, BEGIN), (384, END)]
    assert signs(formed(notes, *before, (96, BEGIN), (288, END), *after)) == [(0, "|:"), (2, ":|")]


def test_a_rest_before_a_repeat_sign_at_the_end_is_heard_before_the_repetition() -> None:
    melody = formed(QUARTERS[:7], (96, BEGIN), (192, END))
    assert (melody.pitches.tolist()[-1], melody.durations.tolist()[-1]) == (REST, 24)
    assert formed(QUARTERS[:7], (192, SECTION)).pitches.tolist()[-1] == 66


def test_a_double_bar_or_a_chord_does_not_cut_a_held_note() -> None:
    held = [timed(0, 48, 60), timed(48, 144, 62), timed(144, 192, 64)]
    melody = formed(held, (96, SECTION), chords=((0, "C"), (96, "G7")))
    assert melody.durations.tolist() == [48, 96, 48]
    assert signs(melody) == [(2, "||")]
    assert [(chord.onset, chord.root) for chord in melody.chords] == [(0, 0), (96, 7)]


def test_a_repeat_sign_within_a_held_note_stands_before_the_next() -> None:
    held = [timed(0, 48, 60), timed(48, 144, 62), timed(144, 192, 64)]
    melody = formed(held, (96, END))
    assert melody.durations.tolist() == [48, 96, 48]
    assert signs(melody) == [(2, ":|")]


def test_a_chord_does_not_cut_a_rest() -> None:
    melody = formed([timed(0, 24, 60), timed(72, 96, 62)], chords=((48, "F"),))
    assert melody.durations.tolist() == [24, 48, 24]
    assert [chord.onset for chord in melody.chords] == [48]


def test_a_double_bar_in_free_metre_leaves_a_held_note_whole() -> None:
    held = [timed(0, 48, 60), timed(48, 144, 62), timed(144, 192, 64)]
    melody = formed(held, (96, SECTION), chords=((96, "C"),), metre=Metre(0, 4), bar_lines=(0, 96))
    assert melody.durations.tolist() == [48, 96, 48]
    assert signs(melody) == [(2, "||")]
    assert [chord.onset for chord in melody.chords] == [96]


def test_a_chord_before_the_first_note_stands_at_it_and_one_after_the_last_nowhere() -> None:
    melody = formed([timed(96, 192, 60)], chords=((0, "C"), (48, "F"), (192, "G")))
    assert [(chord.onset, chord.root) for chord in melody.chords] == [(0, 5)]


def test_a_chord_less_than_a_tick_from_a_note_stands_at_it() -> None:
    fifths = [TimedNote(Fraction(96 * i, 5), Fraction(96 * i + 96, 5), 60 + i) for i in range(5)]
    melody = formed(fifths, chords=((19, "C"), (39, "F")))
    assert melody.durations.tolist() == [19, 19, 20, 19, 19]
    assert [chord.onset for chord in melody.chords] == [19, 38]


def test_chords_of_another_part_count_unless_it_is_written_in_another_key() -> None:
    chords = (TimedChord(Fraction(0), Chord(0, 0, "7", 0)),)
    notes, bass = tuple(QUARTERS[:4]), tuple(timed(24 * i, 24 * i + 24, 40) for i in range(4))
    for sharps, n_chords in ((0, 1), (2, 0)):
        parts = (ScorePart(notes, sharps=0), ScorePart(bass, sharps=sharps, chords=chords))
        tune = tune_from_score(ParsedScore(parts), "test")
        assert len(tune.melody.chords) == n_chords
        assert tune.left_out.get(CHORD_SYMBOLS, 0) == 1 - n_chords


def test_letters_that_divide_a_repeated_passage_are_no_parts() -> None:
    part_a, part_b = (FormMark(0, FormSign.PART, name=name) for name in "AB")
    assert signs(formed(QUARTERS, (0, part_a), (192, part_b))) == [(0, "P"), (8, "P")]
    rehearsed = formed(QUARTERS, (0, part_a), (0, BEGIN), (192, part_b), (384, END))
    assert signs(rehearsed) == [(0, "|:"), (16, ":|")]
    assert len(played(rehearsed)) == 32


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


def test_absurdly_many_bars_raise_an_error() -> None:
    with pytest.raises(InputError, match="20000 bars"):
        melody_of([timed(0, 24, 60), timed(400_000, 400_024, 60)], change(0, Metre(1, 32)))
