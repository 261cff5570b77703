"""How much room text takes, and text cut to the room that there is, in the fonts that come with matplotlib."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

SANS, SANS_BOLD, SERIF = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif"
_MISSING = "□"


@cache
def font_path(font: str) -> Path:
    """The file of a font."""
    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")


@cache
def _font(font: str) -> FT2Font:
    return FT2Font(str(font_path(font)))


def replace_missing_glyphs(text: str, font: str) -> str:
    """The text with a square for each letter that the font lacks.

    Example:
        >>> replace_missing_glyphs("Été 漢字", SANS)
        'Été □□'
    """
    known = _font(font).get_charmap()
    return "".join(letter if ord(letter) in known else _MISSING for letter in text)


def text_width(text: str, size: float, font: str) -> float:
    """How wide the text is in type of a size, in the unit of the size."""
    face = _font(font)
    face.set_size(size, 72)
    face.set_text(replace_missing_glyphs(text, font), 0)
    return float(face.get_width_height()[0]) / 64


def truncate_text(text: str, room: float, size: float, font: str) -> str:
    """As much of the beginning of a text as there is room for, with an ellipsis where that is not all.

    Example:
        >>> truncate_text("The Kesh Jig", 60, 12, SANS)
        'The Ke…'
    """
    if text_width(text, size, font) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        is_fine = text_width(f"{text[:middle].rstrip()}…", size, font) <= room
        fits, too_long = (middle, too_long) if is_fine else (fits, middle)
    return f"{text[:fits].rstrip()}…"
