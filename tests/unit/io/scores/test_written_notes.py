"""Ties, lengths of measures and keys, which all notated scores have."""

from __future__ import annotations

from fractions import Fraction

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.scores.written_notes import (
    WrittenNote,
    check_unreadable,
    join_ties,
    key_of_signature,
    measure_length,
)
from chromasonic.melody_generation.measures.key_estimation import Key


def written(onset: int, end: int, pitch: int = 60, ties: str = "") -> WrittenNote:
    return WrittenNote(Fraction(onset), Fraction(end), pitch, "b" in ties, "o" in ties)


def test_a_tie_joins_notes_of_one_pitch_without_a_gap() -> None:
    chain = [written(0, 24, ties="o"), written(24, 48, ties="bo"), written(48, 60, ties="b")]
    assert [(int(note.onset), int(note.end)) for note in join_ties(chain)] == [(0, 60)]
    gap = [written(0, 24, ties="o"), written(36, 48, ties="b")]
    assert len(join_ties(gap)) == 2
    other_pitch = [written(0, 24, 60, ties="o"), written(24, 48, 62, ties="b")]
    assert len(join_ties(other_pitch)) == 2


def test_a_second_voice_on_the_same_pitch_does_not_take_a_tie() -> None:
    notes = [written(0, 48, ties="o"), written(24, 36), written(48, 72, ties="b")]
    assert [(int(note.onset), int(note.end)) for note in join_ties(notes)] == [(0, 72), (24, 36)]


def test_a_measure_that_no_voice_fills_is_as_long_as_its_longest_voice() -> None:
    assert measure_length([Fraction(24), Fraction(48)], Fraction(96)) == 48
    assert measure_length([Fraction(120), Fraction(96)], Fraction(96)) == 96
    assert measure_length([Fraction(120)], None) == 120


def test_modes_share_the_signature_of_their_major_key() -> None:
    assert key_of_signature(2, "major") == Key(2, "major")
    assert key_of_signature(0, "aeolian") == Key(9, "minor")
    assert key_of_signature(1, "mixolydian") == Key(2, "mixolydian")
    assert key_of_signature(0, "none") is None


def test_one_unreadable_note_of_twenty_is_too_many_only_beyond() -> None:
    check_unreadable(1, 20)
    with pytest.raises(InputError, match="1 of its 19 notes"):
        check_unreadable(1, 19)
