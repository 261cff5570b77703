"""How surprising each note of a tune was, drawn over the tune as a piano roll, from plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.features import FloatArray
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.rendering.figures import NEUTRAL

# For colour-blind people too; dark is expected, bright is a surprise.
COLOURS = "cividis"
BARS_IN_A_LINE = 8
_MAX_LINES = 20


def plot_surprise(melody: Melody, bits: Sequence[float], title: str = "") -> Figure:
    """Draw a tune as a piano roll, each note as bright as it was surprising, with its bits as columns below.

    Args:
        melody: The tune, of one note or more.
        bits: How surprising each note and rest was, one for each.
        title: Stands above the figure.

    Returns:
        A figure with a line for each eight bars, apart from pyplot and its global state.

    Raises:
        ValueError: If there is no note, or another number of bits than of notes.
    """
    if len(bits) != len(melody) or not len(melody):
        raise ValueError(f"a tune of {len(melody)} notes needs as many bits, got {len(bits)}")
    begins = _line_begins(melody)
    width = max(end - begin for begin, end in zip(begins, [*begins[1:], melody.ticks], strict=True))
    figure = Figure(figsize=(12, 0.8 + 1.9 * len(begins)), dpi=100)
    figure.suptitle(title, fontsize=13, fontweight="bold", parse_math=False)
    heights = [2.0, 1.0] * len(begins)
    edge = 0.55 / figure.get_figheight()
    room = {"left": 0.06, "right": 0.9, "bottom": edge, "top": 1 - edge, "hspace": 0.25}
    lines = figure.subplots(2 * len(begins), 1, gridspec_kw={**room, "height_ratios": heights})
    most = max([each for each in bits if math.isfinite(each)], default=1.0)
    colours = ScalarMappable(Normalize(0, max(most, 1.0)), COLOURS)
    known = np.array([each if math.isfinite(each) else most for each in bits])
    sounding, bottoms = melody.pitches[melody.pitches != REST], melody.pitches.astype(np.float64) - 0.45
    for index, begin in enumerate(begins):
        # What a line does not show is not drawn either: a figure's time goes by what it holds.
        shown = (melody.onsets + melody.durations > begin) & (melody.onsets < begin + width)
        roll, columns = lines[2 * index], lines[2 * index + 1]
        loud = shown & (melody.pitches != REST)
        _draw_boxes(roll, melody, loud, colours.to_rgba(known[loud]), bottoms, np.full(len(melody), 0.9))
        roll.set_ylim(*((sounding.min() - 1.5, sounding.max() + 1.5) if len(sounding) else (58.5, 61.5)))
        roll.set_ylabel("MIDI pitch", fontsize=8)
        _draw_boxes(columns, melody, shown, colours.to_rgba(known[shown]), np.zeros(len(melody)), known)
        columns.set_ylim(0, 1.1 * max(1.0, most))
        columns.set_ylabel("bits", fontsize=8)
        for axes in (roll, columns):
            axes.set_xlim(begin, begin + width)
            axes.set_xticks([])
            inside = [line for line in melody.bar_lines.tolist() if begin <= line <= begin + width]
            axes.vlines(inside, 0, 1, transform=axes.get_xaxis_transform(), color=NEUTRAL, linewidth=0.6, alpha=0.6)
            axes.spines[["top", "right"]].set_visible(False)
    figure.colorbar(colours, ax=list(lines), label="bits", fraction=0.02, pad=0.015, aspect=40)
    return figure


def _line_begins(melody: Melody) -> list[int]:
    """The ticks at which each line begins; in free metre or with very many bars, the tune is cut evenly."""
    bars = [tick for tick in melody.bar_lines.tolist() if tick > 0]
    first = BARS_IN_A_LINE if melody.start else BARS_IN_A_LINE - 1  # an upbeat is no bar of its own
    begins = [0, *bars[first::BARS_IN_A_LINE]]
    if len(begins) > _MAX_LINES or len(bars) < 2:
        n_lines = min(_MAX_LINES, math.ceil(len(melody) / 40))
        begins = [melody.ticks * line // n_lines for line in range(n_lines)]
    return begins


def _draw_boxes(
    axes: Axes, melody: Melody, which: NDArray[np.bool_], colours: Any, bottoms: FloatArray, heights: FloatArray
) -> None:
    """Draw some of the notes as boxes as long as they last."""
    boxes = [
        Rectangle((melody.onsets[place], bottoms[place]), melody.durations[place], heights[place])
        for place in np.flatnonzero(which)
    ]
    axes.add_collection(PatchCollection(boxes, facecolor=colours, edgecolor="white", linewidth=0.5))
