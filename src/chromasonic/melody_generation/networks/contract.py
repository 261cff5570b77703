"""The contract between networks and everything that trains, evaluates or samples them.

A network is any ``nn.Module`` that maps token ids (B, T) to logits (B, T, V), where ``logits[:, t]`` scores
``tokens[:, t + 1]``. Logits are unnormalised log-probabilities and do not depend on later tokens.

A network may also carry a state from one call to the next. Then generation reads every token once; without a state it
reads the whole sequence again for every new token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, TypeGuard, runtime_checkable

from torch import Tensor, nn

from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary

# Arguments that rebuild a network, as a checkpoint holds them.
Hyperparameters = dict[str, bool | int | float | str]


@runtime_checkable
class Network(Protocol):
    """A module that scores the next token after every token of a sequence."""

    def __call__(self, tokens: Tensor, /) -> Tensor:
        """Return logits (B, T, V) for token ids (B, T)."""
        ...


@runtime_checkable
class StatefulNetwork(Network, Protocol):
    """A network that can continue a sequence from a state.

    Reading a sequence in parts gives the same logits as reading it whole. A state is any nest of tuples, lists and
    dictionaries; all tensors in it have the batch as their first dimension.

    Example:
        >>> from chromasonic.melody_generation.networks.markov import MarkovNetwork
        >>> isinstance(MarkovNetwork(), StatefulNetwork), isinstance(nn.Linear(2, 2), StatefulNetwork)
        (True, False)
    """

    def forward_with_state(self, tokens: Tensor, state: Any = None, /) -> tuple[Tensor, Any]:
        """Return logits (B, T, V) for token ids (B, T), and the state after the last of them.

        Args:
            tokens: Token ids, shape (B, T).
            state: State after the tokens before ``tokens``; None at the beginning of the sequences.
        """
        ...


class NextTokenScores(NamedTuple):
    """Scores of the token that follows each position, shape (B, T) each.

    Attributes:
        nats: Its negative log-likelihood.
        best: The most probable token; any of them if there are several.
    """

    nats: Tensor
    best: Tensor


@runtime_checkable
class ScoringNetwork(Network, Protocol):
    """A network that scores given tokens faster than it computes the logits of all tokens."""

    def next_token_scores(self, tokens: Tensor, targets: Tensor, /) -> NextTokenScores:
        """Return what the logits of ``tokens`` tell of ``targets``, both (B, T)."""
        ...


@runtime_checkable
class FittedNetwork(Protocol):
    """A network fitted in one pass over the data (n-gram counts, mixture weights) instead of by gradient descent."""

    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Fit the network.

        Args:
            training: Batches of token ids (B, T) to fit to.
            validation: Batches of token ids (B, T) to choose hyperparameters on.
        """
        ...


def is_stateful(network: nn.Module) -> TypeGuard[StatefulNetwork]:
    """Return whether a network can continue a sequence from a state: it has a method ``forward_with_state``."""
    return _has_method(network, "forward_with_state")


def is_scoring(network: nn.Module) -> TypeGuard[ScoringNetwork]:
    """Return whether ``next_token_scores`` may take the place of the logits of a network.

    It may not where a subclass has another ``forward``, or where the network has hooks: these change the logits alone.
    """
    scoring, *others = (
        next((kind for kind in type(network).__mro__ if name in vars(kind)), None)
        for name in ("next_token_scores", "forward", "forward_with_state")
    )
    is_own = not {"next_token_scores", "forward", "forward_with_state"} & vars(network).keys()
    has_hooks = network._forward_hooks or network._forward_pre_hooks or network._backward_hooks
    return scoring is not None and all(kind is scoring for kind in others) and is_own and not has_hooks


def is_fitted(network: nn.Module) -> bool:
    """Return whether a network is fitted in one pass: it has a method ``fit``, not a value or a module of that name."""
    return _has_method(network, "fit")


def _has_method(network: nn.Module, name: str) -> bool:
    method = getattr(network, name, None)
    return callable(method) and not isinstance(method, nn.Module)


def next_token_targets(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return the token that follows each of ``tokens``, and the mask of those that are scored.

    Scored are all tokens after the control prefix: notes, rests, ``<end>``, ``<bar>`` and metre tokens, but no padding.

    Args:
        tokens: Token ids with their prefix, padded at the end, shape (B, T).

    Returns:
        Targets of shape (B, T), the padding token where nothing is scored; and the mask of scored targets, shape
        (B, T).

    Example:
        >>> import torch
        >>> prefix, note, pad = [1] * PREFIX_LENGTH, 60, NoteVocabulary.pad
        >>> targets, is_scored = next_token_targets(torch.tensor([[*prefix, note, note, pad]]))
        >>> targets[is_scored].tolist()
        [60, 60]
    """
    targets = nn.functional.pad(tokens[:, 1:], (0, 1), value=NoteVocabulary.pad)  # (B, T)
    targets[:, : PREFIX_LENGTH - 1] = NoteVocabulary.pad
    return targets, targets != NoteVocabulary.pad
