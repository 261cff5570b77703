"""The form of a melody is unrolled as it is played."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from tests.strategies import formed_melodies, melodies

from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.played.played_melody import pass_events, played, score_events, with_repeat_signs
from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import Melody, Metre


def tune_of(music: str, header: str = "") -> Melody:
    [tune] = read_abc(f"X:1\nM:4/4\nL:1/1\n{header}K:C\n{music}\n", file_name="t.abc")
    assert isinstance(tune, WrittenTune)
    return tune.melody


@pytest.mark.parametrize(
    ("music", "order"),
    [("C|D|", [0, 2]), ("|:C|1D:|2E||", [0, 2, 0, 4]), ("C|D:|:E|F:|", [0, 2, 0, 2, 4, 5, 4, 5])],
)
def test_repeats_and_endings_are_written_out(music: str, order: list[int]) -> None:
    melody = played(tune_of(music))
    assert [pitch - 60 for pitch in melody.pitches.tolist()] == order
    assert melody.form == ()


def test_parts_are_played_in_their_order() -> None:
    melody = tune_of("P:A\nC|D|\nP:B\nE|F|", "P:ABA\n")
    assert melody.part_order == "ABA"
    assert [pitch - 60 for pitch in played(melody).pitches.tolist()] == [0, 2, 4, 5, 0, 2]


def test_chords_are_played_with_their_notes() -> None:
    melody = played(tune_of('|:"C"C|"G"D:|'))
    assert [(chord.onset, chord.root) for chord in melody.chords] == [(0, 0), (96, 7), (192, 0), (288, 7)]


def test_a_chord_within_a_note_stays_there() -> None:
    melody = Melody([60, 62], [96, 96], chords=[Chord(48, 7, "7", 7)], form=[FormMark(1, FormSign.REPEAT_END)])
    assert [chord.onset for chord in played(melody).chords] == [48, 144]
    assert played(melody).pitches.tolist() == [60, 60, 62]


@given(melodies(1))
def test_a_melody_without_form_is_played_as_written(melody: Melody) -> None:
    assert played(melody).pitches.tolist() == melody.pitches.tolist()
    assert played(melody).durations.tolist() == melody.durations.tolist()


def test_a_part_without_notes_is_not_played() -> None:
    marks = (FormMark(0, FormSign.PART, name="A"), FormMark(2, FormSign.PART, name="B"))
    assert played(Melody([60, 62], [96, 96], form=marks, part_order="BAB")).pitches.tolist() == [60, 62]
    assert played(Melody([60, 62], [96, 96], form=marks, part_order="BB")).pitches.tolist() == [60, 62]


@given(formed_melodies())
def test_every_form_can_be_played(melody: Melody) -> None:
    unrolled = played(melody)
    assert unrolled.form == ()
    if not any(mark.sign is FormSign.PART for mark in melody.form):
        assert set(unrolled.pitches.tolist()) == set(melody.pitches.tolist())


@given(formed_melodies())
def test_the_played_order_does_not_depend_on_explicit_repeat_signs(melody: Melody) -> None:
    assume(all(mark.sign is not FormSign.ENDING for mark in melody.form))  # an ending may come without a body
    assert played(with_repeat_signs(melody)) == played(melody)


def test_events_of_a_melody_give_the_melody_back() -> None:
    form, chords = [FormMark(1, FormSign.REPEAT_BEGIN)], [Chord(60, 7, "7", 7)]
    melody = Melody([60, 62, 64], [24, 96, 48], Metre(3, 4), 48, form=form, chords=chords)
    counter = BarCounter(melody.metre)
    pass_events(counter, score_events(melody))
    assert counter.tune().melody == melody
