"""Tokens of kern."""

from __future__ import annotations

from fractions import Fraction

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.scores.kern_tokens import (
    is_kern_key,
    parse_kern_key,
    parse_kern_metre,
    parse_kern_note,
    parse_kern_signature,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import Metre


@pytest.mark.parametrize(
    ("token", "pitch", "quarters"),
    [
        ("4c", 60, 1),
        ("8.cc#L", 73, Fraction(3, 4)),
        ("{16BB--/LL", 45, Fraction(1, 4)),
        ("1ddxxx#", 75, 4),
        ("2..CCC", 24, Fraction(7, 2)),
        ("0dn", 62, 8),
        ("00e", 64, 16),
        ("3%2f", 65, Fraction(8, 3)),
        ("12gJ", 67, Fraction(1, 3)),
        ("(4a;T)", 69, 1),
        ("4@16@b", 71, 1),
        ("4ryy", None, 1),
        ("2rggg", None, 2),
    ],
)
def test_notes_and_rests(token: str, pitch: int | None, quarters: Fraction) -> None:
    note = parse_kern_note(token)
    assert note is not None
    assert (note.pitch, note.quarters, note.is_grace) == (pitch, quarters, False)


def test_ties_and_grace_notes() -> None:
    ties = [parse_kern_note(token) for token in ("[4c", "4c_", "4c]")]
    assert [(note.tied_back, note.tied_on) for note in ties if note] == [(False, True), (True, True), (True, False)]
    for token in ("qcc", "8ccq", "16qqdd"):
        grace = parse_kern_note(token)
        assert grace is not None
        assert grace.is_grace


@pytest.mark.parametrize(
    "token", ["Region", "Montana", "4", "c", "4ce", "4c8", "1850", "4cccccccccccc", "4x", "A4a", "0000c", "0%2c"]
)
def test_words_and_numbers_are_no_notes(token: str) -> None:
    assert parse_kern_note(token) is None


@pytest.mark.parametrize(
    ("token", "metre"),
    [
        ("*M3/4", Metre(3, 4)),
        ("*M2+3/8", Metre(5, 8)),
        ("*M3/1", Metre(3, 1)),
        ("*M2/0", Metre(4, 1)),
        ("*M2/3%2", Metre(4, 3)),
        ("*MX", Metre(0, 4)),
        ("*MX/4", Metre(0, 4)),
        ("*M?", Metre(0, 4)),
        ("*MFREI", Metre(0, 4)),
        ("*MM120", None),
        ("*met(c)", None),
        ("*M4", None),
        ("*M4/7", None),
        ("*M0/4", None),
    ],
)
def test_metres(token: str, metre: Metre | None) -> None:
    assert parse_kern_metre(token) == metre


def test_absurdly_many_beats_raise_an_error() -> None:
    with pytest.raises(InputError):
        parse_kern_metre("*M4000/4")


@pytest.mark.parametrize(
    ("token", "sharps"),
    [
        ("*k[]", 0),
        ("*k[f#]", 1),
        ("*k[c#f#g#]", 3),
        ("*k[b-e-]", -2),
        ("*k[f#b-]", None),
        ("*k[c#]", None),
        ("*k[x]", None),
    ],
)
def test_signatures(token: str, sharps: int | None) -> None:
    assert parse_kern_signature(token) == sharps


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("*G:", Key(7, "major")),
        ("*g:", Key(7, "minor")),
        ("*B-:", Key(10, "major")),
        ("*f#:", Key(6, "minor")),
        ("*d:dor", Key(2, "dorian")),
        ("*D:dor", Key(2, "dorian")),
        ("*E:phr", Key(4, "phrygian")),
        ("*A:aeo", Key(9, "minor")),
        ("*c:ion", Key(0, "major")),
        ("*F:lyd", Key(5, "lydian")),
        ("*G:mix", Key(7, "mixolydian")),
        ("*b:loc", Key(11, "locrian")),
        ("*G:XYZ", None),
    ],
)
def test_keys(token: str, key: Key | None) -> None:
    assert is_kern_key(token)
    assert parse_kern_key(token) == key


def test_other_interpretations_are_no_keys() -> None:
    assert not any(map(is_kern_key, ("*clefG2", "*>A", "*staff1", "*?:", "*Xcue", "*H:")))
