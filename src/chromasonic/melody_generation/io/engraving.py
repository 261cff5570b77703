"""Engrave a melody with Verovio as SVG, and convert it to PNG.

Title and tempo mark are added here: Verovio writes the note of a tempo mark as text in a music font that other programs
lack.

Verovio keeps fonts and the random numbers of ids for each thread. A toolkit that is used in another thread than its own
writes other ids, or crashes. Therefore every thread has its own toolkit (2 to 5 ms and 1 MB each), and one thread
engraves at a time.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

import resvg_py
import verovio

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.write_musicxml import head_id, to_musicxml
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.score import split_measures
from chromasonic.melody_generation.notation.tempo import beat_value, beats_per_minute, check_tempo
from chromasonic.melody_generation.notation.titles import plain_title
from chromasonic.melody_generation.plots.fonts import SERIF, font_path, text_width, truncate_text
from chromasonic.melody_generation.threads.process_lock import ProcessLock

PNG_WIDTH = 800  # pixels; twice the resolution takes four times as long, and the SVG is there for print
WIDTH = 780  # of the image, in units of its view box
_FONT = "DejaVu Serif"  # comes with matplotlib
_FONT_FILES = [font_path(f"{SERIF}{style}") for style in ("", "-Bold", "-Italic", "-BoldItalic")]
_FAMILIES = f"{_FONT}, Georgia, Times, serif"
_SCALE = 60
_BOTTOM_MARGIN = 40
_OPTIONS: dict[str, bool | int | str] = {
    "pageHeight": 60000,
    "adjustPageHeight": True,
    "pageMarginTop": 20,
    "pageMarginBottom": _BOTTOM_MARGIN,
    "pageMarginLeft": 50,
    "pageMarginRight": 50,
    "scale": _SCALE,
    "breaks": "auto",
    "header": "none",
    "footer": "none",
    "svgViewBox": True,
    "svgRemoveXlink": True,
    "smuflTextFont": "none",
}
# One staff space (the distance between two lines of a staff) in Verovio's units of drawing, system spacing and margins.
DRAWN_SPACE, _SYSTEM_SPACE, _MARGIN_SPACE = 180, 2, 18
_BETWEEN_SYSTEMS = 4
_XML_ID_SEED = 1  # the same melody gives the same bytes

# Above the staff, in units of the image's view box.
_TITLE_SIZE, _TEMPO_SIZE, HEADING_MARGIN = 28, 17, 32
_TITLE_LINE, _TEMPO_LINE = 48, 32
_MIN_TITLE_SIZE = 14.0
# Glyphs of the music font for the notes of a tempo mark, and for their dot; a glyph is a thousand units high.
_NOTE_GLYPHS = {"whole": "ECA2", "half": "ECA3", "quarter": "ECA5", "eighth": "ECA7", "16th": "ECA9", "32nd": "ECAB"}
_DOT_GLYPH = "ECB7"
_GLYPH_SCALE = 0.026

# Accidentals of chord symbols, which Verovio takes from its music font, and the same signs in a text font.
_MUSIC_FONT_SIGN = re.compile('<tspan font-family="Leipzig" font-size="[0-9]+px">([\uea64-\uea66])</tspan>')
_CHORD_SIGNS = {"\uea64": '<tspan font-size="405px">♭</tspan>', "\uea65": '<tspan font-size="405px">♮</tspan>'}
_CHORD_SIGNS["\uea66"] = '<tspan font-size="405px">♯</tspan>'

_RESOURCES = files("verovio") / "data"
_ENGRAVING = ProcessLock()
_of_thread = threading.local()


@dataclass(frozen=True)
class Engraving:
    """Engraved notation with the ids of its notes.

    Attributes:
        svg: The image. It has a view box and no size, and is drawn in ``currentColor``.
        notes: For each of the melody's notes and rests, in order, the ids of its elements in the image: one for each of
            its tied note heads.
    """

    svg: str
    notes: tuple[tuple[str, ...], ...]


def engrave(melody: Melody, tempo: float) -> Engraving:
    """Engrave a melody with title and tempo on one page, as high as needed.

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute.

    Raises:
        InputError: If the melody cannot be written, or the tempo is out of range.
    """
    return Engraving(engrave_svg(melody, tempo), _head_ids(melody))


def engrave_staff(melody: Melody, width: int = WIDTH, *, spaces_below: int = 0) -> Engraving:
    """Engrave a melody without title and tempo.

    Args:
        melody: A melody of one note or more.
        width: The width of the image in units of its view box; a staff space has 10.8.
        spaces_below: Additional space below each system, in staff spaces.

    Raises:
        InputError: If the melody cannot be written.
    """
    return Engraving(_engraved_staff(to_musicxml(melody, None), width, spaces_below), _head_ids(melody))


def _head_ids(melody: Melody) -> tuple[tuple[str, ...], ...]:
    n_heads = [0] * len(melody)
    for measure in split_measures(melody):
        for symbol in measure.symbols:
            n_heads[symbol.note] += 1
    return tuple(tuple(head_id(note, head) for head in range(n)) for note, n in enumerate(n_heads))


def engrave_svg(melody: Melody, tempo: float) -> str:
    """Engrave a melody as SVG; arguments and errors as in :func:`engrave`."""
    check_tempo(tempo)
    return add_heading(engrave_staff(melody).svg, melody.title, _tempo_mark(melody, tempo, y=-8))


def svg_to_png(svg: str, width: int = PNG_WIDTH) -> bytes:
    """Convert an SVG of :func:`engrave_svg` to PNG, black on white and ``width`` pixels wide."""
    # Verovio's style sheet strokes the outline of every glyph in addition to filling it, a quarter of the drawing time.
    stroked_lines_only = re.sub(
        r"(#\w+) ellipse, [^{}]*\{stroke:currentColor\}", r"\1 path[stroke-width] {stroke:currentColor}", svg
    )
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=stroked_lines_only,
            background="white",
            width=width,
            skip_system_fonts=True,
            font_family=_FONT,
            serif_family=_FONT,
            font_files=[str(path) for path in _FONT_FILES],
        )
    )


def _toolkit() -> verovio.toolkit:
    """Return the toolkit of this thread."""
    toolkit: verovio.toolkit | None = getattr(_of_thread, "toolkit", None)
    if toolkit is None:
        verovio.enableLog(verovio.LOG_OFF)
        # Without fonts at first: Verovio sets its default folder only in the thread that imports it.
        toolkit = verovio.toolkit(False)
        toolkit.setResourcePath(str(_RESOURCES))
        toolkit.setOptions(_OPTIONS)
        _of_thread.toolkit = toolkit
    return toolkit


@_ENGRAVING.held()
def _engraved_staff(musicxml: str, width: int, spaces_below: int) -> str:
    toolkit = _toolkit()
    layout = {
        "pageWidth": width * 100 // _SCALE,
        "spacingSystem": _BETWEEN_SYSTEMS + _SYSTEM_SPACE * spaces_below,
        "pageMarginBottom": _BOTTOM_MARGIN + _MARGIN_SPACE * spaces_below,
    }
    toolkit.setOptions(layout)
    toolkit.resetXmlIdSeed(_XML_ID_SEED)
    if not toolkit.loadData(musicxml):
        raise RuntimeError("Verovio cannot load the MusicXML")
    if toolkit.getPageCount() > 1:
        raise InputError("a melody of more than a thousand bars cannot be engraved on one page")
    return _MUSIC_FONT_SIGN.sub(lambda sign: _CHORD_SIGNS[sign[1]], str(toolkit.renderToSVG(1)))


def add_heading(svg: str, title: str, line: str) -> str:
    """Add a title, and a line of SVG below it, above a staff.

    Args:
        svg: An image of :func:`engrave_staff`.
        title: Any text; empty for the line alone.
        line: SVG between the title and the staff: 32 units high, with its bottom at y = 0.
    """
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    if not box:
        raise RuntimeError("Verovio returned an image without a view box")
    width, height = int(box[1]), int(box[2])
    title = plain_title(title)
    height_above = _TEMPO_LINE + (_TITLE_LINE if title else 0)
    heading = (_title(title, width, y=-_TEMPO_LINE - 14) if title else "") + line
    svg = svg.replace(box[0], f'viewBox="0 {-height_above} {width} {height + height_above}"', 1)
    # Keep the size of Verovio's drawing: by default it would fill the image including the heading.
    svg = svg.replace(
        '<svg class="definition-scale"',
        f'<svg class="definition-scale" overflow="visible" width="{width}" height="{height}"',
    )
    body, end = svg.rsplit("</svg>", 1)
    return f'{body}<g class="heading" fill="currentColor" font-family="{_FAMILIES}">{heading}</g></svg>{end}'


def _title(title: str, width: int, y: int) -> str:
    """Return the centred title: smaller if it is long, and truncated if it is still too long."""
    available = width - 2 * HEADING_MARGIN
    needed = max(1.0, text_width(title, _TITLE_SIZE, SERIF))  # a soft hyphen has no width
    size = min(_TITLE_SIZE, max(_MIN_TITLE_SIZE, _TITLE_SIZE * available / needed))
    text = escape(truncate_text(title, available, size, SERIF))
    return f'<text x="{width / 2:g}" y="{y}" font-size="{size:.1f}" text-anchor="middle">{text}</text>'


def _tempo_mark(melody: Melody, tempo: float, y: int) -> str:
    beat = beat_value(melody.metre)
    x = float(HEADING_MARGIN)
    mark = _glyph(_NOTE_GLYPHS[beat.name], x, y)
    x += 14
    for _ in range(beat.dots):
        mark += _glyph(_DOT_GLYPH, x, y)
        x += 5
    per_minute = beats_per_minute(melody.metre, tempo)
    return f'{mark}<text x="{x + 3:g}" y="{y}" font-size="{_TEMPO_SIZE}">= {per_minute:.4g}</text>'


@cache
def _glyph_path(code: str) -> str:
    glyph = (_RESOURCES / "Leipzig" / f"{code}.xml").read_text(encoding="utf-8")
    path = re.search(r'\bd="([^"]*)"', glyph)
    if not path:
        raise RuntimeError(f"Verovio's music font has no outline for glyph {code}")
    return path[1]


def _glyph(code: str, x: float, y: float) -> str:
    transform = f"translate({x:g} {y:g}) scale({_GLYPH_SCALE} -{_GLYPH_SCALE})"
    return f'<path transform="{transform}" d="{_glyph_path(code)}"/>'
