from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.spelling import Spelling
from chromasonic.melody_generation.notation.voice_leading import spell_melody


def spelled(pitches: list[int], tonic: int = 0, mode: str = "major") -> str:
    melody = Melody(pitches, [24] * len(pitches), tonic=tonic, mode=mode)
    return " ".join(pitch.name if pitch else "-" for pitch in spell_melody(melody, Spelling.for_melody(melody)))


@pytest.mark.parametrize(
    ("pitches", "names"),
    [
        ([71, 70, 71], "B A# B"),  # a neighbour note
        ([71, 70, 69], "B Bb A"),  # passing down
        ([69, 70, 71], "A Bb B"),  # passing up: B flat, since A sharp is too far from C
        ([64, 63, 63, 64], "E D# D# E"),  # repeated
        ([67, 68, 67], "G Ab G"),
        ([67, 68, 69], "G G# A"),
        ([62, 61, 62], "D C# D"),
        ([60, 66, 60], "C F# C"),  # no neighbour: by the key
        ([67, 68, 67, 60, 68, 60], "G Ab G C Ab C"),  # as the nearest of its kind
        ([64, REST, 63, REST, 64], "E - Eb - E"),
    ],
)
def test_a_step_of_a_semitone_is_a_minor_second_where_melodies_have_one(pitches: list[int], names: str) -> None:
    assert spelled(pitches) == names


def test_the_same_holds_in_every_key() -> None:
    assert spelled([69, 68, 69], 7) == "A G# A"
    assert spelled([78, 77, 78], 2) == "F# E# F#"
    assert spelled([70, 69, 70, 71, 70], 10) == "Bb A Bb Cb Bb"


def test_the_spelling_of_the_source_is_kept() -> None:
    melody = Melody([71, 70, 71], [24] * 3, spelling=[5, -2, 5])
    assert [pitch.name for pitch in spell_melody(melody, Spelling.for_melody(melody)) if pitch] == ["B", "Bb", "B"]


@given(melodies(), st.integers(0, 11))
def test_every_note_sounds_as_it_is_written(melody: Melody, tonic: int) -> None:
    written = spell_melody(melody, Spelling.for_key(tonic, melody.mode))
    sounding = melody.pitches != REST
    assert [pitch is not None for pitch in written] == sounding.tolist()
    semitones = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
    heard = [12 * (pitch.octave + 1) + semitones[pitch.step] + pitch.alter for pitch in written if pitch]
    assert np.array_equal(heard, melody.pitches[sounding])
