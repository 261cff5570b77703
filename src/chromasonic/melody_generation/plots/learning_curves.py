"""Figure of the learning curves of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chromasonic.melody_generation.plots.figures import BLUE, NEUTRAL, VERMILION
from chromasonic.melody_generation.plots.fonts import DRAWING, SANS_BOLD, label_text

TRAINING, VALIDATION = BLUE, VERMILION

_MARKED_UP_TO = 30  # epochs; with more, a marker at each would hide the line


@DRAWING.held()
def plot_learning_curves(
    epochs: Sequence[int],
    *,
    train_loss: Sequence[float],
    val_loss: Sequence[float],
    train_accuracy: Sequence[float],
    val_accuracy: Sequence[float],
    learning_rate: Sequence[float],
    best_epoch: int | None = None,
    title: str = "",
) -> Figure:
    """Draw loss (in bits), accuracy, learning rate and generalisation gap by epoch, and mark the best epoch.

    Args:
        epochs: The epoch of each value in the lists below; the figure says so if there is none.
        train_loss: Nats per scored token; NaN leaves a gap, as in every line.
        val_loss: Nats per scored token.
        train_accuracy: Share of notes predicted correctly, 0 to 1.
        val_accuracy: Share of notes predicted correctly, 0 to 1.
        learning_rate: Drawn on a logarithmic axis if it spans more than a decade.
        best_epoch: One of ``epochs``, or None for no mark.
        title: The title of the figure.

    Returns:
        A figure of 1200 x 900 pixels that is independent of pyplot.

    Raises:
        ValueError: If the lists differ in length, or ``best_epoch`` is not among the epochs.
    """
    lines = (train_loss, val_loss, train_accuracy, val_accuracy, learning_rate)
    if any(len(line) != len(epochs) for line in lines):
        raise ValueError(f"{len(epochs)} epochs but lists of {[len(line) for line in lines]} values")
    if best_epoch is not None and best_epoch not in epochs:
        raise ValueError(f"the best epoch {best_epoch} is not among the epochs")
    figure = Figure(figsize=(12, 9), dpi=100)
    figure.suptitle(label_text(title, SANS_BOLD), y=0.975, fontsize=15, fontweight="bold", parse_math=False)
    if not epochs:
        figure.text(0.5, 0.5, "No epoch has ended yet.", ha="center", va="center", fontsize=15, color=NEUTRAL)
        return figure

    train_loss, val_loss = ([loss / math.log(2) for loss in losses] for losses in (train_loss, val_loss))
    gap = [train - val for train, val in zip(train_loss, val_loss, strict=True)]
    # Fixed margins: matplotlib's layout engines measure every label, which takes twice as long.
    margins = {"left": 0.075, "right": 0.975, "bottom": 0.065, "top": 0.895, "wspace": 0.22, "hspace": 0.3}
    (loss_axes, accuracy_axes), (rate_axes, gap_axes) = figure.subplots(2, 2, gridspec_kw=margins)
    both = (("training", TRAINING), ("validation", VALIDATION))
    _panel(loss_axes, "Loss", "bits per scored token", epochs, zip(both, (train_loss, val_loss), strict=True))
    _panel(
        accuracy_axes,
        "Accuracy",
        "share of notes right",
        epochs,
        zip(both, (train_accuracy, val_accuracy), strict=True),
    )
    for axes in (loss_axes, accuracy_axes):
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderaxespad=0.2)
    alone = ("", NEUTRAL)
    _panel(rate_axes, "Learning rate", "", epochs, [(alone, learning_rate)])
    if _spans_a_decade(learning_rate):
        rate_axes.set_yscale("log")
    _panel(gap_axes, "Generalisation gap", "training minus validation loss (bits)", epochs, [(alone, gap)])
    gap_axes.axhline(0, color="black", linewidth=0.8)
    if best_epoch is not None:
        index = list(epochs).index(best_epoch)
        for axes, line, color in (
            (loss_axes, val_loss, VALIDATION),
            (accuracy_axes, val_accuracy, VALIDATION),
            (rate_axes, learning_rate, NEUTRAL),
            (gap_axes, gap, NEUTRAL),
        ):
            _mark_best(axes, best_epoch, line[index], color)
    return figure


def _panel(
    axes: Axes,
    title: str,
    unit: str,
    epochs: Sequence[int],
    lines: Iterable[tuple[tuple[str, str], Sequence[float]]],
) -> None:
    """Draw lines, each with its name and colour, over the epochs."""
    axes.set_title(title, loc="left", y=1, fontsize=13, fontweight="bold")
    axes.set_xlabel("epoch")
    axes.set_ylabel(unit)
    for (name, color), values in lines:
        axes.plot(
            epochs,
            values,
            color=color,
            label=name,
            linewidth=1.8,
            marker="o" if len(epochs) <= _MARKED_UP_TO else "",
            markersize=4,
        )
    margin = max(0.5, 0.02 * (epochs[-1] - epochs[0]))
    axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    axes.margins(y=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _spans_a_decade(values: Sequence[float]) -> bool:
    positive = [value for value in values if value > 0]
    return bool(positive) and max(positive) > 10 * min(positive)


def _mark_best(axes: Axes, epoch: int, value: float, color: str) -> None:
    """Mark the best epoch by a line and its value by a dot, with a label at the end of the line away from the dot."""
    axes.axvline(epoch, color=NEUTRAL, linestyle=(0, (4, 3)), linewidth=1)
    height = 0.0
    if math.isfinite(value):
        axes.plot([epoch], [value], marker="D", markersize=8, color=color, markeredgecolor="white", zorder=4)
        height = axes.transAxes.inverted().transform(axes.transData.transform((epoch, value)))[1]
    left, right = axes.get_xlim()
    on_the_left = epoch - left > right - epoch
    axes.annotate(
        f"best epoch {epoch}: {value:.4g}",
        xy=(epoch, 0.04 if height > 0.5 else 0.96),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-6 if on_the_left else 6, 0),
        textcoords="offset points",
        ha="right" if on_the_left else "left",
        va="bottom" if height > 0.5 else "top",
        fontsize=10.5,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2},
        zorder=5,
    )
