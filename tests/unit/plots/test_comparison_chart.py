from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.plots.comparison_chart import plot_comparison
from chromasonic.melody_generation.plots.figures import save_figure

pytestmark = pytest.mark.usefixtures("drawn")

MEASURES = (
    *("accuracy", "pitch_accuracy", "duration_accuracy", "diversity"),
    *("coherence", "musicality", "overall_score", "bits_per_note"),
)
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))
REAL = {name: Estimate(0.85, 0.8, 0.9) for name in MEASURES[3:7]}


def scores(value: float, **estimates: Estimate) -> dict[str, Estimate]:
    return {name: Estimate(value, value - 0.05, value + 0.05) for name in MEASURES} | estimates


def drawn(models: dict[str, dict[str, Estimate]], real: dict[str, Estimate] | None = None) -> Figure:
    figure = plot_comparison(models, REAL if real is None else real, footnote="3 test tunes")
    figure.draw_without_rendering()
    return figure


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def test_bars_are_as_long_as_the_scores() -> None:
    bits, _, bars = drawn({"lstm": scores(0.4, bits_per_note=Estimate(2.4, 2.2, 2.6)), "ppm": scores(0.3)}).axes
    assert [patch.get_width() for patch in bits.patches] == [2.4, 0.3]  # type: ignore[attr-defined]
    heights = [patch.get_height() for patch in bars.patches]  # type: ignore[attr-defined]
    assert heights == [0.4] * 5 + [0.3] * 5
    assert [label.get_text() for label in bits.get_yticklabels()] == ["lstm", "ppm"]


def test_the_radar_has_a_closed_line_for_each_model_and_marks_for_real_tunes() -> None:
    radar = drawn({"lstm": scores(0.4), "ppm": scores(0.3)}).axes[1]
    lines = [np.asarray(line.get_ydata()).tolist() for line in radar.lines]
    assert lines == [[0.4] * 7, [0.3] * 7, [0.85] * 3]


@pytest.mark.slow
def test_measures_that_are_not_defined_are_labelled_so_and_not_drawn_as_zero() -> None:
    figure = drawn({"mine": scores(0.4, diversity=UNKNOWN, overall_score=UNKNOWN, bits_per_note=UNKNOWN)}, {})
    bits, _, bars = figure.axes
    assert len(bits.patches) == 0
    assert len(bars.patches) == 3
    assert texts(figure).count("not defined") == 3
    assert "held-out real tunes" not in texts(figure)


def test_names_are_not_parsed_as_math_and_stay_within_the_figure() -> None:
    names = [f"transformer ${i}^2$ scheduler=cosine hidden_size={i}" for i in range(14)]
    figure = drawn({name: scores(0.5) for name in names})
    shown = " ".join(texts(figure)).replace("\n", " ")
    assert all(shown.count(name) == 2 for name in names)  # in the bars and in the legend
    width, height = figure.get_size_inches() * figure.dpi
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= -1, text
            assert box.x1 <= width + 1, text
            assert box.y0 >= -1, text
            assert box.y1 <= height + 1, text


def test_a_long_name_is_cut() -> None:
    figure = drawn({"x" * 1_000_000: scores(0.5)})
    assert max(text.count("\n") for text in texts(figure)) < 12
    assert sum(map(len, texts(figure))) < 2000


@pytest.mark.slow
def test_models_beyond_the_palette_look_different() -> None:
    radar = drawn({str(index): scores(0.5) for index in range(24)}).axes[1]
    styles = {(line.get_color(), repr(line._dash_pattern)) for line in radar.lines[:24]}  # type: ignore[attr-defined]
    assert len(styles) == 24


def test_the_figure_is_saved_as_png(tmp_path: Path) -> None:
    save_figure(drawn({"lstm": scores(0.4)}), tmp_path / "model_comparison.png")
    assert (tmp_path / "model_comparison.png").stat().st_size > 20_000


def test_no_models_raise_an_error() -> None:
    with pytest.raises(ValueError, match="needs a model"):
        plot_comparison({}, {})
