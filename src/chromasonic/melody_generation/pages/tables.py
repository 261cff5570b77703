"""Tables of text, for the terminal and as Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

from chromasonic.melody_generation.measures.bootstrap import Estimate


@dataclass(frozen=True)
class Table:
    """Rows of text under columns.

    Attributes:
        title: The title above the table; may be empty.
        columns: The headings; the first column is text, the others are numbers.
        rows: The cells of each row, one for each column.
        note: A note below the table; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def interval(estimate: Estimate, digits: int = 3) -> str:
    """Return an estimate as text, with its interval if it has one, in two digits at most.

    Example:
        >>> interval(Estimate(0.5521, 0.5312, 0.5698)), interval(Estimate(0.5, float("nan"), float("nan")), 1)
        ('0.552 [0.53, 0.57]', '0.5')
    """
    if math.isnan(estimate.value):
        return "not defined"
    value = f"{estimate.value:.{digits}f}"
    if math.isnan(estimate.low):
        return value
    ends = min(digits, 2)
    return f"{value} [{estimate.low:.{ends}f}, {estimate.high:.{ends}f}]"


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = [f"### {table.title}", ""] if table.title else []
    lines += ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in table.rows]
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def terminal(table: Table) -> RichTable:
    """Return a table for the terminal."""
    rich_table = RichTable(
        title=table.title,
        title_justify="left",
        caption=table.note,
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for index, column in enumerate(table.columns):
        rich_table.add_column(Text(column), justify="right" if index else "left")
    for row in table.rows:
        rich_table.add_row(*map(Text, row))
    return rich_table
