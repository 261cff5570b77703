from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.engraving import (
    PNG_WIDTH,
    Engraving,
    engrave,
    engrave_staff,
    engrave_svg,
    svg_to_png,
)
from chromasonic.melody_generation.melody import Melody, Metre

JIG = Melody([67, 71, 74, 72], [12, 24, 48, 36], Metre(6, 8), 60, tonic=7, title="Rock & <Roll>")


def pixels(svg: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """How dark each pixel is, shape (height, width)."""
    with Image.open(io.BytesIO(svg_to_png(svg))) as image:
        return 255 - np.asarray(image.convert("L"))


def box(svg: str) -> list[int]:
    """The view box: left, top, width, height."""
    found = re.search(r'viewBox="([^"]*)"', svg)
    return [int(each) for each in found[1].split()] if found else []


@given(melodies(min_notes=1))
@settings(max_examples=25)
def test_every_note_stands_in_the_picture_under_its_ids(melody: Melody) -> None:
    found = engrave(melody, 120)
    ids = {each.get("id") for each in ElementTree.fromstring(found.svg).iter()}
    assert len(found.notes) == len(melody)
    assert all(found.notes)
    assert {each for note in found.notes for each in note} <= ids


def head_places(found: Engraving) -> list[list[float]]:
    """Where the heads of notes stand from left to right, in units of the view box, in a list for each line."""
    root, lines = ElementTree.fromstring(found.svg), []
    names = {each for note in found.notes for each in note}
    for system in (each for each in root.iter() if each.get("class") == "system"):
        heads = [
            use.get("transform", "")
            for note in system.iter()
            if note.get("id") in names
            for use in next(each for each in note.iter() if "notehead" in (each.get("class") or ""))
        ]
        units = [re.search(r"translate\((-?[\d.]+)", each) for each in heads]
        lines.append([float(each[1]) / 20 for each in units if each])  # Verovio draws in twentieths of a unit
    return lines


@pytest.mark.parametrize("width", [500, 780])
@pytest.mark.parametrize("durations", [[6, 12, 12, 24, 24, 48, 8], [3, 6], [48, 96]])
def test_heads_stand_apart_where_no_metre_divides_the_line(durations: list[int], width: int) -> None:
    """A head is 14 units wide at most, that of a whole note, and Verovio never breaks a measure."""
    rng = np.random.default_rng(0)
    melody = Melody(rng.integers(55, 85, 150), rng.choice(durations, 150), Metre.parse("free"))
    lines = head_places(engrave_staff(melody, width))
    assert sum(map(len, lines)) >= 150
    assert len(lines) > 5
    for line in lines:
        assert min(np.diff(line), default=99) > 9
        assert 0 < line[0] <= line[-1] < width - 20


def test_title_and_tempo_are_set_above_the_staff() -> None:
    texts = [
        each.text for each in ElementTree.fromstring(engrave_svg(JIG, 156)).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert {"Rock & <Roll>", "= 104"} <= set(texts)
    _, top, _, _ = box(engrave_svg(JIG, 156))
    assert top < 0


def test_the_letters_of_the_title_are_drawn() -> None:
    """There is a font for them: what is dark above the staff grows with the title."""
    dark = []
    for title in ("", "i", "WWWWWWWWWW"):
        svg = engrave_svg(Melody([60], [24], title=title), 120)
        _, top, width, _ = box(svg)
        room = -top * PNG_WIDTH // width
        dark.append(int(pixels(svg)[: room - 30].sum()) // 255)
    # Without a title there is the tempo alone.
    assert dark[0] < dark[1] < dark[2] / 3


def test_nothing_that_is_hidden_is_drawn_and_staff_lines_are() -> None:
    """Left of the staff Verovio puts dots that its style sheet hides; the five lines are strokes."""
    svg = engrave_svg(Melody([71] * 8, [24] * 8), 120)
    _, top, width, _ = box(svg)
    picture = pixels(svg)
    below = -top * PNG_WIDTH // width
    assert not picture[below:, :28].any()
    row = picture[below:, PNG_WIDTH // 2 : PNG_WIDTH // 2 + 3].min(axis=1)
    assert int((np.diff((row > 60).astype(int)) == 1).sum()) >= 5


@pytest.mark.parametrize(
    "title", ["A tune", "A very long title that goes on and on " * 5, "W" * 300, "漢" * 40, "\xad"]
)
def test_nothing_is_cut_off_at_the_margins(title: str) -> None:
    picture = pixels(engrave_svg(Melody([60, 84, 45, 97] * 12, [12] * 48, title=title), 120))
    assert picture.shape[1] == PNG_WIDTH
    assert picture.any()
    for edge in (picture[:4], picture[-4:], picture[:, :8], picture[:, -8:]):
        assert not edge.any()


def test_the_picture_takes_the_colour_of_the_text_around_it_and_no_size() -> None:
    root = ElementTree.fromstring(engrave_svg(JIG, 120))
    assert root.get("width") is None
    heading = next(each for each in root.iter() if each.get("class") == "heading")
    assert heading.get("fill") == "currentColor"


def test_the_same_melody_gives_the_same_picture_whatever_came_before() -> None:
    first = engrave_svg(JIG, 120)
    engrave_svg(Melody([60], [24]), 120)
    assert engrave_svg(JIG, 120) == first


def test_a_melody_too_long_for_a_page_is_refused_rather_than_cut() -> None:
    with pytest.raises(InputError, match="cannot be engraved on one page"):
        engrave_svg(Melody([60] * 4000, [96] * 4000), 120)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="without notes"):
        engrave(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        engrave_svg(JIG, 1)
