import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.measures.features import (
    ASPECTS,
    FEATURES,
    GROUPS,
    OF_A_MELODY,
    OF_A_SET,
    measure_features,
)
from chromasonic.melody_generation.measures.reference_model.likelihood_features import LIKELIHOOD_FEATURES
from chromasonic.melody_generation.measures.structure.endings import ENDING_FEATURES
from chromasonic.melody_generation.melody import REST, Melody, Metre

RANGES = {
    "step_share": (0, 1),
    "mean_interval": (0, 127),
    "large_leaps": (0, 1),
    "pitch_range": (0, 127),
    "distinct_bigrams": (0, 1),
    "scale_consistency": (7 / 12, 1),
    "foreign_notes": (0, 1),
    "key_correlation": (-1, 1),
    "pitch_class_entropy": (0, np.log2(12)),
    "stable_time": (-1, 1),
    "leaps_on_beats": (-127, 127),
    "motif_rhythm": (0, 1),
    "onset_agreement": (0, 1),
    "whole_bars": (0, 1),
    "squareness": (-1, 1),
    "rhythm_squareness": (-1, 1),
    "return_after_4": (0, 1),
    "return_after_8": (0, 1),
    "rhythm_after_4": (0, 1),
    "rhythm_after_8": (0, 1),
    "bar_5_like_1": (0, 1),
    "bar_9_like_1": (0, 1),
    "like_beginnings": (0, 1),
    "mean_beginnings": (0, 1),
    "like_endings": (0, 1),
    "like_parts": (0, 1),
    "interval_recurrence": (0, 1),
    "longest_repeat": (0, 1),
    "bar_repetition": (0, 1),
    "phrase_agreement": (0, 1),
    "compressed_size": (0, 20),
    "ends_on_tonic": (0, 1),
    "phrase_end_notes": (-40, 40),
    "part_end_notes": (-40, 40),
    "last_bar_notes": (-40, 40),
    "climax_position": (0, 1),
    "highest_above_last": (0, 127),
    "lowest_above_last": (-127, 0),
    "phrase_arch": (-127, 127),
    "tune_arch": (-127, 127),
    "tune_slope": (-127, 127),
    "half_rise": (-127, 127),
    "half_high_rise": (-127, 127),
    "half_low_rise": (-127, 127),
    "half_density": (-40, 40),
    "half_durations": (0, 1),
    "half_motifs": (0, 1),
}
BY_ITSELF = [name for name, feature in FEATURES.items() if feature.function is not None]


def test_every_feature_is_tested_and_belongs_to_an_aspect() -> None:
    assert set(RANGES) == set(BY_ITSELF)
    in_aspects = {name for names in ASPECTS.values() for name in names}
    assert in_aspects == set(OF_A_MELODY) == set(BY_ITSELF) | set(LIKELIHOOD_FEATURES) | set(ENDING_FEATURES)
    assert {name for names in GROUPS.values() for name in names} | {"whole"} == {*ASPECTS, *OF_A_SET}
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
    one = {"scale_consistency", "ends_on_tonic"}
    none = {"pitch_class_entropy", "pitch_range", "foreign_notes", "stable_time", "whole_bars", "last_bar_notes"}
    assert defined == dict.fromkeys(one, 1) | dict.fromkeys(none, 0)


def test_rests_alone_have_a_compressed_size_and_a_length_only() -> None:
    result = measure_features([Melody([REST] * 20, [24] * 20)])
    defined = {name for name, values in result.items() if not np.isnan(values[0])}
    assert defined == {"compressed_size", "whole_bars"}


def test_features_have_one_value_for_each_melody() -> None:
    assert {values.shape for values in measure_features([Melody([60], [24])] * 3).values()} == {(3,)}
    assert {values.shape for values in measure_features([]).values()} == {(0,)}
