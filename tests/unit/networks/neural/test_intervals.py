from itertools import accumulate, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.bar_position import BarPositionTracker, Onsets, token_onsets
from chromasonic.melody_generation.networks.neural.intervals import (
    NONE,
    Anchors,
    AnchorTracker,
    IntervalEmbedding,
    IntervalHead,
    IntervalScale,
    semitone_scale,
    step_scale,
)
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

TRACKER, ANCHORS = BarPositionTracker(VOCABULARY), AnchorTracker(VOCABULARY)
N_PITCHES = VOCABULARY.rest_class


def onsets_of(tokens: Tensor) -> Onsets:
    return token_onsets(TRACKER(tokens)[0], TRACKER.initial_state(len(tokens)))


def anchored(melody: Melody) -> Anchors:
    tokens = batch_of([melody])
    result: Anchors = ANCHORS(tokens, onsets_of(tokens))[0]
    return result


def counted_by_hand(tokens: list[int], positions: list[int]) -> list[tuple[int, int, int]]:
    last = previous = downbeat = NONE
    result = []
    for token, position in zip(tokens, positions, strict=True):
        pitch = int(VOCABULARY.token_pitch[token])
        if 0 <= pitch != VOCABULARY.rest_class:
            last, previous = pitch, last
            downbeat = pitch if position == 0 else downbeat
        result.append((last, previous, downbeat))
    return result


@given(melodies(min_notes=1))
def test_anchors_equal_those_found_token_by_token(melody: Melody) -> None:
    tokens = batch_of([melody])
    onsets = onsets_of(tokens)
    result, _ = ANCHORS(tokens, onsets)
    by_hand = counted_by_hand(tokens[0].tolist(), onsets.position[0].tolist())
    assert list(zip(*(values[0].tolist() for values in result), strict=True)) == by_hand


def test_rests_are_skipped_and_there_is_no_anchor_before_the_first_note() -> None:
    result = anchored(Melody([-1, 60, -1, 64, 67], [24] * 5))
    music = slice(PREFIX_LENGTH, PREFIX_LENGTH + 5)
    tonic = VOCABULARY.pitch_classes.index(0)
    assert result.last[0, : PREFIX_LENGTH + 1].tolist() == [NONE] * (PREFIX_LENGTH + 1)
    assert result.last[0, music].tolist() == [NONE, tonic, tonic, tonic + 4, tonic + 7]
    assert result.previous[0, music].tolist() == [NONE, NONE, NONE, tonic, tonic + 4]
    assert result.downbeat[0, music].tolist() == [NONE, NONE, NONE, NONE, tonic + 7]


@given(melodies(min_notes=1), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_anchors_read_in_parts_equal_those_read_at_once(melody: Melody, parts: list[int]) -> None:
    tokens = batch_of([melody])
    onsets = onsets_of(tokens)
    whole, last = ANCHORS(tokens, onsets)
    state, parts_found = None, []
    bounds = sorted({min(bound, tokens.shape[1]) for bound in [*accumulate(parts, initial=0), tokens.shape[1]]})
    for begin, end in pairwise(bounds):
        part = Onsets(*(values[:, begin:end] for values in onsets))
        anchors, state = ANCHORS(tokens[:, begin:end], part, state)
        parts_found.append(anchors)
    assert state is not None
    for parts_joined, one in zip(zip(*parts_found, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(parts_joined, dim=1), one)
    assert all(torch.equal(one, other) for one, other in zip(state, last, strict=True))


def test_vectors_depend_on_intervals_and_the_degree_but_not_on_the_octave() -> None:
    embedding = IntervalEmbedding(VOCABULARY, 8)

    def at(last: int, previous: int, downbeat: int) -> Tensor:
        return torch.as_tensor(embedding(Anchors(*(torch.tensor([[anchor]]) for anchor in (last, previous, downbeat)))))

    octave_higher = at(20 + 12, 18 + 12, 13 + 12)
    torch.testing.assert_close(at(20, 18, 13), octave_higher)
    ways = [at(20, 18, 13), at(20, 19, 13), at(20, 18, 14), at(21, 19, 14), at(20, NONE, 13), at(NONE, NONE, NONE)]
    assert len(torch.unique(torch.cat(ways), dim=0)) == len(ways)


@given(st.integers(0, N_PITCHES - 1), st.integers(NONE, N_PITCHES - 1), st.integers(NONE, N_PITCHES - 1))
def test_a_pitch_scores_by_its_interval_from_each_anchor_and_its_degree(
    last: int, previous: int, downbeat: int
) -> None:
    head = IntervalHead(VOCABULARY, 8)
    torch.nn.init.normal_(head.intervals.weight)
    torch.nn.init.normal_(head.degrees.weight)
    state = torch.randn(1, 1, 8)
    anchors = (last, previous, downbeat)
    result = head(state, Anchors(*(torch.tensor([[anchor]]) for anchor in anchors)))[0, 0]
    by_interval = head.intervals(state)[0, 0].view(3, -1)
    for pitch in range(N_PITCHES):
        expected = head.degrees(state)[0, 0, VOCABULARY.pitch_classes[pitch] % 12]
        for row, anchor in enumerate(anchors):
            if anchor != NONE:
                expected = expected + by_interval[row, pitch - anchor + N_PITCHES - 1]
        torch.testing.assert_close(result[pitch], expected)
    assert result[VOCABULARY.rest_class] == 0
    assert len(result) == N_PITCHES + 1


def test_scores_are_zero_before_training() -> None:
    head = IntervalHead(VOCABULARY, 8)
    anchors = Anchors(*(torch.full((2, 3), anchor) for anchor in (5, 6, NONE)))
    assert not head(torch.randn(2, 3, 8), anchors).any()


SCALES = {"semitones": semitone_scale(VOCABULARY), "steps": step_scale(VOCABULARY)}


def interval(scale: IntervalScale, begin: int, end: int) -> int:
    return int(scale.intervals(torch.tensor(begin), torch.tensor(end)))


def test_intervals_in_steps_are_those_of_major_and_minor_scales() -> None:
    tonic = VOCABULARY.pitch_classes.index(0)

    def steps(semitones: int) -> int:
        scale = SCALES["steps"]
        return interval(scale, tonic, tonic + semitones) - interval(scale, tonic, tonic)

    assert [steps(semitones) for semitones in (0, 2, 4, 5, 7, 9, 11, 12)] == list(range(8))  # major
    assert [steps(semitones) for semitones in (0, 2, 3, 5, 7, 8, 10, 12)] == list(range(8))  # minor
    assert [steps(-semitones) for semitones in (1, 3, 5, 12)] == [-1, -2, -3, -7]


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@given(begin=st.integers(0, N_PITCHES - 1), end=st.integers(0, N_PITCHES - 1))
def test_a_pitch_has_the_score_of_its_interval(scale: IntervalScale, begin: int, end: int) -> None:
    scores = torch.randn(scale.n_intervals)
    pitch_scores = scale.pitch_scores(scores, torch.tensor(begin))
    assert pitch_scores.shape == (N_PITCHES + 1,)
    assert pitch_scores[end] == scores[interval(scale, begin, end)]
    assert pitch_scores[N_PITCHES] == 0


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_rests_and_missing_pitches_form_no_interval(scale: IntervalScale) -> None:
    for begin, end in ((NONE, 5), (5, NONE), (N_PITCHES, 5), (5, N_PITCHES)):
        assert interval(scale, begin, end) == NONE
    for begin in (NONE, N_PITCHES):
        assert not scale.pitch_scores(torch.randn(scale.n_intervals), torch.tensor(begin)).any()


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@given(pitches=st.lists(st.integers(0, N_PITCHES - 1), min_size=3, max_size=3))
def test_consecutive_intervals_add_up(scale: IntervalScale, pitches: list[int]) -> None:
    one, other, third = pitches
    zero = interval(scale, one, one)
    assert (interval(scale, one, other) - zero) + (interval(scale, other, third) - zero) == (
        interval(scale, one, third) - zero
    )
