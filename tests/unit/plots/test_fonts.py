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
