"""A check that a network predicts from the past alone.

A network that sees the token it should predict wins every comparison. The check changes what a network must not use:
the tokens after a position, the length of the batch, the other tunes, and what it read before. Predictions may not
change by more than rounding does. The check reads the very tunes that are scored, since a network might behave well on
others.

Adapting to a tune while it is read, as PPM does, is no fault: predictions may depend on all earlier tokens of the tune.
"""

from __future__ import annotations

import copy
import hashlib
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.checked_logits import check_probabilities, logits_of
from chromasonic.melody_generation.threads.own_generator import cpu_generator
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary

# Largest differences of log-probabilities, in nats and as a share of the log-probability. The second one is for shapes
# that differ, in less than single precision: there the order of sums changes the second digit.
_FINE, _COARSE = 1e-3, 0.1
_MAX_SEQUENCES, _N_BEGINNINGS, _N_PADDING = 4, 2, 7
_MAX_TOKENS = 4096  # of each of them; every reading takes time that grows with the square of the length
# Share of the scored tunes that are read again. All would take as long as the scores themselves.
_SHARE_READ_AGAIN = 0.25
# Shares of the sequences whose only changed token is the last one, and whose future is padding.
_SHARE_AT_END, _SHARE_PADDED = 0.25, 0.25
# Attributes that every module has: its mode, which the caller restores, and its weights.
_NOT_KEPT = {"training", "_parameters"}


@torch.no_grad()
def check_causality(network: nn.Module, tokens: Tensor) -> None:
    """Raise an error if predictions depend on anything but the earlier tokens of the same tune.

    A few tunes of the batch are read again and again, up to 4096 tokens of each, each time with another change. The
    network keeps its buffers and attributes.

    Args:
        network: Any module of the contract, in evaluation mode.
        tokens: Token ids with their prefix, padded at the end, on the network's device, shape (B, T).

    Raises:
        InputError: Naming what the predictions depend on; or if the network breaks its contract otherwise.
    """
    chooser = _chooser(tokens)
    tokens = _trimmed(tokens[_rows(chooser, tokens, _MAX_SEQUENCES), :_MAX_TOKENS])  # (B, T)
    lengths = _lengths(tokens)
    with state_kept(network):
        logits = logits_of(network, tokens)
        check_probabilities(logits, tokens)
        tolerance = _COARSE if _is_coarse(network, logits) else _FINE
        _check_repeated(network, tokens, logits)
        changed, cuts = _with_other_futures(tokens, chooser)
        changed_logits = logits_of(network, changed)
        _check_future(network, logits, changed_logits, cuts)
        # Tokens that no training has shown: a network that remembers an earlier call does so here.
        _check_repeated(network, changed, changed_logits)
        padded = nn.functional.pad(tokens, (0, _N_PADDING), value=NoteVocabulary.pad)  # (B, T + padding)
        position = _first_change(logits, logits_of(network, padded), lengths, tolerance)
        if position is not None:
            raise _fault(network, "padding after the end of a tune", position)
        for cut in chooser.integers(min(PREFIX_LENGTH, tokens.shape[1]), tokens.shape[1] + 1, _N_BEGINNINGS).tolist():
            beginnings = logits_of(network, tokens[:, :cut])  # (B, cut, V)
            _check_future(network, logits, beginnings, lengths.clamp(max=cut), tolerance)
        row = int(chooser.integers(len(tokens)))
        alone = logits_of(network, _trimmed(tokens[row, None]))  # (1, T of the row, V)
        position = _first_change(logits[row, None], alone, lengths[row, None], tolerance)
        if position is not None:
            raise _fault(network, "the other tunes of a batch", position)


@torch.no_grad()
def check_future_unused(network: nn.Module, tokens: Tensor, logits: Tensor) -> None:
    """Raise an error if the predictions of some tunes change when the tunes are cut after a random token.

    This takes a quarter of the time of the predictions themselves.

    Args:
        network: Any module of the contract, in evaluation mode.
        tokens: Token ids with their prefix, padded at the end, on the network's device, shape (B, T).
        logits: The logits of the whole tunes, shape (B, T, V).

    Raises:
        InputError: If they change; or if the network breaks its contract otherwise.
    """
    chooser = _chooser(tokens)
    rows = _rows(chooser, tokens, math.ceil(len(tokens) * _SHARE_READ_AGAIN))
    tokens, logits = tokens[rows], logits[rows]
    cuts = _cuts(chooser, _lengths(tokens)).to(tokens.device)
    is_past = torch.arange(tokens.shape[1], device=tokens.device) < cuts[:, None]
    beginnings = _trimmed(tokens.where(is_past, NoteVocabulary.pad))
    tolerance = _COARSE if _is_coarse(network, logits) else _FINE
    with state_kept(network):
        _check_future(network, logits, logits_of(network, beginnings), cuts, tolerance)


@contextmanager
def state_kept(network: nn.Module) -> Iterator[None]:
    """Give a network the buffers and attributes back that it had before a block.

    Lists, dictionaries, sets and tensors among the attributes are restored; what they hold is not looked into.
    """
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    attributes = [(module, _attributes(module)) for module in network.modules()]
    try:
        yield
    finally:
        for module, before in attributes:
            for name in vars(module).keys() - before.keys() - _NOT_KEPT:
                del vars(module)[name]
            vars(module).update(
                {name: value if _is_same(value, content) else content for name, (value, content) in before.items()}
            )
        for buffer, content in buffers:
            if not _is_same(buffer, content):
                with torch.no_grad():
                    buffer.copy_(content)


@contextmanager
def generators_kept(device: torch.device) -> Iterator[None]:
    """Give the random generators of Python, numpy, torch and a GPU the state back that they had before a block.

    On the CPU, torch's is the generator of this thread.

    Args:
        device: The device on which the block computes.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  a user's module may use it
    torch_state = cpu_generator().get_state()
    gpu_state = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        yield
    finally:
        cpu_generator().set_state(torch_state)
        if gpu_state is not None:
            torch.cuda.set_rng_state(gpu_state, device)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _attributes(module: nn.Module) -> dict[str, tuple[Any, Any]]:
    """Return the attributes of a module, each with a copy if it may be changed in place."""
    names = vars(module).keys() - _NOT_KEPT
    return {name: (vars(module)[name], _copy(vars(module)[name])) for name in names}


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone() if not value.is_meta else value
    return copy.copy(value) if isinstance(value, list | dict | set) else value


def _is_same(value: Any, content: Any) -> bool:
    """Return whether a value still has the content of its copy."""
    if isinstance(value, Tensor):
        return torch.allclose(value, content, rtol=0, atol=0, equal_nan=True) if value.shape == content.shape else False
    if isinstance(value, dict):
        return list(value) == list(content) and all(value[name] is content[name] for name in value)
    if isinstance(value, list):
        return len(value) == len(content) and all(one is other for one, other in zip(value, content, strict=True))
    return bool(value == content) if isinstance(value, set) else value is content


def _chooser(tokens: Tensor) -> np.random.Generator:
    """Return a source of random positions that depends on the tokens alone."""
    digest = hashlib.sha256(tokens.cpu().numpy().tobytes()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _lengths(tokens: Tensor) -> Tensor:
    """Return the number of tokens of each sequence without its padding, shape (B,)."""
    return (tokens != NoteVocabulary.pad).sum(1)


def _rows(chooser: np.random.Generator, tokens: Tensor, n: int) -> Tensor:
    """Return the indices of up to ``n`` random sequences of a batch, in ascending order."""
    rows = np.sort(chooser.permutation(len(tokens))[:n])
    return torch.from_numpy(rows).to(tokens.device)


def _trimmed(tokens: Tensor) -> Tensor:
    """Return sequences (B, T) without the padding that all have at their end."""
    return tokens[:, : max(1, int(_lengths(tokens).max()))]


def _cuts(chooser: np.random.Generator, lengths: Tensor) -> Tensor:
    """Return a random position in the music of each sequence, for some the last, from their lengths (B,)."""
    ends = lengths.cpu().numpy()
    cuts = PREFIX_LENGTH + (chooser.random(len(ends)) * (ends - PREFIX_LENGTH)).astype(int)
    cuts = np.where(chooser.random(len(ends)) < _SHARE_AT_END, ends - 1, cuts)
    return torch.from_numpy(np.where(ends > PREFIX_LENGTH, cuts, ends))  # a prefix alone stays as it is


def _with_other_futures(tokens: Tensor, chooser: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return tokens (B, T) with other notes, or padding, from a random position on, and the positions (B,)."""
    cuts = _cuts(chooser, _lengths(tokens)).numpy()
    given = tokens.cpu().numpy()
    notes = np.unique(given[given >= NoteVocabulary().first_note])
    if len(notes) < 2:
        notes = np.arange(2) + NoteVocabulary().first_note
    indices = chooser.integers(len(notes), size=given.shape)
    indices = np.where(notes[indices] == given, indices + 1, indices) % len(notes)  # never the same token
    is_padded = chooser.random(len(given)) < _SHARE_PADDED
    others = np.where(is_padded[:, None], NoteVocabulary.pad, notes[indices])
    is_future = (np.arange(given.shape[1]) >= cuts[:, None]) & (given != NoteVocabulary.pad)
    changed = np.where(is_future, others, given)
    return torch.from_numpy(changed).to(tokens), torch.from_numpy(cuts).to(tokens.device)


def _check_repeated(network: nn.Module, tokens: Tensor, logits: Tensor) -> None:
    """Raise an error if reading tokens (B, T) again does not give the same logits (B, T, V)."""
    position = _first_change(logits, logits_of(network, tokens), _lengths(tokens))
    if position is not None:
        raise InputError(
            f"the network {type(network).__name__} predicts otherwise when it reads the same tokens again (at position "
            f"{position}): in evaluation mode it must draw no random numbers (as dropout does), and keep nothing from "
            "one call for the next"
        )


def _check_future(
    network: nn.Module, logits: Tensor, changed_logits: Tensor, cuts: Tensor, tolerance: float = _FINE
) -> None:
    """Raise an error if logits before ``cuts`` (B,) differ, where only the tokens from there on do."""
    position = _first_change(logits, changed_logits, cuts, tolerance)
    if position is not None:
        raise _fault(network, "later tokens, those that it should predict", position)


def _fault(network: nn.Module, cause: str, position: int) -> InputError:
    return InputError(
        f"the network {type(network).__name__} is not causal, so it is not scored: its logits at position {position} "
        f"depend on {cause}; logits[:, t] may depend on tokens[:, :t + 1] of the same row alone"
    )


def _first_change(expected: Tensor, actual: Tensor, counts: Tensor, tolerance: float = _FINE) -> int | None:
    """Return the position of the first prediction that changed; None if none did.

    Args:
        expected: Logits, shape (B, T, V).
        actual: Logits, shape (B, T', V).
        counts: Number of positions to compare in each row, at most T and T', shape (B,).
        tolerance: Largest difference in nats, to which the same share of the log-probability is added.
    """
    for row, count in enumerate(counts.tolist()):
        one, other = expected[row, :count], actual[row, :count]  # (count, V) each
        if float((one - other).abs().max()) <= tolerance / 2 if count else True:  # then log-probabilities differ less
            continue
        one, other = one.log_softmax(-1), other.log_softmax(-1)
        is_close = torch.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True).all(-1)  # (count,)
        if not bool(is_close.all()):
            return int(is_close.logical_not().nonzero()[0])
    return None


def _is_coarse(network: nn.Module, logits: Tensor) -> bool:
    """Return whether a network seems to compute in less than single precision."""
    weights = (weight for weight in network.parameters() if weight.is_floating_point())
    some = logits[:1, :PREFIX_LENGTH]
    is_rounded = any(torch.equal(some, some.to(kind).to(some.dtype)) for kind in (torch.half, torch.bfloat16))
    return is_rounded or logits.is_cuda or any(weight.dtype.itemsize < 4 for weight in weights)
