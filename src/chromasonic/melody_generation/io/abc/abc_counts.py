"""Count the symbols of ABC music by regular expressions alone, independently of the parser that reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chromasonic.melody_generation.io.abc.abc_lines import plain_signs
from chromasonic.melody_generation.io.abc.abc_tunes import is_sentence

# Exclamation marks that end lines, and decorate no note.
LINE_BREAK_FIELD = re.compile(r"\s*(?:%%|I:)\s*(?:linebreak\b.*!|decoration\s+\+)")
_QUOTED = re.compile(r'"([^"]*)"')
_MUSIC_BETWEEN_BREAKS = r"(?!f{2,4}!)(?=(?:[^!|A-Za-z]*[A-Ga-gz]){2})[A-Ga-gz\d,'/^_=<>() -]*!"
_NO_NOTES = re.compile(
    rf'"(?:[^"]*"|[^\s"|]*)|!(?!{_MUSIC_BETWEEN_BREAKS})[^!|]*!|\+(?![a-g]{{2,}}\+)[a-z.()<>]+\+|\+f{{2,4}}\+'
    r"|\[[A-Za-z]:[^\]]*\]|%.*"
)
_NOTE = re.compile(r"[A-Ga-g]")
_FIELD_LINE = re.compile(r"\s*[A-Za-z+]\s*:(?![|:])")
_CHORD_SYMBOL = re.compile(r"\s*[A-G]")


def count_pitched_notes(music: str) -> int:
    """Return the number of note letters in a line of music; grace notes and each note of a chord count.

    Example:
        >>> count_pitched_notes('"Am" {g}A2 [ce] !trill!B | [K:D] d z % end')
        6
        >>> count_pitched_notes("!3!f4 (T!2!e3!1!d)"), count_pitched_notes("CD!EF!")
        (3, 4)
    """
    return len(_NOTE.findall(_NO_NOTES.sub("", music)))


def count_chord_symbols(music: str) -> int:
    """Return the number of chord symbols in a line of music; other quoted text is an annotation.

    Example:
        >>> count_chord_symbols('"Am"A "^slow"B "G7/B"c')
        2
    """
    return sum(bool(_CHORD_SYMBOL.match(text)) for text in _QUOTED.findall(music)) if '"' in music else 0


def count_notes_of_tune(lines: Sequence[str]) -> int:
    """Return the number of note letters in the music of a tune, which begins after its ``K:`` field.

    Example:
        >>> count_notes_of_tune(["X:1", "T:A tune", "K:C", "CDE|", "w:la la la", "%%begintext", "a bag", "%%endtext"])
        3
    """
    n_notes, has_key, is_text, has_breaks = 0, False, False, False
    for written in lines:
        line = plain_signs(written)
        has_breaks = has_breaks or LINE_BREAK_FIELD.match(line) is not None
        if line.lstrip().startswith("%%"):
            is_text = "begin" in line or (is_text and "end" not in line)
        elif _FIELD_LINE.match(line):
            has_key = has_key or line.lstrip().startswith("K")
        elif has_key and not is_text and not is_sentence(line):
            n_notes += count_pitched_notes(line.replace("!", " ") if has_breaks else line)
    return n_notes
