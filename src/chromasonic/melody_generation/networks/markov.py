"""The Markov model: counts of what follows the last few tokens, a baseline for every other network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.counting.counts import (
    SuccessorCounts,
    check_order,
    interpolate,
    lagged,
    nested_contexts,
    stack_orders,
)
from chromasonic.melody_generation.vocabulary import NoteVocabulary


class MarkovState(NamedTuple):
    """The last tokens of each sequence, at most as many as the order, shape (B, up to the order)."""

    recent: Tensor


class MarkovNetwork(nn.Module):
    """Maps tokens (B, T) to log-probabilities (B, T, V) of the next token, by counts after the same tokens.

    :meth:`fit` counts each training tune once. Orders are interpolated by escape method C, from the uniform
    distribution over order 0 upwards. An untrained network is uniform.

    Args:
        order: Number of past tokens on which the next one depends.

    Raises:
        ValueError: If ``order`` is not an integer of 0 to ``MAX_ORDER``.
    """

    def __init__(self, order: int = 2) -> None:
        super().__init__()
        check_order(order=order)
        self.hyperparameters = {"order": order}
        self._order = order
        self._n_tokens = len(NoteVocabulary())
        self.successors = SuccessorCounts(self._n_tokens)

    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Count the training tunes.

        Args:
            training: Batches of token ids, each of shape (B, T).
            validation: Not used; the network has no weights to choose.
        """
        del validation
        for tokens in training:
            self.count(tokens)

    @torch.no_grad()
    def count(self, tokens: Tensor) -> None:
        """Count the successors in sequences of token ids, shape (B, T), padded at the end.

        Tokens of the control prefix are contexts but never counted as successors.
        """
        targets, is_scored = next_token_targets(tokens)
        self.successors.add(self._contexts(tokens)[:, is_scored], targets[is_scored].expand(self._order + 1, -1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return log-probabilities (B, T, V) of the token after each of ``tokens`` (B, T)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: MarkovState | None = None) -> tuple[Tensor, MarkovState]:
        """Return log-probabilities (B, T, V), and the state after the last token.

        Args:
            tokens: Token ids, shape (B, T).
            state: State after the tokens before ``tokens``; None at the beginning of the sequences.
        """
        tokens_so_far = torch.cat([state.recent, tokens], dim=1) if state else tokens  # (B, up to the order + T)
        n_before = tokens_so_far.shape[1] - tokens.shape[1]
        probabilities = torch.full((), 1 / self._n_tokens, device=tokens.device)
        for contexts in self._contexts(tokens_so_far)[:, :, n_before:]:  # (B, T), by ascending order
            probabilities = interpolate(self.successors(contexts), probabilities)  # (B, T, V)
        return probabilities.log(), MarkovState(tokens_so_far[:, max(0, tokens_so_far.shape[1] - self._order) :])

    def _contexts(self, tokens: Tensor) -> Tensor:
        """Return hashes of the last 0, 1, ... tokens at each position, shape (order + 1, B, T)."""
        return stack_orders(nested_contexts(torch.zeros_like(tokens), lagged(tokens, self._order)))
