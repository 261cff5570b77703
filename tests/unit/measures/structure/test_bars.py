import numpy as np
import pytest
from hypothesis import given
from tests.strategies import melodies

from chromasonic.melody_generation.measures.structure.bars import (
    bar_repetition,
    compressed_size,
    onset_agreement,
    phrase_agreement,
)
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre


def bars_by_hand(melody: Melody) -> list[list[tuple[int, int, int]]]:
    """Return (position in the bar, pitch, duration) of the notes of each bar, without bars in which no note begins."""
    result: dict[int, list[tuple[int, int, int]]] = {}
    lines = melody.bar_lines.tolist()
    for onset, pitch, duration in zip(melody.onsets, melody.pitches, melody.durations, strict=True):
        begun = [line for line in lines if line <= onset]
        if pitch != REST:
            position = int(onset) - (begun[-1] if begun else 0)
            result.setdefault(len(begun), []).append((position, int(pitch), int(duration)))
    return list(result.values())


@given(melodies())
def test_bar_repetition_equals_a_count_of_equal_bars(melody: Melody) -> None:
    bars = bars_by_hand(melody)
    n_repeated = sum(bar in bars[:index] for index, bar in enumerate(bars))
    expected = n_repeated / len(bars) if len(bars) > 1 else np.nan
    assert bar_repetition(melody) == pytest.approx(expected, nan_ok=True)


def test_bars_follow_upbeats_and_departures() -> None:
    bar = [60, 62, 64]
    melody = Melody([59, *bar, 50, *bar], [24] * 8, Metre(3, 4), start=48, departures=[Departure(5)])
    assert melody.bar_lines.tolist() == [24, 96, 120]
    assert bar_repetition(melody) == 0.25


def test_onset_agreement_by_hand() -> None:
    # In 2/4 there are 8 slots: onsets at 0 4 | 0 4 | 0 2 4 6.
    melody = Melody([60] * 8, [24, 24, 24, 24, 12, 12, 12, 12], Metre(2, 4))
    assert onset_agreement(melody) == pytest.approx((1 + 6 / 8) / 2)
    # A rest has no onset.
    silent = Melody([60, 60, 60, REST], [24] * 4, Metre(2, 4))
    assert onset_agreement(silent) == 7 / 8


def test_bars_of_different_lengths_are_not_compared() -> None:
    upbeat_then_bar = Melody([60, 62, 64], [24, 24, 24], Metre(2, 4), start=24)
    assert np.isnan(onset_agreement(upbeat_then_bar))
    change = Melody([60] * 5, [24] * 5, Metre(2, 4), departures=[Departure(2, Metre(3, 4))])
    assert np.isnan(onset_agreement(change))


def test_phrase_agreement_of_a_varied_phrase_is_its_fraction_of_equal_notes() -> None:
    phrase = [60, 62, 64, 65, 67, 69, 71, 72]
    varied = [60, 62, 64, 65, 67, 69, 71, 60]
    melody = Melody([*phrase, *varied], [24] * 16, Metre(2, 4))
    assert phrase_agreement(melody) == 7 / 8
    shifted = Melody([*phrase, *(pitch + 1 for pitch in phrase)], [24] * 16, Metre(2, 4))
    assert phrase_agreement(shifted) == 0


def test_phrases_at_another_position_in_the_bar_do_not_agree() -> None:
    phrase = [60, 62, 64, 65]
    late = Melody([*phrase, *phrase], [24, 24, 24, 24, 12, 24, 24, 36], Metre(4, 4))
    assert phrase_agreement(late) == 1 / 4


@pytest.mark.slow
@given(melodies())
def test_features_of_bars_are_nan_for_a_tune_of_one_bar(melody: Melody) -> None:
    if len(melody.bar_lines) + (melody.start > 0) < 2:
        assert np.isnan([onset_agreement(melody), bar_repetition(melody), phrase_agreement(melody)]).all()


def test_repetition_lowers_the_compressed_size() -> None:
    rng = np.random.default_rng(0)
    durations = [24] * 96
    random = Melody(rng.integers(50, 80, size=96), durations)
    repeated = Melody(np.tile(random.pitches[:24], 4), durations)
    constant = Melody([60] * 96, durations)
    assert compressed_size(constant) < compressed_size(repeated) / 2 < compressed_size(random) / 4
