"""Decoders score the next token, equally with a carried state and by reading the whole sequence again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from tests.in_threads import call_at_once
from tests.small_networks import SMALL_NETWORKS, batch_of, user_network, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.decoding import (
    CachedDecoder,
    RecomputingDecoder,
    decoder_for,
    evaluating,
)
from chromasonic.melody_generation.networks.contract import StatefulNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.vocabulary import NoteVocabulary

N_TOKENS = len(NoteVocabulary())
CPU = torch.device("cpu")


def counted(network: MarkovNetwork | PPMNetwork) -> nn.Module:
    network.count(batch_of(walks(5, seed=3)))
    return network


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    **SMALL_NETWORKS,
    "markov": lambda: counted(MarkovNetwork(2)),
    "ppm": lambda: counted(PPMNetwork()),
}


class Answering(nn.Module):
    """A network whose output is that of a given function."""

    def __init__(self, answer: Callable[[Tensor], object]) -> None:
        super().__init__()
        self._answer = answer

    def forward(self, tokens: Tensor) -> object:
        return self._answer(tokens)


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_a_cached_decoder_scores_like_a_recomputing_one_while_sequences_drop_out(name: str) -> None:
    network = NETWORKS[name]().eval()
    tokens = batch_of(walks(16))[:, :60]
    carried, whole = decoder_for(network), RecomputingDecoder(network, CPU)
    assert isinstance(carried, CachedDecoder)
    n_read = 0
    # Several batch sizes, the network's width of 16 among them: no axis is mistaken for another.
    for stretch, rows in ((40, range(16)), (1, range(1, 16)), (1, (0, 3, 4, 9)), (1, (3, 0)), (1, (1,)), (1, (0,))):
        new = tokens[:, n_read : n_read + stretch]
        n_read += stretch
        torch.testing.assert_close(carried.read(new), whole.read(new), rtol=0, atol=2e-5)
        kept = torch.tensor(list(rows))
        carried.keep(kept)
        whole.keep(kept)
        tokens = tokens[kept]


@pytest.mark.parametrize("name", NETWORKS)
def test_built_in_networks_are_stateful(name: str) -> None:
    assert isinstance(NETWORKS[name](), StatefulNetwork)


def test_a_network_without_forward_with_state_is_recomputed() -> None:
    network = user_network()
    assert not isinstance(network, StatefulNetwork)
    assert isinstance(decoder_for(network), RecomputingDecoder)


def test_a_network_without_weights_can_be_read() -> None:
    network = Answering(lambda tokens: torch.zeros(*tokens.shape, N_TOKENS))
    scores = decoder_for(network).read(torch.zeros(2, 5, dtype=torch.long))
    assert torch.equal(scores, torch.zeros(2, N_TOKENS, dtype=torch.float64))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda tokens: torch.zeros(*tokens.shape, 7), r"should give \(2, 5, 1622\), got \(2, 5, 7\)$"),
        (lambda tokens: torch.zeros(len(tokens), N_TOKENS), r"should give \(2, 5, 1622\), got \(2, 1622\)$"),
        (lambda tokens: (tokens, tokens), r"should give \(2, 5, 1622\), got a tuple$"),
        (lambda tokens: torch.full((*tokens.shape, N_TOKENS), torch.nan), "hold NaN or infinity"),
        (lambda tokens: torch.full((*tokens.shape, N_TOKENS), torch.inf), "hold NaN or infinity"),
        (lambda tokens: torch.eye(N_TOKENS)[tokens].log() * 0, "hold NaN or infinity"),
    ],
)
def test_logits_that_break_the_contract_are_refused(answer: Callable[[Tensor], object], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("1622", str(N_TOKENS))):
        decoder_for(Answering(answer)).read(torch.zeros(2, 5, dtype=torch.long))


def test_logits_of_minus_infinity_are_accepted() -> None:
    logits = torch.zeros(2, 5, N_TOKENS)
    logits[..., :9] = -torch.inf
    scores = decoder_for(Answering(lambda _: logits)).read(torch.zeros(2, 5, dtype=torch.long))
    assert torch.equal(scores, logits[:, -1].double())


def test_a_network_is_in_evaluation_mode_until_the_last_thread_ends_and_then_in_its_modes() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    network[1].eval()
    second_began, first_ended = threading.Event(), threading.Event()

    def first() -> None:
        with evaluating(network):
            second_began.wait()
        first_ended.set()

    def second() -> list[bool]:
        with evaluating(network):
            second_began.set()
            first_ended.wait()
            return [part.training for part in network.modules()]

    _, during = call_at_once([first, second])
    assert during == [False] * 4
    assert [part.training for part in network.modules()] == [True, True, False, False]


def test_blocks_may_share_a_part_and_end_in_any_order() -> None:
    part = nn.Dropout(0.5)
    one, other = nn.Sequential(part), nn.Sequential(part)
    of_one, of_other = evaluating(one), evaluating(other)
    with torch.enable_grad():  # which blocks that end in this order leave off
        of_one.__enter__()
        of_other.__enter__()
        of_one.__exit__(None, None, None)
        assert (one.training, part.training, other.training) == (True, False, False)
        of_other.__exit__(None, None, None)
        assert (one.training, part.training, other.training) == (True, True, True)


def test_a_network_is_in_its_mode_after_an_error_in_its_own_eval() -> None:
    class Fails(nn.Module):
        def train(self, mode: bool = True) -> Fails:
            raise KeyError

    network = Fails()
    for _ in range(2):
        with pytest.raises(KeyError), evaluating(network):
            pass
        assert network.training
