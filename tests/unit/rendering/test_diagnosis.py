"""The figures hold what they are given, and refuse what they cannot draw."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.small_networks import walks

from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.rendering.diagnosis import plot_diagnosis
from chromasonic.melody_generation.rendering.figures import save_figure
from chromasonic.melody_generation.rendering.surprise import BARS_IN_A_LINE, plot_surprise


def test_every_part_has_a_bar_of_its_length(tmp_path: Path) -> None:
    bars = [("first", 3.0, 10), ("la$t", math.nan, 0)]
    figure = plot_diagnosis({"by quarter": bars, "by metre": bars[:1]}, 2.5, "model $x")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["by quarter", "by metre"]
    assert [patch.get_width() for patch in shown[0].patches] == [3.0, 0.0]  # type: ignore[attr-defined]
    assert [text.get_text() for text in shown[0].texts] == ["3.00  (10 notes)", "not defined  (0 notes)"]
    assert shown[0].lines[0].get_xdata()[0] == 2.5  # type: ignore[index]
    save_figure(figure, tmp_path / "diagnosis.png")
    with pytest.raises(ValueError, match="four panels"):
        plot_diagnosis(dict.fromkeys("abcde", bars), 1.0)


def test_a_tune_is_drawn_in_lines_of_eight_bars_with_a_column_for_each_note(tmp_path: Path) -> None:
    tune = Melody([60, 62, REST, 67] * 20, [24] * 80, title="Twenty bars")
    bits = [float(place % 5) for place in range(80)]
    figure = plot_surprise(tune, bits, "a $ title")
    lines = [axes for axes in figure.axes if axes.get_ylabel() == "MIDI pitch"]
    assert len(lines) == math.ceil(20 / BARS_IN_A_LINE)
    columns = [axes for axes in figure.axes if axes.get_ylabel() == "bits" and len(axes.collections) == 2]
    heights = [path.get_extents().height for axes in columns for path in axes.collections[0].get_paths()]
    assert heights == bits
    assert sum(len(axes.collections[0].get_paths()) for axes in lines) == 60  # rests are not drawn as notes
    save_figure(figure, tmp_path / "surprise.png")


@pytest.mark.parametrize(
    "tune",
    [Melody([60], [24]), Melody([REST, REST], [24, 24]), Melody([60, 64] * 100, [12] * 200, Metre(0, 4)), walks(1)[0]],
)
def test_any_tune_can_be_drawn(tune: Melody, tmp_path: Path) -> None:
    save_figure(plot_surprise(tune, [math.inf, *[0.5] * (len(tune) - 1)]), tmp_path / "any.png")
    with pytest.raises(ValueError, match="as many bits"):
        plot_surprise(tune, [])
