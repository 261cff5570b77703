import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.intervals import NONE
from chromasonic.melody_generation.networks.neural.pointer import ClassPointer, TokenPointer, ViewpointPointer


def causal_softmax(scores: Tensor) -> Tensor:
    """Return attention (..., T, K) on the entries up to each query; the last query is at the last entry."""
    n_queries, n_keys = scores.shape[-2:]
    is_later = torch.ones(n_queries, n_keys, dtype=torch.bool).triu(n_keys - n_queries + 1)
    return scores.masked_fill(is_later, -torch.inf).softmax(dim=-1)


def random_pointer(n_heads: int) -> TokenPointer:
    pointer = TokenPointer(4, n_heads)
    nn.init.normal_(pointer.copy_logits.weight)
    return pointer


def explicit_mixture(pointer: TokenPointer, logits: Tensor, states: Tensor, weights: Tensor, tokens: Tensor) -> Tensor:
    """Return the probabilities of the mixture from those of its parts."""
    copy_weights = (5 - nn.functional.softplus(5 - pointer.copy_logits(states))).exp()
    is_token = nn.functional.one_hot(tokens, logits.shape[-1]).float()
    mixed = logits.softmax(-1)
    for head in range(weights.shape[1]):
        mixed = mixed + copy_weights[..., head : head + 1] * (weights[:, head] @ is_token)
    return mixed / mixed.sum(-1, keepdim=True)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 1000))
def test_the_mixture_is_the_one_explicit_mixture(n_heads: int, n_new: int, n_before: int, seed: int) -> None:
    torch.manual_seed(seed)
    pointer, n_entries, n_tokens = random_pointer(n_heads), n_new + n_before, 7
    logits, states = torch.randn(2, n_new, n_tokens), torch.randn(2, n_new, 4)
    weights = causal_softmax(torch.randn(2, n_heads, n_new, n_entries))
    tokens = torch.randint(0, n_tokens, (2, n_entries))
    torch.testing.assert_close(
        pointer(logits, states, weights, tokens).softmax(-1), explicit_mixture(pointer, logits, states, weights, tokens)
    )


def test_gradients_equal_those_of_the_explicit_mixture_with_repeated_tokens() -> None:
    pointer, tokens = random_pointer(2), torch.tensor([[3, 3, 1, 3]])
    scores = torch.randn(1, 2, 4, 4)
    result = []
    for mixture in (
        lambda *inputs: pointer(*inputs).log_softmax(-1),
        lambda *inputs: explicit_mixture(pointer, *inputs).log(),
    ):
        logits, states = (torch.ones(1, 4, 5).cumsum(-1), torch.ones(1, 4, 4).cumsum(1))
        leaves = [leaf.clone().requires_grad_() for leaf in (logits, states, scores)]
        mixed = mixture(leaves[0], leaves[1], causal_softmax(leaves[2]), tokens)
        result.append(torch.autograd.grad(mixed[0, :, 3].sum(), leaves))
    for one, other in zip(*result, strict=True):
        torch.testing.assert_close(one, other)


def test_a_token_without_attention_is_never_copied() -> None:
    logits = torch.tensor([[[500.0, 0.0, 0.0]]])
    weights = torch.tensor([[[[1.0, 0.0]]]])
    mixed = random_pointer(1)(logits, torch.randn(1, 1, 4), weights, torch.tensor([[0, 2]]))
    assert mixed[0, 0, 1] == mixed[0, 0, 2] == 0


def test_no_gradient_comes_from_masked_entries() -> None:
    pointer, logits = random_pointer(1), torch.randn(1, 1, 5)
    scores = torch.zeros(1, 1, 1, 3, requires_grad=True)
    hidden = scores.masked_fill(torch.tensor([False, False, True]), -torch.inf)
    mixed = pointer(logits, torch.randn(1, 1, 4), hidden.softmax(-1), torch.tensor([[1, 2, 3]]))
    mixed.log_softmax(-1)[0, 0, 1].backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert scores.grad[..., 2] == 0
    assert scores.grad[..., 0] > 0


def test_pointers_have_little_weight_before_training() -> None:
    pointer = TokenPointer(4, 1)
    mixed = pointer(torch.zeros(1, 1, 2), torch.randn(1, 1, 4), torch.ones(1, 1, 1, 1), torch.tensor([[0]])).softmax(-1)
    assert float(mixed[0, 0, 0].detach()) == pytest.approx((0.5 + math.exp(-2)) / (1 + math.exp(-2)), abs=1e-3)


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 1000))
def test_a_class_scores_by_the_attention_on_it(n_new: int, n_before: int, seed: int) -> None:
    torch.manual_seed(seed)
    pointer = ClassPointer(4, 1, 3)
    for parameter in pointer.parameters():
        nn.init.normal_(parameter)
    states, classes = torch.randn(2, n_new, 4), torch.randint(NONE, 3, (2, n_new + n_before))
    entry_weights = causal_softmax(torch.randn(2, n_new, n_new + n_before))
    result = pointer(states, entry_weights, classes)
    for index in range(3):
        class_weights = (entry_weights * (classes == index)[:, None]).sum(-1)
        torch.testing.assert_close(result[..., index], pointer.gate(states)[..., 0] * (1 + class_weights / 0.01).log())


@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 1000))
def test_every_viewpoint_has_its_own_shares_of_the_heads(n_heads: int, n_new: int, n_before: int, seed: int) -> None:
    torch.manual_seed(seed)
    pointer, n_entries = ViewpointPointer(VOCABULARY, 4, n_heads), n_new + n_before
    for parameter in pointer.parameters():
        nn.init.normal_(parameter)
    states, weights = torch.randn(2, n_new, 4), causal_softmax(torch.randn(2, n_heads, n_new, n_entries))
    tokens = torch.randint(VOCABULARY.first_note, len(VOCABULARY), (2, n_entries))
    # Without earlier notes there are no intervals and steps to copy.
    result = pointer(states, weights, tokens, torch.full_like(tokens, NONE), torch.full((2, n_new), NONE))
    classes = (torch.from_numpy(VOCABULARY.token_pitch)[tokens], torch.from_numpy(VOCABULARY.token_duration)[tokens])
    for scores, class_pointer, entry_classes in zip(result, (pointer.pitch, pointer.duration), classes, strict=True):
        shares = class_pointer.share(states).softmax(-1).transpose(1, 2)  # (B, H, T)
        entry_weights = (shares[..., None] * weights).sum(1)
        torch.testing.assert_close(scores, class_pointer(states, entry_weights, entry_classes))


def test_a_phrase_a_third_higher_is_copied_by_its_steps() -> None:
    def pitch(semitones: int) -> int:
        return VOCABULARY.pitch_classes.index(semitones)

    def note(semitones: int) -> int:
        return VOCABULARY.first_note + pitch(semitones) * len(VOCABULARY.duration_classes) + 3

    # Do re mi, then mi fa: the next note is a step higher.
    tokens = torch.tensor([[note(0), note(2), note(4), note(4), note(5)]])
    previous_pitches = torch.tensor([[NONE, pitch(0), pitch(2), pitch(4), pitch(4)]])
    pointer = ViewpointPointer(VOCABULARY, 4, 1)
    nn.init.constant_(pointer.pitch.gate.bias, 0.0)
    nn.init.constant_(pointer.interval.gate.bias, 0.0)
    weights = torch.zeros(1, 1, 1, 5)
    weights[..., 2] = 1  # the entry of the mi of do re mi
    pitches, durations = pointer(torch.randn(1, 1, 4), weights, tokens, previous_pitches, torch.tensor([[pitch(5)]]))
    assert pitches[0, 0].nonzero().flatten().tolist() == [pitch(7)]  # so
    assert durations[0, 0].nonzero().flatten().tolist() == [3]
