"""Where a model's bits go, as tables and as a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chromasonic.melody_generation.evaluation.diagnosis import main_parts
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.plots.diagnosis_chart import BitsBar, plot_diagnosis

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def diagnosis_tables(diagnosis: Mapping[str, Any]) -> tuple[Table, ...]:
    """What :func:`diagnose` found, as tables."""
    titles = {
        "quarter": "",
        "match": "earlier match: ",
        "copying": "repeats itself: ",
        "metre": "in ",
        "mode": "in ",
        "key": "in ",
    }
    n_notes = sum(part["notes"] for part in diagnosis["quarter"]) or 1
    rows = tuple(
        (
            f"{title}{part['name']}",
            _number(part["bits_per_note"]),
            f"{part['notes']:,}",
            f"{part['notes'] / n_notes:.0%}",
        )
        for division, title in titles.items()
        for part in main_parts(diagnosis[division])
    )
    where = Table(
        "",
        ("Where its bits go", "bits per note", "notes", "share"),
        rows,
        "Earlier match: the longest run of tokens right before a note that had come before in the same tune.",
    )
    hardest = Table(
        "",
        ("Hardest test tunes", "bits per note", "notes", "number"),
        tuple(
            (
                each["title"] or each["source"],
                _number(each["bits_per_note"]),
                str(each["notes"]),
                str(each["place"] + 1),
            )
            for each in diagnosis["hardest"]
        ),
        "Their numbers are what surprise= takes.",
    )
    return (where, hardest)


def diagnosis_figure(results: Mapping[str, Any]) -> Figure:
    """What :func:`diagnose` found, as a figure.

    Args:
        results: Of an evaluation, with the ``diagnosis`` under its name.
    """
    panels = {
        title: [
            BitsBar(part["name"], math.nan if part["bits_per_note"] is None else part["bits_per_note"], part["notes"])
            for part in main_parts(results["diagnosis"][division])
        ]
        for division, title in (
            ("quarter", "By quarter of the tune"),
            ("match", "By length of the longest earlier match"),
            ("metre", "By metre"),
            ("key", "By key"),
        )
    }
    whole = results["test"]["bits_per_note"]
    in_all = "" if whole is None else f" ({whole:.2f} bits per note in all, dashed)"
    title = f"Where the bits of {results['model']} go{in_all}"
    return plot_diagnosis(panels, math.nan if whole is None else whole, title)


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
