"""Parsers of single ABC symbols: notes, lengths, metres, tuplets, broken rhythm and part orders.

Pure functions from text to values; lengths are exact fractions. Reference: the ABC standard, versions 1.6 and 2.1.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from chromasonic.melody_generation.form import NATURALS
from chromasonic.melody_generation.melody import Metre

_ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_MIDDLE_C = 60
# Escapes of the standard (2.1, section 8.2): accents by a sign and a letter, ligatures by two letters.
_ACCENTS = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
_LIGATURES = {"ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "ss": "ß", "/o": "ø", "/O": "Ø"}
_ESCAPED = re.compile(
    r"\\(?:([%\\&])"  # a character that would begin a comment or an escape
    r"|(['`\"^~cv])([A-Za-z])|(ae|AE|oe|OE|aa|AA|ss|/o|/O))|(&#?\w{1,31};)"
)
_MAX_DENOMINATOR = 128  # of a length: keeps sums of fractions small on absurd input
_MAX_PLAYS = 99
_MAX_PARTS = 100_000

_NOTE = re.compile(r"(\^\^?|__?|=)?([A-Ga-gz])([,']*)(\d*)(/*)(\d*)")
# A part or a parenthesis with the digits after it, or digits at the beginning.
_PART_SYMBOL = re.compile(r"([A-Za-z()]|^)(\d*)")


class UnreadableSymbolError(ValueError):
    """A symbol has no meaning; the tune without it has one."""


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

    def pitch(self, alteration: int, octaves: int = 0) -> int:
        """Return the MIDI number of a note.

        Args:
            alteration: Semitones of its accidental, or of the key.
            octaves: Octaves by which its voice sounds above the written notes.

        Raises:
            UnreadableSymbolError: If the MIDI number is out of range.
        """
        number = _MIDDLE_C + 12 * (self.octave + octaves) + NATURALS[self.letter] + alteration
        if not 0 <= number <= 127:
            raise UnreadableSymbolError(
                f"a note is {self.octave + octaves} octaves from middle C, outside the range of MIDI"
            )
        return number


@lru_cache(maxsize=8192)
def parse_note(text: str) -> NoteSymbol:
    """Parse a note or rest, such as ``^f'3/2`` or ``z``, and ignore the symbols around it.

    Raises:
        UnreadableSymbolError: If there is no note, or its length is zero or finer than 1/128.

    Example:
        >>> parse_note("_B,3/2")
        NoteSymbol(letter='B', octave=-1, accidental=-1, length=Fraction(3, 2))
    """
    match = _NOTE.search(text)
    if not match:
        raise UnreadableSymbolError(f"no note in {text!r}")
    accidental, letter, marks, numerator, slashes, denominator = match.groups()
    divisor = int(denominator) if denominator else 2 ** min(len(slashes), 16)
    if not 1 <= divisor <= _MAX_DENOMINATOR:
        raise UnreadableSymbolError(f"the length of {text!r} is finer than 1/{_MAX_DENOMINATOR} or divided by 0")
    length = Fraction(int(numerator or 1), divisor)
    if not length:
        raise UnreadableSymbolError(f"{text!r} has no length")
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
        UnreadableSymbolError: If there is no note in the chord.

    Example:
        >>> [(note.letter, str(note.length)) for note in chord_notes("[G2B]/")]
        [('G', '1'), ('B', '1')]
    """
    inside, _, outer = text.partition("]")
    symbols = [parse_note(match[0]) for match in _NOTE.finditer(inside)]
    if not symbols:
        raise UnreadableSymbolError(f"no note in the chord {text!r}")
    length = whole_or_fraction(symbols[0].length * parse_note("z" + outer).length)
    notes = [symbol for symbol in symbols if symbol.letter] or symbols[:1]
    return [NoteSymbol(note.letter, note.octave, note.accidental, length) for note in notes]


def parse_metre_field(text: str) -> Metre:
    """Parse the value of an ``M:`` field, such as ``6/8``, ``C|``, ``3+2/8``, ``none`` or Essen's ``FREI4/4``.

    ``C2`` and ``c`` are common time, ``C |`` is cut time.

    Raises:
        ValueError: If the text is no metre.

    Example:
        >>> str(parse_metre_field("3+2/8")), str(parse_metre_field("FREI4/4"))
        ('5/8', 'free')
    """
    text = _with_plain_fractions(text).strip()
    if text.lower() in {"", "none"} or text.upper().startswith("FREI"):
        return Metre.parse("free")
    if text.replace(" ", "").upper() in {"C", "C2", "C|"}:
        return Metre.parse("C|" if "|" in text else "C")
    match = re.match(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)", text)
    if not match:
        raise ValueError(f"the metre {text!r} is not understood")
    return Metre.parse(f"{sum(map(int, match[1].split('+')))}/{match[2]}")


def parse_unit_length_field(text: str) -> Fraction:
    """Parse the value of an ``L:`` field, as a fraction of a whole note; ``1`` is a whole note, ``8`` an eighth.

    Raises:
        ValueError: If the text is no such fraction, or one finer than 1/128.
    """
    match = re.match(r"\s*(\d+)(?:\s*/\s*(\d+)|\s*$)", _with_plain_fractions(text))
    if not match or not 1 <= int(match[2] or match[1]) <= _MAX_DENOMINATOR or int(match[1]) < 1:
        raise ValueError(f"the unit length {text!r} is not understood")
    return Fraction(int(match[1]), int(match[2])) if match[2] else Fraction(1, int(match[1]))


def _with_plain_fractions(text: str) -> str:
    """Return a text with digits and a slash instead of signs of fractions."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u2044", "/")


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
        UnreadableSymbolError: If the standard has no tuplet of p notes, and q is not given.

    Example:
        >>> parse_tuplet("(3", Metre(4, 4))
        TupletSymbol(factor=Fraction(2, 3), n_notes=3)
    """
    fields = [int(field) if field.strip() else 0 for field in text.lstrip("(").split(":")]
    actual, normal, n_notes = [*fields, 0, 0][:3]
    compound = metre.beats > 3 and metre.beats % 3 == 0
    varying = 3 if compound else 2
    standard = {1: 1, 2: 3, 3: 2, 4: 3, 5: varying, 6: 2, 7: varying, 8: 3, 9: varying}
    if not actual or (actual not in standard and not normal):
        raise UnreadableSymbolError(f"there is no tuplet {text!r}")
    return TupletSymbol(Fraction(normal or standard[actual], actual), n_notes or actual)


def parse_broken_rhythm(text: str) -> tuple[Fraction, Fraction]:
    """Return the factors of the notes before and after ``>``, ``>>``, ``<<<`` and the like.

    Raises:
        UnreadableSymbolError: If there are more than three marks, or marks of both directions.

    Example:
        >>> parse_broken_rhythm(">>")
        (Fraction(7, 4), Fraction(1, 4))
    """
    if text not in {">", ">>", ">>>", "<", "<<", "<<<"}:
        raise UnreadableSymbolError(f"there is no broken rhythm {text!r}")
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


def parse_text(text: str) -> str:
    r"""Return the text of a field such as ``T:`` with its escapes resolved: accents, HTML entities, and signs.

    Example:
        >>> parse_text(r"Caf&eacute; & R\'ev\"e, 100\%")
        'Café & Révë, 100%'
    """
    return _ESCAPED.sub(_resolved, text)


def _resolved(match: re.Match[str]) -> str:
    sign, accent, letter, ligature, entity = match.groups()
    if accent:
        return unicodedata.normalize("NFC", letter + _ACCENTS[accent])
    return sign or (_LIGATURES[ligature] if ligature else html.unescape(entity))
