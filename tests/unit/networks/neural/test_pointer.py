import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.interval_scale import NONE
from chromasonic.melody_generation.networks.neural.memory import causal_softmax
from chromasonic.melody_generation.networks.neural.pointer import ClassPointer, TokenPointer, ViewpointPointer
from chromasonic.melody_generation.networks.neural.repetition_bias import MemoryEntries


def copying(n_heads: int) -> TokenPointer:
    copy = TokenPointer(4, n_heads)
    nn.init.normal_(copy.odds.weight)
    return copy


def written_out(copy: TokenPointer, logits: Tensor, states: Tensor, weights: Tensor, tokens: Tensor) -> Tensor:
    """Probabilities of the mixture, over all tokens at once."""
    odds = (5 - nn.functional.softplus(5 - copy.odds(states))).exp()
    is_token = nn.functional.one_hot(tokens, logits.shape[-1]).float()
    mixed = logits.softmax(-1)
    for head in range(weights.shape[1]):
        mixed = mixed + odds[..., head : head + 1] * (weights[:, head] @ is_token)
    return mixed / mixed.sum(-1, keepdim=True)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 1000))
def test_the_mixture_is_the_one_written_out(n_heads: int, n_new: int, n_before: int, seed: int) -> None:
    torch.manual_seed(seed)
    copy, n_entries, n_tokens = copying(n_heads), n_new + n_before, 7
    logits, states = torch.randn(2, n_new, n_tokens), torch.randn(2, n_new, 4)
    weights = causal_softmax(torch.randn(2, n_heads, n_new, n_entries))
    tokens = torch.randint(0, n_tokens, (2, n_entries))
    torch.testing.assert_close(
        copy(logits, states, weights, tokens).softmax(-1), written_out(copy, logits, states, weights, tokens)
    )


def test_its_gradients_are_those_of_the_mixture_also_for_tokens_that_came_often() -> None:
    copy, tokens = copying(2), torch.tensor([[3, 3, 1, 3]])
    scores = torch.randn(1, 2, 4, 4)
    found = []
    for mixture in (lambda *given: copy(*given).log_softmax(-1), lambda *given: written_out(copy, *given).log()):
        logits, states = (torch.ones(1, 4, 5).cumsum(-1), torch.ones(1, 4, 4).cumsum(1))
        leaves = [each.clone().requires_grad_() for each in (logits, states, scores)]
        mixed = mixture(leaves[0], leaves[1], causal_softmax(leaves[2]), tokens)
        found.append(torch.autograd.grad(mixed[0, :, 3].sum(), leaves))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_what_lies_ahead_is_never_copied_however_sure_the_network_is() -> None:
    logits = torch.tensor([[[500.0, 0.0, 0.0]]])
    weights = torch.tensor([[[[1.0, 0.0]]]])
    mixed = copying(1)(logits, torch.randn(1, 1, 4), weights, torch.tensor([[0, 2]]))
    assert mixed[0, 0, 1] == mixed[0, 0, 2] == 0


def test_no_gradient_comes_from_what_is_not_looked_at() -> None:
    copy, logits = copying(1), torch.randn(1, 1, 5)
    scores = torch.zeros(1, 1, 1, 3, requires_grad=True)
    hidden = scores.masked_fill(torch.tensor([False, False, True]), -torch.inf)
    mixed = copy(logits, torch.randn(1, 1, 4), hidden.softmax(-1), torch.tensor([[1, 2, 3]]))
    mixed.log_softmax(-1)[0, 0, 1].backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert scores.grad[..., 2] == 0
    assert scores.grad[..., 0] > 0


def test_a_head_has_little_to_say_at_first() -> None:
    copy = TokenPointer(4, 1)
    mixed = copy(torch.zeros(1, 1, 2), torch.randn(1, 1, 4), torch.ones(1, 1, 1, 1), torch.tensor([[0]])).softmax(-1)
    assert float(mixed[0, 0, 0].detach()) == pytest.approx((0.5 + math.exp(-2)) / (1 + math.exp(-2)), abs=1e-3)


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 1000))
def test_a_class_scores_by_the_looks_at_it(n_new: int, n_before: int, seed: int) -> None:
    torch.manual_seed(seed)
    copy = ClassPointer(4, 1, 3)
    for parameter in copy.parameters():
        nn.init.normal_(parameter)
    states, classes = torch.randn(2, n_new, 4), torch.randint(NONE, 3, (2, n_new + n_before))
    looked_at = causal_softmax(torch.randn(2, n_new, n_new + n_before))
    found = copy(states, looked_at, classes)
    for each in range(3):
        looks = (looked_at * (classes == each)[:, None]).sum(-1)
        torch.testing.assert_close(found[..., each], copy.trust(states)[..., 0] * (1 + looks / 0.01).log())


@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 1000))
def test_each_view_has_its_own_shares_of_the_heads(n_heads: int, n_new: int, n_before: int, seed: int) -> None:
    torch.manual_seed(seed)
    copy, n_entries = ViewpointPointer(VOCABULARY, 4, n_heads), n_new + n_before
    for parameter in copy.parameters():
        nn.init.normal_(parameter)
    states, weights = torch.randn(2, n_new, 4), causal_softmax(torch.randn(2, n_heads, n_new, n_entries))
    tokens = torch.randint(VOCABULARY.first_note, len(VOCABULARY), (2, n_entries))
    nothing = torch.zeros_like(tokens)
    # Nothing sounded before, so there are no intervals and steps to copy.
    places = MemoryEntries(tokens, nothing, nothing, torch.full_like(tokens, NONE))
    found = copy(states, weights, places, torch.full((2, n_new), NONE))
    classes = (torch.from_numpy(VOCABULARY.token_pitch)[tokens], torch.from_numpy(VOCABULARY.token_duration)[tokens])
    for scores, of_class, each in zip(found, (copy.pitch, copy.duration), classes, strict=True):
        shares = of_class.share(states).softmax(-1).transpose(1, 2)  # (B, H, T)
        looked_at = (shares[..., None] * weights).sum(1)
        torch.testing.assert_close(scores, of_class(states, looked_at, each))


def test_a_phrase_a_third_higher_is_copied_by_its_steps_alone() -> None:
    def pitch(semitones: int) -> int:
        return VOCABULARY.pitch_classes.index(semitones)

    def note(semitones: int) -> int:
        return VOCABULARY.first_note + pitch(semitones) * len(VOCABULARY.duration_classes) + 3

    # do re mi, and now: mi fa; which note comes next?
    tokens = torch.tensor([[note(0), note(2), note(4), note(4), note(5)]])
    leads = torch.tensor([[NONE, pitch(0), pitch(2), pitch(4), pitch(4)]])
    places = MemoryEntries(tokens, torch.zeros(1, 5), torch.zeros(1, 5), leads)
    copy = ViewpointPointer(VOCABULARY, 4, 1)
    nn.init.constant_(copy.pitch.trust.bias, 0.0)
    nn.init.constant_(copy.interval.trust.bias, 0.0)
    looks = torch.zeros(1, 1, 1, 5)
    looks[..., 2] = 1  # at the place before the mi of do re mi
    pitches, durations = copy(torch.randn(1, 1, 4), looks, places, torch.tensor([[pitch(5)]]))
    assert pitches[0, 0].nonzero().flatten().tolist() == [pitch(7)]  # so
    assert durations[0, 0].nonzero().flatten().tolist() == [3]
