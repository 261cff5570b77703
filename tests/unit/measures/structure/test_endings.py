import numpy as np

from chromasonic.melody_generation.measures.structure.endings import ENDING_FEATURES, EndingCounts
from chromasonic.melody_generation.melody import Melody

BAR = [60, 62, 64, 62]


def tune(*, last: int = 60, n_bars: int = 16, close: int = 60) -> Melody:
    """Return a tune with a close of two notes in bar 8, and a long last note."""
    pitches = [*BAR * (n_bars - 1), last]
    durations = [*[24] * (4 * (n_bars - 1)), 96]
    if n_bars > 8:
        pitches[28:32] = [67, close]
        durations[28:32] = [48, 48]
    return Melody(pitches, durations)


COUNTS = EndingCounts.fit([tune()] * 30)


def features(melody: Melody) -> dict[str, float]:
    return {name: float(values[0]) for name, values in COUNTS.features([melody]).items()}


def test_an_ending_that_tunes_have_is_no_surprise_and_another_is() -> None:
    usual = features(tune())
    assert max(usual.values()) < 1
    off = features(tune(last=62))
    for name in ("final_degree", "final_height", "final_note"):
        assert off[name] > usual[name] + 1
    assert off["full_close"] == usual["full_close"]


def test_a_close_and_a_number_of_bars_that_no_tune_has_are_a_surprise() -> None:
    usual = features(tune())
    assert features(tune(close=66))["full_close"] > usual["full_close"] + 1
    assert features(tune(n_bars=14))["bar_count"] > usual["bar_count"] + 2


def test_features_do_not_change_under_transposition_but_for_the_height() -> None:
    usual, moved = features(tune()), features(tune().transposed(5))
    assert moved == usual


def test_a_mode_that_was_not_counted_is_measured_by_the_other() -> None:
    minor = Melody(tune().pitches, tune().durations, mode="minor")
    off = Melody(tune(last=62).pitches, tune().durations, mode="minor")
    assert features(minor)["final_degree"] < 1 < features(off)["final_degree"]


def test_short_melodies_have_no_features() -> None:
    for melody in (Melody([], []), Melody([60], [24])):
        assert np.isnan(list(features(melody).values())).all()
    assert set(features(Melody([60, 62], [24, 24]))) == set(ENDING_FEATURES)
