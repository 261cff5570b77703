"""Which voice of an ABC tune carries the melody."""

from __future__ import annotations

import pytest

from chromasonic.melody_generation.io.bounded.file_formats import tunes_of_file
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

LOW, HIGH = "V:{}\nC,E,G,C|E,G,CE|\n", "V:{}\nc2d2|e2f2|\n"


def read(first: str, second: str, *, words: str = "", part: str | int | None = None) -> WrittenTune | DroppedTune:
    """Read a tune with a low and a high voice, the low one first; ``words`` stand below the high one."""
    body = LOW.format(first.split(maxsplit=1)[0]) + HIGH.format(second.split(maxsplit=1)[0]) + words
    text = f"X:1\nM:4/4\nL:1/8\nV:{first}\nV:{second}\nK:C\n{body}"
    (tune,) = tunes_of_file(text.encode(), ".abc", "f", part)
    return tune


@pytest.mark.parametrize(
    ("first", "second", "words", "rule"),
    [
        ('1 name="Piano"', '2 name="Melody"', "", "the melody is the voice with such a name"),
        ("Piano", "Vocal clef=treble", "", "the melody is the voice with such a name"),
        ("1", "2", "w: la la la la\n", "the melody is the first voice with words"),
        ("1 clef=perc", "2", "", "the melody is the first voice with notes"),
    ],
)
def test_names_words_and_clefs_select_the_voice(first: str, second: str, words: str, rule: str) -> None:
    tune = read(first, second, words=words)
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist() == [72, 74, 76, 77]
    assert [remark.kind for remark in tune.remarks] == [rule]


def test_without_such_a_sign_the_first_voice_is_the_melody() -> None:
    tune = read("1", "2")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist()[0] == 48
    assert [remark.detail for remark in tune.remarks] == ["voice 1 of 2"]


@pytest.mark.parametrize("part", ["2", 2, "flute", "FLU"])
def test_the_user_names_the_voice(part: str | int) -> None:
    tune = read("1 name=Melody", "2 name=Flute", part=part)
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist() == [72, 74, 76, 77]


def test_a_voice_that_is_not_there_is_named() -> None:
    tune = read("1 name=Piano", "2 name=Flute", part="oboe")
    assert isinstance(tune, DroppedTune)
    assert tune.reason == "it has no voice 'oboe' with notes; its voices are 1 'Piano', 2 'Flute'"


def test_a_tune_of_one_voice_has_no_voice_to_name() -> None:
    (tune,) = tunes_of_file(b"X:1\nK:C\nCDE|\n", ".abc", "f", "Melody")
    assert isinstance(tune, WrittenTune)


def test_the_channel_of_percussion_is_no_melody() -> None:
    text = b"X:1\nV:1\nV:2\nK:C\nV:1\n%%MIDI channel 10\nB,8|\nV:2\nCDEF|\n"
    (tune,) = tunes_of_file(text, ".abc", "f")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist() == [60, 62, 64, 65]


@pytest.mark.parametrize(
    "text",
    ["X:1\nK:Am transpose=-2\nCDE|", "X:1\nV:1 transpose=-2\nK:C\nV:1\nCDE|", "X:1\n%%MIDI transpose -2\nK:C\nCDE|"],
)
def test_a_transposition_is_reported(text: str) -> None:
    (tune,) = tunes_of_file(text.encode(), ".abc", "f")
    assert isinstance(tune, WrittenTune)
    assert tune.melody.pitches.tolist() == [60, 62, 64]
    assert [remark.detail for remark in tune.remarks] == ["it sounds 2 semitones lower"]
