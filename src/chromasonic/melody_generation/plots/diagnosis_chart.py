"""Figure of a model's bits per note by groups of notes or tunes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chromasonic.melody_generation.plots.figures import BLUE, NEUTRAL, VERMILION
from chromasonic.melody_generation.plots.fonts import DRAWING, SANS_BOLD, label_text, truncate_text


class BitsBar(NamedTuple):
    """A bar of the chart: the name of a group, its bits per note (NaN if not defined), and its number of notes."""

    name: str
    bits: float
    n_notes: int


@DRAWING.held()
def plot_diagnosis(panels: Mapping[str, Sequence[BitsBar]], whole: float, title: str = "") -> Figure:
    """Draw bits per note by group, one panel for each grouping of the notes.

    Args:
        panels: The bars of each panel by its title; four panels at most.
        whole: Bits per note of all notes, drawn as a line through each panel.
        title: The title of the figure.

    Returns:
        A figure of 1200 x 900 pixels that is independent of pyplot.

    Raises:
        ValueError: If there are more than four panels.
    """
    if len(panels) > 4:
        raise ValueError(f"the figure has four panels at most, got {len(panels)}")
    figure = Figure(figsize=(12, 9), dpi=100)
    shown_title = truncate_text(title[:1000], 1100, 15 * 100 / 72, SANS_BOLD)  # pixels
    figure.suptitle(label_text(shown_title, SANS_BOLD), y=0.975, fontsize=15, fontweight="bold", parse_math=False)
    margins = {"left": 0.13, "right": 0.97, "bottom": 0.07, "top": 0.89, "wspace": 0.36, "hspace": 0.34}
    panel_axes = figure.subplots(2, 2, gridspec_kw=margins).flat
    values = [bar.bits for bars in panels.values() for bar in bars if math.isfinite(bar.bits)]
    right = 1.28 * max([whole if math.isfinite(whole) else 0, *values, 0.1])
    for axes, (name, bars) in zip(panel_axes, panels.items(), strict=False):
        _draw(axes, name, bars, whole, right)
    for axes in list(figure.axes)[len(panels) :]:
        axes.set_visible(False)
    return figure


def _draw(axes: Axes, name: str, bars: Sequence[BitsBar], whole: float, right: float) -> None:
    axes.set_title(name, loc="left", fontsize=13, fontweight="bold")
    lengths = [bar.bits if math.isfinite(bar.bits) else 0 for bar in bars]
    axes.barh(range(len(bars)), lengths, color=BLUE, height=0.7)
    axes.set_yticks(range(len(bars)), [label_text(bar.name) for bar in bars], parse_math=False)
    axes.set_ylim(len(bars) - 0.4, -0.6)  # the first at the top
    axes.set_xlim(0, right)
    axes.set_xlabel("bits per note")
    for index, bar in enumerate(bars):
        text = f"{bar.bits:.2f}" if math.isfinite(bar.bits) else "not defined"
        axes.text(
            lengths[index] + 0.01 * right,
            index,
            f"{text}  ({bar.n_notes:,} notes)",
            va="center",
            fontsize=9,
            color=NEUTRAL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # over the line through the panel
        )
    if math.isfinite(whole):
        axes.axvline(whole, color=VERMILION, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.spines[["top", "right"]].set_visible(False)
