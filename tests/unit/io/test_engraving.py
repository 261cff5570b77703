from __future__ import annotations

import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from tests.in_threads import call_at_once, call_in_thread
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
    """Return the darkness of each pixel, 0 to 255, shape (height, width)."""
    with Image.open(io.BytesIO(svg_to_png(svg))) as image:
        return 255 - np.asarray(image.convert("L"))


def view_box(svg: str) -> list[int]:
    """Return left, top, width and height of the view view_box."""
    match = re.search(r'viewBox="([^"]*)"', svg)
    return [int(number) for number in match[1].split()] if match else []


@pytest.mark.slow
@given(melodies(min_notes=1))
@settings(max_examples=25)
def test_every_note_has_its_ids_in_the_image(melody: Melody) -> None:
    engraving = engrave(melody, 120)
    ids = {element.get("id") for element in ElementTree.fromstring(engraving.svg).iter()}
    assert len(engraving.notes) == len(melody)
    assert all(engraving.notes)
    assert {head for note in engraving.notes for head in note} <= ids


def head_positions(engraving: Engraving) -> list[list[float]]:
    """Return the x positions of the note heads in units of the view view_box, in a list for each line."""
    root, lines = ElementTree.fromstring(engraving.svg), []
    ids = {head for note in engraving.notes for head in note}
    for system in (element for element in root.iter() if element.get("class") == "system"):
        heads = [
            use.get("transform", "")
            for note in system.iter()
            if note.get("id") in ids
            for use in next(part for part in note.iter() if "notehead" in (part.get("class") or ""))
        ]
        matches = [re.search(r"translate\((-?[\d.]+)", transform) for transform in heads]
        lines.append([float(match[1]) / 20 for match in matches if match])  # Verovio draws in twentieths of a unit
    return lines


@pytest.mark.parametrize("width", [500, 780])
@pytest.mark.parametrize("durations", [[6, 12, 12, 24, 24, 48, 8], [3, 6], [48, 96]])
def test_note_heads_do_not_overlap_in_free_metre(durations: list[int], width: int) -> None:
    """A note head is at most 14 units wide (a whole note), and Verovio never breaks a measure."""
    rng = np.random.default_rng(0)
    melody = Melody(rng.integers(55, 85, 150), rng.choice(durations, 150), Metre.parse("free"))
    lines = head_positions(engrave_staff(melody, width))
    assert sum(map(len, lines)) >= 150
    assert len(lines) > 5
    for line in lines:
        assert min(np.diff(line), default=99) > 9
        assert 0 < line[0] <= line[-1] < width - 20


def test_title_and_tempo_are_above_the_staff() -> None:
    root = ElementTree.fromstring(engrave_svg(JIG, 156))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Rock & <Roll>", "= 104"} <= set(texts)
    _, top, _, _ = view_box(engrave_svg(JIG, 156))
    assert top < 0


def test_the_title_is_drawn() -> None:
    """The dark area above the staff grows with the title, so the renderer has a font for it."""
    dark = []
    for title in ("", "i", "WWWWWWWWWW"):
        svg = engrave_svg(Melody([60], [24], title=title), 120)
        _, top, width, _ = view_box(svg)
        height = -top * PNG_WIDTH // width
        dark.append(int(pixels(svg)[: height - 30].sum()) // 255)
    # Without a title, the tempo mark alone is drawn.
    assert dark[0] < dark[1] < dark[2] / 3


def test_hidden_elements_are_not_drawn_and_staff_lines_are() -> None:
    """Left of the staff are dots that Verovio's style sheet hides; the five lines are strokes."""
    svg = engrave_svg(Melody([71] * 8, [24] * 8), 120)
    _, top, width, _ = view_box(svg)
    image = pixels(svg)
    below = -top * PNG_WIDTH // width
    assert not image[below:, :28].any()
    column = image[below:, PNG_WIDTH // 2 : PNG_WIDTH // 2 + 3].min(axis=1)
    assert int((np.diff((column > 60).astype(int)) == 1).sum()) >= 5


@pytest.mark.parametrize(
    "title", ["A tune", "A very long title that goes on and on " * 5, "W" * 300, "漢" * 40, "\xad"]
)
def test_nothing_is_clipped_at_the_edges(title: str) -> None:
    image = pixels(engrave_svg(Melody([60, 84, 45, 97] * 12, [12] * 48, title=title), 120))
    assert image.shape[1] == PNG_WIDTH
    assert image.any()
    for edge in (image[:4], image[-4:], image[:, :8], image[:, -8:]):
        assert not edge.any()


def test_the_svg_has_the_current_color_and_no_size() -> None:
    root = ElementTree.fromstring(engrave_svg(JIG, 120))
    assert root.get("width") is None
    heading = next(element for element in root.iter() if element.get("class") == "heading")
    assert heading.get("fill") == "currentColor"


def test_engraving_is_deterministic() -> None:
    first = engrave_svg(JIG, 120)
    engrave_svg(Melody([60], [24]), 120)
    assert engrave_svg(JIG, 120) == first


@pytest.mark.slow
def test_a_melody_too_long_for_a_page_raises_an_error() -> None:
    with pytest.raises(InputError, match="cannot be engraved on one page"):
        engrave_svg(Melody([60] * 4000, [96] * 4000), 120)


def test_melodies_that_cannot_be_written_raise_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        engrave(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        engrave_svg(JIG, 1)


def test_the_picture_is_the_same_in_every_thread_also_at_once() -> None:
    here = engrave_svg(JIG, 120)
    assert call_in_thread(lambda: engrave_svg(JIG, 120)) == here
    pictures = call_at_once([lambda: [engrave_svg(JIG, 120) for _ in range(20)]] * 4)
    assert {picture for of_thread in pictures for picture in of_thread} == {here}
    assert engrave_svg(JIG, 120) == here


@pytest.mark.slow
def test_verovio_may_be_imported_in_a_thread_that_has_ended() -> None:
    program = """
import threading

def picture():
    from chromasonic.melody_generation.io.engraving import engrave_svg
    from chromasonic.melody_generation.melody import Melody
    pictures.append(engrave_svg(Melody([60, 64, 67], [24, 24, 48]), 120))

pictures = []
thread = threading.Thread(target=picture)
thread.start()
thread.join()
picture()
print(len(set(pictures)), len(pictures))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("1 2\n", "")
