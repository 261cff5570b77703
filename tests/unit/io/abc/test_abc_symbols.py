"""Single symbols of ABC against the tables of the standard and against music21."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from music21.abcFormat import ABCNote
from music21.pitch import Pitch

from chromasonic.melody_generation.io.abc.abc_symbols import (
    chord_notes,
    default_unit_length,
    parse_broken_rhythm,
    parse_metre_field,
    parse_note,
    parse_part_order_field,
    parse_text,
    parse_tuplet,
    parse_unit_length_field,
)
from chromasonic.melody_generation.melody import Metre

note_texts = st.from_regex(r"(\^|\^\^|_|__|=)?([A-G],{0,3}|[a-g]'{0,3})(/|//|[1-9]/[248]|[1-9][0-9]?|)", fullmatch=True)


@given(note_texts)
def test_notes_agree_with_music21(text: str) -> None:
    theirs = ABCNote(text)
    theirs.parse(forceDefaultQuarterLength=1)
    ours = parse_note(text)
    assert ours.pitch(ours.accidental or 0) == Pitch(theirs.pitchName).midi
    assert ours.length == Fraction(theirs.quarterLength)


@pytest.mark.parametrize("text", ["A0", "A/0", "A/1000", "?", ""])
def test_a_note_without_pitch_or_length_raises_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"no note|no length|finer than"):
        parse_note(text)


def test_a_note_outside_the_midi_range_raises_an_error() -> None:
    with pytest.raises(ValueError, match="outside the range of MIDI"):
        parse_note("C" + "," * 9).pitch(0)


@pytest.mark.parametrize(
    ("text", "letters", "length"),
    [
        ("[CEG]", "CEG", 1),
        ("[C2E2G2]", "CEG", 2),
        ("[CEG]2", "CEG", 2),
        ("[C2E2]/", "CE", 1),
        ("[zG]", "G", 1),
        ("[z2]", "", 2),
    ],
)
def test_chords_have_one_length(text: str, letters: str, length: int) -> None:
    notes = chord_notes(text)
    assert "".join(note.letter for note in notes) == letters
    assert {note.length for note in notes} == {length}


def test_a_chord_without_notes_raises_an_error() -> None:
    with pytest.raises(ValueError, match="no note in the chord"):
        chord_notes("[]")


@pytest.mark.parametrize(
    ("text", "metre"),
    [
        ("6/8", "6/8"),
        ("2/2]", "2/2"),
        ("C", "4/4"),
        ("c", "4/4"),
        ("C2", "4/4"),
        ("C |", "2/2"),
        ("C|", "2/2"),
        ("none", "free"),
        ("FREI4/4", "free"),
        ("", "free"),
        ("3+2/8", "5/8"),
        ("(2+3+2)/8", "7/8"),
        (" 12 / 8 ", "12/8"),
    ],
)
def test_metres_as_written_in_the_collections(text: str, metre: str) -> None:
    assert str(parse_metre_field(text)) == metre


def test_a_unit_length_may_be_a_whole_note() -> None:
    assert [parse_unit_length_field(text) for text in ("1", "1/1", " 1 ", "1/8")] == [1, 1, 1, Fraction(1, 8)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"Caf\'e, R\"ove, Gar\cc\`a", "Café, Röve, Garçà"),
        ("Caf&eacute; &amp; B&uuml;hne &#233;", "Café & Bühne é"),
        (r"\aa\ae\/o \ss", "åæø ß"),
        (r"100\% \& \\", "100% & \\"),
        ("plain & simple", "plain & simple"),
    ],
)
def test_escapes_of_text_are_resolved(text: str, read: str) -> None:
    assert parse_text(text) == read


def test_malformed_field_values_raise_an_error() -> None:
    with pytest.raises(ValueError, match="the metre 'waltz' is not understood"):
        parse_metre_field("waltz")
    for text in ("1/0", "0/8", "eighth", "1/G"):
        with pytest.raises(ValueError, match="the unit length"):
            parse_unit_length_field(text)


@pytest.mark.parametrize(("metre", "unit"), [("2/4", 16), ("3/4", 8), ("6/8", 8), ("C", 8), ("3/8", 16), ("none", 8)])
def test_the_default_unit_length_depends_on_the_metre(metre: str, unit: int) -> None:
    assert default_unit_length(parse_metre_field(metre)) == Fraction(1, unit)


@pytest.mark.parametrize(
    ("text", "metre", "factor", "n_notes"),
    [
        ("(2", Metre(6, 8), Fraction(3, 2), 2),
        ("(3", Metre(4, 4), Fraction(2, 3), 3),
        ("(4", Metre(6, 8), Fraction(3, 4), 4),
        ("(5", Metre(4, 4), Fraction(2, 5), 5),
        ("(5", Metre(9, 8), Fraction(3, 5), 5),
        ("(7", Metre(3, 4), Fraction(2, 7), 7),
        ("(3:2:4", Metre(4, 4), Fraction(2, 3), 4),
        ("(3::2", Metre(4, 4), Fraction(2, 3), 2),
        ("(5:4", Metre(4, 4), Fraction(4, 5), 5),
    ],
)
def test_tuplets_agree_with_the_standard(text: str, metre: Metre, factor: Fraction, n_notes: int) -> None:
    tuplet = parse_tuplet(text, metre)
    assert (tuplet.factor, tuplet.n_notes) == (factor, n_notes)


def test_a_tuplet_of_no_notes_raises_an_error() -> None:
    with pytest.raises(ValueError, match="no tuplet"):
        parse_tuplet("(0", Metre(4, 4))


@pytest.mark.parametrize("text", [">", ">>", ">>>", "<", "<<", "<<<"])
def test_broken_rhythm_keeps_the_length_of_the_pair(text: str) -> None:
    before, after = parse_broken_rhythm(text)
    assert before + after == 2
    assert (before > after) == text.startswith(">")


def test_broken_rhythm_of_both_directions_raises_an_error() -> None:
    with pytest.raises(ValueError, match="no broken rhythm"):
        parse_broken_rhythm("><")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("AAB", "AAB"),
        ("A AABBB", "AAABBB"),
        ("A2B3", "AABBB"),
        ("A.(BC)2", "ABCBC"),
        ("((AB)2C)2", "ABABCABABC"),
        ("(AB)", "AB"),
        ('ABA % "Da Capo"', "ABA"),
        ("", ""),
    ],
)
def test_part_orders_are_unrolled(text: str, order: str) -> None:
    assert parse_part_order_field(text) == order


def test_an_absurdly_long_part_order_raises_an_error() -> None:
    with pytest.raises(ValueError, match="the part order"):
        parse_part_order_field("((((A99)99)99)99)99")


def test_a_part_order_is_limited_by_the_letters_that_it_yields() -> None:
    assert len(parse_part_order_field("(A99)99" * 10)) == 98_010
    with pytest.raises(ValueError, match="more than 100000 letters"):
        parse_part_order_field("(A99)99" * 11)
    assert parse_part_order_field("(" * 20_000 + "A" + ")1" * 20_000 + "B") == "AB"


def by_substitution(text: str) -> str:
    """Unroll a part order by replacing one part or innermost group after the other."""
    repeated = re.compile(r"(?:\(([A-Z]*)\)|([A-Z]))(\d+)|\(([A-Z]*)\)")
    while match := repeated.search(text):
        once = match[1] or match[2] or match[4] or ""
        text = text[: match.start()] + once * int(match[3] or 1) + text[match.end() :]
    return re.sub(r"[^A-Z]", "", text)


@given(st.text("AB()()0123", max_size=14))
def test_part_orders_agree_with_substitution_also_if_malformed(text: str) -> None:
    assume(not re.search(r"\d\d", text))
    assert parse_part_order_field(text) == by_substitution(text)
