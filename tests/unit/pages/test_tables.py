import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # comes with rich
from markdown_it.token import Token

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.pages.tables import Table, interval, markdown
from chromasonic.melody_generation.printing.printable_text import printable

TABLE = Table("Scores", ("model", "bits"), (("[red]lstm", "2.4"), ("a|b", "3.1 [3.0, 3.2]")), "Two models.")
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def test_an_estimate_has_its_interval_if_there_is_one() -> None:
    assert interval(Estimate(0.5521, 0.5312, 0.5698)) == "0.552 [0.53, 0.57]"
    assert interval(Estimate(9.31, 8.7, 10.26), 1) == "9.3 [8.7, 10.3]"
    assert interval(Estimate(0.5, math.nan, math.nan)) == "0.500"
    assert interval(Estimate(math.nan, math.nan, math.nan)) == "not defined"


def test_markdown_has_every_cell_in_its_column() -> None:
    lines = markdown(TABLE).splitlines()
    assert lines[0] == "### Scores"
    assert lines[2] == "| model | bits |"
    assert lines[4] == "| \\[red\\]lstm | 2.4 |"
    assert lines[5] == "| a\\|b | 3.1 [3.0, 3.2] |"
    assert lines[-1] == "Two models."


def texts_of(table: Table) -> list[str | None]:
    """The texts that a reader of Markdown shows, in order; None for one that is more than text."""
    return [text_of(token) for token in MARKDOWN.parse(markdown(table)) if token.type == "inline"]


def text_of(token: Token) -> str | None:
    parts = token.children or []
    return (
        "".join(part.content for part in parts) if {part.type for part in parts} <= {"text", "text_special"} else None
    )


@pytest.mark.parametrize(
    "title",
    ["[link](http://evil.example)", "<img src=x>", "`code`", "![x](y)", "a\n\n# heading", "**bold**", "a | b",
     "a \\| b", "&lt;b&gt;", "[1](x)", "~~no~~", "_no_", "<!-- x -->", "[1]: http://evil.example", "<http://x>", "a\\"],
)  # fmt: skip
def test_no_text_is_markup(title: str) -> None:
    shown = printable(title)
    table = Table(title, ("model", title), (("a", title), (title, "b")), title)
    assert texts_of(table) == [shown, "model", shown, "a", shown, shown, "b", shown]


@given(st.text(st.sampled_from("[]()<>!/*_~`|\\&#;:-+=.1ax \n\t"), min_size=1).filter(str.strip))
def test_any_text_of_punctuation_is_shown_as_it_is(title: str) -> None:
    shown = " ".join(printable(title).split())
    table = Table(title, ("model", title), (("a", title),), title)
    texts = [text and " ".join(text.split()) for text in texts_of(table)]
    assert texts == [shown, "model", shown, "a", shown, shown]
    assert not re.search(r"(?<!\\)://", markdown(table))  # a page of GitHub makes links of bare addresses
