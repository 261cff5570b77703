"""Signs of form, chord symbols and kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.form import (
    KINDS,
    QUALITIES,
    Chord,
    FormMark,
    FormSign,
    kind_of,
    parse_chord,
    without_redundant_marks,
)
from chromasonic.melody_generation.notation.chord_names import chord_name
from chromasonic.melody_generation.notation.spelling import Spelling

CHORDS = {
    "C": (0, "major", 0), "Am": (9, "minor", 9), "G7": (7, "7", 7), "Bbmaj7": (10, "maj7", 10),
    "F#m7b5": (6, "m7b5", 6),
    "D/F#": (2, "major", 6), "(E7)": (4, "7", 4), "Gdim": (7, "dim", 7), "Adim7": (9, "dim7", 9), "C+": (0, "aug", 0),
    "Asus4": (9, "sus4", 9), "A7(b9)": (9, "7", 9), "Eb6": (3, "6", 3), "D-": (2, "minor", 2), "E♭m": (3, "minor", 3),
    " G ": (7, "major", 7), "Cb": (11, "major", 11), "D7/c": (2, "7", 0),
}  # fmt: skip


@pytest.mark.parametrize("text", CHORDS)
def test_chord_symbols_are_parsed(text: str) -> None:
    assert parse_chord(text, 5) == Chord(5, *CHORDS[text])


@pytest.mark.parametrize(
    "text", ["", "Fine", "D.C.", "Dal Segno", "am", "H7", "N.C.", "^slow", "Gx", "C/", "Capo 2", "A A"]
)
def test_other_text_is_no_chord_symbol(text: str) -> None:
    assert parse_chord(text) is None


chords = st.builds(Chord, st.just(0), st.integers(0, 11), st.sampled_from(QUALITIES), st.integers(0, 11))


@given(chords, st.integers(0, 11), st.sampled_from(["major", "minor", "dorian", "lydian"]))
def test_names_of_chords_are_parsed_back_in_every_key(chord: Chord, tonic: int, mode: str) -> None:
    assert parse_chord(chord_name(chord, Spelling.for_key(tonic, mode))) == chord


@given(chords, st.integers(-30, 30))
def test_a_chord_that_is_transposed_there_and_back_is_the_same(chord: Chord, semitones: int) -> None:
    assert chord.transposed(semitones).transposed(-semitones) == chord


BAD_CHORDS = [(-1, 0, "7", 0), (0, 12, "7", 0), (0, 0, "x", 0), (0, 0, "7", -1)]


@pytest.mark.parametrize(("onset", "root", "quality", "bass"), BAD_CHORDS)
def test_a_chord_out_of_range_is_refused(onset: int, root: int, quality: str, bass: int) -> None:
    with pytest.raises(ValueError, match="a chord has"):
        Chord(onset, root, quality, bass)


def test_only_endings_have_passes_and_only_parts_have_names() -> None:
    for sign, passes, name in (
        (FormSign.ENDING, (), ""),
        (FormSign.ENDING, (17,), ""),
        (FormSign.SECTION, (1,), ""),
        (FormSign.REPEAT_BEGIN, (), "A"),
    ):
        with pytest.raises(ValueError, match=r"."):
            FormMark(0, sign, passes, name)


def test_double_bars_at_either_end_or_beside_other_signs_are_redundant() -> None:
    def marks(*places: tuple[int, FormSign]) -> list[FormMark]:
        return [FormMark(note, sign) for note, sign in places]

    section, end = FormSign.SECTION, FormSign.REPEAT_END
    written = marks((0, section), (4, section), (8, end), (8, section), (8, end), (9, section))
    assert without_redundant_marks(written, 9) == tuple(marks((4, section), (8, end)))


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["", "Tidal Wave -- Jig"], "jig"),
        (["reel", "The Jig of Slurs"], "reel"),
        (["Slip Jig"], "slip jig"),
        (["Romanze, Ballade, Lied"], "song"),
        (["Vals fran Orsa"], "waltz"),
        (["Ordinary title", "The Fairy Queen"], "unknown"),
        (["The Prejigger"], "unknown"),
        (["Schottisches"], "schottische"),
        (["Quickstep"], "march"),
    ],
)
def test_the_first_known_word_names_the_kind(texts: list[str], kind: str) -> None:
    assert kind_of(*texts) == kind
    assert kind in KINDS
