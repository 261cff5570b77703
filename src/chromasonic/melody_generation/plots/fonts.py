"""Width of text in the fonts that come with matplotlib, and text truncated to a width.

matplotlib is not made for several threads: its fonts have a state, and its axes change the filters of warnings. All
figures are made, and all widths measured, while ``DRAWING`` is held.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

from chromasonic.melody_generation.printing.printable_text import printable
from chromasonic.melody_generation.threads.process_lock import ProcessLock

SANS, SANS_BOLD, SERIF = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif"
_MISSING = "□"
DRAWING = ProcessLock()


@cache
def font_path(font: str) -> Path:
    """Return the path of a font file."""
    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")


@cache
def _font(font: str) -> FT2Font:
    # In memory: a process and its forked child would read one open file, and move each other's position in it.
    return FT2Font(io.BytesIO(font_path(font).read_bytes()))


@DRAWING.held()
def replace_missing_glyphs(text: str, font: str) -> str:
    """Replace each character that the font lacks by a square; the text is made printable first.

    Example:
        >>> replace_missing_glyphs("Été 漢字", SANS)
        'Été □□'
    """
    glyphs = _font(font).get_charmap()
    return "".join(character if ord(character) in glyphs else _MISSING for character in printable(text))


def label_text(text: str, font: str = SANS) -> str:
    r"""Return a text that a figure can show: printable, with a square for each character that the font lacks.

    Matplotlib hides labels that begin with an underscore; they get a space before it.

    Example:
        >>> label_text("_lstm\x1b[31m 漢")
        ' _lstm\\x1b[31m □'
    """
    shown = replace_missing_glyphs(text, font)
    return f" {shown}" if shown.startswith("_") else shown


@DRAWING.held()
def text_width(text: str, size: float, font: str) -> float:
    """Return the width of a line of text, in the unit of ``size`` (the font size)."""
    face = _font(font)
    face.set_size(size, 72)
    face.set_text(replace_missing_glyphs(text, font), 0)
    return float(face.get_width_height()[0]) / 64


def truncate_text(text: str, width: float, size: float, font: str) -> str:
    """Truncate a text to a width, with an ellipsis if characters are cut; ``width`` is in the unit of ``size``.

    Example:
        >>> truncate_text("The Kesh Jig", 56, 12, SANS)
        'The Ke…'
    """
    if text_width(text, size, font) <= width:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        is_short = text_width(f"{text[:middle].rstrip()}…", size, font) <= width
        fits, too_long = (middle, too_long) if is_short else (fits, middle)
    return f"{text[:fits].rstrip()}…"
