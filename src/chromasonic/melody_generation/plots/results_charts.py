"""The figures of the page of results, from plain numbers: how models learn, and what they reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chromasonic.melody_generation.plots.figures import HALO, NEUTRAL, PALETTE, model_color
from chromasonic.melody_generation.plots.fonts import SANS, text_width, truncate_text

Curve = tuple[Sequence[int], Sequence[float]]

_DASHES = ("-", (0, (5, 2)))
# How far above the best value the axis of bits goes at most, so that the first epochs do not flatten the rest.
_ROOM_ABOVE = 1.2
# Points: of the names in a legend, how long they are at most, and what stands around them.
_LEGEND_SIZE, _LEGEND_ROOM, _LEGEND_EDGE = 11, 400.0, 45.0


@dataclass(frozen=True)
class SeedScores:
    """A model in :func:`plot_bits`.

    Attributes:
        name: Of the model.
        values: Bits per note of each seed.
        is_reference: Whether the others are read against it.
    """

    name: str
    values: Sequence[float]
    is_reference: bool = False


def plot_validation_curves(models: Mapping[str, Sequence[Curve]]) -> Figure:
    """Draw bits per note on validation over the epochs, a colour for each model and a thin line for each seed.

    Args:
        models: Epochs and bits of every seed, by the names of the models.

    Returns:
        A figure of 1200 x 600 pixels, apart from pyplot and its global state.

    Raises:
        ValueError: If there is no model.
    """
    if not models:
        raise ValueError("there is no model whose learning could be drawn")
    figure = Figure(figsize=(12, 6), dpi=100)
    names = [truncate_text(name, _LEGEND_ROOM, _LEGEND_SIZE, SANS) for name in models]
    legend_width = (max(text_width(name, _LEGEND_SIZE, SANS) for name in names) + _LEGEND_EDGE) / (72 * 12)
    axes = figure.add_axes((0.065, 0.1, 0.92 - legend_width, 0.8))
    for place, (name, curves) in enumerate(zip(names, models.values(), strict=True)):
        for number, (epochs, bits) in enumerate(curves):
            axes.plot(
                epochs,
                bits,
                color=model_color(place),
                linestyle=_DASHES[place // len(PALETTE) % len(_DASHES)],
                linewidth=1.2,
                alpha=0.85,
                marker="o",
                markersize=3,
                label=name if number == 0 else None,
            )
    values = [value for curves in models.values() for _, bits in curves for value in bits if math.isfinite(value)]
    if values:
        lowest = min(values)
        axes.set_ylim(lowest - 0.06, min(max(values) + 0.06, lowest + _ROOM_ABOVE))
    axes.set_title("Learning (a line for each seed; less is better)", loc="left", fontsize=13, fontweight="bold")
    axes.set_xlabel("epoch")
    axes.set_ylabel("bits per note on validation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _plain(axes, grid="both")
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False, fontsize=_LEGEND_SIZE
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def plot_bits(models: Sequence[SeedScores], colors: Mapping[str, str]) -> Figure:
    """Draw test bits per note: a dot for each seed, a mark and a number at their mean, a line at the reference.

    Args:
        models: From top to bottom.
        colors: By the names of the models; the others are grey.

    Returns:
        A figure of 1200 pixels' width, apart from pyplot and its global state.

    Raises:
        ValueError: If there is no model.
    """
    if not models:
        raise ValueError("there is no model to draw")
    height = 1.3 + 0.48 * len(models)
    figure = Figure(figsize=(12, height), dpi=100)
    left = 0.03 + 0.0078 * max(len(model.name) for model in models)  # what the names need
    axes = figure.add_axes((left, 0.62 / height, 0.965 - left, 1 - 1.1 / height))
    known = [value for model in models for value in model.values if math.isfinite(value)]
    lowest, highest = (min(known), max(known)) if known else (0.0, 1.0)
    reach = max(highest - lowest, 0.1)
    for place, model in enumerate(models):
        color = colors.get(model.name, NEUTRAL)
        mean = sum(model.values) / len(model.values)
        axes.plot(model.values, [place] * len(model.values), "o", color=color, markersize=6, alpha=0.6)
        if not math.isfinite(mean):
            axes.text(lowest, place, "not defined", va="center", color=NEUTRAL)
            continue
        axes.plot([mean], [place], "|", color=color, markersize=20, markeredgewidth=2.5)
        right = max(model.values)
        axes.text(right + 0.018 * reach, place, f"{mean:.3f}", va="center", fontsize=11, zorder=4, bbox=HALO)
        if model.is_reference:
            axes.axvline(mean, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1.2, zorder=0)
    axes.set_yticks(range(len(models)), [model.name for model in models], fontsize=11, parse_math=False)
    axes.set_ylim(len(models) - 0.5, -0.5)  # the first on top
    axes.set_xlim(lowest - 0.05 * reach, highest + 0.12 * reach)
    axes.set_xlabel("bits per note on test")
    reference = next((model.name for model in models if model.is_reference), "")
    title = "Test (a dot for each seed; less is better)" + (f"; dashed: {reference}" if reference else "")
    figure.text(left, 1 - 0.34 / height, title, fontsize=13, fontweight="bold", parse_math=False)
    _plain(axes, grid="x")
    return figure


def _plain(axes: Axes, grid: str) -> None:
    axes.grid(axis=grid, alpha=0.25)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
