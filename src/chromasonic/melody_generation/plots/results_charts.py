"""Figures of the results page: validation curves of each model, and test bits per note of each seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chromasonic.melody_generation.plots.figures import HALO, NEUTRAL, PALETTE, model_color
from chromasonic.melody_generation.plots.fonts import DRAWING, SANS, SANS_BOLD, label_text, text_width, truncate_text

Curve = tuple[Sequence[int], Sequence[float]]

_DASHES = ("-", (0, (5, 2)))
_MAX_ABOVE_BEST = 1.2  # bits shown above the best value, so that the first epochs do not flatten the curves
# Of the legend, in points: font size, maximal width of a name, and width of handle and margins.
_LEGEND_SIZE, _LEGEND_NAME_WIDTH, _LEGEND_EDGE = 11, 400.0, 45.0


@dataclass(frozen=True)
class SeedScores:
    """The test scores of a model in :func:`plot_bits`.

    Attributes:
        name: The name of the model.
        values: Bits per note of each seed.
        is_reference: Whether the figure marks its mean by a line.
    """

    name: str
    values: Sequence[float]
    is_reference: bool = False


@DRAWING.held()
def plot_validation_curves(models: Mapping[str, Sequence[Curve]]) -> Figure:
    """Draw validation bits per note by epoch, with a colour for each model and a thin line for each seed.

    Args:
        models: Epochs and bits per note of every seed, by model name.

    Returns:
        A figure of 1200 x 600 pixels that is independent of pyplot.

    Raises:
        ValueError: If there is no model.
    """
    if not models:
        raise ValueError("there is no model to draw")
    figure = Figure(figsize=(12, 6), dpi=100)
    names = [truncate_text(name, _LEGEND_NAME_WIDTH, _LEGEND_SIZE, SANS) for name in models]
    legend_width = (max(text_width(name, _LEGEND_SIZE, SANS) for name in names) + _LEGEND_EDGE) / (72 * 12)
    axes = figure.add_axes((0.065, 0.1, 0.92 - legend_width, 0.8))
    for index, (name, curves) in enumerate(zip(names, models.values(), strict=True)):
        for seed, (epochs, bits) in enumerate(curves):
            axes.plot(
                epochs,
                bits,
                color=model_color(index),
                linestyle=_DASHES[index // len(PALETTE) % len(_DASHES)],
                linewidth=1.2,
                alpha=0.85,
                marker="o",
                markersize=3,
                label=label_text(name) if seed == 0 else None,
            )
    values = [value for curves in models.values() for _, bits in curves for value in bits if math.isfinite(value)]
    if values:
        lowest = min(values)
        axes.set_ylim(lowest - 0.06, min(max(values) + 0.06, lowest + _MAX_ABOVE_BEST))
    axes.set_title("Learning (a line for each seed; less is better)", loc="left", fontsize=13, fontweight="bold")
    axes.set_xlabel("epoch")
    axes.set_ylabel("bits per note on validation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _style_axes(axes, grid="both")
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False, fontsize=_LEGEND_SIZE
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


@DRAWING.held()
def plot_bits(models: Sequence[SeedScores], colors: Mapping[str, str]) -> Figure:
    """Draw test bits per note: a dot for each seed, a mark and a number at the mean, a line at the reference's mean.

    Args:
        models: The models from top to bottom.
        colors: Colours by model name; models without one are grey.

    Returns:
        A figure 1200 pixels wide that is independent of pyplot.

    Raises:
        ValueError: If there is no model.
    """
    if not models:
        raise ValueError("there is no model to draw")
    height = 1.3 + 0.48 * len(models)
    figure = Figure(figsize=(12, height), dpi=100)
    left = 0.03 + 0.0078 * max(len(model.name) for model in models)  # the width of the names
    axes = figure.add_axes((left, 0.62 / height, 0.965 - left, 1 - 1.1 / height))
    finite = [value for model in models for value in model.values if math.isfinite(value)]
    lowest, highest = (min(finite), max(finite)) if finite else (0.0, 1.0)
    span = max(highest - lowest, 0.1)
    for index, model in enumerate(models):
        color = colors.get(model.name, NEUTRAL)
        mean = sum(model.values) / len(model.values)
        axes.plot(model.values, [index] * len(model.values), "o", color=color, markersize=6, alpha=0.6)
        if not math.isfinite(mean):
            axes.text(lowest, index, "not defined", va="center", color=NEUTRAL)
            continue
        axes.plot([mean], [index], "|", color=color, markersize=20, markeredgewidth=2.5)
        right = max(model.values)
        axes.text(right + 0.018 * span, index, f"{mean:.3f}", va="center", fontsize=11, zorder=4, bbox=HALO)
        if model.is_reference:
            axes.axvline(mean, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1.2, zorder=0)
    axes.set_yticks(range(len(models)), [label_text(model.name) for model in models], fontsize=11, parse_math=False)
    axes.set_ylim(len(models) - 0.5, -0.5)  # the first on top
    axes.set_xlim(lowest - 0.05 * span, highest + 0.12 * span)
    axes.set_xlabel("bits per note on test")
    reference = next((model.name for model in models if model.is_reference), "")
    title = "Test (a dot for each seed; less is better)" + (f"; dashed: {reference}" if reference else "")
    figure.text(left, 1 - 0.34 / height, label_text(title, SANS_BOLD), fontsize=13, fontweight="bold", parse_math=False)
    _style_axes(axes, grid="x")
    return figure


def _style_axes(axes: Axes, grid: str) -> None:
    axes.grid(axis=grid, alpha=0.25)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
