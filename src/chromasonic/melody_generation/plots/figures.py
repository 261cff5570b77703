"""Shared by all figures: a palette for colour-blind readers, and saving as a file, PNG or SVG."""

from __future__ import annotations

import io
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.plots.fonts import DRAWING, label_text

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

# The palette of Okabe and Ito without its yellow, which is too pale on white; neighbours differ in greyscale too.
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE)
NEUTRAL = "#555555"
# The box behind a number that a line may cross.
HALO = {"facecolor": "white", "edgecolor": "none", "pad": 1}


def model_color(index: int) -> str:
    """Return the colour of a model by its index among the compared models."""
    return PALETTE[index % len(PALETTE)]


def save_figure(figure: Figure, path: str | Path) -> None:
    """Save a figure atomically in the format of the path's suffix (PNG if it has none).

    Raises:
        InputError: If matplotlib cannot write that format.
    """
    path = Path(path)
    suffix = path.suffix[1:].lower() or "png"
    formats = figure.canvas.get_supported_filetypes()
    if suffix not in formats:
        raise InputError(f"a figure cannot be written to {path}: the file must end with one of {', '.join(formats)}")
    with DRAWING.held(), atomic_file(path) as unfinished:
        figure.savefig(unfinished, format=suffix)


@DRAWING.held()
def figure_of_text(text: str) -> Figure:
    """Return a figure that holds a sentence only, in place of one that cannot be drawn."""
    figure = Figure(figsize=(14, 2), dpi=100)
    figure.text(0.05, 0.5, label_text(text), fontsize=12, color=NEUTRAL, parse_math=False)
    return figure


@DRAWING.held()
def figure_to_png(figure: Figure) -> bytes:
    """Convert a figure to PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


@DRAWING.held()
def figure_to_pixels(figure: Figure) -> NDArray[np.uint8]:
    """Draw a figure; return its pixels in red, green and blue, shape (height, width, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3]  # type: ignore[no-untyped-call]


def add_figure(writer: SummaryWriter, tag: str, figure: Figure, step: int | None = None) -> None:
    """Add a figure as an image; ``SummaryWriter.add_figure`` would import pyplot, which has a state of its own."""
    writer.add_image(tag, figure_to_pixels(figure), step, dataformats="HWC")


@DRAWING.held()
def figure_to_svg(figure: Figure) -> str:
    """Convert a figure to an SVG document with text as outlines, so that it looks the same on every machine."""
    content = io.BytesIO()
    # The context puts back all settings of matplotlib as they were: without need, no thread should lose a change.
    is_path = matplotlib.rcParams["svg.fonttype"] == "path"
    with nullcontext() if is_path else matplotlib.rc_context({"svg.fonttype": "path"}):
        figure.savefig(content, format="svg", metadata={"Date": None}, transparent=False)
    return content.getvalue().decode("utf-8")
