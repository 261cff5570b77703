from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.in_threads import call_at_once

from chromasonic.melody_generation.plots.fonts import (
    SANS,
    SERIF,
    font_path,
    replace_missing_glyphs,
    text_width,
    truncate_text,
)

lines = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60)


@pytest.mark.parametrize("font", [SANS, SERIF])
def test_fonts_are_installed_with_matplotlib(font: str) -> None:
    assert font_path(font).is_file()


def test_width_grows_with_characters_and_size() -> None:
    assert text_width("", 12, SANS) == 0
    assert text_width("i", 12, SANS) < text_width("W", 12, SANS) < text_width("WW", 12, SANS)
    assert text_width("Waltz", 24, SANS) == pytest.approx(2 * text_width("Waltz", 12, SANS), rel=0.05)


@given(lines, st.floats(30, 500))
def test_truncated_text_fits_and_is_a_prefix_with_an_ellipsis(text: str, width: float) -> None:
    truncated = truncate_text(text, width, 12, SANS)
    assert text_width(truncated, 12, SANS) <= width
    if truncated != text:
        assert truncated.endswith("…")
        assert text.startswith(truncated[:-1])


@given(lines)
def test_replacing_missing_glyphs_keeps_the_length_and_is_idempotent(text: str) -> None:
    replaced = replace_missing_glyphs(text, SERIF)
    assert len(replaced) == len(text)
    assert replace_missing_glyphs(replaced, SERIF) == replaced


def test_widths_are_the_same_when_threads_measure_at_once() -> None:
    def widths(size: int) -> list[float]:
        return [text_width("The Kesh Jig", size, SANS) for _ in range(100)]

    sizes = (8, 12, 20, 28)
    expected = [widths(size) for size in sizes]
    assert call_at_once([lambda size=size: widths(size) for size in sizes]) == expected  # type: ignore[misc]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*")
def test_a_forked_child_that_measures_does_not_change_widths() -> None:
    characters = [chr(number) for number in (*range(0x21, 0x7F), *range(0x400, 0x450))]
    expected = [text_width(character, 14, SANS) for character in characters]
    for _ in range(3):
        child = os.fork()
        widths = [text_width(character, 14, SANS) for character in reversed(characters)]
        if child == 0:
            os._exit(0 if widths[::-1] == expected else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert widths[::-1] == expected
