"""Parse the ``K:`` field of ABC by its grammar: a key, accidentals that it adds, and properties of the voice.

Reference: the ABC standard 2.1, sections 3.1.14 (keys) and 4.6 (clefs and transposition). A key that is not understood
is refused, so that it never becomes another key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from chromasonic.melody_generation.form import NATURALS

_FIFTHS = "FCGDAEB"  # the order in which sharps are added to a signature
_ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_SIGNS = str.maketrans({"♯": "#", "♭": "b", "♮": "="})
_SIGNS_BEFORE_NOTES = str.maketrans({"♯": "^", "♭": "_", "♮": "="})
_DASHES = str.maketrans(dict.fromkeys("\u2013\u2014\u2212", "-"))

_KEY = re.compile(
    r"([A-Ha-h])(#|b|s(?![a-z])|es(?![a-z])|is(?![a-z])|[ -]?(?:sharp|flat)(?![a-z]))?"
    r"[\s-]*(?:(?:harmonic|melodic|natural)(?![a-z])[\s-]*)?([A-Za-z]*)"
)
_MISSPELT = re.compile(r"[#b]")  # after a key: a second sign, or one after a space
# Accidentals that a key adds to its signature, as in ``K:D =c^g``.
_ADDED = re.compile(r"(?:(?:\^\^?|__?|=)[A-Ga-g],?\s*)+")
_ADDED_NOTE = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
_CLEF = re.compile(
    r"(?:clef\s*=\s*[\"']?(?:[GFC]|none|auto|[a-z]+)|(?:treble|bass|alto|tenor|soprano|mezzosoprano|mezzo|baritone|perc))"
    r"[1-5]?(?:(?P<octaves>[+-](?:8|15))|[_^](?:8|15))?[\"']?(?=\s|$)",
    re.IGNORECASE,
)
# The names of the standard, and those of abcm2ps, abc2midi and abcjs.
_NAMES = (
    "clef|middle|m|transpose|t|octave|oct|stafflines|staffscale|staff|strings|style|tab|name|nm|subname|snm|sname|score|"
    "sound|shift|cue|stem|gstem|scale|instrument|program|volume|vol|pan|map|merge|brace|bracket|up|down|dyn|lyrics|lyr|"
    "gchords?|pos|ornament|orn|print|rel"
)
_SHIFTED = r"[\^_=]?[A-Ga-g][,']*"
_PROPERTY = re.compile(rf"(?P<name>{_NAMES})\s*=\s*(?P<value>\"[^\"]*\"|'[^']*'|\S*)", re.IGNORECASE)
# Modes by their names and by their first three letters, with the distance of their signature from the major in fifths.
_MODES = {
    "maj": ("major", 0),
    "ion": ("major", 0),
    "lyd": ("lydian", 1),
    "mix": ("mixolydian", -1),
    "dor": ("dorian", -2),
    "min": ("minor", -3),
    "mol": ("minor", -3),  # German
    "dur": ("major", 0),
    "aeo": ("minor", -3),
    "phr": ("phrygian", -4),
    "loc": ("locrian", -5),
}
_SHORT_MODES = {"": ("major", 0), "m": ("minor", -3), "n": ("minor", -3)}  # n: a typing error in O'Neill's
_EXPLICIT = "exp"
_ALTERATIONS = {"#": 1, "is": 1, "sharp": 1, "b": -1, "s": -1, "es": -1, "flat": -1}


@dataclass(frozen=True)
class KeySymbol:
    """A key field.

    Attributes:
        tonic: The tonic as pitch class.
        mode: The mode.
        signature: The semitones by which the signature alters each letter.
        octaves: Octaves by which the notes sound above the written ones.
        has_key: Whether the field names a key; one that names a clef alone leaves the key as it was.
        has_tonic: Whether it names a tonic, unlike ``none`` and accidentals alone.
        transposition: Semitones by which an instrument sounds above the written notes.
        is_no_melody: Whether it names the clef of percussion, or cue notes.
        ignored: Text of the field that is not understood and follows the key.
    """

    tonic: int
    mode: str
    signature: tuple[tuple[str, int], ...]
    octaves: int = 0
    has_key: bool = True
    has_tonic: bool = True
    transposition: int = 0
    is_no_melody: bool = False
    ignored: str = ""


@lru_cache(maxsize=1024)
def parse_key_field(text: str) -> KeySymbol:
    """Parse the value of a ``K:`` field, such as ``G``, ``F#m``, ``A Dorian``, ``Dmix=c``, ``F clef=bass`` or ``none``.

    Modes are recognised by their first three letters in either case; a lone ``m`` or ``M`` is minor, no mode is major.
    ``Hp`` and ``HP`` (Highland pipes) are A mixolydian, with C and F sharp. ``H`` and ``Es`` are German for B and E
    flat. Accidentals without a key, as in ``^f ^c``, are added to no signature.

    Raises:
        ValueError: If the text is neither a key, nor properties of a voice.

    Example:
        >>> parse_key_field("F#m").tonic, parse_key_field("F#m").mode, dict(parse_key_field("ADor").signature)["F"]
        (6, 'minor', 1)
        >>> dict(parse_key_field("F clef=bass").signature)["B"], parse_key_field("Am treble-8").octaves
        (-1, -1)
    """
    written = text.partition("%")[0].translate(_DASHES)
    written = re.sub(r"(?:(?<=\s)|^)(?:[♯♭♮][A-Ga-g])+", lambda added: added[0].translate(_SIGNS_BEFORE_NOTES), written)
    properties = parse_properties(written.translate(_SIGNS))
    if properties.rest == "" and properties.is_any:  # a clef alone
        key, rest = KeySymbol(0, "major", _signature(0), has_key=False, has_tonic=False), ""
    else:
        key, rest = _parse_key(properties.rest)
    return replace(
        key,
        octaves=properties.octaves,
        transposition=properties.transposition,
        is_no_melody=properties.is_no_melody,
        ignored=rest,
    )


def _parse_key(text: str) -> tuple[KeySymbol, str]:
    """Return the key at the beginning of a text, and the text after it."""
    if match := re.match(r"H[Pp](?![A-Za-z])", text):
        return KeySymbol(9, "mixolydian", _signature(2)), text[match.end() :]
    if match := re.match(r"(?:none|exp)(?![A-Za-z])|$|(?=[_^=][\^_]?[A-Ga-g])", text, re.IGNORECASE):
        added, rest = _parse_added(text[match.end() :])
        if not match[0] and text and rest:
            raise ValueError(f"the key {text[:40]!r} is not understood")
        return KeySymbol(0, "major", _signature(0, added), has_tonic=False), rest
    match = _KEY.match(text)
    word = match[3].lower() if match else ""
    mode = _MODES.get(word[:3]) or _SHORT_MODES.get(word)
    if match and mode is None and word[:3] != _EXPLICIT:
        # The word may be a remark that follows the key.
        is_apart = text[match.start(3) - 1].isspace()
        match = _KEY.match(text[: match.start(3)].rstrip()) if is_apart else None
        mode = _SHORT_MODES[""]
    if not match or _MISSPELT.match(text, match.end()):
        raise ValueError(f"the key {text[:40]!r} is not understood")
    letter = match[1].upper().replace("H", "B")
    alteration = _ALTERATIONS.get((match[2] or "").strip(" -"), 0)
    name, fifths = mode or _SHORT_MODES[""]
    sharps = _FIFTHS.index(letter) - 1 + 7 * alteration + fifths
    added, rest = _parse_added(text[match.end() :])
    # "explicit": only the accidentals that follow
    signature = _signature(0 if word[:3] == _EXPLICIT else sharps, added)
    return KeySymbol((NATURALS[letter] + alteration) % 12, name, signature), rest


def _parse_added(text: str) -> tuple[dict[str, int], str]:
    """Return the semitones of accidentals at the beginning of a text by letter, and the text after them."""
    text = text.lstrip()
    accidentals = _ADDED.match(text)
    if accidentals is None:
        return {}, text
    added = {note.upper(): _ACCIDENTALS[sign] for sign, note in _ADDED_NOTE.findall(accidentals[0])}
    return added, text[accidentals.end() :]


@dataclass(frozen=True)
class VoiceProperties:
    """Properties of a voice, from a ``V:`` or a ``K:`` field.

    Attributes:
        octaves: Octaves by which the notes sound above the written ones, by ``octave=`` and clefs such as ``treble-8``.
        transposition: Semitones of ``transpose=``, by which an instrument sounds above the written notes.
        name: The name of the voice.
        is_no_melody: Whether its clef is that of percussion, or its notes are cue notes.
        is_any: Whether there is a property.
        rest: The text that is no property.
    """

    octaves: int = 0
    transposition: int = 0
    name: str = ""
    is_no_melody: bool = False
    is_any: bool = False
    rest: str = ""


def parse_properties(text: str) -> VoiceProperties:
    """Parse clefs and properties such as ``octave=-1``; the order does not matter.

    Example:
        >>> parse_properties('treble-8 name="Ed" octave=1')
        VoiceProperties(octaves=0, transposition=0, name='Ed', is_no_melody=False, is_any=True, rest='')
    """
    octaves = transposition = 0
    name, is_no_melody = "", False
    kept: list[str] = []
    is_any = False
    place = 0
    while place < len(text):
        match = _CLEF.match(text, place)
        if match:
            is_no_melody |= "perc" in match[0].lower()
            octaves += {"+8": 1, "-8": -1, "+15": 2, "-15": -2}.get(match["octaves"] or "", 0)
        elif match := _PROPERTY.match(text, place):
            number = re.fullmatch(r"[\"']?([+-]?\d\d?)[\"']?", match["value"])
            if number and match["name"].lower() in {"octave", "oct"}:
                octaves += int(number[1])
            elif number and match["name"].lower() in {"transpose", "t"}:
                transposition += int(number[1])
            elif match["name"].lower() in {"shift", "sound"}:
                transposition += _shift(match["value"])
            elif match["name"].lower() == "cue":
                is_no_melody = match["value"].lower() != "off"
            elif match["name"].lower() in {"name", "nm"}:
                name = " ".join(match["value"].strip("\"'").replace("\\n", " ").split())
        is_any |= match is not None
        if match is None:
            match = re.compile(r"\S+|\s+").match(text, place)
            kept.append(match[0] if match else "")
        place = match.end() if match else len(text)
    rest = " ".join("".join(kept).split())
    return VoiceProperties(octaves, transposition, name, is_no_melody, is_any, rest)


def _shift(notes: str) -> int:
    """Return the semitones between the two notes of ``shift=CD``; 0 for other text."""
    match = re.fullmatch(rf"({_SHIFTED})({_SHIFTED})", notes)
    if match is None:
        return 0
    written, sounding = (_semitones(note) for note in match.group(1, 2))
    return sounding - written


def _semitones(note: str) -> int:
    letter = re.sub(r"[\^_=,']", "", note)
    octaves = letter.islower() + note.count("'") - note.count(",")
    return 12 * octaves + NATURALS[letter.upper()] + note.count("^") - note.count("_")


def _signature(sharps: int, added: Mapping[str, int] | None = None) -> tuple[tuple[str, int], ...]:
    """Return the semitones for each letter; the formula holds for double sharps and flats too."""
    of_key = {letter: (sharps - index + 6) // 7 for index, letter in enumerate(_FIFTHS)}
    return tuple(sorted({**of_key, **(added or {})}.items()))
