"""The terminal. Everything that the package prints is printed here, as plain text, without secrets that were typed.

Rich reads square brackets and colons as markup in most texts that it is given: lines, cells, titles, captions, and the
names of tasks. It gets no text but from this module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from chromasonic.melody_generation.printing.masked_secrets import masked_text
from chromasonic.melody_generation.printing.printable_text import printable, printable_lines


class Terminal:
    """A stream to which plain text is printed.

    Args:
        file: The stream; standard output by default.
        width: The number of columns; that of the terminal by default.
        is_terminal: Whether the stream is a terminal; None to ask it.
    """

    def __init__(self, file: IO[str] | None = None, width: int | None = None, is_terminal: bool | None = None) -> None:
        # Named even by default: from an unnamed stream Rich does not learn its encoding, and draws lines in Unicode.
        self._console = Console(
            file=file or sys.stdout,
            width=width,
            force_terminal=is_terminal,
            markup=False,
            emoji=False,
            highlight=False,
        )

    @classmethod
    def for_errors(cls) -> Terminal:
        """Return standard error. It shows progress as well, so that standard output holds results only."""
        return cls(sys.stderr)

    def print(self, text: str, *, is_dim: bool = False) -> None:
        """Print a line; the terminal breaks it, so that it can be copied as a whole."""
        self._console.print(printable(masked_text(text)), style="dim" if is_dim else None, soft_wrap=True)

    def print_table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> None:
        """Print a table.

        Args:
            title: The title above it; may be empty.
            columns: The headings; the first column is text, the others are numbers.
            rows: The cells of each row, one for each column.
            note: A note below it; may be empty.
        """
        table = Table(
            title=printable(title),
            title_justify="left",
            caption=printable(note),
            caption_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        for index, column in enumerate(columns):
            table.add_column(printable(column), justify="right" if index else "left")
        for row in rows:
            table.add_row(*map(printable, row))
        self._console.print(table)

    @contextmanager
    def waiting_for(self, task_name: str) -> Iterator[None]:
        """Show that a task is running if there is a terminal."""
        name = Text(printable(task_name))  # a string would be read as markup, whatever the console's settings
        with self._console.status(name) if self._console.is_terminal else nullcontext():
            yield


class TerminalBar:
    """A bar that is shown if there is a terminal, and is removed at the end of the block.

    Args:
        terminal: The terminal, to which lines may be printed meanwhile.
        task_name: The name beside the bar.
        total: The number of parts.
    """

    def __init__(self, terminal: Terminal, task_name: str, total: int) -> None:
        console = terminal._console
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._progress.add_task(printable(task_name), total=total)

    def __enter__(self) -> TerminalBar:
        self.start()
        return self

    def __exit__(self, *ending: object) -> None:
        self.stop()

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def stop(self) -> None:
        """Remove the bar, and restore the terminal's cursor."""
        self._progress.stop()

    def advance(self) -> None:
        """Add a part that is done."""
        self._progress.advance(self._task)

    def restart(self, task_name: str) -> None:
        """Begin again under another name."""
        self._progress.reset(self._task, description=printable(task_name))


def print_lines(text: str) -> None:
    """Print a text of several lines, such as help, to standard output."""
    print(printable_lines(text), flush=True)


def print_error(message: str) -> None:
    """Print a message of one line or more to standard error; nothing if it is closed."""
    with suppress(OSError, ValueError):
        print(printable_lines(masked_text(message)), file=sys.stderr, flush=True)
