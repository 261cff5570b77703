"""Parsers of single ABC symbols: notes, lengths, keys, metres, tuplets, broken rhythm and part orders.

Pure functions from text to values; lengths are exact fractions. Reference: the ABC standard, versions 1.6 and 2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from chromasonic.melody_generation.melody import Metre

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS = "FCGDAEB"  # the order in which sharps are added to a signature
_ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_MIDDLE_C = 60
_MAX_DENOMINATOR = 128  # of a length: keeps sums of fractions small on absurd input
_MAX_PLAYS = 99
_MAX_PARTS = 100_000

_NOTE = re.compile(r"(\^\^?|__?|=)?([A-Ga-gz])([,']*)(\d*)(/*)(\d*)")
_KEY = re.compile(r"([A-Ha-h])(#|b|s\b|es\b|is\b)?\s*([A-Za-z]*)")
# An accidental that a key adds to its signature, as in ``K:D =c``.
_KEY_ACCIDENTAL = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
# A part or a parenthesis with the digits after it, or digits at the beginning.
_PART_SYMBOL = re.compile(r"([A-Za-z()]|^)(\d*)")
# Modes by their first three letters, with the distance of their signature from the major one in fifths.
_MODES = {
    "maj": ("major", 0),
    "ion": ("major", 0),
    "lyd": ("lydian", 1),
    "mix": ("mixolydian", -1),
    "dor": ("dorian", -2),
    "min": ("minor", -3),
    "m": ("minor", -3),
    "n": ("minor", -3),  # a typing error in O'Neill's
    "aeo": ("minor", -3),
    "phr": ("phrygian", -4),
    "loc": ("locrian", -5),
}


@dataclass(frozen=True)
class NoteSymbol:
    """A note or rest as written.

    Attributes:
        letter: ``A`` to ``G``, empty for a rest.
        octave: Octaves above the octave of middle C.
        accidental: Semitones of a written accidental, None without one.
        length: Duration in unit lengths; an int if it is whole, since ints are faster.
    """

    letter: str
    octave: int
    accidental: int | None
    length: Fraction | int

    def pitch(self, alteration: int) -> int:
        """Return the MIDI number of a note altered by ``alteration`` semitones (of accidental or key).

        Raises:
            ValueError: If the MIDI number is out of range.
        """
        number = _MIDDLE_C + 12 * self.octave + _SEMITONES[self.letter] + alteration
        if not 0 <= number <= 127:
            raise ValueError(f"a note is {self.octave} octaves from middle C, outside the range of MIDI")
        return number


@lru_cache(maxsize=8192)
def parse_note(text: str) -> NoteSymbol:
    """Parse a note or rest, such as ``^f'3/2`` or ``z``, and ignore the symbols around it.

    Raises:
        ValueError: If there is no note, or its length is zero or finer than 1/128.

    Example:
        >>> parse_note("_B,3/2")
        NoteSymbol(letter='B', octave=-1, accidental=-1, length=Fraction(3, 2))
    """
    match = _NOTE.search(text)
    if not match:
        raise ValueError(f"no note in {text!r}")
    accidental, letter, marks, numerator, slashes, denominator = match.groups()
    divisor = int(denominator) if denominator else 2 ** min(len(slashes), 16)
    if not 1 <= divisor <= _MAX_DENOMINATOR:
        raise ValueError(f"the length of {text!r} is finer than 1/{_MAX_DENOMINATOR} or divided by 0")
    length = Fraction(int(numerator or 1), divisor)
    if not length:
        raise ValueError(f"{text!r} has no length")
    octave = letter.islower() + marks.count("'") - marks.count(",")
    letter = "" if letter == "z" else letter.upper()
    return NoteSymbol(letter, octave, _ACCIDENTALS.get(accidental or ""), whole_or_fraction(length))


def whole_or_fraction(value: Fraction | int) -> Fraction | int:
    """Convert a whole fraction to an int, since sums of ints are many times faster."""
    return value.numerator if value.denominator == 1 else value


def chord_notes(text: str) -> list[NoteSymbol]:
    """Parse the notes of a chord, such as ``[G2B2]`` or ``[GB]2``, each with the length of the chord.

    The length of a chord is that of its first note, as the standard says. Rests are omitted if the chord has notes.

    Raises:
        ValueError: If there is no note in the chord.

    Example:
        >>> [(note.letter, str(note.length)) for note in chord_notes("[G2B]/")]
        [('G', '1'), ('B', '1')]
    """
    inside, _, outer = text.partition("]")
    symbols = [parse_note(match[0]) for match in _NOTE.finditer(inside)]
    if not symbols:
        raise ValueError(f"no note in the chord {text!r}")
    length = whole_or_fraction(symbols[0].length * parse_note("z" + outer).length)
    notes = [symbol for symbol in symbols if symbol.letter] or symbols[:1]
    return [NoteSymbol(note.letter, note.octave, note.accidental, length) for note in notes]


@dataclass(frozen=True)
class KeySymbol:
    """A key: tonic as pitch class, mode, and the semitones by which its signature alters each letter."""

    tonic: int
    mode: str
    signature: tuple[tuple[str, int], ...]


@lru_cache(maxsize=1024)
def parse_key_field(text: str) -> KeySymbol:
    """Parse the value of a ``K:`` field, such as ``G``, ``F#m``, ``A Dorian``, ``Dmix=c``, ``Hp`` or ``none``.

    Modes are recognised by their first three letters in either case; a lone ``m`` or ``M`` is minor, no mode is major.
    ``Hp`` and ``HP`` (Highland pipes) are A mixolydian. ``H`` and ``Es`` are German for B and E flat.

    Raises:
        ValueError: If the text does not begin with a key.

    Example:
        >>> parse_key_field("F#m").tonic, parse_key_field("F#m").mode, dict(parse_key_field("ADor").signature)["F"]
        (6, 'minor', 1)
    """
    text = text.strip()
    if text.lower() in {"", "none"}:
        text = "C"
    if text[:2] in {"Hp", "HP"}:
        return KeySymbol(9, "mixolydian", _signature(2 if text[:2] == "Hp" else 0))
    match = _KEY.match(text)
    if not match:
        raise ValueError(f"the key {text!r} is not understood")
    letter = match[1].upper().replace("H", "B")
    alteration = {"#": 1, "is": 1, "b": -1, "s": -1, "es": -1}.get(match[2] or "", 0)
    word = match[3].lower()
    mode, fifths = _MODES.get(word[:3], ("major", 0))
    sharps = _FIFTHS.index(letter) - 1 + 7 * alteration + fifths
    added = {note.upper(): _ACCIDENTALS[sign] for sign, note in _KEY_ACCIDENTAL.findall(text[match.end() :])}
    base = _signature(0 if word == "exp" else sharps)  # "explicit": only the accidentals that follow
    signature = tuple(sorted({**dict(base), **added}.items()))
    return KeySymbol((_SEMITONES[letter] + alteration) % 12, mode, signature)


def _signature(sharps: int) -> tuple[tuple[str, int], ...]:
    """Return the semitones for each letter; the formula holds for double sharps and flats too."""
    return tuple((letter, (sharps - index + 6) // 7) for index, letter in enumerate(_FIFTHS))


def parse_metre_field(text: str) -> Metre:
    """Parse the value of an ``M:`` field, such as ``6/8``, ``C|``, ``3+2/8``, ``none`` or Essen's ``FREI4/4``.

    Raises:
        ValueError: If the text is no metre.

    Example:
        >>> str(parse_metre_field("3+2/8")), str(parse_metre_field("FREI4/4"))
        ('5/8', 'free')
    """
    text = text.strip()
    if text.lower() in {"", "none"} or text.upper().startswith("FREI"):
        return Metre.parse("free")
    if text in {"C", "C|"}:
        return Metre.parse(text)
    match = re.match(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)", text)
    if not match:
        raise ValueError(f"the metre {text!r} is not understood")
    return Metre.parse(f"{sum(map(int, match[1].split('+')))}/{match[2]}")


def parse_unit_length_field(text: str) -> Fraction:
    """Parse the value of an ``L:`` field, as a fraction of a whole note.

    Raises:
        ValueError: If the text is no such fraction, or one finer than 1/128.
    """
    match = re.match(r"\s*(\d+)\s*/\s*(\d+)", text)
    if not match or not 1 <= int(match[2]) <= _MAX_DENOMINATOR or int(match[1]) < 1:
        raise ValueError(f"the unit length {text!r} is not understood")
    return Fraction(int(match[1]), int(match[2]))


def default_unit_length(metre: Metre) -> Fraction:
    """Return the unit length of a tune without ``L:`` field: a sixteenth in metres shorter than 3/4, else an eighth."""
    short = metre.beats and Fraction(metre.beats, metre.unit) < Fraction(3, 4)
    return Fraction(1, 16 if short else 8)


@dataclass(frozen=True)
class TupletSymbol:
    """A tuplet: the durations of the next ``n_notes`` notes are multiplied by ``factor``."""

    factor: Fraction
    n_notes: int


def parse_tuplet(text: str, metre: Metre) -> TupletSymbol:
    """Parse ``(p``, ``(p:q`` or ``(p:q:r``: p notes in the time of q, for the next r notes.

    The default of q is that of the standard: 3 for two, four and eight notes, 2 for three and six notes, and for five,
    seven and nine notes 3 in a compound metre and 2 in a simple one.

    Raises:
        ValueError: If the standard has no tuplet of p notes.

    Example:
        >>> parse_tuplet("(3", Metre(4, 4))
        TupletSymbol(factor=Fraction(2, 3), n_notes=3)
    """
    fields = [int(field) if field.strip() else 0 for field in text.lstrip("(").split(":")]
    actual, normal, n_notes = [*fields, 0, 0][:3]
    compound = metre.beats > 3 and metre.beats % 3 == 0
    varying = 3 if compound else 2
    standard = {1: 1, 2: 3, 3: 2, 4: 3, 5: varying, 6: 2, 7: varying, 8: 3, 9: varying}
    if actual not in standard:
        raise ValueError(f"there is no tuplet {text!r}")
    return TupletSymbol(Fraction(normal or standard[actual], actual), n_notes or actual)


def parse_broken_rhythm(text: str) -> tuple[Fraction, Fraction]:
    """Return the factors of the notes before and after ``>``, ``>>``, ``<<<`` and the like.

    Raises:
        ValueError: If there are more than three marks, or marks of both directions.

    Example:
        >>> parse_broken_rhythm(">>")
        (Fraction(7, 4), Fraction(1, 4))
    """
    if text not in {">", ">>", ">>>", "<", "<<", "<<<"}:
        raise ValueError(f"there is no broken rhythm {text!r}")
    short = Fraction(1, 2 ** len(text))
    return (2 - short, short) if text[0] == ">" else (short, 2 - short)


@dataclass
class _PartGroup:
    """The parts within parentheses: the index of the first letter, and whether digits without a part are among them."""

    begin: int
    has_stray_digits: bool = False


def parse_part_order_field(text: str) -> str:
    """Parse a ``P:`` or ``Y:`` field into the letters of the parts in playing order.

    Digits that follow neither a part nor a group are ignored, and the group around them is no group.

    Raises:
        ValueError: If parts are played more than 99 times or make more than 9801 letters, or if there are more than
            100 000 letters in all.

    Example:
        >>> parse_part_order_field("A2.(BC)2 % as danced")
        'AABCBC'
    """
    letters: list[str] = []
    groups: list[_PartGroup] = []
    for symbol, digits in _PART_SYMBOL.findall(re.sub(r"[^A-Za-z0-9()]", "", text.partition("%")[0])):
        begin, is_part = len(letters), symbol.isalpha()
        if is_part:
            letters.append(symbol)
        elif symbol == "(":
            groups.append(_PartGroup(begin))
        elif symbol == ")" and groups:
            group = groups.pop()
            begin, is_part = group.begin, not group.has_stray_digits
            if groups and not is_part:
                groups[-1].has_stray_digits = True
        if digits and is_part:
            _play_again(letters, begin, int(digits))
        elif digits and groups:
            groups[-1].has_stray_digits = True
    return "".join(letters)


def _play_again(letters: list[str], begin: int, n_plays: int) -> None:
    """Repeat the letters from ``begin`` on, so that they are there ``n_plays`` times."""
    n_letters = len(letters) - begin
    if n_plays > _MAX_PLAYS or n_plays * n_letters > _MAX_PLAYS**2:
        raise ValueError(f"the part order asks for {n_plays} times {''.join(letters[begin : begin + 20])}")
    if n_plays != 1:
        letters[begin:] = letters[begin:] * n_plays
    if len(letters) > _MAX_PARTS:
        raise ValueError(f"the part order has more than {_MAX_PARTS} letters")
