"""Keys of ABC against the standard and against music21."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import key as music21_key

from chromasonic.melody_generation.io.abc.abc_key import parse_key_field, parse_properties


@pytest.mark.parametrize("tonic", ["C", "D", "F#", "Bb", "E", "Ab"])
@pytest.mark.parametrize("mode", ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"])
def test_key_signatures_agree_with_music21(tonic: str, mode: str) -> None:
    parsed = parse_key_field(f"{tonic} {mode.capitalize()}")
    theirs = music21_key.Key(tonic.replace("b", "-"), mode)
    assert parsed.mode == mode
    assert parsed.tonic == theirs.tonic.pitchClass
    altered = {pitch.step: int(pitch.alter) for pitch in theirs.alteredPitches}
    assert {letter: semitones for letter, semitones in parsed.signature if semitones} == altered


@pytest.mark.parametrize(
    ("text", "tonic", "mode", "altered"),
    [
        ("G", 7, "major", {"F": 1}),
        ("Am", 9, "minor", {}),
        ("GM", 7, "minor", {"B": -1, "E": -1}),
        ("E Minor", 4, "minor", {"F": 1}),
        ("EMin", 4, "minor", {"F": 1}),
        ("Amix", 9, "mixolydian", {"F": 1, "C": 1}),
        ("ADor", 9, "dorian", {"F": 1}),
        ("G ionian", 7, "major", {"F": 1}),
        ("Aaeol", 9, "minor", {}),
        ("Hp", 9, "mixolydian", {"F": 1, "C": 1}),
        ("HP", 9, "mixolydian", {"F": 1, "C": 1}),
        ("H", 11, "major", dict.fromkeys("FCGDA", 1)),
        ("Es", 3, "major", dict.fromkeys("BEA", -1)),
        ("Bn", 11, "minor", {"F": 1, "C": 1}),
        ("F#m", 6, "minor", dict.fromkeys("FCG", 1)),
        ("Dmix=c", 2, "mixolydian", {"F": 1}),
        ("D exp _b ^f", 2, "major", {"F": 1, "B": -1}),
        ("D ^g", 2, "major", dict.fromkeys("FCG", 1)),
        ("G clef=bass", 7, "major", {"F": 1}),
        ("Bb minor", 10, "minor", dict.fromkeys("BEADG", -1)),
        ("B flat minor", 10, "minor", dict.fromkeys("BEADG", -1)),
        ("Bflat", 10, "major", {"B": -1, "E": -1}),
        ("F sharp minor", 6, "minor", dict.fromkeys("FCG", 1)),
        ("A-minor", 9, "minor", {}),
        ("Es-dur", 3, "major", dict.fromkeys("BEA", -1)),
        ("D harmonic minor", 2, "minor", {"B": -1}),
        ("C m=B,", 0, "major", {}),
        ("clef=bass G", 7, "major", {"F": 1}),
        ("treble-8 Am", 9, "minor", {}),
        ("C ♯f♯c", 0, "major", {"F": 1, "C": 1}),
        ("^f ^c", 0, "major", {"F": 1, "C": 1}),
        ("exp _b", 0, "major", {"B": -1}),
        ("none ^f", 0, "major", {"F": 1}),
        ("none", 0, "major", {}),
        ("", 0, "major", {}),
    ],
)
def test_keys_as_written_in_the_collections(text: str, tonic: int, mode: str, altered: dict[str, int]) -> None:
    parsed = parse_key_field(text)
    assert (parsed.tonic, parsed.mode) == (tonic, mode)
    assert {letter: semitones for letter, semitones in parsed.signature if semitones} == altered


PROPERTIES = (
    *("clef=bass", "clef=alto", "clef=F4", "clef=C3", "clef=G2", "clef=treble", "bass", "treble", "alto1", "treble-8"),
    *("middle=d", "name=Bass", 'name="Ed\'s bass"', "snm=B.", "nm=A", "octave=-1", "transpose=2", "stafflines=1"),
)


@given(
    st.sampled_from(["C", "F", "Eb", "D", "Am", "F#m", "G dorian", "Dmix", "D =c", "none"]),
    st.lists(st.sampled_from(PROPERTIES), min_size=1, max_size=3),
)
def test_properties_of_a_voice_do_not_change_the_key(key: str, properties: list[str]) -> None:
    alone, with_properties = parse_key_field(key), parse_key_field(" ".join([key, *properties]))
    assert with_properties.signature == alone.signature
    assert (with_properties.tonic, with_properties.mode) == (alone.tonic, alone.mode)
    assert (with_properties.has_key, with_properties.ignored) == (True, "")


@given(st.lists(st.sampled_from(PROPERTIES), min_size=1, max_size=3))
def test_properties_alone_are_no_key(properties: list[str]) -> None:
    assert not parse_key_field(" ".join(properties)).has_key


@pytest.mark.parametrize(
    ("text", "octaves"),
    [
        ("C treble-8", -1),
        ("C treble+8", 1),
        ("Am clef=bass-8", -1),
        ("C octave=-1", -1),
        ("C treble-8 octave=2", 1),
        *(("C treble+15", 2), ("C clef=treble_8", 0), ("C clef=treble^8", 0), ("C octave=\u20131", -1)),
    ],
)
def test_clefs_and_octaves_move_the_notes(text: str, octaves: int) -> None:
    assert parse_key_field(text).octaves == octaves


def test_pipes_have_two_sharps_however_they_are_written() -> None:
    for text in ("HP", "Hp"):
        key = parse_key_field(text)
        assert (key.tonic, key.mode) == (9, "mixolydian")
        assert {letter for letter, semitones in key.signature if semitones} == {"F", "C"}


@pytest.mark.parametrize(("text", "plain"), [("F♯m", "F#m"), ("B♭", "Bb"), ("D ♮c", "D =c"), ("E♭ major", "Eb")])
def test_typographic_signs_are_read(text: str, plain: str) -> None:
    assert parse_key_field(text) == parse_key_field(plain)


@pytest.mark.parametrize("text", ["xyz", "Glorious", "K:G", "?c", "1", "C##", "Bbb", "^c d"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not understood"):
        parse_key_field(text)


@pytest.mark.parametrize(("text", "ignored"), [("Am Hornpipe", "Hornpipe"), ("D nonsense=3", "nonsense=3"), ("G", "")])
def test_what_follows_a_key_and_is_not_understood_is_kept(text: str, ignored: str) -> None:
    assert parse_key_field(text).ignored == ignored


def test_properties_are_read_in_any_order() -> None:
    assert parse_properties("octave=1 transpose=-3 clef=treble-8 and more").octaves == 0
    assert parse_properties("octave=1 transpose=-3").transposition == -3
    assert parse_properties("shift=CD").transposition == 2
    assert parse_properties("sound=c_B").transposition == -2
    assert parse_properties('clef=perc name="Big  drum"').is_no_melody
    assert parse_properties('clef=perc name="Big  drum"').name == "Big drum"
    assert parse_properties("and more").rest == "and more"
