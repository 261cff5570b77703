import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.plots.figures import save_figure
from chromasonic.melody_generation.plots.learning_curves import plot_learning_curves

pytestmark = pytest.mark.usefixtures("drawn")

TITLES = ["Loss", "Accuracy", "Learning rate", "Generalisation gap"]


def drawn(
    val_loss: Sequence[float], learning_rate: Sequence[float] | None = None, title: str = "melody_lstm"
) -> Figure:
    """Draw curves with the lowest validation loss as the best epoch; rendering raises any warnings."""
    n = len(val_loss)
    finite = [epoch for epoch in range(n) if math.isfinite(val_loss[epoch])]
    figure = plot_learning_curves(
        range(1, n + 1),
        train_loss=[2 / (epoch + 1) for epoch in range(n)],
        val_loss=val_loss,
        train_accuracy=np.linspace(0.1, 0.7, n).tolist(),
        val_accuracy=np.linspace(0.1, 0.5, n).tolist(),
        learning_rate=[0.001] * n if learning_rate is None else learning_rate,
        best_epoch=min(finite, key=lambda epoch: val_loss[epoch]) + 1 if finite else None,
        title=title,
    )
    figure.draw_without_rendering()
    return figure


def data_of(axes: Axes, line: int) -> list[float]:
    return [float(value) for value in np.asarray(axes.lines[line].get_ydata())]


def annotations(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if isinstance(text, Annotation)]


def test_four_panels_show_the_values() -> None:
    val_loss = [3.0, 1.5, 2.0]
    figure = drawn(val_loss)
    assert [axes.get_title(loc="left") for axes in figure.axes] == TITLES
    loss, accuracy, rate, gap = figure.axes
    bits = 1 / math.log(2)
    assert data_of(loss, 0) == pytest.approx([2.0 * bits, 1.0 * bits, 2 / 3 * bits])
    assert data_of(loss, 1) == pytest.approx([nats * bits for nats in val_loss])
    assert loss.get_ylabel() == "bits per scored token"
    assert data_of(accuracy, 1) == pytest.approx([0.1, 0.3, 0.5])
    assert data_of(rate, 0) == [0.001] * 3
    assert data_of(gap, 0) == pytest.approx([(2 - 3) * bits, (1 - 1.5) * bits, (2 / 3 - 2) * bits])
    assert figure.get_size_inches() * figure.dpi == pytest.approx([1200, 900])


def test_each_panel_labels_the_best_epoch_with_its_value() -> None:
    figure = drawn([3.0, 1.5, 2.0], [0.004, 0.002, 0.001])
    assert [annotations(axes) for axes in figure.axes] == [
        ["best epoch 2: 2.164"],
        ["best epoch 2: 0.3"],
        ["best epoch 2: 0.002"],
        ["best epoch 2: -0.7213"],
    ]


def test_the_learning_rate_axis_is_logarithmic_only_over_more_than_a_decade() -> None:
    assert drawn([1.0, 1.0], [0.001, 0.0001]).axes[2].get_yscale() == "linear"
    assert drawn([1.0, 1.0], [0.001, 0.00009]).axes[2].get_yscale() == "log"
    assert drawn([1.0, 1.0], [0.001, 0.0]).axes[2].get_yscale() == "linear"
    assert drawn([1.0, 1.0], [0.0, 0.0]).axes[2].get_yscale() == "linear"


@pytest.mark.slow
@pytest.mark.parametrize(
    "val_loss",
    [
        [2.0],
        [math.nan],
        [math.nan] * 4,
        [3.0, math.nan, 2.0, math.inf],
        list(np.linspace(4, 2, 1000)),
        [1.0, 1.0],
    ],
)
def test_all_text_is_inside_the_figure_for_every_history(val_loss: list[float]) -> None:
    for rates in (None, np.geomspace(0.01, 1e-6, len(val_loss)).tolist()):
        figure = drawn(val_loss, rates)
        box = figure.get_tightbbox()  # inches
        assert 0 <= box.x0 <= box.x1 <= 12
        assert 0 <= box.y0 <= box.y1 <= 9


@pytest.mark.slow
def test_the_label_of_the_best_epoch_stays_within_its_panel() -> None:
    for best in (0, 4, 9):
        losses = [2.0] * 10
        losses[best] = 1.0
        for axes in drawn(losses).axes:
            box = axes.texts[0].get_window_extent()
            panel = axes.get_window_extent()
            assert panel.x0 <= box.x0 <= box.x1 <= panel.x1
            assert panel.y0 <= box.y0 <= box.y1 <= panel.y1


def test_ticks_of_the_epoch_axis_are_whole_numbers() -> None:
    for n in (1, 2, 7, 1000):
        ticks = drawn([1.0] * n).axes[0].get_xticks()
        assert np.array_equal(ticks, np.round(ticks))


def test_an_empty_history_says_so() -> None:
    figure = drawn([])
    assert figure.axes == []
    assert "No epoch" in " ".join(text.get_text() for text in figure.texts)


def test_a_title_with_dollar_signs_is_not_parsed_as_math() -> None:
    drawn([1.0], title="cost $5 or $x^{")


def test_lists_of_unequal_length_and_an_unknown_best_epoch_raise_an_error() -> None:
    with pytest.raises(ValueError, match="2 epochs but lists of"):
        drawn([1.0, 2.0], [0.1])
    one = [1.0]
    with pytest.raises(ValueError, match="best epoch 2 is not"):
        plot_learning_curves(
            [1],
            train_loss=one,
            val_loss=one,
            train_accuracy=one,
            val_accuracy=one,
            learning_rate=one,
            best_epoch=2,
        )


@pytest.mark.parametrize(
    ("name", "begin"), [("a.png", b"\x89PNG"), ("a", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")]
)
def test_the_suffix_chooses_the_format(tmp_path: Path, name: str, begin: bytes) -> None:
    save_figure(drawn([2.0, 1.0]), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_an_unknown_format_raises_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"curves\.docx: the file must end with one of .*png"):
        save_figure(drawn([1.0]), tmp_path / "curves.docx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pyplot_is_not_imported() -> None:
    program = (
        "import sys, chromasonic.melody_generation.plots.learning_curves\nprint('matplotlib.pyplot' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "False"
