"""Each symbol of a tune has the colour of its bits, and element note and rest a bar of that height below its system."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.io.engraving import PNG_WIDTH, svg_to_png
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.score import split_measures
from chromasonic.melody_generation.pages.inline_svg import inline_svg
from chromasonic.melody_generation.pages.surprisal_staff import (
    MOST,
    draw_surprisal_sheet,
    engrave_surprisal,
    surprisal_colour,
)

SVG = "{http://www.w3.org/2000/svg}"


def symbols(svg: str, kinds: set[str]) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(svg).iter(f"{SVG}g") if element.get("class") in kinds]


def head_heights(system: ElementTree.Element) -> list[int]:
    """Return the vertical position of each note head, downwards."""
    heads = [element for element in system.iter() if element.get("class") == "notehead"]
    return [int(re.findall(r"-?\d+", next(element.iter(f"{SVG}use")).get("transform", ""))[1]) for element in heads]


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of WCAG, from 0 for black to 1 for white."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_more_bits_are_redder_and_lighter_with_enough_contrast_on_white() -> None:
    colours = [surprisal_colour(MOST * step / 40) for step in range(41)]
    reds, light = [int(colour[1:3], 16) for colour in colours], [relative_luminance(colour) for colour in colours]
    assert reds == sorted(set(reds))
    assert light == sorted(set(light))
    assert min(1.05 / (luminance + 0.05) for luminance in light) > 3  # WCAG's level AA for graphics
    assert surprisal_colour(100) == surprisal_colour(math.inf) == surprisal_colour(math.nan) == colours[-1]


@pytest.mark.slow
@given(melodies(min_notes=1), st.data())
@settings(max_examples=25)
def test_every_symbol_has_the_colour_of_its_bits_and_nothing_else_has_one(melody: Melody, data: st.DataObject) -> None:
    n = len(melody)
    bits = data.draw(st.lists(st.floats(0, 20) | st.just(math.inf), min_size=n, max_size=n))
    svg = draw_surprisal_sheet(melody, bits, melody.title, "G major")
    written = [symbol for measure in split_measures(melody) for symbol in measure.symbols]
    for kinds, is_rest in (({"note"}, False), ({"rest", "mRest"}, True)):
        drawn = [element.get("fill") for element in symbols(svg, kinds)]
        wanted = [surprisal_colour(bits[symbol.note]) for symbol in written if (symbol.pitch == REST) == is_rest]
        assert drawn == wanted  # every tied note head is one more symbol
    assert len(symbols(svg, {"notehead"})) == sum(symbol.pitch != REST for symbol in written)
    within = {element for symbol in symbols(svg, {"note", "rest", "mRest"}) for element in symbol.iter()}
    own = [element for element in ElementTree.fromstring(svg).iter() if element not in within and element.get("color")]
    assert {element.get("color") for element in own if element.get("class") not in {"note", "rest", "mRest"}} == {
        "black"
    }


@pytest.mark.slow
@given(melodies(min_notes=1), st.data())
@settings(max_examples=25)
def test_every_note_and_rest_has_a_bar_between_its_system_and_the_next(melody: Melody, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.floats(0, MOST), min_size=len(melody), max_size=len(melody)))
    root = ElementTree.fromstring(engrave_surprisal(melody, bits, 500).svg)
    bars = [element for element in root.iter(f"{SVG}rect") if element.get("class") == "bar"]
    assert [element.findtext(f"{SVG}title") for element in bars] == [f"{value:.2f} bits" for value in bits]
    heights = [float(element.get("height", "")) for element in bars]
    assert heights == pytest.approx([540 * value / MOST for value in bits], abs=0.51)
    feet = [round(float(element.get("y", "")) + height) for element, height in zip(bars, heights, strict=True)]
    assert all(below - above > -2 for above, below in itertools.pairwise(feet))  # heights are rounded
    systems = [element for element in root.iter(f"{SVG}g") if element.get("class") == "system"]
    for heads in filter(None, map(head_heights, systems)):
        assert all(foot < min(heads) or foot - 540 > max(heads) for foot in feet)
    box = next(element for element in root.iter(f"{SVG}svg") if element.get("class") == "definition-scale").get(
        "viewBox", ""
    )
    assert max(feet) + 200 < int(box.split()[3])


TUNE = Melody([67, REST, 71, 74], [24, 24, 24, 120], tonic=7)


def test_a_sheet_has_escaped_titles_and_a_legend_on_white() -> None:
    svg = draw_surprisal_sheet(TUNE, [1.0, 2.0, 3.0, 4.0], "<b>Rock & Roll", "G major, 4/4, <2.50> bits per note")
    texts = [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert {"<b>Rock & Roll", "G major, 4/4, <2.50> bits per note", "0", f"{MOST:g} bits or more"} <= set(texts)
    first = ElementTree.fromstring(svg)[0]
    assert first.tag == f"{SVG}rect"
    assert first.get("fill") == "#ffffff"
    assert not re.search(r"(href|src)=\"(?!#)|url\(|@import", svg)
    assert svg_to_png(svg, PNG_WIDTH)


def test_the_colours_are_kept_in_a_page() -> None:
    markup = inline_svg(engrave_surprisal(TUNE, [0.0, 2.0, 4.0, 8.0], 500).svg).markup
    for bits, n in ((0.0, 1), (2.0, 1), (4.0, 1), (8.0, 2)):  # the last is tied
        colour = surprisal_colour(bits)
        assert markup.count(f'color="{colour}" fill="{colour}"') == n
    assert 'color="black"' not in markup


def test_another_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="4 notes and rests needs as many bits, got 1"):
        engrave_surprisal(TUNE, [1.0])
