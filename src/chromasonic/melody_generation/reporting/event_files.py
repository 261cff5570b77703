"""Scores, tables and figures of an evaluation or a comparison as TensorBoard shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

from chromasonic.melody_generation.plots.figures import add_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show_in_tensorboard(
    directory: Path,
    *,
    scores: Mapping[str, float] | None = None,
    tables: Mapping[str, str] | None = None,
    figures: Mapping[str, Figure] | None = None,
) -> None:
    """Show numbers, Markdown tables and figures by their tags; earlier event files in the directory are removed.

    Raises:
        ValueError: If two have the same tag, of which TensorBoard would show one alone.
        OSError: If the directory cannot be written to.
    """
    tags = [tag for group in (scores, tables, figures) for tag in group or ()]
    if len(set(tags)) < len(tags):
        raise ValueError(f"a tag is of one number, table or figure, got {sorted(tags)}")
    for stale in directory.glob("events.out.tfevents.*"):
        stale.unlink()
    with SummaryWriter(str(directory)) as writer:
        for tag, value in (scores or {}).items():
            writer.add_scalar(tag, value)
        for tag, text in (tables or {}).items():
            writer.add_text(tag, text)
        for tag, figure in (figures or {}).items():
            add_figure(writer, tag, figure)
