"""Split ABC text into tunes, and a tune into its lines; what stands between tunes is free text.

A tune begins with an ``X:`` field. One without a number begins with its title after an empty line. An empty line ends a
tune (ABC standard 2.1, section 2.2), but some files have one within a tune: what follows belongs to the tune as long as
it is music.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Chord symbols, decorations and inline fields.
_NO_SYMBOLS = re.compile(r'"[^"]*"|![^!]*!|\+[^+]*\+|\[[A-Za-z]:[^\]]*\]')
# A letter that is no note and no decoration of one, or a sign that no music has.
_IN_A_WORD = re.compile(r"[H-WYh-wy](?![\^_=A-Ga-gzx\[({0-9|.~ ]|$)|[H-WYh-w] |[^\W\dA-Za-z_]|</|[@?#;©]|\d{4}")
_BODY_FIELD = re.compile(r"[ \t]*(?:[KLMPQVwWsr][ \t]*:(?![|:])|%)")
_ANY_FIELD = re.compile(r"[ \t]*(?:[A-Za-z+][ \t]*:(?![|:])|%)")
_NUMBER, _TITLE, _KEY = (re.compile(rf"[ \t]*{tag}[ \t]*:") for tag in "XTK")
_BLOCK_BEGINS, _BLOCK_ENDS = (re.compile(rf"[ \t]*%%[ \t]*{edge}[a-z]") for edge in ("begin", "end"))
_MAX_LINES_OF_BLOCK = 200
_NOTE = re.compile(r"[A-Ga-gzxZX|]")
_BAR_OR_LENGTH = re.compile(r"[|:]|[A-Ga-gzx][,']*[\d/]")
_LIKE_A_WORD = re.compile(r"(?<![A-Za-z])(?:[A-G][a-g]+|[a-g]{2,})(?![A-Za-z])")
_WORD_OF_LETTERS = re.compile(r"[A-Za-z]{3}")


def tune_begins(text: str) -> list[int]:
    r"""Return where the tunes begin; text without a tune has none.

    Example:
        >>> tune_begins("T:a\nK:C\nC|\n\nT:b\nK:G\nG|\n\nX:3\nK:D\nD|\n")
        [0, 12, 24]
    """
    lines = text.split("\n")
    begins: list[int] = []
    position, has_key, is_after_gap, end_of_block = 0, False, True, 0
    for number, line in enumerate(lines):
        if number >= end_of_block and _BLOCK_BEGINS.match(line):
            end_of_block = _end_of_block(lines, number)
        if number < end_of_block:
            position += len(line) + 1
            continue
        if _NUMBER.match(line) or (
            is_after_gap and (has_key or not begins) and _TITLE.match(line) and _is_header(lines, number)
        ):
            begins.append(position)
            has_key = False
        has_key = has_key or _KEY.match(line) is not None
        is_after_gap = not line.strip()
        position += len(line) + 1
    return begins or ([0] if has_key else [])


def _end_of_block(lines: Sequence[str], number: int) -> int:
    """Return the number of the line after a block of text, or ``number`` if the block does not end."""
    for end in range(number + 1, min(number + _MAX_LINES_OF_BLOCK, len(lines))):
        if _BLOCK_BEGINS.match(lines[end]):
            return number
        if _BLOCK_ENDS.match(lines[end]):
            return end + 1
    return number


def _is_header(lines: Sequence[str], number: int) -> bool:
    """Return whether the lines from a title on have a key, and music after it, before an empty line."""
    has_key = False
    for line in lines[number:]:
        if not line.strip() or _NUMBER.match(line):
            return False
        if has_key and not _ANY_FIELD.match(line):
            return True
        has_key = has_key or _KEY.match(line) is not None
    return False


@dataclass(frozen=True)
class TuneLines:
    """The lines of a tune, and the number of lines of text after it."""

    lines: tuple[str, ...]
    n_text_lines: int


def lines_of_tune(text: str) -> TuneLines:
    """Return the lines of a tune up to the empty line that ends it, and count the lines of text after it."""
    lines: list[str] = []
    n_after = 0
    is_music_due, is_after_gap, has_key, has_bar_lines = False, False, False, False
    for line in text.split("\n"):
        if not line.strip():
            is_music_due, is_after_gap = has_key, has_key
            continue
        if n_after or (is_music_due and not _goes_on(line, is_free=not (is_after_gap and has_bar_lines))):
            n_after += 1
            continue
        is_after_gap = is_after_gap and _ANY_FIELD.match(line) is not None
        has_bar_lines = has_bar_lines or (has_key and "|" in line)
        has_key = has_key or _KEY.match(line) is not None
        lines.append(line)
    return TuneLines(tuple(lines), n_after)


def _goes_on(line: str, *, is_free: bool) -> bool:
    """Return whether a line below an empty one belongs to the tune: a field of the body, or music.

    In a tune with bar lines, the first line of music has one too, or the length of a note, or no letters that could be
    a word, such as "Ed" and "bag".
    """
    if _BODY_FIELD.match(line):
        return True
    if not is_music(line):
        return False
    symbols = _NO_SYMBOLS.sub("", line)
    return is_free or _BAR_OR_LENGTH.search(symbols) is not None or not _LIKE_A_WORD.search(symbols)


def is_music(line: str) -> bool:
    """Return whether a line that is no field holds music without a word."""
    symbols = _NO_SYMBOLS.sub("", line.partition("%")[0])
    return bool(_NOTE.search(symbols)) and not _IN_A_WORD.search(symbols)


def is_sentence(line: str) -> bool:
    """Return whether a line within a tune that is no field is text: it has no bar line, and words that are no notes.

    Example:
        >>> is_sentence("Repeat A part"), is_sentence("Abc Bag TcHd"), is_sentence("uAvB Repeat|")
        (True, False, False)
    """
    if "|" in line or not _WORD_OF_LETTERS.search(line):
        return False
    symbols = _NO_SYMBOLS.sub("", line.partition("%")[0])
    return len(_IN_A_WORD.findall(symbols)) >= 2


def with_key_field(tune: str) -> str:
    """Return a tune with a ``K:`` field at the end of its header, which tunes without a key lack."""
    lines = tune.split("\n")
    n_header = next((index for index, line in enumerate(lines) if not _is_of_header(line)), None)
    has_key = any(map(_KEY.match, lines if n_header is None or not is_music(lines[n_header]) else lines[:n_header]))
    if has_key or n_header is None:
        return tune
    return "\n".join([*lines[:n_header], "K:none", *lines[n_header:]])


def _is_of_header(line: str) -> bool:
    return not line.strip() or _ANY_FIELD.match(line) is not None
