import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY

from chromasonic.melody_generation.networks.neural.interval_scale import NONE, IntervalScale, semitone_scale, step_scale

LADDERS = {"semitones": semitone_scale(VOCABULARY), "steps": step_scale(VOCABULARY)}
N_PITCHES = VOCABULARY.rest_class


def between(ladder: IntervalScale, begin: int, end: int) -> int:
    return int(ladder.between(torch.tensor(begin), torch.tensor(end)))


def test_intervals_are_counted_in_semitones_and_in_steps() -> None:
    tonic = VOCABULARY.pitch_classes.index(0)

    def steps(semitones: int) -> int:
        ladder = LADDERS["steps"]
        return between(ladder, tonic, tonic + semitones) - between(ladder, tonic, tonic)

    assert [steps(semitones) for semitones in (0, 2, 4, 5, 7, 9, 11, 12)] == list(range(8))  # major
    assert [steps(semitones) for semitones in (0, 2, 3, 5, 7, 8, 10, 12)] == list(range(8))  # minor
    assert [steps(-semitones) for semitones in (1, 3, 5, 12)] == [-1, -2, -3, -7]


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
@given(begin=st.integers(0, N_PITCHES - 1), end=st.integers(0, N_PITCHES - 1))
def test_a_pitch_scores_what_its_interval_scores(ladder: IntervalScale, begin: int, end: int) -> None:
    scores = torch.randn(ladder.n_intervals)
    of_pitches = ladder.scores_of_pitches(scores, torch.tensor(begin))
    assert of_pitches.shape == (N_PITCHES + 1,)
    assert of_pitches[end] == scores[between(ladder, begin, end)]
    assert of_pitches[N_PITCHES] == 0


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
def test_rests_and_nothing_are_at_no_interval(ladder: IntervalScale) -> None:
    for begin, end in ((NONE, 5), (5, NONE), (N_PITCHES, 5), (5, N_PITCHES)):
        assert between(ladder, begin, end) == NONE
    for begin in (NONE, N_PITCHES):
        assert not ladder.scores_of_pitches(torch.randn(ladder.n_intervals), torch.tensor(begin)).any()


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
@given(pitches=st.lists(st.integers(0, N_PITCHES - 1), min_size=3, max_size=3))
def test_intervals_add_up(ladder: IntervalScale, pitches: list[int]) -> None:
    one, other, third = pitches
    zero = between(ladder, one, one)
    assert (between(ladder, one, other) - zero) + (between(ladder, other, third) - zero) == (
        between(ladder, one, third) - zero
    )
