"""Inlined drawings hold shapes and text only, under unique names, and load and run nothing."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.engraving import engrave_staff
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.pages.inline_svg import inline_svg
from chromasonic.melody_generation.plots.figures import figure_to_svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def drawing(inside: str) -> str:
    return f'{HEAD} width="10" height="20" viewBox="0 0 10 20">{inside}</svg>'


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<style>path {fill: url(https://example.org/x)}</style>",
        '<path onclick="alert(1)" d="M0 0"/>',
        '<path style="fill: url(https://example.org/x)" d="M0 0"/>',
        '<path fill="url(https://example.org/x)" d="M0 0"/>',
        '<use href="https://example.org/x.svg#y"/>',
        '<use xlink:href="data:image/svg+xml,x#y"/>',
        '<image href="https://example.org/x.png"/>',
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><img src='x'/></body></foreignObject>",
        '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
        '<g class="placeholder"><path d="M0 0"/></g>',
    ],
)
def test_scripts_and_external_resources_are_removed(inside: str) -> None:
    markup = inline_svg(drawing(inside)).markup
    assert re.fullmatch(r'<svg viewBox="0 0 10 20" aria-hidden="true"( /|><(path d="M0 0"|use) /></svg)>', markup), (
        markup
    )


def test_text_stays_escaped() -> None:
    inlined = inline_svg(drawing("<text>&lt;script&gt;alert(1)&lt;/script&gt; &amp; more</text>"))
    assert "<text>&lt;script&gt;alert(1)&lt;/script&gt; &amp; more</text>" in inlined.markup


def test_equal_definitions_share_a_name_and_different_ones_do_not() -> None:
    first, second = (
        inline_svg(drawing(f'<defs><path id="{name}" d="M0 0h{width}"/></defs><use xlink:href="#{name}"/>'))
        for name, width in (("a", 5), ("b", 5))
    )
    other = inline_svg(drawing('<defs><path id="a" d="M0 0h6"/></defs><use href="#a"/>'))
    assert first == second
    assert other.definitions.keys().isdisjoint(first.definitions)
    (name,) = first.definitions
    assert f'<use href="#{name}" />' in first.markup
    assert f'id="{name}"' in first.definitions[name]
    assert "defs" not in first.markup


def test_references_by_url_are_renamed_too() -> None:
    inlined = inline_svg(
        drawing('<defs><clipPath id="c"><rect width="3"/></clipPath></defs><g clip-path="url(#c)"><path d="M0 0"/></g>')
    )
    (name,) = inlined.definitions
    assert f'clip-path="url(#{name})"' in inlined.markup


def test_black_and_white_become_colours_of_the_page() -> None:
    inlined = inline_svg(
        drawing('<path style="fill: #ffffff; stroke: #555555" d="M0 0"/><path fill="black" d="M1 1"/>')
    )
    assert '<path d="M0 0" class="paper-fill soft-stroke" />' in inlined.markup
    assert '<path fill="currentColor" d="M1 1" />' in inlined.markup


def test_a_drawing_has_a_label_or_is_hidden_from_screen_readers() -> None:
    assert 'role="img" aria-label="A &quot;jig&quot;"' in inline_svg(drawing(""), label='A "jig"').markup
    assert 'aria-hidden="true"' in inline_svg(drawing("")).markup


@pytest.mark.parametrize("text", ["", "<svg", "<html/>", "<svg/>"])
def test_text_that_is_no_svg_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no SVG"):
        inline_svg(text)


def test_notation_keeps_every_note() -> None:
    melody = Melody([60, 62, 64, -1, 67], [24, 60, 36, 24, 24])
    drawn = engrave_staff(melody)
    marks = {name: index for index, names in enumerate(drawn.notes) for name in names}
    markup = inline_svg(drawn.svg, marks).markup
    assert set(re.findall(r'data-note="(\d+)"', markup)) == {"0", "1", "2", "3", "4"}
    assert not re.search(r"(?<![-\w])(id|style|class|xmlns\S*)=", markup)


@pytest.mark.usefixtures("drawn")
def test_a_figure_keeps_its_lines() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0, 1, 0], color="#0072B2", marker="o")
    inlined = inline_svg(figure_to_svg(figure))
    assert 'stroke="#0072b2"' in inlined.markup
    assert inlined.definitions
    references = set(re.findall(r'(?:href="|url\()#(\w+)', inlined.markup + "".join(inlined.definitions.values())))
    assert references == set(inlined.definitions)
