import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.measures.features import FEATURES, GROUPS, measure_features
from chromasonic.melody_generation.melody import REST, Melody, Metre

RANGES = {
    "step_share": (0, 1),
    "mean_interval": (0, 127),
    "interval_recurrence": (0, 1),
    "longest_repeat": (0, 1),
    "onset_agreement": (0, 1),
    "scale_consistency": (7 / 12, 1),
    "key_correlation": (-1, 1),
    "pitch_class_entropy": (0, np.log2(12)),
    "compressed_size": (0, 20),
    "pitch_range": (0, 127),
    "bar_repetition": (0, 1),
    "phrase_agreement": (0, 1),
    "ends_on_tonic": (0, 1),
    "distinct_bigrams": (0, 1),
}
BY_ITSELF = [name for name, feature in FEATURES.items() if feature.function is not None]


def test_every_feature_is_tested_and_every_group_consists_of_features() -> None:
    assert set(RANGES) == set(BY_ITSELF)
    assert {name for names in GROUPS.values() for name in names} <= set(FEATURES)
    assert set(GROUPS) == {"coherence", "musicality", "diversity"}


@given(melody=melodies(min_notes=1), semitones=st.integers(-20, 20))
def test_features_are_in_range_and_invariant_under_transposition(melody: Melody, semitones: int) -> None:
    moved = melody.transposed(semitones)
    for name, (low, high) in RANGES.items():
        feature = FEATURES[name].function
        assert feature is not None
        value = feature(melody)
        assert type(value) is float, name
        assert np.isnan(value) or low - 1e-9 <= value <= high + 1e-9, name
        assert feature(moved) == pytest.approx(value, nan_ok=True), name


@pytest.mark.parametrize("name", BY_ITSELF)
@pytest.mark.parametrize("metre", [Metre(4, 4), Metre(0, 4)], ids=str)
def test_features_of_the_empty_melody_are_nan(name: str, metre: Metre) -> None:
    assert np.isnan(measure_features([Melody([], [], metre)])[name][0])


def test_features_of_a_single_note() -> None:
    result = {name: values[0] for name, values in measure_features([Melody([60], [24])]).items()}
    defined = {name: value for name, value in result.items() if not np.isnan(value)}
    assert defined.pop("compressed_size") > 0
    assert defined.pop("key_correlation") > 0.5
    assert defined == {"scale_consistency": 1, "pitch_class_entropy": 0, "pitch_range": 0, "ends_on_tonic": 1}


def test_rests_alone_have_a_compressed_size_only() -> None:
    result = measure_features([Melody([REST] * 20, [24] * 20)])
    assert {name for name, values in result.items() if not np.isnan(values[0])} == {"compressed_size"}


def test_features_have_one_value_for_each_melody() -> None:
    assert {values.shape for values in measure_features([Melody([60], [24])] * 3).values()} == {(3,)}
    assert {values.shape for values in measure_features([]).values()} == {(0,)}
