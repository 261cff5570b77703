"""What all figures share: colours that colour-blind people can tell apart, and files that are whole."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.errors import InputError

# The palette of Okabe and Ito, without its yellow, which is too pale on white; neighbours differ in grey too.
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE)
NEUTRAL = "#555555"
# Behind a number, where a line may run through it.
HALO = {"facecolor": "white", "edgecolor": "none", "pad": 1}


def model_color(place: int) -> str:
    """The colour of a model by its place among those that are compared."""
    return PALETTE[place % len(PALETTE)]


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure whole, in the format that the path ends with (PNG where it ends with none).

    Raises:
        InputError: If figures cannot be written in that format.
    """
    path = Path(path)
    suffix = path.suffix[1:].lower() or "png"
    known = figure.canvas.get_supported_filetypes()
    if suffix not in known:
        raise InputError(f"a figure cannot be written to {path}: the file must end with one of {', '.join(known)}")
    with atomic_file(path) as unfinished:
        figure.savefig(unfinished, format=suffix)


def figure_to_png(figure: Figure) -> bytes:
    """A figure as PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def figure_to_svg(figure: Figure) -> str:
    """A figure as an SVG document whose letters are shapes, so that it looks alike on every machine."""
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "path"}):
        figure.savefig(content, format="svg", metadata={"Date": None}, transparent=False)
    return content.getvalue().decode("utf-8")
