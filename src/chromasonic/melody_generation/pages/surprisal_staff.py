"""Notation in the colours of surprisal (information content, in bits).

Every note and rest has the colour of its bits. Below each system, a bar for each of them shows the same number, so that
the picture is readable without colours. The scale is the same for all tunes and ends at ``MOST`` bits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from xml.etree import ElementTree

import numpy as np

from chromasonic.melody_generation.io.engraving import (
    DRAWN_SPACE,
    HEADING_MARGIN,
    WIDTH,
    Engraving,
    add_heading,
    engrave_staff,
)
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.plots.figures import NEUTRAL
from chromasonic.melody_generation.plots.fonts import SERIF, truncate_text
from chromasonic.melody_generation.printing.printable_text import printable

MOST = 8.0  # bits; 95 % of the notes of a folk tune have fewer
# From expected to surprising notes, redder and lighter, so that colour-blind people see the order. All colours are dark
# enough for a white background.
_BITS = (0.0, MOST / 2, MOST)
_COLOURS = ((66, 62, 70), (178, 40, 40), (242, 92, 5))
_STEPS = 32  # of the legend

_SPACES_BELOW = 5  # height of the bars below a system and their margin, in spaces of the staff
_GAP, _HIGHEST, _BAR_WIDTH = DRAWN_SPACE, 3 * DRAWN_SPACE, 150
_TEXT_SIZE, _SMALL_SIZE = 15, 13
_LEGEND_WIDTH, _LEGEND_HEIGHT, _WORDS_WIDTH = 128, 11, 86
_NO_OUTLINE = 'style="stroke:none"'  # against Verovio's style sheet

_SVG = "{http://www.w3.org/2000/svg}"
_PAGE = re.compile(r'<g class="page-margin"[^>]*>')
_SYMBOL = re.compile(r'<g id="([^"]+)" class="(?:note|rest|mRest)"')
_TRANSLATED = re.compile(r"translate\((-?\d+), (-?\d+)\)")
_POINT = re.compile(r"(-?\d+)[ ,](-?\d+)")


def surprisal_colour(bits: float) -> str:
    """Return the colour of a number of bits; infinity and NaN have the colour of ``MOST``.

    Example:
        >>> surprisal_colour(0), surprisal_colour(4), surprisal_colour(math.inf)
        ('#423e46', '#b22828', '#f25c05')
    """
    finite = bits if math.isfinite(bits) else MOST
    red, green, blue = (round(float(np.interp(finite, _BITS, part))) for part in zip(*_COLOURS, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def engrave_surprisal(melody: Melody, bits: Sequence[float], width: int = WIDTH) -> Engraving:
    """Engrave a tune with each note, its ties and each rest in the colour of its bits, and a legend.

    Args:
        melody: The tune, of one note or more.
        bits: Surprisal of each note and rest.
        width: Width of the picture, in units of its view box.

    Raises:
        InputError: If the tune cannot be written.
        ValueError: If the number of bits is not that of notes and rests.
    """
    plain, coloured = _coloured(melody, bits, width)
    return Engraving(add_heading(coloured, "", _legend(width)), plain.notes)


def draw_surprisal_sheet(melody: Melody, bits: Sequence[float], title: str, line: str) -> str:
    """Draw a tune in the colours of its surprisal on a white background, as an SVG document.

    Args:
        melody: The tune, of one note or more.
        bits: Surprisal of each note and rest.
        title: The title.
        line: A line below the title, beside the legend.

    Raises:
        InputError: If the tune cannot be written.
        ValueError: If the number of bits is not that of notes and rests.
    """
    _, coloured = _coloured(melody, bits, WIDTH)
    available = WIDTH - 4 * HEADING_MARGIN - _LEGEND_WIDTH - _WORDS_WIDTH
    words = escape(truncate_text(printable(line), available, _TEXT_SIZE, SERIF))
    text = f'<text x="{HEADING_MARGIN}" y="-9" font-size="{_TEXT_SIZE}">{words}</text>'
    svg = add_heading(coloured, title, text + _legend(WIDTH))
    box = re.search(r'viewBox="(\S+) (\S+) (\S+) (\S+)"[^>]*>', svg)
    if not box:
        raise RuntimeError("the notation has no view box")
    left, top, width, height = box.groups()
    paper = f'<rect class="paper" x="{left}" y="{top}" width="{width}" height="{height}" fill="#ffffff" {_NO_OUTLINE}/>'
    return svg.replace(box[0], box[0] + paper, 1)


def _coloured(melody: Melody, bits: Sequence[float], width: int) -> tuple[Engraving, str]:
    """Return the plain engraving, and its SVG with colours and bars."""
    if len(bits) != len(melody):
        raise ValueError(f"a tune of {len(melody)} notes and rests needs as many bits, got {len(bits)}")
    plain = engrave_staff(melody, width, spaces_below=_SPACES_BELOW)
    note_of = {name: note for note, names in enumerate(plain.notes) for name in names}

    def with_colour(symbol: re.Match[str]) -> str:
        colour = surprisal_colour(bits[note_of[symbol[1]]])
        return f'{symbol[0]} color="{colour}" fill="{colour}"'

    bars = "".join(_bars(plain, bits))
    svg = _SYMBOL.sub(with_colour, plain.svg)
    return plain, _PAGE.sub(lambda page: f'{page[0]}<g class="bits">{bars}</g>', svg, count=1)


def _bars(plain: Engraving, bits: Sequence[float]) -> Iterator[str]:
    """Yield the baseline of each system's bars, and a bar for each note and rest as high as its bits."""
    first = {names[0]: note for note, names in enumerate(plain.notes)}
    for system in ElementTree.fromstring(plain.svg).iter(f"{_SVG}g"):
        if system.get("class") != "system":
            continue
        foot = _lowest(system) + _GAP + _HIGHEST
        symbols = [(first[name], symbol) for symbol in system.iter() if (name := symbol.get("id", "")) in first]
        positions = [(note, _left(symbol)) for note, symbol in symbols]
        if positions:
            begin, end = positions[0][1], positions[-1][1] + _BAR_WIDTH
            across = f'x="{begin}" width="{end - begin}"'
            yield f'<rect {across} y="{foot}" height="9" fill="{NEUTRAL}" {_NO_OUTLINE}/>'
        for note, left in positions:
            height = _HIGHEST * min(bits[note] if math.isfinite(bits[note]) else MOST, MOST) / MOST
            yield (
                f'<rect class="bar" x="{left}" y="{foot - height:.0f}" width="{_BAR_WIDTH}" height="{height:.0f}" '
                f'fill="{surprisal_colour(bits[note])}" {_NO_OUTLINE}><title>{bits[note]:.2f} bits</title></rect>'
            )


def _left(symbol: ElementTree.Element) -> int:
    """Return the left edge of the head of a note, or of a rest."""
    heads = [part for part in symbol.iter() if part.get("class") == "notehead"] or [symbol]
    glyph = next(heads[0].iter(f"{_SVG}use"))
    translation = _TRANSLATED.match(glyph.get("transform", ""))
    if not translation:
        raise RuntimeError("Verovio drew a note without a position")
    return int(translation[1])


def _lowest(system: ElementTree.Element) -> int:
    """Return the lowest y coordinate of a system: of lines, heads, stems, beams, ties and numbers."""
    heights = [0]
    for part in system.iter():
        heights += [int(y) for _, y in _TRANSLATED.findall(part.get("transform", ""))]
        if part.tag != f"{_SVG}use":
            heights += [int(y) for _, y in _POINT.findall(part.get("d", "") + part.get("points", ""))]
    return max(heights)


def _legend(width: int) -> str:
    """Return the legend of the colours, at the right above the staff."""
    left, top = width - HEADING_MARGIN - _LEGEND_WIDTH - _WORDS_WIDTH, -9 - _LEGEND_HEIGHT
    step = _LEGEND_WIDTH / _STEPS
    # Every rectangle reaches to the end, and the next covers it, so that no seam shows.
    colours = "".join(
        f'<rect x="{left + index * step:g}" y="{top}" width="{_LEGEND_WIDTH - index * step:g}" '
        f'height="{_LEGEND_HEIGHT}" fill="{surprisal_colour(MOST * (index + 0.5) / _STEPS)}" {_NO_OUTLINE}/>'
        for index in range(_STEPS)
    )
    texts = (
        f'<text x="{left - 5}" y="-9" font-size="{_SMALL_SIZE}" text-anchor="end">0</text>'
        f'<text x="{left + _LEGEND_WIDTH + 6}" y="-9" font-size="{_SMALL_SIZE}">{MOST:g} bits or more</text>'
    )
    return f'<g class="legend">{colours}{texts}</g>'
