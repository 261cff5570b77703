"""Text of unknown origin as plain text, for a terminal, a file or a page.

A title, a file name or an error message may hold characters that move the cursor, change the title of the window, or
turn the direction of the text around it. The letters of all scripts stay, with the marks that join them.
"""

from __future__ import annotations

import re

# Control characters, lone surrogates, line and paragraph separators, marks, overrides and isolates of direction,
# interlinear annotations, invisible tags, and code points that are no characters.
_NONCHARACTERS = "".join(f"{chr(plane << 16 | 0xFFFE)}-{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
_UNPRINTABLE = (
    "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\ufdd0-\ufdef"
    f"\U000e0000-\U000e007f{_NONCHARACTERS}"
)
_UNPRINTABLE_CHARACTER = re.compile(f"[{_UNPRINTABLE}]")
_WHITE_SPACE = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")

# Characters that mean something in Markdown: bars of tables, the beginnings of tags, entities, links and code, and
# marks of emphasis that stand beside a letter. Brackets around numbers, such as an interval's, stay as they are.
_MARKDOWN = re.compile(
    r"""
    (?P<interval> \[[-+.,\d\ ]*\] (?![(\[:]) )
    | (?P<mark>
        [\\`|\[\]] | <(?=[A-Za-z/!?]) | &(?=[\#\w])           # code, cells, links, tags, entities
        | (?<!\s)[*~] | [*~](?!\s|$) | (?<!\w)_ | _(?!\w)     # emphasis
        | :(?=//) | (?<=www)\.                                # addresses
        | (?<=\s)\#(?=\#*$)                                   # the end of a heading
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Marks at the beginning of a line: headings, quotations, lists, rules.
_MARKDOWN_LINE = re.compile(r"^(?:(\d+)([.)])(?=\s|$)|([-+](?![\d.])|[*#>=~]))")


def printable(value: object) -> str:
    r"""Return a value as one line of text that is safe to print.

    White space of other lines becomes a space. Every other character that could act on a terminal, or that no encoding
    knows, is shown by its number.

    Example:
        >>> printable("Là-bas\n\x1b[31m \u202eflow")
        'Là-bas \\x1b[31m \\u202eflow'
    """
    return _UNPRINTABLE_CHARACTER.sub(_numbered, _WHITE_SPACE.sub(" ", str(value)))


def printable_lines(text: str) -> str:
    r"""Return a text of several lines, each of them printable.

    Example:
        >>> printable_lines("seed: 1\n\tname: \x07")
        'seed: 1\n    name: \\x07'
    """
    return "\n".join(map(printable, text.expandtabs(4).split("\n")))


def without_unprintable(text: str) -> str:
    """Return a text without the characters that :func:`printable` shows by their numbers."""
    return _UNPRINTABLE_CHARACTER.sub("", text)


def markdown_text(value: object) -> str:
    r"""Return a value as one line of Markdown that shows it as it is: without links, code, emphasis or HTML.

    Example:
        >>> markdown_text("[a](b) <i> `c` 0.5 [0.4, 0.6] * x_y")
        '\\[a\\](b) \\<i> \\`c\\` 0.5 [0.4, 0.6] * x_y'
    """
    line = _MARKDOWN.sub(lambda found: found["interval"] or f"\\{found['mark']}", printable(value).strip())
    return _MARKDOWN_LINE.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", line)


def _numbered(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape", "surrogatepass").decode("ascii")
