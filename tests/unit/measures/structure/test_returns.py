import numpy as np
import pytest

from chromasonic.melody_generation.measures.structure.bar_grid import SILENT, bar_grid
from chromasonic.melody_generation.measures.structure.returns import (
    bar_5_like_1,
    bar_9_like_1,
    like_beginnings,
    like_endings,
    like_parts,
    mean_beginnings,
    return_after_4,
    return_after_8,
    rhythm_squareness,
    squareness,
    whole_bars,
)
from chromasonic.melody_generation.melody import Melody, Metre

A, B, C, D, E = [60, 62, 64, 65], [67, 69, 71, 72], [72, 71, 69, 67], [64, 60, 62, 60], [65, 64, 69, 62]


def of_bars(*bars: list[int]) -> Melody:
    return Melody([pitch for bar in bars for pitch in bar], [24] * (4 * len(bars)))


def test_slots_hold_what_sounds_and_what_begins() -> None:
    grid = bar_grid(Melody([60, 64, -1, 67], [24, 24, 48, 72], tonic=2, start=72))  # an upbeat, and the bars
    assert grid.heights.tolist() == [[62] * 6 + [65] * 2, [65] * 4 + [SILENT] * 4]
    assert grid.has_onset.tolist() == [[True] + [False] * 5 + [True, False], [False] * 8]
    assert grid.n_onsets.tolist() == [2, 0]


def test_phrases_that_return_after_four_or_eight_bars_are_heard() -> None:
    after_4, after_8 = of_bars(A, B, C, D, A, B, C, E), of_bars(A, B, C, D, E, D, B, C, A, B, C, D, E, D, B, C)
    assert return_after_4(after_4) == 0.75
    assert return_after_8(after_8) == 1
    assert return_after_4(after_8) < 0.3
    assert bar_5_like_1(after_4) == 1
    assert (bar_5_like_1(after_8), bar_9_like_1(after_8)) == (0, 1)
    assert squareness(after_4) > 0.5 < squareness(after_8)
    assert squareness(of_bars(A, B, C, A, B, C, A, B, C, A)) < -0.5


def test_phrases_that_begin_or_end_alike_are_heard() -> None:
    melody = of_bars(A, B, C, D, A, E, B, D, C, B, A, E, C, E, B, D)
    assert like_beginnings(melody) == like_endings(melody) == 1
    assert mean_beginnings(melody) == pytest.approx(2 / 6, abs=0.2)
    assert like_parts(melody) == 1
    assert like_parts(of_bars(*[A, B, C, D] * 3, A, B, C, E)) < 0.5


def test_rhythms_that_return_are_heard() -> None:
    durations = [*[24] * 4, 48, 48, 12, 12, 24, 24, 24, 96]  # four bars of different rhythm
    assert rhythm_squareness(Melody([60] * 36, durations * 3)) > 0.2


@pytest.mark.parametrize("start", [0, 72])
def test_an_upbeat_and_the_last_bar_make_a_whole_bar_together(start: int) -> None:
    bars = [24] * 8
    assert whole_bars(Melody([60] * 8, bars, start=start)) == 1
    assert whole_bars(Melody([60] * 7, bars[1:], start=start)) == 0


def test_free_metre_has_no_bars() -> None:
    free = Melody([60] * 40, [24] * 40, Metre(0, 4))
    assert np.isnan([whole_bars(free), return_after_4(free), like_beginnings(free)]).all()
