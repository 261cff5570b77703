"""Shared by all figures: a palette for colour-blind readers, and saving as a file, PNG or SVG."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.errors import InputError

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
    with atomic_file(path) as unfinished:
        figure.savefig(unfinished, format=suffix)


def figure_to_png(figure: Figure) -> bytes:
    """Convert a figure to PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def figure_to_svg(figure: Figure) -> str:
    """Convert a figure to an SVG document with text as outlines, so that it looks the same on every machine."""
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "path"}):
        figure.savefig(content, format="svg", metadata={"Date": None}, transparent=False)
    return content.getvalue().decode("utf-8")
