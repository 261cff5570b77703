from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.melodic_intervals import (
    distinct_bigrams,
    interval_ngrams,
    interval_recurrence,
    intervals,
    longest_repeat,
    mean_interval,
    pitch_range,
    step_share,
)
from chromasonic.melody_generation.melody import REST, Melody

# Few pitches, so that n-grams recur; extreme ones, since every interval must have a distinct code.
lines = st.lists(st.sampled_from([REST, 0, 60, 62, 64, 127]), max_size=25).map(lambda p: Melody(p, [24] * len(p)))


def tuples(melody: Melody, n: int) -> list[tuple[int, ...]]:
    pitches = [int(pitch) for pitch in melody.pitches if pitch != REST]
    moves = [second - first for first, second in pairwise(pitches)]
    return [tuple(moves[i : i + n]) for i in range(len(moves) - n + 1)]


@given(lines, st.integers(1, 8))
def test_codes_are_equal_if_and_only_if_the_ngrams_are(melody: Melody, n: int) -> None:
    codes = interval_ngrams(melody, n).tolist()
    expected = tuples(melody, n)
    assert len(codes) == len(expected)
    assert len(set(zip(codes, expected, strict=True))) == len(set(codes)) == len(set(expected))


@pytest.mark.parametrize("n", [0, 9])
def test_ngrams_too_long_for_a_code_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 8 intervals, got {n}"):
        interval_ngrams(Melody([60], [24]), n)


@given(lines)
def test_recurrence_and_distinct_bigrams_equal_a_count_by_hand(melody: Melody) -> None:
    for n, value in ((4, interval_recurrence(melody)), (2, 1 - distinct_bigrams(melody))):
        grams = tuples(melody, n)
        n_before = sum(gram in grams[:index] for index, gram in enumerate(grams))
        assert value == pytest.approx(n_before / len(grams) if grams else np.nan, nan_ok=True)


@given(lines)
def test_the_longest_repeat_equals_that_of_an_exhaustive_search(melody: Melody) -> None:
    n = len(intervals(melody))
    longest = max((m for m in range(1, n + 1) if len(set(tuples(melody, m))) < len(tuples(melody, m))), default=0)
    assert longest_repeat(melody) == pytest.approx(longest / n if n else np.nan, nan_ok=True)


def test_steps_intervals_and_range_by_hand_skip_rests() -> None:
    melody = Melody([60, REST, 62, 62, 67, 66], [24] * 6)
    assert intervals(melody).tolist() == [2, 0, 5, -1]
    assert step_share(melody) == 2 / 3
    assert mean_interval(melody) == 2
    assert pitch_range(melody) == 7


def test_the_step_share_of_a_constant_note_is_nan() -> None:
    assert np.isnan(step_share(Melody([60] * 20, [24] * 20)))
