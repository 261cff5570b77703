import pytest

from chromasonic.melody_generation.measures.structure.contour import (
    climax_position,
    half_density,
    half_durations,
    half_high_rise,
    half_low_rise,
    half_motifs,
    half_rise,
    highest_above_last,
    lowest_above_last,
    phrase_arch,
    tune_slope,
)
from chromasonic.melody_generation.melody import Melody

ARCH = [60, 62, 64, 67, 69, 67, 64, 62, 60, 60, 60, 60, 60, 60, 60, 60]


def test_the_climax_and_the_register_are_measured_from_the_notes() -> None:
    melody = Melody(ARCH, [24] * 16)
    assert climax_position(melody) == 4 / 15
    assert (highest_above_last(melody), lowest_above_last(melody)) == (9, 0)


def test_an_arch_in_every_phrase_is_an_arch_of_phrases_but_none_of_the_tune() -> None:
    phrase = [60, 62, 64, 65, 67, 69, 71, 72, 72, 71, 69, 67, 65, 64, 62, 60]
    melody = Melody(phrase * 4, [24] * 64)
    assert phrase_arch(melody) > 4
    assert tune_slope(melody) == 0


def test_halves_are_compared() -> None:
    first, second = [60, 62, 64, 60] * 4, [72, 71, 67, 65, 64, 67, 69, 72] * 4
    melody = Melody(first + second, [24] * 16 + [12] * 32)
    assert half_rise(melody) > 5
    assert (half_high_rise(melody), half_low_rise(melody)) == (8, 4)
    assert (half_density(melody), half_durations(melody), half_motifs(melody)) == (4, 1, 0)
    again = Melody(first * 2, [24] * 32)
    assert (half_rise(again), half_density(again), half_durations(again)) == (0, 0, 0)
    assert half_motifs(again) == pytest.approx(1)
