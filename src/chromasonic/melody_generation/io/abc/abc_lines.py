"""Clean a line of ABC music, so that what is left are symbols with notes, rests, bar lines and fields within the line.

Signs of typography become what they stand for; decorations, words and brackets that are not closed are removed.
"""

from __future__ import annotations

import html
import re

from chromasonic.melody_generation.form import parse_chord
from chromasonic.melody_generation.io.tunes import JUMP_WORDS

# Signs of typography, as in tunes that were copied from a page, and what they stand for.
_TYPOGRAPHIC = str.maketrans(
    {"♯": "^", "♭": "_", "♮": "=", "\U0001d12a": "^^", "\U0001d12b": "__", "\u00a0": " ", "\u2044": "/"}
    | dict.fromkeys("“”„‟″«»", '"')
    | dict.fromkeys("\u2019\u2018\u2032", "'")  # apostrophes and a prime
    | dict.fromkeys("\u2013\u2014\u2212", "-")  # dashes and a minus
)
# Signs and tags of web pages; a tag such as <b> could be broken rhythm.
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|nbsp|#\d{1,4});")
_TAG = re.compile(r"</?(?:br|p|pre|hr|body|html|font|td|tr|div|span|table|center|li|ul|h\d)\b[^<>|]*>|</[ab]>", re.I)
# Two notes or more between the signs of a decoration: these are then signs of line breaks, or of a chord in ABC 1.6.
_LETTERS = r"(?:[\d,'/^_=<>() -]*[A-Ga-gz]){2,}[\d,'/^_=<>() -]*"
_DECORATIONS = rf"!(?!(?!f{{2,4}}!){_LETTERS}!)[^!|]*!|\+[a-z.()<>]+\+"
QUOTED = r'"(?:[^"]*"|[^\s"|]*)'  # one without an end is a word long
# Chord symbols and annotations, decorations in exclamation or plus marks, second voices within a bar, comments.
_UNPLAYED = re.compile(rf'"(?:(?P<quoted>[^"]*)"|[^\s"|]*)|{_DECORATIONS}|&[^|%]*|%.*')
_OLD_CHORD = re.compile(r"\+((?!f{2,4}\+)(?:[\^_=]*[A-Ga-g][,'\d/]*){2,8})\+")
_ENDING_TEXT = re.compile(r'\[\s*"\s*(\d)[^"]*"')
_JUMP = re.compile(rf"""(?:[!+]|"[\^_<>@]?){JUMP_WORDS}[^"!+|]*["!+]?""", re.IGNORECASE)
_ENDING_SIGN = re.compile(r"\[\d[\d,-]*[^\[]*$")
# A passage up to the bracket, bar line or line end that comes first; the group is the bracket.
_PASSAGE = re.compile(r"[^\]|]+(\])?")
_BRACKET = re.compile(r"\[(?!\d)")
_BRACE = re.compile(r"\{([^{}|]*)(\}?)")
_REPEAT_BEFORE_ENDING = re.compile(r"(?<!\|):(?=\s*\[\d)")
CHORD_BEGINS, CHORD_ENDS = "\x02", "\x03"  # around a chord symbol, which is then no text any more


def plain_signs(line: str) -> str:
    """Return a line without signs of typography and of web pages, and without old forms of chords and endings."""
    if "<" in line or "&" in line:
        line = _TAG.sub(" ", _ENTITY.sub(lambda entity: html.unescape(entity[0]), line))
    line = line.translate(_TYPOGRAPHIC)
    if "+" in line:
        line = _OLD_CHORD.sub(r"[\1]", line)
    return _ENDING_TEXT.sub(r"[\1 ", line) if '"' in line else line


def split_jumps(line: str) -> tuple[str, int]:
    """Return a line without signs and words for jumps, and their number.

    Example:
        >>> split_jumps('!segno!C "Fine"D !trill!E "D7"F !D.S.!|"^D.C. al Fine"')
        ('C D !trill!E "D7"F |', 4)
    """
    return _JUMP.subn("", line)


def without_words(line: str) -> str:
    """Return a line without annotations, decorations and second voices, and with chord symbols between their marks."""
    line = _BRACE.sub(_closed, _UNPLAYED.sub(_marked_chord, line))
    return without_open_chords(_REPEAT_BEFORE_ENDING.sub(":|", line))


def _closed(grace_notes: re.Match[str]) -> str:
    """Return grace notes; without a brace that is not closed, whose notes are read as others."""
    return grace_notes[0] if grace_notes[2] else grace_notes[1]


def _marked_chord(unplayed: re.Match[str]) -> str:
    """Return a chord symbol between its marks, and nothing for what else is not played, or stands within brackets."""
    if not unplayed["quoted"] or parse_chord(unplayed["quoted"]) is None:
        return ""
    before = unplayed.string[: unplayed.start()]
    is_open = before.rfind("[") > max(before.rfind("]"), before.rfind("|"))
    is_within_brackets = is_open and not _ENDING_SIGN.search(before)
    return "" if is_within_brackets else f"{CHORD_BEGINS}{unplayed['quoted']}{CHORD_ENDS}"


def without_open_chords(line: str) -> str:
    """Remove the brackets of chords that are not closed within their bar: their notes are read one by one."""
    if "[" not in line:
        return line
    return _PASSAGE.sub(lambda passage: passage[0] if passage[1] else _BRACKET.sub("", passage[0]), line)
