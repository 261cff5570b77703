"""Text of unknown origin as plain text: nothing that acts on a terminal, every letter of every script."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.printing.printable_text import printable, printable_lines, without_unprintable

ANY_TEXT = st.text(st.characters(codec=None, categories=None))
HARMFUL = {"Cc", "Cs", "Zl", "Zp"}
DIRECTIONS = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def is_harmless(text: str) -> bool:
    return not any(unicodedata.category(character) in HARMFUL or character in DIRECTIONS for character in text)


@given(ANY_TEXT)
def test_any_text_becomes_a_line_that_can_be_printed(text: str) -> None:
    line = printable(text)
    assert is_harmless(line)
    assert line.encode("utf-8").decode("utf-8") == line
    assert printable(line) == line
    assert is_harmless(without_unprintable(text))


@given(ANY_TEXT)
def test_lines_stay_lines(text: str) -> None:
    lines = printable_lines(text)
    assert lines.count("\n") == text.count("\n")
    assert is_harmless(lines.replace("\n", ""))
    assert printable_lines(lines) == lines


@pytest.mark.parametrize(
    "text",
    ["Là-bas, «été», Müller", "Сказка", "蝶々 🦋 👩‍🚀", "שיר", "می‌خواهم", "किताब", "[/b] :smile: \\n"],
)  # fmt: skip
def test_letters_of_all_scripts_stay(text: str) -> None:
    assert printable(text) == printable_lines(text) == without_unprintable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07\x1b[31mRED", "\\x1b]0;owned\\x07\\x1b[31mRED"),
        ("a\r\nb\tc\u2028d\x85e", "a b c d e"),
        ("\x9b31m \x7f", "\\x9b31m \\x7f"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("a\u200fb\u061c", "a\\u200fb\\u061c"),
        ("caf\udce9", "caf\\udce9"),
        ("\U000e0041\ufffe", "\\U000e0041\\ufffe"),
    ],
)  # fmt: skip
def test_other_characters_are_shown_by_their_numbers(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_other_values_are_shown_as_text() -> None:
    assert printable(ValueError("\x1b[31m")) == "\\x1b[31m"
    assert printable(3) == "3"
