"""How surprising each note of a tune was, drawn over its notation, from plain numbers.

Every note and rest has the colour of its bits, and below each system stands a bar for each of them, so that the
picture can be read without telling colours apart. One scale holds for all tunes: the same colour always means the same
number of bits, and from ``MOST`` bits on there is no other.
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

MOST = 8.0  # bits; nineteen in twenty notes of a folk tune need fewer
# From what was expected to what was not: ever redder and ever lighter, so that colour-blind people see the order too,
# and at both ends dark enough to be read on white.
_BITS = (0.0, MOST / 2, MOST)
_COLOURS = ((66, 62, 70), (178, 40, 40), (242, 92, 5))
_STEPS = 32  # of the legend

_SPACES_BELOW = 5  # that the bars of a system take, in spaces of the staff, and what keeps them apart from it
_GAP, _HIGHEST, _BAR_WIDTH = DRAWN_SPACE, 3 * DRAWN_SPACE, 150
_TEXT_SIZE, _SMALL_SIZE = 15, 13
_LEGEND_WIDTH, _LEGEND_HEIGHT, _WORDS_WIDTH = 128, 11, 86
_NO_OUTLINE = 'style="stroke:none"'  # against Verovio's style sheet

_SVG = "{http://www.w3.org/2000/svg}"
_PAGE = re.compile(r'<g class="page-margin"[^>]*>')
_SYMBOL = re.compile(r'<g id="([^"]+)" class="(?:note|rest|mRest)"')
_TRANSLATED = re.compile(r"translate\((-?\d+), (-?\d+)\)")
_POINT = re.compile(r"(-?\d+)[ ,](-?\d+)")


def surprise_colour(bits: float) -> str:
    """The colour for a number of bits; what is not finite counts as ``MOST``.

    Example:
        >>> surprise_colour(0), surprise_colour(4), surprise_colour(math.inf)
        ('#423e46', '#b22828', '#f25c05')
    """
    known = bits if math.isfinite(bits) else MOST
    red, green, blue = (round(float(np.interp(known, _BITS, part))) for part in zip(*_COLOURS, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def surprise_staff(melody: Melody, bits: Sequence[float], width: int = WIDTH) -> Engraving:
    """Engrave a tune with each note and rest in the colour of its bits, what is tied to it too, and their legend.

    Args:
        melody: The tune, of one note or more.
        bits: How surprising each note and rest was, one for each.
        width: Of the picture, in units of its view box.

    Raises:
        InputError: If the tune cannot be written.
        ValueError: If there is another number of bits than of notes and rests.
    """
    plain, coloured = _coloured(melody, bits, width)
    return Engraving(add_heading(coloured, "", _legend(width)), plain.notes)


def surprise_sheet(melody: Melody, bits: Sequence[float], title: str, line: str) -> str:
    """The same as a whole picture on white, an SVG document.

    Args:
        melody: The tune, of one note or more.
        bits: How surprising each note and rest was, one for each.
        title: Stands above.
        line: Stands below the title, beside the legend.

    Raises:
        InputError: If the tune cannot be written.
        ValueError: If there is another number of bits than of notes and rests.
    """
    _, coloured = _coloured(melody, bits, WIDTH)
    room = WIDTH - 4 * HEADING_MARGIN - _LEGEND_WIDTH - _WORDS_WIDTH
    words = escape(truncate_text(line, room, _TEXT_SIZE, SERIF))
    text = f'<text x="{HEADING_MARGIN}" y="-9" font-size="{_TEXT_SIZE}">{words}</text>'
    svg = add_heading(coloured, title, text + _legend(WIDTH))
    box = re.search(r'viewBox="(\S+) (\S+) (\S+) (\S+)"[^>]*>', svg)
    if not box:
        raise RuntimeError("the notation has no view box")
    left, top, width, height = box.groups()
    paper = f'<rect class="paper" x="{left}" y="{top}" width="{width}" height="{height}" fill="#ffffff" {_NO_OUTLINE}/>'
    return svg.replace(box[0], box[0] + paper, 1)


def _coloured(melody: Melody, bits: Sequence[float], width: int) -> tuple[Engraving, str]:
    """The plain engraving, and its picture with colours and bars."""
    if len(bits) != len(melody):
        raise ValueError(f"a tune of {len(melody)} notes and rests needs as many bits, got {len(bits)}")
    plain = engrave_staff(melody, width, spaces_below=_SPACES_BELOW)
    note_of = {name: note for note, names in enumerate(plain.notes) for name in names}

    def with_colour(symbol: re.Match[str]) -> str:
        colour = surprise_colour(bits[note_of[symbol[1]]])
        return f'{symbol[0]} color="{colour}" fill="{colour}"'

    bars = "".join(_bars(plain, bits))
    svg = _SYMBOL.sub(with_colour, plain.svg)
    return plain, _PAGE.sub(lambda page: f'{page[0]}<g class="bits">{bars}</g>', svg, count=1)


def _bars(plain: Engraving, bits: Sequence[float]) -> Iterator[str]:
    """A bar for each note and rest below its system, as high as it needs bits, and the line that they stand on."""
    first = {names[0]: note for note, names in enumerate(plain.notes)}
    for system in ElementTree.fromstring(plain.svg).iter(f"{_SVG}g"):
        if system.get("class") != "system":
            continue
        foot = _lowest(system) + _GAP + _HIGHEST
        found = [(first[name], symbol) for symbol in system.iter() if (name := symbol.get("id", "")) in first]
        places = [(note, _left(symbol)) for note, symbol in found]
        if places:
            end = places[-1][1] + _BAR_WIDTH
            across = f'x="{places[0][1]}" width="{end - places[0][1]}"'
            yield f'<rect {across} y="{foot}" height="9" fill="{NEUTRAL}" {_NO_OUTLINE}/>'
        for note, left in places:
            height = _HIGHEST * min(bits[note] if math.isfinite(bits[note]) else MOST, MOST) / MOST
            yield (
                f'<rect class="bar" x="{left}" y="{foot - height:.0f}" width="{_BAR_WIDTH}" height="{height:.0f}" '
                f'fill="{surprise_colour(bits[note])}" {_NO_OUTLINE}><title>{bits[note]:.2f} bits</title></rect>'
            )


def _left(symbol: ElementTree.Element) -> int:
    """Where the head of a note, or a rest, begins."""
    heads = [each for each in symbol.iter() if each.get("class") == "notehead"] or [symbol]
    glyph = next(heads[0].iter(f"{_SVG}use"))
    place = _TRANSLATED.match(glyph.get("transform", ""))
    if not place:
        raise RuntimeError("Verovio drew a note that stands nowhere")
    return int(place[1])


def _lowest(system: ElementTree.Element) -> int:
    """How far down anything in a system reaches that matters: lines, heads, stems, beams, ties and numbers."""
    found = [0]
    for each in system.iter():
        found += [int(y) for _, y in _TRANSLATED.findall(each.get("transform", ""))]
        if each.tag != f"{_SVG}use":
            found += [int(y) for _, y in _POINT.findall(each.get("d", "") + each.get("points", ""))]
    return max(found)


def _legend(width: int) -> str:
    """The colours with their bits, at the right of a line above the staff."""
    left, top = width - HEADING_MARGIN - _LEGEND_WIDTH - _WORDS_WIDTH, -9 - _LEGEND_HEIGHT
    step = _LEGEND_WIDTH / _STEPS
    # Each reaches to the end, and the next is drawn over it, so that no seam is seen.
    colours = "".join(
        f'<rect x="{left + place * step:g}" y="{top}" width="{_LEGEND_WIDTH - place * step:g}" '
        f'height="{_LEGEND_HEIGHT}" fill="{surprise_colour(MOST * (place + 0.5) / _STEPS)}" {_NO_OUTLINE}/>'
        for place in range(_STEPS)
    )
    texts = (
        f'<text x="{left - 5}" y="-9" font-size="{_SMALL_SIZE}" text-anchor="end">0</text>'
        f'<text x="{left + _LEGEND_WIDTH + 6}" y="-9" font-size="{_SMALL_SIZE}">{MOST:g} bits or more</text>'
    )
    return f'<g class="legend">{colours}{texts}</g>'
