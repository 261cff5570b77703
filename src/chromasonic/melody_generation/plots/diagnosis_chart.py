"""Where a model's bits go, as a figure from plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chromasonic.melody_generation.plots.figures import BLUE, NEUTRAL, VERMILION

BitsBar = tuple[str, float, int]  # name, bits per note (NaN where not defined), notes


def plot_diagnosis(panels: Mapping[str, Sequence[BitsBar]], whole: float, title: str = "") -> Figure:
    """Draw bits per note by part, a panel for each way of dividing the tunes.

    Args:
        panels: The parts under what divides them; four panels at most.
        whole: Bits per note of all, drawn as a line through each panel.
        title: Stands above the figure.

    Returns:
        A figure of 1200 x 900 pixels, apart from pyplot and its global state.

    Raises:
        ValueError: If there are more than four panels.
    """
    if len(panels) > 4:
        raise ValueError(f"the figure has room for four panels, got {len(panels)}")
    figure = Figure(figsize=(12, 9), dpi=100)
    figure.suptitle(title, y=0.975, fontsize=15, fontweight="bold", parse_math=False)
    room = {"left": 0.13, "right": 0.97, "bottom": 0.07, "top": 0.89, "wspace": 0.36, "hspace": 0.34}
    places = figure.subplots(2, 2, gridspec_kw=room).flat
    values = [value for bars in panels.values() for _, value, _ in bars if math.isfinite(value)]
    right = 1.28 * max([whole if math.isfinite(whole) else 0, *values, 0.1])
    for axes, (name, bars) in zip(places, panels.items(), strict=False):
        _draw(axes, name, bars, whole, right)
    for axes in list(figure.axes)[len(panels) :]:
        axes.set_visible(False)
    return figure


def _draw(axes: Axes, name: str, bars: Sequence[BitsBar], whole: float, right: float) -> None:
    axes.set_title(name, loc="left", fontsize=13, fontweight="bold")
    heights = [value if math.isfinite(value) else 0 for _, value, _ in bars]
    axes.barh(range(len(bars)), heights, color=BLUE, height=0.7)
    axes.set_yticks(range(len(bars)), [bar for bar, _, _ in bars], parse_math=False)
    axes.set_ylim(len(bars) - 0.4, -0.6)  # the first at the top
    axes.set_xlim(0, right)
    axes.set_xlabel("bits per note")
    for place, (_, value, n_notes) in enumerate(bars):
        text = f"{value:.2f}" if math.isfinite(value) else "not defined"
        axes.text(
            heights[place] + 0.01 * right,
            place,
            f"{text}  ({n_notes:,} notes)",
            va="center",
            fontsize=9,
            color=NEUTRAL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # over the line through the panel
        )
    if math.isfinite(whole):
        axes.axvline(whole, color=VERMILION, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.spines[["top", "right"]].set_visible(False)
