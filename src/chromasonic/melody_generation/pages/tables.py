"""Tables of text, and their Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.printing.printable_text import markdown_text


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
    """Return a table as Markdown, in which every text is shown as it is."""
    lines = [f"### {markdown_text(table.title)}", ""] if table.title else []
    header, *rows = ("| " + " | ".join(map(markdown_text, cells)) + " |" for cells in (table.columns, *table.rows))
    lines += [header, "|" + " --- |" * len(table.columns), *rows]
    return "\n".join([*lines, "", *([markdown_text(table.note), ""] if table.note else [])])
