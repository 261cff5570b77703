"""Selection of the part of a score that carries the melody."""

from __future__ import annotations

from fractions import Fraction

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedNote, select_part


def part(name: str = "", pitch: int = 60, n_notes: int = 20, n_lyrics: int = 0) -> ScorePart:
    notes = tuple(TimedNote(Fraction(24 * i), Fraction(24 * i + 24), pitch) for i in range(n_notes))
    return ScorePart(notes, name, n_lyrics)


BASS, STRINGS, EMPTY = part("Bass", 40, 50), part("Strings", 80, 50), part("Melody", 60, 0)


def test_the_highest_part_with_enough_notes_is_the_melody() -> None:
    bass, tune, descant = part("", 40, 20), part("", 70, 11), part("", 90, 4)
    assert select_part([bass, tune, descant]).part is tune
    assert select_part([bass, part("", 70, 9), descant]).part is bass


@pytest.mark.parametrize("parts", [[], [EMPTY]])
def test_a_score_without_notes_raises_an_error(parts: list[ScorePart]) -> None:
    with pytest.raises(InputError, match="no pitched notes"):
        select_part(parts)


@pytest.mark.parametrize(
    "name",
    [
        *("Melody", "MELODY", "melodía", "Main melody", "Lead Vocal", "Lead", "vox", "Voice", "Voice.", "Solo voice"),
        *("Singstimme", "Stimme", "Gesang", "Chant", "Voix", "Canto", "Sång", "Soprano"),
    ],
)
def test_a_part_named_like_a_melody_is_the_melody(name: str) -> None:
    tune = part(name, 55, 20)
    selected = select_part([BASS, STRINGS, tune])
    assert selected.part is tune
    assert selected.remark is not None
    assert selected.remark.detail == f"part 3 of 3, {name!r}"


@pytest.mark.parametrize(
    "name",
    [
        *("Backing vocals", "Choir Aahs", "Voice Oohs", "Bass voice", "2nd voice", "Voice 2", "Violin", ""),
        *("Chords of the melody", "Melody harmony", "Counter melody", "Soprano sax"),
    ],
)
def test_names_of_accompaniments_are_no_melody(name: str) -> None:
    assert select_part([BASS, part(name, 55), STRINGS]).part is STRINGS


def test_the_sung_part_is_the_melody() -> None:
    soprano, alto = part("First", 70, 20, 15), part("Second", 62, 20, 15)
    selected = select_part([alto, soprano, STRINGS, BASS])
    assert selected.part is soprano
    assert selected.remark is not None
    assert "lyrics" in selected.remark.kind


def test_of_two_named_parts_the_sung_one_is_the_melody() -> None:
    sung = part("Voice", 55, 20, 12)
    assert select_part([part("Melody (violin)", 75), sung, STRINGS]).part is sung


def test_a_named_part_with_a_handful_of_notes_is_not_the_melody() -> None:
    assert select_part([part("Voice", 60, 2), STRINGS, BASS]).part is STRINGS


def test_a_single_part_needs_no_rule() -> None:
    tune = part("Flute")
    assert select_part([EMPTY, tune]).remark is None


@pytest.mark.parametrize("wanted", ["bass", "Bass", 1, "1", "ass"])
def test_the_user_names_a_part(wanted: str | int) -> None:
    assert select_part([BASS, STRINGS, part("Melody")], wanted).part is BASS


@pytest.mark.parametrize("wanted", ["flute", 0, 3, -1, "99999", "Melody"])
def test_a_part_that_does_not_exist_raises_an_error_with_the_parts(wanted: str | int) -> None:
    with pytest.raises(InputError, match="1 'Bass', 2 'Strings'"):
        select_part([BASS, STRINGS, EMPTY], wanted)
