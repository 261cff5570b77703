from __future__ import annotations

import warnings

import matplotlib
import numpy as np
import pytest
from tests.in_threads import call_at_once
from torch.utils.tensorboard import _utils as tensorboard_utils

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.plots.figures import figure_to_pixels, figure_to_png, figure_to_svg
from chromasonic.melody_generation.plots.piano_roll import plot_piano_roll

pytestmark = pytest.mark.usefixtures("drawn")

MELODY = Melody([60, 64, 67, 72, 71, 69], [24, 24, 48, 24, 48, 24], title="A tune")


@pytest.mark.slow
def test_figures_are_the_same_when_threads_draw_at_once() -> None:
    def draw() -> bytes:
        return figure_to_png(plot_piano_roll(MELODY))

    filters = list(warnings.filters)
    here = draw()
    drawn = call_at_once([lambda: [draw() for _ in range(4)]] * 4)
    assert {image for of_thread in drawn for image in of_thread} == {here}
    assert list(warnings.filters) == filters  # matplotlib's own changes of the filters do not overlap


def test_pixels_are_those_that_tensorboard_shows_of_a_figure() -> None:
    pixels = figure_to_pixels(plot_piano_roll(MELODY))
    assert pixels.shape == (360, 1200, 3)
    shown = tensorboard_utils.figure_to_image(plot_piano_roll(MELODY))  # type: ignore[no-untyped-call]
    assert np.array_equal(pixels.transpose(2, 0, 1), shown[:3])


@pytest.mark.parametrize("kind", ["path", "none"])
def test_text_in_svg_is_outlines_and_the_settings_stay(kind: str) -> None:
    with matplotlib.rc_context({"svg.fonttype": kind}):
        assert "<text" not in figure_to_svg(plot_piano_roll(MELODY))
        assert matplotlib.rcParams["svg.fonttype"] == kind
