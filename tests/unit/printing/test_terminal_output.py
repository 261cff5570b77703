"""The terminal gets plain text, whatever a title, a column, a cell, a note or the name of a task says."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.printing.printable_text import printable
from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar, print_error

MARKUP = (
    "[/b]",
    "[red on blue]x[/]",
    "[link=http://evil.example]x[/link]",
    ":smile:",
    "\x1b]0;owned\x07",
    "[bold]",
    "\\[",
)
TEXTS = st.one_of(st.sampled_from(MARKUP), st.text(st.characters(codec=None, categories=None), max_size=20))
# Sequences that Rich itself writes: colours, the cursor, cleared lines.
OWN_SEQUENCES = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|\d*[A-HJK]|\dK)|\r")


def is_plain(output: str) -> bool:
    return printable(output.replace("\n", "")) == output.replace("\n", "")


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_table_shows_every_text_as_it_is(title: str, column: str, cell: str, note: str) -> None:
    output = io.StringIO()
    Terminal(output, width=400).print_table(title, ("model", column), [("a", cell)], note)
    shown = "".join(output.getvalue().split())  # a note is broken into lines
    assert is_plain(output.getvalue())
    for text in (title, column, cell, note):
        assert "".join(printable(text).split()) in shown


@given(TEXTS, st.booleans())
def test_a_line_is_printed_as_it_is(text: str, is_dim: bool) -> None:
    output = io.StringIO()
    Terminal(output, width=20).print(text, is_dim=is_dim)
    assert output.getvalue().rstrip("\n") == printable(text)


@pytest.mark.parametrize("name", MARKUP)
def test_the_name_of_a_task_is_plain_too(name: str) -> None:
    output = io.StringIO()
    terminal = Terminal(output, width=200, is_terminal=True)
    with TerminalBar(terminal, name, 2) as bar:
        bar.advance()
        bar.restart(name)
        terminal.print(name)
    with terminal.waiting_for(name):
        pass
    shown = OWN_SEQUENCES.sub("", output.getvalue())
    assert is_plain(shown)
    assert shown.count(printable(name)) >= 3


def test_a_bar_is_hidden_without_a_terminal() -> None:
    output = io.StringIO()
    with TerminalBar(Terminal(output), "reading", 2) as bar, Terminal(output).waiting_for("reading"):
        bar.advance()
    assert output.getvalue().strip() == ""


def test_a_terminal_without_unicode_gets_lines_of_ascii() -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    Terminal(output, width=60).print_table("Läuft", ("model", "bits"), [("ü", "1")])
    output.flush()
    text = output.buffer.getvalue().decode("ascii")
    assert "L\\xe4uft" in text
    assert "\\u" not in text


def test_errors_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("first\nsecond \x1b[31m")
    Terminal.for_errors().print("third [/b]")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "first\nsecond \\x1b[31m\nthird [/b]\n"


def test_a_closed_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    print_error("nobody reads this")
