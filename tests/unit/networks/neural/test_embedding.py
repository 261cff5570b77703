import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY

from chromasonic.melody_generation.networks.bar_position import NOT_ASKED, BarTimes
from chromasonic.melody_generation.networks.neural.embedding import (
    BARS_COUNTED,
    BarPositionEmbedding,
    OutputHead,
    TokenEmbedding,
)
from chromasonic.melody_generation.vocabulary import MAX_BARS

N_PITCHES, N_DURATIONS = VOCABULARY.rest_class + 1, len(VOCABULARY.duration_classes)

pitches = st.integers(0, N_PITCHES - 1)
durations = st.integers(0, N_DURATIONS - 1)


def note(pitch: int, duration: int) -> int:
    [token] = ((VOCABULARY.token_pitch == pitch) & (VOCABULARY.token_duration == duration)).nonzero()[0].tolist()
    return int(token)


@given(pitches, pitches, durations, durations)
def test_without_the_joint_vector_a_note_is_the_sum_of_pitch_and_duration(p: int, q: int, d: int, e: int) -> None:
    embedding = TokenEmbedding(VOCABULARY, 8)
    with torch.no_grad():
        embedding.joint_table.weight.zero_()
        vectors = embedding(torch.tensor([note(p, d), note(p, e), note(q, d), note(q, e)]))
    torch.testing.assert_close(vectors[0] - vectors[1], vectors[2] - vectors[3])


def test_the_joint_vector_depends_on_pitch_and_duration_together() -> None:
    embedding = TokenEmbedding(VOCABULARY, 8)
    vectors = embedding(torch.tensor([note(0, 0), note(0, 1), note(1, 0), note(1, 1)]))
    assert not torch.allclose(vectors[0] - vectors[1], vectors[2] - vectors[3])


def test_every_token_has_a_vector_of_its_own() -> None:
    vectors = TokenEmbedding(VOCABULARY, 8)(torch.arange(len(VOCABULARY)))
    assert vectors.shape == (len(VOCABULARY), 8)
    assert len(torch.unique(vectors, dim=0)) == len(VOCABULARY)


def test_the_vectors_of_missing_classes_stay_zero() -> None:
    embedding = TokenEmbedding(VOCABULARY, 8)
    embedding(torch.arange(len(VOCABULARY))).square().sum().backward()
    for table in (embedding.pitch_table, embedding.duration_table, embedding.control_table):
        assert table.weight.grad is not None
        assert not table.weight[0].any()
        assert not table.weight.grad[0].any()
        assert table.weight.grad[1:].any(dim=1).all()


def test_positions_are_clamped_to_the_longest_bar_and_bars_are_counted_modulo_8() -> None:
    longest = VOCABULARY.longest_bar
    embedding = BarPositionEmbedding(longest, 8)

    def at(position: int, remaining: int, bar: int, left: int = NOT_ASKED, start: int = 0) -> torch.Tensor:
        values = (position, remaining, bar, left, start)
        return torch.as_tensor(embedding(BarTimes(*(torch.tensor([[value]]) for value in values))))

    torch.testing.assert_close(at(longest + 500, 1 << 20, 1), at(longest, longest, 1))
    torch.testing.assert_close(at(3, 4, 2), at(3, 4, 2 + BARS_COUNTED))
    ways = [at(0, 96, 0), at(12, 96, 0), at(0, 72, 0), at(0, 96, 1)]
    assert len(torch.unique(torch.cat(ways), dim=0)) == len(ways)
    # With an upbeat one more bar is left at first; beyond the end there are none.
    left = [at(0, 96, 0, n_bars) for n_bars in (NOT_ASKED, *range(MAX_BARS + 2))]
    assert len(torch.unique(torch.cat(left), dim=0)) == len(left)
    torch.testing.assert_close(at(0, 96, 0, -3), at(0, 96, 0, 0))
    torch.testing.assert_close(at(0, 96, 0, 5, start=48), at(0, 96, 0, 5))


@given(pitches, durations)
def test_the_logit_of_a_note_is_the_sum_of_its_parts(pitch: int, duration: int) -> None:
    head = OutputHead(VOCABULARY, 8)
    states = torch.randn(2, 3, 8)
    logits = head(states)
    assert logits.shape == (2, 3, len(VOCABULARY))
    expected = (
        head.pitch(states)[..., pitch]
        + head.duration(states)[..., duration]
        + head.joint(head.to_joint(states))[..., pitch * N_DURATIONS + duration]
    )
    torch.testing.assert_close(logits[..., note(pitch, duration)], expected)
    torch.testing.assert_close(logits[..., : VOCABULARY.first_note], head.control(states))
