from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.corpora.played.upbeat import UpbeatEstimator
from chromasonic.melody_generation.melody import Departure, Melody, Metre

# Jigs that end on a long note at the beginning of a bar; some begin with an upbeat of an eighth note.
BAR = [12, 12, 12, 24, 12]
JIGS = [
    Melody([60] * (5 * n + 2), [*BAR * n, 36, 36], metre=Metre(6, 8))
    if not upbeat
    else Melody([60] * (5 * n + 3), [12, *BAR * n, 36, 24], metre=Metre(6, 8), start=60)
    for n in range(2, 8)
    for upbeat in (False, True)
]


def test_the_position_of_the_first_note_is_that_of_the_examples() -> None:
    estimator = UpbeatEstimator(JIGS)
    for melody in JIGS:
        assert estimator.start_of(replace(melody, start=0)) == melody.start


@given(st.integers(0, 11), st.sampled_from(JIGS))
def test_the_key_does_not_matter(semitones: int, melody: Melody) -> None:
    estimator = UpbeatEstimator(JIGS)
    transposed = replace(melody, pitches=melody.pitches + semitones)
    assert estimator.start_of(transposed) == estimator.start_of(melody)


def test_without_an_example_of_the_metre_a_melody_begins_with_a_bar() -> None:
    other = Melody([60, 62], [12, 24], metre=Metre(3, 8), start=24)
    assert UpbeatEstimator(JIGS).start_of(other) == 0
    assert UpbeatEstimator([]).start_of(JIGS[1]) == 0


def test_melodies_with_departures_are_no_examples() -> None:
    melody = JIGS[1]
    departing = replace(melody, departures=(Departure(3),))
    assert UpbeatEstimator([departing]).start_of(melody) == 0
