"""Labels and features of units: counted from the home of the key, by the time for which notes and chords sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import formed_melodies

from chromasonic.melody_generation.form import QUALITIES, Chord
from chromasonic.melody_generation.harmony.chord_features import (
    LABEL_QUALITIES,
    N_FEATURES,
    N_LABELS,
    N_TRANSITIONS,
    QUALITY_LABELS,
    UNLABELLED,
    chord_of,
    home_of,
    label_of,
    sounding_degrees,
    transition_kinds,
    unit_features,
    unit_labels,
)
from chromasonic.melody_generation.harmony.chord_units import chord_units
from chromasonic.melody_generation.melody import REST, Melody


def test_every_quality_has_a_label_and_those_of_labels_keep_theirs() -> None:
    assert set(QUALITY_LABELS) == set(QUALITIES)
    assert [LABEL_QUALITIES[QUALITY_LABELS[quality]] for quality in LABEL_QUALITIES] == list(LABEL_QUALITIES)


@given(st.integers(0, N_LABELS - 1), st.integers(0, 11))
def test_a_label_is_that_of_its_chord(label: int, home: int) -> None:
    assert label_of(chord_of(label, home, 5), home) == label


@given(formed_melodies(max_notes=12), st.integers(1, 11))
def test_labels_and_features_do_not_depend_on_the_key(melody: Melody, semitones: int) -> None:
    other = melody.transposed(semitones if melody.pitches.max() < 100 else -semitones)
    units = chord_units(melody)
    assert unit_features(melody, units).shape == (len(units), N_FEATURES)
    np.testing.assert_array_equal(unit_features(other, chord_units(other)), unit_features(melody, units))
    np.testing.assert_array_equal(unit_labels(other, units), unit_labels(melody, units))


@given(formed_melodies())
def test_degrees_sound_as_long_as_counted_tick_by_tick(melody: Melody) -> None:
    units = chord_units(melody)
    degrees = np.repeat(np.where(melody.pitches == REST, 99, (melody.pitches - home_of(melody)) % 12), melody.durations)
    for row, begin, end in zip(sounding_degrees(melody, units), units.begins, units.ends, strict=True):
        counts = [np.mean(degrees[begin:end] == degree) for degree in range(12)]
        np.testing.assert_allclose(row, counts, atol=1e-9)


@given(formed_melodies())
def test_the_label_is_that_of_the_chord_that_sounds_longest(melody: Melody) -> None:
    units = chord_units(melody)
    ticks = np.full(melody.ticks, UNLABELLED)
    for number, chord in enumerate(melody.chords):
        ticks[chord.onset :] = number
    for label, begin, end in zip(unit_labels(melody, units).tolist(), units.begins, units.ends, strict=True):
        times = np.bincount(ticks[begin:end] + 1, minlength=len(melody.chords) + 1)[1:]
        if not times.any():
            assert label == UNLABELLED
        else:
            longest = {
                label_of(melody.chords[index], home_of(melody)) for index in np.flatnonzero(times == times.max())
            }
            assert label in longest


@given(formed_melodies())
def test_kinds_of_transitions_are_known(melody: Melody) -> None:
    units = chord_units(melody)
    kinds = transition_kinds(units)
    assert set(kinds.tolist()) <= set(range(N_TRANSITIONS))
    assert kinds[-1] == N_TRANSITIONS - 1


@pytest.mark.parametrize(("mode", "root"), [("major", 9), ("mixolydian", 9), ("minor", 9), ("dorian", 9)])
def test_the_home_of_minor_modes_is_that_of_the_relative_major(mode: str, root: int) -> None:
    melody = Melody([69], [96], tonic=9, mode=mode, chords=[Chord(0, root, "minor", root)])
    expected = 0 if mode in {"major", "mixolydian"} else 9
    assert unit_labels(melody, chord_units(melody)).tolist() == [3 * expected + 1] * 2
