from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
def test_the_fonts_are_there(font: str) -> None:
    assert font_path(font).is_file()


def test_width_grows_with_letters_and_size() -> None:
    assert text_width("", 12, SANS) == 0
    assert text_width("i", 12, SANS) < text_width("W", 12, SANS) < text_width("WW", 12, SANS)
    assert text_width("Waltz", 24, SANS) == pytest.approx(2 * text_width("Waltz", 12, SANS), rel=0.05)


@given(lines, st.floats(30, 500))
def test_what_is_shortened_fits_and_begins_as_the_text_does(text: str, room: float) -> None:
    found = truncate_text(text, room, 12, SANS)
    assert text_width(found, 12, SANS) <= room
    if found != text:
        assert found.endswith("…")
        assert text.startswith(found[:-1])


@given(lines)
def test_a_font_has_all_that_is_drawable(text: str) -> None:
    found = replace_missing_glyphs(text, SERIF)
    assert len(found) == len(text)
    assert replace_missing_glyphs(found, SERIF) == found
