"""SVG that other libraries drew, made fit to stand within a page.

A page that trusts no style and no script, and whose melodies and figures all define glyphs under names of their own,
needs three things of a drawing: only shapes and text, looks as attributes instead of style sheets, and names that
clash with nobody's. Definitions are named by what they hold, so that a glyph that sixteen melodies share is written
once. What is drawn in black is drawn in the page's own text colour, and so can be read on a dark page too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from chromasonic.melody_generation.errors import InputError

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
# What verovio's style sheet says of these kinds of text.
_KINDS = {
    "tempo": ("font-weight", "bold"),
    "ending": ("font-weight", "bold"),
    "reh": ("font-weight", "bold"),
    "dir": ("font-style", "italic"),
    "mNum": ("font-style", "italic"),
}
_PLACEHOLDER = "placeholder"  # of verovio's, which its style sheet hides
_BLACK = {"#000000", "#000", "black"}
# Colours that the page has its own for: paper, and ink for what matters less.
_OWN = {"#ffffff": "paper", "#fff": "paper", "white": "paper", "#555555": "soft"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


@dataclass(frozen=True)
class InlineSvg:
    """A drawing for a page.

    Attributes:
        markup: An ``<svg>`` element, to be put into HTML as it is.
        definitions: What it refers to, by name: elements that must stand once in the page.
    """

    markup: str
    definitions: Mapping[str, str]


def inline_svg(drawing: str, marks: Mapping[str, int] | None = None, *, label: str = "") -> InlineSvg:
    """Make a drawing fit to stand within a page.

    Args:
        drawing: A whole SVG document.
        marks: Numbers for some of its elements, by their ids: each gets its own as ``data-note``.
        label: What screen readers say of it; without one they pass it over.

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
    clean.attrib |= {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    definitions: dict[str, str] = {}
    _take_definitions(clean, definitions)
    return InlineSvg(_markup(clean), definitions)


def _names_by_content(root: ET.Element) -> dict[str, str]:
    """A new name for each definition: a digest of what it holds."""
    names = {}
    for definitions in root.iter(f"{_SVG}defs"):
        for each in definitions:
            name = each.attrib.pop("id", "")
            names[name] = "g" + hashlib.sha256(ET.tostring(each)).hexdigest()[:12]
            each.set("definition", names[name])
    return names


def _clean(element: ET.Element, names: Mapping[str, str], marks: Mapping[str, int]) -> ET.Element:
    """A copy with shapes, looks and geometry only, without a namespace."""
    found = ET.Element(element.tag.removeprefix(_SVG))
    given = element.attrib
    if "definition" in given:
        found.set("id", given["definition"])
    if given.get("id") in marks:
        found.set("data-note", str(marks[given["id"]]))
    for kind in given.get("class", "").split():
        if kind in _KINDS:
            found.set(*_KINDS[kind])
    for name, value in (given | _looks(given.get("style", ""))).items():
        key = "href" if name == _HREF else name
        if key in _GEOMETRY or key in _LOOKS:
            _set(found, key, value.strip(), names)
    found.text, found.tail = element.text, element.tail
    for each in element:
        is_shape = isinstance(each.tag, str) and each.tag.removeprefix(_SVG) in _SHAPES
        if is_shape and _PLACEHOLDER not in each.get("class", "").split():
            found.append(_clean(each, names, marks))
    if found.tag not in {"text", "tspan"}:  # white space between shapes
        found.text = None
        for child in found:
            child.tail = None
    return found


def _looks(style: str) -> dict[str, str]:
    pairs = (each.split(":", 1) for each in style.split(";") if ":" in each)
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
    elif key in {"fill", "stroke"} and value.lower() in _OWN:
        element.set("class", f"{element.get('class', '')} {_OWN[value.lower()]}-{key}".strip())
        return
    element.set(key, value)


def _take_definitions(element: ET.Element, found: dict[str, str]) -> None:
    for child in list(element):
        if child.tag == "defs":
            found |= {each.get("id", ""): _markup(each) for each in child}
            element.remove(child)
        else:
            _take_definitions(child, found)


def _markup(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")
