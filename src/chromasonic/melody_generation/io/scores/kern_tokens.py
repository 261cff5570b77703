"""Parse tokens of Humdrum kern: notes, metres, key signatures and keys.

Source: Huron, The Humdrum Toolkit: Reference Manual (1994), section ``**kern``; Humdrum guide for ``*MX`` and modes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from chromasonic.melody_generation.form import NATURALS, Chord, FormMark, FormSign, parse_chord
from chromasonic.melody_generation.io.scores.musicxml_signs import CHORD_SUFFIXES
from chromasonic.melody_generation.io.scores.written_notes import check_beats, key_of_signature
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.spelling import fifths_of

_SHARPS_IN_ORDER = "fcgdaeb"
_MODES = {
    "": "",
    "maj": "major",
    "min": "minor",
    "ion": "ionian",
    "dor": "dorian",
    "phr": "phrygian",
    "lyd": "lydian",
    "mix": "mixolydian",
    "aeo": "aeolian",
    "loc": "locrian",
}
_TREMOLO = re.compile(r"@+\d*@*")
_DURATION = re.compile(r"(\d{1,9})(?:%(\d{1,9}))?(\.*)")
_PITCH = re.compile(r"[a-g]+|[A-G]+")
_METRE = re.compile(r"\*M(\d+(?:\+\d+)*)/(\d{1,4})(?:%(\d{1,4}))?")
_FREE_METRE = re.compile(r"\*M(?:X|Z|\?|FREI|free|none)", re.IGNORECASE)
_CHORD = re.compile(r"([A-G])(-|#|b)?[ :]?([^/]*)(?:/([A-G])(-|#|b)?)?")
_LABEL = re.compile(r"\*>([A-Za-z])(\d{0,2})")
_EXPANSION = re.compile(r"\*>\[((?:[A-Za-z],)*[A-Za-z])\]")
_KEY = re.compile(r"\*([A-Ga-g])([#-]{0,2}):(.*)")


@dataclass(frozen=True)
class KernNote:
    """A note or rest of kern.

    Attributes:
        pitch: The MIDI number; None for a rest.
        quarters: The duration in quarter notes; 0 for a grace note.
        is_grace: Whether it is a grace note.
        tied_back: Whether a tie leads to it.
        tied_on: Whether a tie leads on from it.
        fifths: Position of its spelling on the line of fifths (C is 0); None for a rest.
    """

    pitch: int | None
    quarters: Fraction
    is_grace: bool = False
    tied_back: bool = False
    tied_on: bool = False
    fifths: int | None = None


def parse_kern_note(token: str) -> KernNote | None:
    """Parse one note or rest; return None if it is none, such as a word.

    Example:
        >>> parse_kern_note("[4.f#/")
        KernNote(pitch=66, quarters=Fraction(3, 2), is_grace=False, tied_back=False, tied_on=True, fifths=6)
    """
    token = _TREMOLO.sub("", token)
    numbers, pitches = _DURATION.findall(token), _PITCH.findall(token)
    is_grace = "q" in token or "Q" in token
    if len(numbers) != 1 and not (is_grace and not numbers):
        return None
    quarters = Fraction(0) if is_grace else _quarters(*numbers[0])
    if quarters is None:
        return None
    if "r" in token:  # a pitch beside it is the place of the sign
        return KernNote(None, quarters, is_grace)
    if len(pitches) != 1 or len(set(pitches[0])) != 1:
        return None
    letters = pitches[0]
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    pitch = 12 * (octave + 1) + NATURALS[letters[0].upper()] + token.count("#") - token.count("-")
    if not 0 <= pitch <= 127:
        return None
    tied_back, tied_on = "_" in token or "]" in token, "_" in token or "[" in token
    return KernNote(pitch, quarters, is_grace, tied_back, tied_on, fifths_of(letters[0].upper(), pitch))


def _quarters(number: str, divisor: str, dots: str) -> Fraction | None:
    """Return the duration of a reciprocal value: 4 is a quarter note, 0 a breve, 3%2 two thirds of a whole note."""
    if not int(number):
        quarters = Fraction(4 * 2 ** len(number)) if not divisor and set(number) == {"0"} and len(number) < 4 else None
    elif divisor:
        quarters = Fraction(4 * int(divisor), int(number))
    else:
        quarters = Fraction(4, int(number))
    return quarters * (2 - Fraction(1, 2 ** min(len(dots), 9))) if quarters else None


def parse_kern_metre(token: str) -> Metre | None:
    """Parse a metre such as ``*M3/4``, ``*M2+3/8`` or ``*MX`` (free); return None if the token is none.

    Raises:
        InputError: If it has absurdly many beats.
    """
    if _FREE_METRE.match(token):
        return Metre(0, 4)
    if re.match(r"\*M\d", token):
        check_beats(re.split("[/ ]", token[2:], maxsplit=1)[0])
    match = _METRE.fullmatch(token)
    if match is None:
        return None
    beats, unit, divisor = sum(map(int, match[1].split("+"))), match[2], int(match[3] or 1)
    if not int(unit):  # of breves or longer
        divisor, unit = 2 ** len(unit), "1"
    try:
        return Metre(beats * divisor, int(unit)) if beats * divisor else None
    except ValueError:
        return None


def parse_kern_signature(token: str) -> int | None:
    """Return the number of sharps of a signature ``*k[f#c#]``, negative for flats; None if no major key has it."""
    notes = re.findall(r"([a-g])(#|-)", token)
    signs = {sign for _, sign in notes}
    letters = [letter for letter, _ in notes]
    if "".join(letter + sign for letter, sign in notes) != token[3:-1] or len(signs) > 1:
        return None
    order = _SHARPS_IN_ORDER if signs == {"#"} else _SHARPS_IN_ORDER[::-1]
    if sorted(letters) != sorted(order[: len(letters)]):
        return None
    return len(letters) if signs == {"#"} else -len(letters)


def is_kern_key(token: str) -> bool:
    """Return whether a token names a key, understood or not, such as ``*G:`` or ``*d:dor``."""
    return _KEY.fullmatch(token) is not None


def parse_kern_key(token: str) -> Key | None:
    """Parse a key; an unknown mode is no key.

    Example:
        >>> parse_kern_key("*e-:"), parse_kern_key("*D:mix"), parse_kern_key("*D:ahavoh")
        (Key(tonic=3, mode='minor'), Key(tonic=2, mode='mixolydian'), None)
    """
    match = _KEY.fullmatch(token)
    mode = _MODES.get(match[3].strip().lower()[:3]) if match else None
    if match is None or mode is None:
        return None
    mode = mode or ("major" if match[1].isupper() else "minor")
    tonic = (NATURALS[match[1].upper()] + match[2].count("#") - match[2].count("-")) % 12
    major = key_of_signature(0, mode)
    return Key(tonic, major.mode) if major else None


def parse_kern_chord(token: str) -> Chord | None:
    """Parse a chord of ``**mxhm``, with onset 0: ``F# minor-seventh/A``, ``B-:min7`` or ``E-m7``; None if it is none.

    Source: humlib's ``musicxml2hum``, which writes the kinds of MusicXML; other programs write suffixes.
    """
    match = _CHORD.fullmatch(token.strip())
    if match is None:
        return None
    letter, sign, kind, bass, bass_sign = (group or "" for group in match.groups())
    suffix = CHORD_SUFFIXES.get(kind.strip(), kind.strip())
    root, bass = letter + sign.replace("-", "b"), bass + bass_sign.replace("-", "b")
    return parse_chord(f"{root}{suffix}" + (f"/{bass}" if bass else ""))


def parse_kern_bar_line(token: str) -> list[FormMark]:
    """Return the signs of form of a bar line, before the note with index 0.

    Example:
        >>> [mark.sign.value for mark in parse_kern_bar_line("=8:|!|:")]
        [':|', '|:']
    """
    signs = {
        FormSign.REPEAT_END: re.search(r":[|!]", token),
        FormSign.REPEAT_BEGIN: re.search(r"[|!]:", token),
        FormSign.SECTION: re.match(r"==|=\d*[a-z]?(?:\|\||\|!|!\|)", token),
    }
    found = [FormMark(0, sign) for sign, is_found in signs.items() if is_found]
    return found[:-1] if len(found) > 1 and found[-1].sign is FormSign.SECTION else found


def parse_kern_label(token: str) -> tuple[str, int] | None:
    """Return the letter and the number, 0 without one, of a section's label such as ``*>A`` or ``*>A2``."""
    match = _LABEL.fullmatch(token)
    return (match[1], int(match[2] or 0)) if match else None


def parse_kern_expansion(token: str) -> str:
    """Return the letters of the sections in playing order, such as ``AAB`` for ``*>[A,A,B]``; empty for other names."""
    match = _EXPANSION.fullmatch(token)
    return match[1].replace(",", "") if match else ""
