"""Calls of networks that keep their contract, or end with one sentence on what is wrong.

Training, evaluation and generation call every network through this module, so that a module of the user's own is
checked in one place.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError, is_lack_of_memory
from chromasonic.melody_generation.networks.contract import (
    NextTokenScores,
    ScoringNetwork,
    StatefulNetwork,
    is_stateful,
    next_token_targets,
)
from chromasonic.melody_generation.vocabulary import NoteVocabulary

_PACKAGE = __name__.partition(".")[0]
_LIBRARY = Path(torch.__file__).parent
# A batch (B, T) with more than B T^2 pairs is read in parts; the largest one that is not takes some 2 GB.
_MAX_PAIRS_OF_TOKENS, _TOKENS_OF_A_PART = 2**24, 256
_FULL_PRECISION = (torch.float32, torch.float64)


def logits_of(network: nn.Module, tokens: Tensor) -> Tensor:
    """Return the logits of a network, in single precision if it has less.

    Without gradients, a stateful network reads long sequences in parts: the memory for attention over all of them at
    once grows with the square of their length.

    Args:
        network: Any module of the contract.
        tokens: Token ids, shape (B, T).

    Returns:
        Logits (B, T, V) in float32 or float64, on the device of the tokens.

    Raises:
        InputError: If the network raises an error of its own, changes the tokens, or returns anything but real logits
            of that shape.
    """
    if _is_long(tokens) and not torch.is_grad_enabled() and is_stateful(network):
        return _logits_in_parts(network, tokens)
    with naming_faults(network, tokens):
        logits = network(tokens)
    return checked(logits, tokens, network)


def scores_of(network: ScoringNetwork, tokens: Tensor) -> NextTokenScores:
    """Return what a network's logits tell of the tokens that follow, shape (B, T) each, as in :func:`logits_of`.

    Padding takes the place of what is not scored.
    """
    targets, _ = next_token_targets(tokens)
    if _is_long(tokens) and not torch.is_grad_enabled():
        logits = logits_of(network, tokens)  # type: ignore[arg-type]
        return NextTokenScores(logits.logsumexp(-1) - logits.gather(-1, targets[..., None])[..., 0], logits.argmax(-1))
    with naming_faults(network, tokens):
        return network.next_token_scores(tokens, targets)


def _is_long(tokens: Tensor) -> bool:
    """Return whether attention over all pairs of tokens (B, T) takes too much memory."""
    return tokens.shape[0] * tokens.shape[1] ** 2 > _MAX_PAIRS_OF_TOKENS


def _logits_in_parts(network: StatefulNetwork, tokens: Tensor) -> Tensor:
    parts, state = [], None
    for part in torch.split(tokens, _TOKENS_OF_A_PART, dim=1):
        logits, state = stateful_logits_of(network, part, state)  # (B, tokens of the part, V)
        parts.append(logits)
    return torch.cat(parts, dim=1)  # (B, T, V)


def stateful_logits_of(network: StatefulNetwork, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Return the logits (B, T, V) of a stateful network, and its state after the tokens.

    Args:
        network: A stateful network.
        tokens: Token ids, shape (B, T).
        state: State after the tokens before ``tokens``; None at the beginning.

    Raises:
        InputError: As in :func:`logits_of`, and if there is no state, or a tensor in it does not have the batch first.
    """
    with naming_faults(network, tokens):
        read = network.forward_with_state(tokens, state)
    if not isinstance(read, tuple) or len(read) != 2:
        raise _breach(network, f"forward_with_state should return logits and a state, got a {type(read).__name__}")
    for tensor in _tensors_of(read[1]):
        if not tensor.shape[:1] == tokens.shape[:1]:
            raise _breach(
                network,
                f"tensors of its state should have the batch first, of size {len(tokens)}, got {tuple(tensor.shape)}",
            )
    return checked(read[0], tokens, network), read[1]


def checked(logits: Any, tokens: Tensor, network: object | None = None) -> Tensor:
    """Return logits for tokens (B, T) in single precision or more, if they are real numbers of shape (B, T, V).

    Raises:
        InputError: If they are not; the message names what was expected and what the network gave.
    """
    expected = (*tokens.shape, len(NoteVocabulary()))
    if not isinstance(logits, Tensor) or logits.shape != expected:
        actual = tuple(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise _breach(
            network,
            f"a network maps tokens of shape (B, T) to logits of shape (B, T, V): {tuple(tokens.shape)} should give "
            f"{expected}, got {actual}",
        )
    if not logits.is_floating_point() or logits.layout is not torch.strided:
        kind = logits.dtype if logits.layout is torch.strided else logits.layout
        raise _breach(network, f"its logits should be a dense float tensor, got {kind}")
    if logits.is_meta:
        raise _breach(network, "its logits are on the device meta, which holds no numbers: load its weights first")
    return (logits if logits.dtype in _FULL_PRECISION else logits.float()).to(tokens.device)


def check_probabilities(logits: Tensor, tokens: Tensor) -> None:
    """Raise an error if logits (B, T, V) give no probabilities after some token (B, T) that is no padding.

    Raises:
        InputError: If they hold NaN or infinity there, or rule out every token.
    """
    peaks = logits.amax(-1).where(tokens != NoteVocabulary.pad, 0)  # (B, T), NaN where any logit is
    if bool((peaks.isnan() | peaks.isposinf()).any()):
        raise InputError("the network's logits hold NaN or infinity, so it cannot be evaluated: train it again")
    if bool(peaks.isneginf().any()):
        raise InputError(
            "the network gives every token the probability 0 at some position: it cannot be evaluated, train it again"
        )


@contextmanager
def naming_faults(network: object, tokens: Tensor) -> Iterator[None]:
    """Explain errors of a network that reads tokens (B, T) within a block, and refuse changes of the tokens.

    A lack of memory is raised as it is, and so is a fault of a network of this package.
    """
    before = tokens.clone() if tokens.device.type == "cpu" else None  # comparing would make a GPU wait
    version = None if tokens.is_inference() else tokens._version
    try:
        yield
    except InputError:
        raise
    except Exception as problem:
        reason = " ".join(str(problem).split())[:200]
        if isinstance(problem, IndexError) and "out of range in self" in reason:
            raise InputError(
                f"the network does not take all token ids ({reason}): give its embedding len(NoteVocabulary()) rows"
            ) from problem
        if is_lack_of_memory(problem) or type(network).__module__.partition(".")[0] == _PACKAGE:
            raise
        raise InputError(
            f"the network {type(network).__name__} raised {type(problem).__name__}{_location(problem)} when it read "
            f"tokens of shape {tuple(tokens.shape)}: {reason}"
        ) from problem
    is_changed = version is not None and tokens._version != version
    if is_changed or (before is not None and not torch.equal(tokens, before)):
        raise _breach(network, "it changes the tokens that it reads: change tokens.clone() instead")


def _breach(network: object | None, what: str) -> InputError:
    name = "" if network is None else f" {type(network).__name__}"
    return InputError(f"the network{name} breaks its contract: {what}")


def _location(problem: Exception) -> str:
    """Return the last line of the user's own code that an error went through; empty if there is none."""
    ours = Path(__file__).parents[2]
    entries = [(Path(entry.filename), entry.lineno) for entry in traceback.extract_tb(problem.__traceback__)]
    own = [
        f" in line {line} of {path.name}"
        for path, line in entries
        if not path.is_relative_to(_LIBRARY) and not path.is_relative_to(ours)
    ]
    return own[-1] if own else ""


def _tensors_of(state: Any) -> Iterator[Tensor]:
    """Yield all tensors in a nest of tuples, lists and dictionaries."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple | list | dict):
        for part in state.values() if isinstance(state, dict) else state:
            yield from _tensors_of(part)
