"""The form of a tune as written, its chord symbols, and its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

KINDS = (
    *("unknown", "jig", "slip jig", "slide", "reel", "hornpipe", "polka", "strathspey", "march", "waltz", "mazurka"),
    *("schottische", "barndance", "polska", "minuet", "quadrille", "morris", "air", "song", "carol"),
)
QUALITIES = (
    *("major", "minor", "7", "maj7", "m7", "m7b5", "dim", "dim7", "aug", "aug7", "sus4", "sus2", "7sus4", "6", "m6"),
    "5",
)
MAX_PASSES = 16
# The pitch class of each letter without an accidental.
NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class FormSign(Enum):
    """A sign of form."""

    SECTION = "||"
    REPEAT_BEGIN = "|:"
    REPEAT_END = ":|"
    ENDING = "["
    PART = "P"


@dataclass(frozen=True)
class FormMark:
    """A sign of form before a note.

    Attributes:
        note: Index of the note that follows; the number of notes at the end.
        sign: The sign.
        passes: Of an ending: the passes in which it is played, counted from 1.
        name: Of a part: its name.

    Raises:
        ValueError: If ``passes`` or ``name`` does not fit the sign.
    """

    note: int
    sign: FormSign
    passes: tuple[int, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if bool(self.passes) != (self.sign is FormSign.ENDING):
            raise ValueError("an ending, and no other sign, has passes")
        if any(not 1 <= number <= MAX_PASSES for number in self.passes):
            raise ValueError(f"an ending is for passes 1 to {MAX_PASSES}, got {self.passes}")
        if self.name and self.sign is not FormSign.PART:
            raise ValueError("only a part has a name")


@dataclass(frozen=True)
class Chord:
    """A chord symbol.

    Attributes:
        onset: Ticks from the first note of the melody to where it stands.
        root: Pitch class of the root, 0 (C) to 11 (B).
        quality: One of ``QUALITIES``.
        bass: Pitch class of the bass; the root, unless another note is written after a slash.

    Raises:
        ValueError: If a value is out of range.
    """

    onset: int
    root: int
    quality: str
    bass: int

    def __post_init__(self) -> None:
        if self.onset < 0 or not 0 <= self.root <= 11 or not 0 <= self.bass <= 11 or self.quality not in QUALITIES:
            raise ValueError(f"a chord has an onset of 0 or more, pitch classes 0 to 11, and a known quality: {self}")

    def transposed(self, semitones: int) -> Chord:
        """Transpose the root and the bass by a number of semitones."""
        return replace(self, root=(self.root + semitones) % 12, bass=(self.bass + semitones) % 12)


def marks_by_note(marks: Iterable[FormMark]) -> dict[int, list[FormMark]]:
    """Return the marks by the index of the note that follows, in their order."""
    by_note: dict[int, list[FormMark]] = {}
    for mark in marks:
        by_note.setdefault(mark.note, []).append(mark)
    return by_note


def without_redundant_marks(marks: Sequence[FormMark], n_notes: int) -> tuple[FormMark, ...]:
    """Return the marks without repetitions, and without double bars at either end or beside another sign."""
    elsewhere = {0, n_notes, *(mark.note for mark in marks if mark.sign is not FormSign.SECTION)}
    kept = [mark for mark in marks if mark.sign is not FormSign.SECTION or mark.note not in elsewhere]
    return tuple(dict.fromkeys(kept))


_NOTE_NAME = r"([A-Ga-g])([#b♯♭]?)"
_CHORD = re.compile(rf"\s*\(?{_NOTE_NAME}([^/\s\"]*)\s*(?:/\s*{_NOTE_NAME})?")
_ALTERATIONS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
# Suffixes by quality. Ninths and higher chords, and chords with added notes, become the chord below.
_SUFFIXES = {
    "major": ("", "maj", "M", "add9", "2", "add2", "add4"),
    "minor": ("m", "min", "mi", "-", "madd9"),
    "7": ("7", "dom7", "9", "11", "13", "7b9", "7#9", "7b5", "7alt", "7add13", "79"),
    "maj7": ("maj7", "M7", "ma7", "j7", "maj9", "M9", "Δ", "Δ7"),
    "m7": ("m7", "min7", "mi7", "-7", "m9", "m11", "min9"),
    "m7b5": ("m7b5", "m7-5", "ø", "ø7", "min7b5", "-7b5"),
    "dim": ("dim", "o", "°", "mb5"),
    "dim7": ("dim7", "o7", "°7"),
    "aug": ("aug", "+", "+5", "#5"),
    "aug7": ("aug7", "+7", "7+", "7#5", "7+5"),
    "sus4": ("sus4", "sus", "4"),
    "sus2": ("sus2",),
    "7sus4": ("7sus4", "7sus", "9sus4", "9sus"),
    "6": ("6", "69", "maj6"),
    "m6": ("m6", "min6", "-6", "m69"),
    "5": ("5",),
}
_QUALITY_OF = {suffix: quality for quality, suffixes in _SUFFIXES.items() for suffix in suffixes}


def parse_chord(text: str, onset: int = 0) -> Chord | None:
    """Parse a chord symbol as musicians write it; None if the text is no chord symbol.

    Example:
        >>> parse_chord("F#m7/E")
        Chord(onset=0, root=6, quality='m7', bass=4)
        >>> parse_chord("Fine") is None
        True
    """
    match = _CHORD.fullmatch(text.rstrip(") \t"))
    if not match or match[1].islower():
        return None
    suffix = match[3].replace("(", "").replace(")", "")
    quality = _QUALITY_OF.get(suffix, _QUALITY_OF.get(suffix.lower()))
    if quality is None:
        return None
    root = (NATURALS[match[1]] + _ALTERATIONS[match[2]]) % 12
    bass = (NATURALS[match[4].upper()] + _ALTERATIONS[match[5]]) % 12 if match[4] else root
    return Chord(onset, root, quality, bass)


# Beginnings of words in titles and R: fields, by kind; a more special kind comes before a more general one.
_KIND_WORDS = {
    "slip jig": r"slip[ -]?jig|hop[ -]?jig",
    "slide": "slide",
    "hornpipe": "hornpipe",
    "strathspey": "strathspey",
    "schottische": "schottis",
    "polka": "polka",
    "polska": "polska|springlek|hambo",
    "mazurka": "mazurka",
    "minuet": "minuet|menuet",
    "waltz": "waltz|walzer|valse|vals",
    "barndance": "barn ?dance",
    "quadrille": "quadrille|kadrilj",
    "morris": "morris",
    "jig": "jig",
    "reel": "reel",
    "march": "march|marsch|quick ?step|gånglåt",
    "carol": "carol",
    "song": "song|ballad|visa|lied|cantata",
    "air": "air",
}


def kind_of(*texts: str) -> str:
    """Return the kind that the first text with a known word names, such as an ``R:`` field and then a title.

    Example:
        >>> kind_of("", "The Irish Washerwoman -- Double Jig"), kind_of("Reel"), kind_of("The Fairy Queen")
        ('jig', 'reel', 'unknown')
    """
    for text in texts:
        lower = text.lower()
        for kind, words in _KIND_WORDS.items():
            if re.search(rf"\b(?:{words})", lower):
                return kind
    return "unknown"
