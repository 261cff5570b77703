"""Where tunes begin and end in ABC text, and which lines of a tune are music."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.io.abc.abc_tunes import lines_of_tune, tune_begins, with_key_field
from chromasonic.melody_generation.io.bounded.file_formats import tunes_of_file
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

NUMBERED = "X:{}\nT:{}\nK:C\nCDEF|\n"
UNNUMBERED = "T:{}\nM:3/4\nK:G\nGAB|\n"


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_a_tune_begins_with_its_number_or_with_its_title_after_an_empty_line(have_numbers: list[bool]) -> None:
    tunes = [
        NUMBERED.format(index, index) if has_number else UNNUMBERED.format(index)
        for index, has_number in enumerate(have_numbers)
    ]
    text = "\n".join(tunes)
    begins = tune_begins(text)
    assert [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text) + 1], strict=True)] == [
        f"{tune}\n" for tune in tunes[:-1]
    ] + tunes[-1:]
    read = list(tunes_of_file(text.encode(), ".abc", "f"))
    assert [tune.melody.title for tune in read if isinstance(tune, WrittenTune)] == list(map(str, range(len(tunes))))


@pytest.mark.parametrize(
    "text",
    [
        "X:1\nT:a\n\nT:subtitle\nK:C\nC|\n",  # the header is not over
        "X:1\nK:C\nC|\n\nT:title of a tune\nthat is not here\n",
        "X:1\nK:C\nC|\n\nT:title\nK:C\n\nwithout music\n",
        "T:a collection\nM:3/4\n\nX:1\nK:C\nC|\n",
        "%%begintext\nX:9 is no tune\nK:G\nABC|\n%%endtext\n\nX:1\nK:C\nC|\n",
        "X:1\nK:C\n%%begintext\n\nT:nor this\nK:G\nABC|\n%%endtext\nC|\n",
    ],
)
def test_a_title_alone_begins_no_tune(text: str) -> None:
    assert tune_begins(text) == [text.index("X:1")]


@pytest.mark.parametrize("line", ["Ed.", "A bad cage", "Bag", "a", "A fine tune", "(c) 2003", "face"])
def test_text_below_an_empty_line_is_no_music(line: str) -> None:
    lines = lines_of_tune(f"X:1\nK:C\nCDEF|\n\n{line}\n")
    assert (lines.lines, lines.n_text_lines) == (("X:1", "K:C", "CDEF|"), 1) or line == "a"


@pytest.mark.parametrize("line", ["cdef gabc|", "c2 d2", "CDEF GABc", "c d e f", '"Am"c |', "[K:D]d|", "z4|"])
def test_music_below_an_empty_line_is_music(line: str) -> None:
    assert lines_of_tune(f"X:1\nK:C\nCDEF|\n\n{line}\n").lines[-1] == line


def test_letters_below_an_empty_line_are_music_in_a_tune_without_bar_lines() -> None:
    assert lines_of_tune("X:1\nK:C\nabc cde\n\nfeed bag\n").lines[-1] == "feed bag"


def test_a_key_is_added_before_the_first_music() -> None:
    assert with_key_field("X:1\nT:a\nCDEF|\n") == "X:1\nT:a\nK:none\nCDEF|\n"
    assert with_key_field("X:1\nCDEF|\nK:G\nGABc|\n") == "X:1\nK:none\nCDEF|\nK:G\nGABc|\n"
    assert with_key_field("X:1\nH:a story\nof two lines, Fred\nK:G\nGABc|\n").count("K:") == 1


@pytest.mark.parametrize("text", ["W", "%", ": :\n", "X:1\n", "T:a\nK:C\n"])
def test_text_without_music_gives_no_melody(text: str) -> None:
    assert not [tune for tune in tunes_of_file(text.encode(), ".abc", "f") if not isinstance(tune, DroppedTune)]


def test_a_block_that_does_not_end_hides_no_tune() -> None:
    text = "X:1\nK:C\n%%begintext\nC|\n\nX:2\nK:C\n%%begintext\nabc\n%%endtext\nC|\n"
    assert tune_begins(text) == [0, text.index("X:2")]
