"""Each symbol of a tune has the colour of its bits, and each note and rest a bar of that height below its system."""

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
    return [each for each in ElementTree.fromstring(svg).iter(f"{SVG}g") if each.get("class") in kinds]


def head_heights(system: ElementTree.Element) -> list[int]:
    """How far down each head stands."""
    heads = [each for each in system.iter() if each.get("class") == "notehead"]
    return [int(re.findall(r"-?\d+", next(each.iter(f"{SVG}use")).get("transform", ""))[1]) for each in heads]


def relative_luminance(colour: str) -> float:
    """As WCAG defines it, from 0 for black to 1 for white."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_more_bits_are_redder_and_lighter_and_all_can_be_read_on_white() -> None:
    colours = [surprisal_colour(MOST * step / 40) for step in range(41)]
    reds, light = [int(each[1:3], 16) for each in colours], [relative_luminance(each) for each in colours]
    assert reds == sorted(set(reds))
    assert light == sorted(set(light))
    assert min(1.05 / (each + 0.05) for each in light) > 3  # WCAG's level AA for what is no text
    assert surprisal_colour(100) == surprisal_colour(math.inf) == surprisal_colour(math.nan) == colours[-1]


@given(melodies(min_notes=1), st.data())
@settings(max_examples=25)
def test_every_symbol_has_the_colour_of_its_bits_and_nothing_else_has_one(melody: Melody, data: st.DataObject) -> None:
    n = len(melody)
    bits = data.draw(st.lists(st.floats(0, 20) | st.just(math.inf), min_size=n, max_size=n))
    svg = draw_surprisal_sheet(melody, bits, melody.title, "G major")
    written = [symbol for measure in split_measures(melody) for symbol in measure.symbols]
    for kinds, is_rest in (({"note"}, False), ({"rest", "mRest"}, True)):
        drawn = [each.get("fill") for each in symbols(svg, kinds)]
        wanted = [surprisal_colour(bits[each.note]) for each in written if (each.pitch == REST) == is_rest]
        assert drawn == wanted  # what is tied to a note is one more symbol of it
    assert len(symbols(svg, {"notehead"})) == sum(symbol.pitch != REST for symbol in written)
    within = {each for symbol in symbols(svg, {"note", "rest", "mRest"}) for each in symbol.iter()}
    own = [each for each in ElementTree.fromstring(svg).iter() if each not in within and each.get("color")]
    assert {each.get("color") for each in own if each.get("class") not in {"note", "rest", "mRest"}} == {"black"}


@given(melodies(min_notes=1), st.data())
@settings(max_examples=25)
def test_every_note_and_rest_has_a_bar_between_its_system_and_the_next(melody: Melody, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.floats(0, MOST), min_size=len(melody), max_size=len(melody)))
    root = ElementTree.fromstring(engrave_surprisal(melody, bits, 500).svg)
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "bar"]
    assert [each.findtext(f"{SVG}title") for each in bars] == [f"{each:.2f} bits" for each in bits]
    heights = [float(each.get("height", "")) for each in bars]
    assert heights == pytest.approx([540 * each / MOST for each in bits], abs=0.51)
    feet = [round(float(each.get("y", "")) + height) for each, height in zip(bars, heights, strict=True)]
    assert all(below - above > -2 for above, below in itertools.pairwise(feet))  # heights are rounded
    systems = [each for each in root.iter(f"{SVG}g") if each.get("class") == "system"]
    for heads in filter(None, map(head_heights, systems)):
        assert all(foot < min(heads) or foot - 540 > max(heads) for foot in feet)
    box = next(each for each in root.iter(f"{SVG}svg") if each.get("class") == "definition-scale").get("viewBox", "")
    assert max(feet) + 200 < int(box.split()[3])


TUNE = Melody([67, REST, 71, 74], [24, 24, 24, 120], tonic=7)


def test_a_sheet_says_what_it_shows_in_escaped_words_on_white() -> None:
    svg = draw_surprisal_sheet(TUNE, [1.0, 2.0, 3.0, 4.0], "<b>Rock & Roll", "G major, 4/4, <2.50> bits per note")
    texts = [each.text for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert {"<b>Rock & Roll", "G major, 4/4, <2.50> bits per note", "0", f"{MOST:g} bits or more"} <= set(texts)
    first = ElementTree.fromstring(svg)[0]
    assert first.tag == f"{SVG}rect"
    assert first.get("fill") == "#ffffff"
    assert not re.search(r"(href|src)=\"(?!#)|url\(|@import", svg)
    assert svg_to_png(svg, PNG_WIDTH)


def test_the_colours_stay_within_a_page() -> None:
    markup = inline_svg(engrave_surprisal(TUNE, [0.0, 2.0, 4.0, 8.0], 500).svg).markup
    for bits, n in ((0.0, 1), (2.0, 1), (4.0, 1), (8.0, 2)):  # the last is tied
        colour = surprisal_colour(bits)
        assert markup.count(f'color="{colour}" fill="{colour}"') == n
    assert 'color="black"' not in markup


def test_as_many_bits_as_notes_are_needed() -> None:
    with pytest.raises(ValueError, match="4 notes and rests needs as many bits, got 1"):
        engrave_surprisal(TUNE, [1.0])
