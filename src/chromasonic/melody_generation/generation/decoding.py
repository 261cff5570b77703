"""Decoders, which read tokens step by step and score the next token, for a batch from which sequences drop out.

A stateful network reads every token once. Any other module reads the whole sequence again at every step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.checked_logits import logits_of, stateful_logits_of
from chromasonic.melody_generation.networks.contract import StatefulNetwork, is_stateful
from chromasonic.melody_generation.threads.process_lock import ProcessLock

# Tokens of a long beginning that are read at once; their logits take memory.
_CHUNK_LENGTH = 32

_MODES = ProcessLock()
# By id of each module that is being evaluated: in how many blocks, and whether it was in training mode before.
_evaluated: dict[int, tuple[int, bool]] = {}

State = TypeVar("State")


class Decoder(Protocol):
    """Reads tokens with a network and scores the next ones."""

    def read(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, V) after the new tokens (B, T), in float64 on the CPU."""
        ...

    def keep(self, indices: Tensor) -> None:
        """Keep the sequences with these indices and drop the others."""
        ...


class CachedDecoder:
    """A decoder for stateful networks: every token is read once."""

    def __init__(self, network: StatefulNetwork, device: torch.device) -> None:
        self._network, self._device = network, device
        self._state: Any = None

    def read(self, tokens: Tensor) -> Tensor:
        """Read the new tokens from the state after the earlier ones."""
        for chunk in torch.split(tokens.to(self._device), _CHUNK_LENGTH, dim=1):
            logits, self._state = stateful_logits_of(self._network, chunk, self._state)
        return _last_scores(logits)

    def keep(self, indices: Tensor) -> None:
        """Keep the state of the sequences with these indices."""
        self._state = select_sequences(self._state, indices.to(self._device))


class RecomputingDecoder:
    """A decoder for any module: all tokens are read again at every step."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network, self._device = network, device
        self._tokens = torch.empty(0, dtype=torch.long, device=device)

    def read(self, tokens: Tensor) -> Tensor:
        """Read the earlier tokens together with the new ones."""
        tokens = tokens.to(self._device)
        self._tokens = torch.cat([self._tokens, tokens], dim=1) if self._tokens.numel() else tokens
        return _last_scores(logits_of(self._network, self._tokens))

    def keep(self, indices: Tensor) -> None:
        """Keep the tokens of the sequences with these indices."""
        self._tokens = self._tokens[indices.to(self._device)]


def decoder_for(network: nn.Module) -> Decoder:
    """Return a decoder for a network, with a cached state if the network is stateful."""
    device = device_of(network)
    if is_stateful(network):
        return CachedDecoder(network, device)
    return RecomputingDecoder(network, device)


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network's weights; the CPU if it has none."""
    weights = itertools.chain(network.parameters(), network.buffers())
    return next((weight.device for weight in weights), torch.device("cpu"))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Turn off dropout and gradients; afterwards every module is in its mode again.

    Several threads may evaluate a network at once: its modes return when the last one ends.
    """
    modules = list(network.modules())
    with _MODES.held():
        for module in modules:
            n_threads, was_training = _evaluated.get(id(module), (0, module.training))
            _evaluated[id(module)] = (n_threads + 1, was_training)
    try:
        network.eval()
        with torch.no_grad():
            yield
    finally:
        with _MODES.held():
            for module in modules:
                n_threads, was_training = _evaluated.pop(id(module))
                if n_threads > 1:
                    _evaluated[id(module)] = (n_threads - 1, was_training)
                elif was_training:
                    module.training = True


def select_sequences(state: State, indices: Tensor) -> State:
    """Return the state of some sequences of a batch.

    Args:
        state: Tensors with the batch first, in any nest of tuples, named tuples, lists and dictionaries. Other
            values in it are the same for all sequences.
        indices: Indices of the sequences.

    Example:
        >>> select_sequences([(torch.tensor([[1], [2], [3]]), 4), None], torch.tensor([2, 0]))
        [(tensor([[3],
                [1]]), 4), None]
    """
    nest: Any = state
    if isinstance(nest, Tensor):
        nest = nest.index_select(0, indices)
    elif isinstance(nest, tuple) and hasattr(nest, "_fields"):
        nest = type(nest)(*(select_sequences(part, indices) for part in nest))
    elif isinstance(nest, tuple | list):
        nest = type(nest)(select_sequences(part, indices) for part in nest)
    elif isinstance(nest, dict):
        nest = {name: select_sequences(part, indices) for name, part in nest.items()}
    return cast(State, nest)


def _last_scores(logits: Tensor) -> Tensor:
    """Return the logits (B, V) after the last token of each sequence, from logits (B, T, V)."""
    scores = logits[:, -1].cpu().double()
    peak = scores.amax(-1)  # NaN where any is
    if bool((torch.isnan(peak) | torch.isposinf(peak)).any()):
        raise InputError("the network's logits hold NaN or infinity, so nothing can be sampled from it")
    return scores
