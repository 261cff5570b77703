"""The contract of networks: which tokens are scored, and which networks carry a state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.small_networks import SMALL_NETWORKS, batch_of, small_lstm, user_network, walks
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import (
    Network,
    StatefulNetwork,
    is_fitted,
    is_scoring,
    is_stateful,
    next_token_targets,
)
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.runs.checkpoint import NETWORKS
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary

VOCABULARY = NoteVocabulary()


def test_targets_are_the_tokens_after_the_prefix() -> None:
    melodies = walks(4, seed=1)
    targets, is_scored = next_token_targets(batch_of(melodies))
    for row, melody in enumerate(melodies):
        assert targets[row][is_scored[row]].tolist() == VOCABULARY.encode(melody)[PREFIX_LENGTH:].tolist()


def test_a_target_stands_at_the_token_before_it() -> None:
    tokens = batch_of(walks(3, seed=2))
    targets, is_scored = next_token_targets(tokens)
    assert torch.equal(targets[:, :-1][is_scored[:, :-1]], tokens[:, 1:][is_scored[:, :-1]])
    assert not is_scored[:, -1].any()


def test_targets_that_are_not_scored_are_padding() -> None:
    targets, is_scored = next_token_targets(batch_of(walks(3, seed=2)))
    assert torch.equal(is_scored, targets != VOCABULARY.pad)
    assert not is_scored[:, : PREFIX_LENGTH - 1].any()


@pytest.mark.parametrize("length", [1, PREFIX_LENGTH])
def test_a_sequence_without_notes_has_no_targets(length: int) -> None:
    _, is_scored = next_token_targets(torch.ones(2, length, dtype=torch.long))
    assert is_scored.shape == (2, length)
    assert not is_scored.any()


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_built_in_networks_are_stateful(name: str) -> None:
    network = SMALL_NETWORKS[name]()
    assert isinstance(network, Network)
    assert isinstance(network, StatefulNetwork)


def test_a_module_without_forward_with_state_is_not_stateful() -> None:
    network = user_network()
    assert isinstance(network, Network)
    assert not isinstance(network, StatefulNetwork)


@pytest.mark.parametrize("value", [5, None, [], nn.Linear(2, 2)])
def test_a_value_or_a_module_of_a_methods_name_is_no_method(value: object) -> None:
    network = user_network()
    network.fit = network.forward_with_state = value  # type: ignore[assignment]
    assert not is_fitted(network)
    assert not is_stateful(network)


@pytest.mark.parametrize("name", ["markov", "ppm"])
def test_counting_networks_are_fitted(name: str) -> None:
    assert is_fitted(NETWORKS[name]())
    assert is_stateful(NETWORKS[name]())
    assert not is_fitted(user_network())


class _Doubled(LSTMNetwork):
    """A network with logits of its own."""

    def forward(self, tokens: Tensor) -> Tensor:
        return 2 * super().forward(tokens)


def _hooked() -> nn.Module:
    network = small_lstm()
    network.register_forward_hook(lambda module, inputs, logits: 2 * logits)
    return network


def _patched() -> nn.Module:
    network = small_lstm()
    network.forward = lambda tokens: torch.zeros(*tokens.shape, len(VOCABULARY))  # type: ignore[method-assign]
    return network


@pytest.mark.parametrize("build", [lambda: _Doubled(8, 1), _hooked, _patched, user_network])
def test_scores_stand_for_no_logits_but_the_networks_own(build: Callable[[], nn.Module]) -> None:
    assert not is_scoring(build())
    assert is_scoring(small_lstm())
