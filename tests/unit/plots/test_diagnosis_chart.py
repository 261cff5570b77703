"""The diagnosis chart draws a bar for each group and rejects a fifth panel."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from chromasonic.melody_generation.plots.diagnosis_chart import BitsBar, plot_diagnosis
from chromasonic.melody_generation.plots.figures import save_figure

pytestmark = pytest.mark.usefixtures("drawn")


def test_every_group_has_a_bar_of_its_length(tmp_path: Path) -> None:
    bars = [BitsBar("first", 3.0, 10), BitsBar("la$t", math.nan, 0)]
    figure = plot_diagnosis({"by quarter": bars, "by metre": bars[:1]}, 2.5, "model $x")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["by quarter", "by metre"]
    assert [patch.get_width() for patch in shown[0].patches] == [3.0, 0.0]  # type: ignore[attr-defined]
    assert [text.get_text() for text in shown[0].texts] == ["3.00  (10 notes)", "not defined  (0 notes)"]
    assert shown[0].lines[0].get_xdata()[0] == 2.5  # type: ignore[index]
    save_figure(figure, tmp_path / "diagnosis.png")
    with pytest.raises(ValueError, match="four panels"):
        plot_diagnosis(dict.fromkeys("abcde", bars), 1.0)


def test_a_title_is_cut_to_the_width_of_the_figure() -> None:
    figure = plot_diagnosis({"by quarter": [BitsBar("first", 3.0, 10)]}, 2.5, "m" * 1_000_000)
    assert figure.get_suptitle().endswith("m…")
    assert len(figure.get_suptitle()) < 100
