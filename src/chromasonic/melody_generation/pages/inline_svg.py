"""SVG of other libraries, made safe and unique for inclusion in a page.

A page trusts no style and no script of a drawing, and contains many drawings that define glyphs. A drawing therefore
keeps only shapes and text, has attributes instead of style sheets, and names that do not clash. Definitions are named
by their content, so that a glyph of sixteen melodies is written once. Black becomes the text colour of the page, which
is also readable on a dark background.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.printable_text import printable

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_SHAPES = frozenset(
    {
        *("svg", "g", "defs", "symbol", "use", "path", "rect", "line", "polyline", "polygon"),
        *("ellipse", "circle", "text", "tspan", "clipPath"),
    }
)
_LOOKS = frozenset(
    {
        *("color", "fill", "fill-opacity", "fill-rule", "opacity", "clip-path", "clip-rule"),
        *("stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin"),
        *("stroke-miterlimit", "stroke-opacity", "stroke-width"),
        *("font-size", "font-style", "font-weight", "text-anchor"),
    }
)
_GEOMETRY = frozenset(
    {
        *("x", "y", "dx", "dy", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height"),
        *("d", "points", "transform", "viewBox", "preserveAspectRatio", "overflow", "href"),
    }
)
# The style sheet of Verovio for these kinds of text.
_KINDS = {
    "tempo": ("font-weight", "bold"),
    "ending": ("font-weight", "bold"),
    "reh": ("font-weight", "bold"),
    "dir": ("font-style", "italic"),
    "mNum": ("font-style", "italic"),
}
_PLACEHOLDER = "placeholder"  # a class that the style sheet of Verovio hides
_BLACK = {"#000000", "#000", "black"}
# Colours for which the page has its own: the background, and secondary text.
_PAGE_COLOURS = {"#ffffff": "paper", "#fff": "paper", "white": "paper", "#555555": "soft"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


@dataclass(frozen=True)
class InlineSvg:
    """A drawing for a page.

    Attributes:
        markup: An ``<svg>`` element for HTML.
        definitions: Elements that it refers to, by name; the page must contain each once.
    """

    markup: str
    definitions: Mapping[str, str]


def inline_svg(drawing: str, marks: Mapping[str, int] | None = None, *, label: str = "") -> InlineSvg:
    """Make a drawing safe and unique for inclusion in a page.

    Args:
        drawing: An SVG document.
        marks: Numbers of elements by their ids, which become their attribute ``data-note``.
        label: The description for screen readers; without one they skip the drawing.

    Raises:
        InputError: If it is no SVG.

    Example:
        >>> drawing = '<svg xmlns="http://www.w3.org/2000/svg"><path id="n" onclick="x()" d="M0 0h9"/></svg>'
        >>> inline_svg(drawing, {"n": 3}).markup
        '<svg aria-hidden="true"><path data-note="3" d="M0 0h9" /></svg>'
    """
    try:
        root = ET.fromstring(drawing)
    except ET.ParseError as problem:
        raise InputError(f"a drawing is no SVG ({problem})") from problem
    if root.tag != f"{_SVG}svg":
        raise InputError(f"a drawing is no SVG: its outermost element is {root.tag}")
    names = _names_by_content(root)
    clean = _clean(root, names, marks or {})
    clean.attrib.pop("width", None)
    clean.attrib.pop("height", None)
    clean.attrib |= {"role": "img", "aria-label": printable(label)} if label else {"aria-hidden": "true"}
    definitions: dict[str, str] = {}
    _take_definitions(clean, definitions)
    return InlineSvg(_markup(clean), definitions)


def _names_by_content(root: ET.Element) -> dict[str, str]:
    """Return a new name for each definition, a digest of its content."""
    names = {}
    for definitions in root.iter(f"{_SVG}defs"):
        for definition in definitions:
            name = definition.attrib.pop("id", "")
            names[name] = "g" + hashlib.sha256(ET.tostring(definition)).hexdigest()[:12]
            definition.set("definition", names[name])
    return names


def _clean(element: ET.Element, names: Mapping[str, str], marks: Mapping[str, int]) -> ET.Element:
    """Return a copy with shapes, looks and geometry only, without a namespace."""
    clean = ET.Element(element.tag.removeprefix(_SVG))
    given = element.attrib
    if "definition" in given:
        clean.set("id", given["definition"])
    if given.get("id") in marks:
        clean.set("data-note", str(marks[given["id"]]))
    for kind in given.get("class", "").split():
        if kind in _KINDS:
            clean.set(*_KINDS[kind])
    for name, value in (given | _looks(given.get("style", ""))).items():
        key = "href" if name == _HREF else name
        if key in _GEOMETRY or key in _LOOKS:
            _set(clean, key, value.strip(), names)
    clean.text, clean.tail = element.text, element.tail
    for child in element:
        is_shape = isinstance(child.tag, str) and child.tag.removeprefix(_SVG) in _SHAPES
        if is_shape and _PLACEHOLDER not in child.get("class", "").split():
            clean.append(_clean(child, names, marks))
    if clean.tag not in {"text", "tspan"}:  # white space between shapes
        clean.text = None
        for kept in clean:
            kept.tail = None
    return clean


def _looks(style: str) -> dict[str, str]:
    pairs = (rule.split(":", 1) for rule in style.split(";") if ":" in rule)
    return {name.strip(): value.strip() for name, value in pairs}


def _set(element: ET.Element, key: str, value: str, names: Mapping[str, str]) -> None:
    if key == "href":
        if not value.startswith("#") or value[1:] not in names:
            return
        value = "#" + names[value[1:]]
    elif "(" in value and key in _LOOKS:
        reference = _REFERENCE.fullmatch(value)
        if not reference or reference[1] not in names:
            return
        value = f"url(#{names[reference[1]]})"
    elif key == "color" and value.lower() in _BLACK:  # the page's own
        return
    elif key in {"fill", "stroke"} and value.lower() in _BLACK:
        value = "currentColor"
    elif key in {"fill", "stroke"} and value.lower() in _PAGE_COLOURS:
        element.set("class", f"{element.get('class', '')} {_PAGE_COLOURS[value.lower()]}-{key}".strip())
        return
    element.set(key, value)


def _take_definitions(element: ET.Element, definitions: dict[str, str]) -> None:
    for child in list(element):
        if child.tag == "defs":
            definitions |= {definition.get("id", ""): _markup(definition) for definition in child}
            element.remove(child)
        else:
            _take_definitions(child, definitions)


def _markup(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")
