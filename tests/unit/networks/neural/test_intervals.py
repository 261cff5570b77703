from itertools import accumulate, pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.neural.bar_position import BarPositionTracker, Onsets, onsets_of
from chromasonic.melody_generation.networks.neural.interval_scale import NONE
from chromasonic.melody_generation.networks.neural.intervals import (
    Anchors,
    IntervalEmbedding,
    IntervalScores,
    PitchAnchors,
)
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

CLOCK, ANCHORS = BarPositionTracker(VOCABULARY), PitchAnchors(VOCABULARY)
N_PITCHES = VOCABULARY.rest_class


def onsets_in(tokens: Tensor) -> Onsets:
    return onsets_of(CLOCK(tokens)[0], CLOCK.begin(len(tokens)))


def anchored(melody: Melody) -> Anchors:
    tokens = batch_of([melody])
    found: Anchors = ANCHORS(tokens, onsets_in(tokens))[0]
    return found


def counted_by_hand(tokens: list[int], positions: list[int]) -> list[tuple[int, int, int]]:
    last = before = downbeat = NONE
    found = []
    for token, position in zip(tokens, positions, strict=True):
        pitch = int(VOCABULARY.token_pitch[token])
        if 0 <= pitch != VOCABULARY.rest_class:
            last, before = pitch, last
            downbeat = pitch if position == 0 else downbeat
        found.append((last, before, downbeat))
    return found


@given(melodies(min_notes=1))
def test_anchors_are_what_a_listener_remembers(melody: Melody) -> None:
    tokens = batch_of([melody])
    onsets = onsets_in(tokens)
    found, _ = ANCHORS(tokens, onsets)
    by_hand = counted_by_hand(tokens[0].tolist(), onsets.position[0].tolist())
    assert list(zip(*(each[0].tolist() for each in found), strict=True)) == by_hand


def test_rests_are_passed_over_and_nothing_is_known_before_the_first_note() -> None:
    found = anchored(Melody([-1, 60, -1, 64, 67], [24] * 5))
    music = slice(PREFIX_LENGTH, PREFIX_LENGTH + 5)
    tonic = VOCABULARY.pitch_classes.index(0)
    assert found.last[0, : PREFIX_LENGTH + 1].tolist() == [NONE] * (PREFIX_LENGTH + 1)
    assert found.last[0, music].tolist() == [NONE, tonic, tonic, tonic + 4, tonic + 7]
    assert found.before[0, music].tolist() == [NONE, NONE, NONE, tonic, tonic + 4]
    assert found.downbeat[0, music].tolist() == [NONE, NONE, NONE, NONE, tonic + 7]


@given(melodies(min_notes=1), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_anchors_carried_on_are_those_found_at_once(melody: Melody, parts: list[int]) -> None:
    tokens = batch_of([melody])
    onsets = onsets_in(tokens)
    whole, last = ANCHORS(tokens, onsets)
    past, found = None, []
    bounds = sorted({min(each, tokens.shape[1]) for each in [*accumulate(parts, initial=0), tokens.shape[1]]})
    for begin, end in pairwise(bounds):
        part = Onsets(*(each[:, begin:end] for each in onsets))
        anchors, past = ANCHORS(tokens[:, begin:end], part, past)
        found.append(anchors)
    assert past is not None
    for parted, one in zip(zip(*found, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(parted, dim=1), one)
    assert all(torch.equal(one, other) for one, other in zip(past, last, strict=True))


def test_an_interval_has_one_vector_wherever_it_begins_and_a_degree_one_in_every_octave() -> None:
    embedding = IntervalEmbedding(VOCABULARY, 8)

    def at(last: int, before: int, downbeat: int) -> Tensor:
        return torch.as_tensor(embedding(Anchors(*(torch.tensor([[each]]) for each in (last, before, downbeat)))))

    octave_higher = at(20 + 12, 18 + 12, 13 + 12)
    torch.testing.assert_close(at(20, 18, 13), octave_higher)
    ways = [at(20, 18, 13), at(20, 19, 13), at(20, 18, 14), at(21, 19, 14), at(20, NONE, 13), at(NONE, NONE, NONE)]
    assert len(torch.unique(torch.cat(ways), dim=0)) == len(ways)


@given(st.integers(0, N_PITCHES - 1), st.integers(NONE, N_PITCHES - 1), st.integers(NONE, N_PITCHES - 1))
def test_a_pitch_scores_by_its_interval_from_each_anchor_and_its_degree(last: int, before: int, downbeat: int) -> None:
    scores = IntervalScores(VOCABULARY, 8)
    torch.nn.init.normal_(scores.intervals.weight)
    torch.nn.init.normal_(scores.degrees.weight)
    state = torch.randn(1, 1, 8)
    anchors = (last, before, downbeat)
    found = scores(state, Anchors(*(torch.tensor([[each]]) for each in anchors)))[0, 0]
    by_interval = scores.intervals(state)[0, 0].view(3, -1)
    for pitch in range(N_PITCHES):
        expected = scores.degrees(state)[0, 0, VOCABULARY.pitch_classes[pitch] % 12]
        for row, anchor in enumerate(anchors):
            if anchor != NONE:
                expected = expected + by_interval[row, pitch - anchor + N_PITCHES - 1]
        torch.testing.assert_close(found[pitch], expected)
    assert found[VOCABULARY.rest_class] == 0
    assert len(found) == N_PITCHES + 1


def test_intervals_say_nothing_before_they_are_trained() -> None:
    scores = IntervalScores(VOCABULARY, 8)
    anchors = Anchors(*(torch.full((2, 3), each) for each in (5, 6, NONE)))
    assert not scores(torch.randn(2, 3, 8), anchors).any()
