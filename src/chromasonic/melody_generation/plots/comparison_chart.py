"""Figure of a model comparison: bars with confidence intervals, and a radar chart."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.projections.polar import PolarAxes

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.plots.figures import HALO, NEUTRAL, PALETTE, model_color
from chromasonic.melody_generation.plots.fonts import DRAWING, SANS_BOLD, label_text

Scores = Mapping[str, Estimate]

# Labels of the scores, which range from 0 to 1 and are better the higher.
_BARS = {
    "accuracy": "note accuracy",
    "diversity": "diversity",
    "coherence": "coherence",
    "musicality": "musicality",
    "overall_score": "typicality",
}
_SPOKES = {
    "accuracy": "note accuracy",
    "pitch_accuracy": "pitch\naccuracy",
    "duration_accuracy": "duration\naccuracy",
    "diversity": "diversity",
    "coherence": "coherence",
    "musicality": "musicality",
}
# Models beyond the colours of the palette differ by hatching and dashes.
_HATCHES, _DASHES = ("", "//", "..", "xx"), ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_NAME_WIDTH, _NAME_LINES = 22, 12  # characters per line of a name, and lines
_MAX_LABELLED = 6  # models; with more, values do not fit above the bars


@DRAWING.held()
def plot_comparison(
    models: Mapping[str, Scores], real: Scores, *, title: str = "Model comparison", footnote: str = ""
) -> Figure:
    """Draw bits per note, the scores from 0 to 1 with their intervals, and a radar chart of the scores.

    Args:
        models: The measures of each model by its name, in drawing order: ``bits_per_note`` in bits, the others from 0
            to 1. Measures that are missing or not defined are not drawn.
        real: The scores of held-out real tunes, drawn as marks for reference.
        title: The title of the figure.
        footnote: The line below the figure.

    Returns:
        A figure 1400 pixels wide that is independent of pyplot.

    Raises:
        ValueError: If there is no model.
    """
    if not models:
        raise ValueError("a comparison needs a model")
    lines = [line for name in models for line in _wrapped(name).split("\n")]
    # All in inches: the width of the names, and the heights of the upper and the lower axes.
    names = 0.3 + 0.085 * max(map(len, lines))
    upper, lower = max(3.7, 0.9 + 0.3 * len(lines)), 3.5
    width, height = 14.0, upper + lower + 2.75
    figure = Figure(figsize=(width, height), dpi=100)

    def box(left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """Convert inches from the lower left corner to matplotlib's left, bottom, width and height in figure units."""
        return left / width, bottom / height, (right - left) / width, (top - bottom) / height

    floor = lower + 1.85  # the bottom of the upper axes
    _draw_bits(figure.add_axes(box(names, floor, 6.8, floor + upper)), models)
    radar = figure.add_axes(box(7.75, floor + upper - 3.35, 11.05, floor + upper - 0.05), projection="polar")
    if not isinstance(radar, PolarAxes):
        raise TypeError("matplotlib has no polar axes")
    _draw_radar(radar, models, real)
    legend = radar.legend(
        loc="upper left",
        bbox_to_anchor=(12.0 / width, (floor + upper) / height),
        bbox_transform=figure.transFigure,
        fontsize=9,
    )
    legend.set_frame_on(False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    _draw_bars(figure.add_axes(box(0.7, 0.95, 13.7, 0.95 + lower)), models, real)
    figure.suptitle(
        label_text(title, SANS_BOLD), parse_math=False, y=1 - 0.2 / height, va="top", fontsize=16, fontweight="bold"
    )
    figure.text(0.7 / width, 0.2 / height, label_text(footnote), fontsize=10, color=NEUTRAL, parse_math=False)
    return figure


def _palette_style(index: int, styles: Sequence[object]) -> object:
    """Return the hatch or dash of a model; it changes each time the palette starts over."""
    return styles[index // len(PALETTE) % len(styles)]


def _wrapped(name: str) -> str:
    shown = label_text(name[: _NAME_WIDTH * _NAME_LINES])
    return textwrap.fill(shown, _NAME_WIDTH, max_lines=_NAME_LINES, placeholder=" …")


def _draw_bits(axes: Axes, models: Mapping[str, Scores]) -> None:
    estimates = [scores.get("bits_per_note", Estimate(math.nan, math.nan, math.nan)) for scores in models.values()]
    ends = [estimate.high if math.isfinite(estimate.high) else estimate.value for estimate in estimates]
    longest = max((end for end in ends if math.isfinite(end)), default=1.0)
    for index, (estimate, end) in enumerate(zip(estimates, ends, strict=True)):
        if not math.isfinite(estimate.value):
            axes.text(0.02 * longest, index, "not defined", va="center", color=NEUTRAL)
            continue
        axes.barh(
            index,
            estimate.value,
            0.62,
            color=model_color(index),
            hatch=_palette_style(index, _HATCHES),
            edgecolor="white",
        )
        if math.isfinite(estimate.low):
            axes.errorbar(estimate.value, index, xerr=_whiskers([estimate]), color="black", capsize=4, linewidth=1.2)
        axes.text(end + 0.015 * longest, index, f"{estimate.value:.2f}", va="center", fontsize=11)
    axes.set_yticks(range(len(models)), [_wrapped(name) for name in models], fontsize=11, parse_math=False)
    axes.set_ylim(max(len(models), 3) - 0.4, -0.6)  # the first on top
    axes.set_xlim(0, 1.12 * longest)
    axes.set_title("Bits per note on held-out tunes (less is better)", loc="left", fontsize=13, fontweight="bold")
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bars(axes: Axes, models: Mapping[str, Scores], real: Scores) -> None:
    width = 0.82 / len(models)
    for index, (name, scores) in enumerate(models.items()):
        shift = (index - (len(models) - 1) / 2) * width
        drawn = [(group, scores[measure]) for group, measure in enumerate(_BARS) if _is_defined(scores, measure)]
        axes.bar(
            [group + shift for group, _ in drawn],
            [estimate.value for _, estimate in drawn],
            0.92 * width,
            color=model_color(index),
            hatch=_palette_style(index, _HATCHES),
            edgecolor="white",
            label=_wrapped(name),
        )
        for group, estimate in drawn:
            top = estimate.value
            if math.isfinite(estimate.low):
                top = estimate.high
                whiskers = _whiskers([estimate])
                axes.errorbar(group + shift, estimate.value, yerr=whiskers, color="black", capsize=3, linewidth=1.1)
            if len(models) <= _MAX_LABELLED:
                text = f"{estimate.value:.2f}"
                axes.text(group + shift, top + 0.015, text, ha="center", va="bottom", fontsize=9, bbox=HALO, zorder=6)
    for group, measure in enumerate(_BARS):
        if not any(_is_defined(scores, measure) for scores in models.values()):
            axes.text(group, 0.02, "not defined", ha="center", color=NEUTRAL)
        if _is_defined(real, measure):
            axes.hlines(real[measure].value, group - 0.45, group + 0.45, color="black", linestyle=(0, (4, 2)), zorder=5)
    axes.set_xticks(range(len(_BARS)), list(_BARS.values()), fontsize=11)
    axes.set_ylim(0, 1.06)
    axes.set_xlim(-0.55, len(_BARS) - 0.45)
    axes.set_title("Scores (more is better)", loc="left", fontsize=13, fontweight="bold", y=1.02)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if any(_is_defined(real, measure) for measure in _BARS):
        label = "held-out real tunes"
        axes.legend(
            handles=[Line2D([], [], color="black", linestyle=(0, (4, 2)), label=label)],
            loc="lower right",
            bbox_to_anchor=(1, 1),
            frameon=False,
            fontsize=11,
        )


def _draw_radar(axes: PolarAxes, models: Mapping[str, Scores], real: Scores) -> None:
    angles = np.linspace(0, 2 * np.pi, len(_SPOKES), endpoint=False)
    around = np.append(angles, angles[0])
    axes.set_theta_offset(np.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1], ["", "0.5", "", "1"], fontsize=9, color=NEUTRAL)
    axes.set_rlabel_position(30)
    axes.set_xticks(angles, list(_SPOKES.values()), fontsize=11)
    for angle, label in zip(angles, axes.get_xticklabels(), strict=True):
        side = round(float(np.sin(angle)), 6)
        label.set_horizontalalignment("center" if side == 0 else "left" if side > 0 else "right")
    axes.grid(alpha=0.4)
    for index, (name, scores) in enumerate(models.items()):
        values = [scores[measure].value if _is_defined(scores, measure) else math.nan for measure in _SPOKES]
        axes.plot(
            around,
            [*values, values[0]],
            color=model_color(index),
            linestyle=_palette_style(index, _DASHES),
            linewidth=2,
            marker="o",
            markersize=4,
            label=_wrapped(name),
        )
        if np.isfinite(values).all():
            axes.fill(angles, values, color=model_color(index), alpha=0.06)
    spokes = zip(angles, _SPOKES, strict=True)
    marks = [(angle, real[measure].value) for angle, measure in spokes if _is_defined(real, measure)]
    if marks:
        axes.plot(
            *zip(*marks, strict=True),
            color="black",
            linestyle="",
            marker="D",
            markersize=7,
            markerfacecolor="none",
            label="held-out real tunes",
            zorder=5,
        )


def _is_defined(scores: Scores, name: str) -> bool:
    return name in scores and math.isfinite(scores[name].value)


def _whiskers(estimates: Sequence[Estimate]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the distances from each value down and up to the ends of its interval, shape (2, N)."""
    return np.array([[max(0, e.value - e.low) for e in estimates], [max(0, e.high - e.value) for e in estimates]])
