"""A network one step at a time: what comes after the tokens so far, for a batch of sequences that gets smaller.

A network that can read on from where it stood is given each token once; any other module reads the whole sequence
anew at every step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.contract import StatefulNetwork
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Tokens of a long beginning read at once: logits are large.
_STRETCH = 32
_N_TOKENS = len(NoteVocabulary())

State = TypeVar("State")


class Decoder(Protocol):
    """Gives tokens to a network, and scores what comes after them."""

    def read(self, tokens: Tensor) -> Tensor:
        """Logits (B, V) of what follows the new tokens (B, T), in float64 on the CPU."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the sequences only, by their indices."""
        ...


class CachedDecoder:
    """For a network that reads on from a state."""

    def __init__(self, network: StatefulNetwork, device: torch.device) -> None:
        self._network, self._device = network, device
        self._state: Any = None

    def read(self, tokens: Tensor) -> Tensor:
        """Read on."""
        for stretch in torch.split(tokens.to(self._device), _STRETCH, dim=1):
            logits, self._state = self._network.forward_with_state(stretch, self._state)
        return _last_scores(logits, stretch)

    def keep(self, rows: Tensor) -> None:
        """Drop the state of the others."""
        self._state = rows_of(self._state, rows.to(self._device))


class RecomputingDecoder:
    """For any other module: the whole sequence every time."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network, self._device = network, device
        self._tokens = torch.empty(0, dtype=torch.long, device=device)

    def read(self, tokens: Tensor) -> Tensor:
        """Read everything again."""
        tokens = tokens.to(self._device)
        self._tokens = torch.cat([self._tokens, tokens], dim=1) if self._tokens.numel() else tokens
        return _last_scores(self._network(self._tokens), self._tokens)

    def keep(self, rows: Tensor) -> None:
        """Drop the tokens of the others."""
        self._tokens = self._tokens[rows.to(self._device)]


def decoder_for(network: nn.Module) -> Decoder:
    """Start reading, by carried state where the network can."""
    device = device_of(network)
    if isinstance(network, StatefulNetwork):
        return CachedDecoder(network, device)
    return RecomputingDecoder(network, device)


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights lie; the CPU if it has none."""
    weights = itertools.chain(network.parameters(), network.buffers())
    return next((weight.device for weight in weights), torch.device("cpu"))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Without dropout and gradients; afterwards every module is in the mode in which it was."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def rows_of(state: State, rows: Tensor) -> State:
    """The state of some of the sequences of a batch.

    Args:
        state: Tensors with the batch first, in any nest of tuples, named tuples, lists and dictionaries; what
            else stands in it belongs to all sequences alike.
        rows: Which sequences, by their indices.

    Example:
        >>> rows_of([(torch.tensor([[1], [2], [3]]), 4), None], torch.tensor([2, 0]))
        [(tensor([[3],
                [1]]), 4), None]
    """
    nest: Any = state
    if isinstance(nest, Tensor):
        nest = nest.index_select(0, rows)
    elif isinstance(nest, tuple) and hasattr(nest, "_fields"):
        nest = type(nest)(*(rows_of(each, rows) for each in nest))
    elif isinstance(nest, tuple | list):
        nest = type(nest)(rows_of(each, rows) for each in nest)
    elif isinstance(nest, dict):
        nest = {name: rows_of(each, rows) for name, each in nest.items()}
    return cast(State, nest)


def _last_scores(logits: Tensor, tokens: Tensor) -> Tensor:
    """What follows the last of ``tokens`` (B, T), shape (B, V), if the logits are such."""
    expected = (*tokens.shape, _N_TOKENS)
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if found != expected:
        raise InputError(f"the network breaks its contract: logits should be of shape {expected}, got {found}")
    scores = logits[:, -1].cpu().double()
    peak = scores.amax(-1)  # NaN where any is
    if bool((torch.isnan(peak) | torch.isposinf(peak)).any()):
        raise InputError("the network's logits hold NaN or infinity, so nothing can be sampled from it")
    return scores
