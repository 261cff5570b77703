"""Figures of the results page show every model, every seed and the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from chromasonic.melody_generation.plots.figures import model_color
from chromasonic.melody_generation.plots.results_charts import SeedScores, plot_bits, plot_validation_curves

pytestmark = pytest.mark.usefixtures("drawn")


def test_every_seed_is_a_line_and_every_model_a_legend_entry() -> None:
    curves = {"A": [([1, 2], [3.0, 2.5]), ([1, 2], [3.1, 2.4])], "a $x$": [([1, 2, 3], [9.0, math.nan, 2.0])]}
    [axes] = plot_validation_curves(curves).axes
    assert len(axes.lines) == 3
    assert [line.get_color() for line in axes.lines] == [model_color(0), model_color(0), model_color(1)]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["A", "a $x$"]
    assert axes.get_ylim()[1] < 4  # the first epochs do not flatten the curves


def test_every_seed_is_a_dot_and_the_reference_a_line() -> None:
    dots = [SeedScores("A", [2.0, 2.2]), SeedScores("PPM", [2.7], is_reference=True), SeedScores("none", [math.nan])]
    [axes] = plot_bits(dots, {"A": "#0072B2"}).axes
    assert [text.get_text() for text in axes.texts] == ["2.100", "2.700", "not defined"]
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == [2.0, 2.2]
    assert any(np.asarray(line.get_xdata()).tolist() == [2.7, 2.7] for line in axes.lines)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "PPM", "none"]


NAMES = ["A mixture of several models with a long name", "PPM"]


@pytest.mark.parametrize(
    "figure",
    [
        plot_bits([SeedScores(name, [2.0 + index]) for index, name in enumerate(NAMES)], {}),
        plot_validation_curves({name: [([1, 2], [3.0, 2.5])] for name in NAMES}),
        plot_validation_curves({"the same again " * 9: [([1, 2], [3.0, 2.5])]}),
    ],
    ids=["bits", "learning", "a very long name"],
)
def test_all_text_is_inside_the_figure(figure: Figure) -> None:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    width, height = canvas.get_width_height()
    [axes] = figure.axes
    legend = axes.get_legend()
    names = legend.get_texts() if legend else []
    for text in (*axes.get_yticklabels(), *axes.texts, *figure.texts, axes.xaxis.label, axes.yaxis.label, *names):
        box = text.get_window_extent()
        assert box.x0 >= 0, text
        assert box.x1 <= width, text
        assert box.y0 >= 0, text
        assert box.y1 <= height, text


def test_no_models_raise_an_error() -> None:
    with pytest.raises(ValueError, match="no model"):
        plot_validation_curves({})
    with pytest.raises(ValueError, match="no model"):
        plot_bits([], {})
