import numpy as np
import pytest
from hypothesis import given
from tests.strategies import melodies

from chromasonic.melody_generation.measures.tonality import (
    degrees,
    ends_on_tonic,
    key_correlation,
    pitch_class_entropy,
    scale_consistency,
)
from chromasonic.melody_generation.melody import REST, Melody

MAJOR_SCALE = [0, 2, 4, 5, 7, 9, 11]
# The profiles of Krumhansl & Kessler in hundredths, used as durations in ticks.
MAJOR = [635, 223, 348, 233, 438, 409, 252, 519, 239, 366, 229, 288]
MINOR = [633, 268, 352, 538, 260, 353, 254, 475, 398, 269, 334, 317]


@given(melodies(min_notes=1))
def test_scale_consistency_equals_that_of_the_best_of_twelve_scales(melody: Melody) -> None:
    pitches = [int(pitch) for pitch in melody.pitches if pitch != REST]
    scales = [{(tonic + step) % 12 for step in MAJOR_SCALE} for tonic in range(12)]
    best = max(sum(pitch % 12 in scale for pitch in pitches) for scale in scales)
    assert scale_consistency(melody) == pytest.approx(best / len(pitches) if pitches else np.nan, nan_ok=True)


@pytest.mark.parametrize(("mode", "profile"), [("major", MAJOR), ("mixolydian", MAJOR), ("minor", MINOR)])
@pytest.mark.parametrize("tonic", [0, 5])
def test_durations_proportional_to_the_profile_correlate_fully(mode: str, profile: list[int], tonic: int) -> None:
    melody = Melody(60 + tonic + np.arange(12), profile, tonic=tonic, mode=mode)
    assert key_correlation(melody) == pytest.approx(1)
    away = Melody(melody.pitches, profile, tonic=(tonic + 6) % 12, mode=mode)
    assert key_correlation(away) < 0


def test_twelve_equal_notes_have_correlation_0() -> None:
    melody = Melody(np.arange(60, 72), [24] * 12)
    assert key_correlation(melody) == 0
    assert pitch_class_entropy(melody) == pytest.approx(np.log2(12))
    assert scale_consistency(melody) == pytest.approx(7 / 12)


def test_a_single_pitch_has_entropy_0() -> None:
    entropy = pitch_class_entropy(Melody([60, 72, REST], [24] * 3))
    assert entropy == 0
    assert not np.signbit(entropy)


def test_ends_on_tonic_looks_at_the_last_sounding_note() -> None:
    assert ends_on_tonic(Melody([67, 74, REST], [24] * 3, tonic=2)) == 1
    assert ends_on_tonic(Melody([74, 67], [24] * 2, tonic=2)) == 0


@given(melodies(max_notes=12))
def test_degrees_are_counted_from_the_tonic(melody: Melody) -> None:
    assert degrees(melody).tolist() == [(int(p) - melody.tonic) % 12 for p in melody.pitches if p != REST]
