"""The Markov model: what usually follows the last few tokens. The reference that any model should beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.counting.counts import (
    SuccessorCounts,
    check_order,
    interpolated,
    ladder,
    lags,
    longer_and_longer,
)
from chromasonic.melody_generation.vocabulary import NoteVocabulary


class MarkovState(NamedTuple):
    """The last tokens of each sequence, shape (B, up to the order)."""

    recent: Tensor


class MarkovNetwork(nn.Module):
    """Tokens (B, T) to log-probabilities (B, T, V) of the next one, from counts of what followed the same tokens.

    Nothing is descended: :meth:`fit` reads each training tune once. Orders are interpolated by escape method C,
    from the uniform distribution over order 0 up; an untrained network is uniform.

    Args:
        order: How many tokens the next one depends on; 0 for none.

    Raises:
        ValueError: If ``order`` is no whole number of 0 to ``MAX_ORDER``.
    """

    def __init__(self, order: int = 2) -> None:
        super().__init__()
        check_order(order=order)
        self.hyperparameters = {"order": order}
        self._order = order
        self._n_tokens = len(NoteVocabulary())
        self.successors = SuccessorCounts(self._n_tokens)

    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Count the training tunes; nothing is left to be chosen on validation.

        Args:
            training: Batches of token ids, each of shape (B, T).
            validation: The same, of tunes that are not counted; not used.
        """
        del validation
        for tokens in training:
            self.count(tokens)

    @torch.no_grad()
    def count(self, tokens: Tensor) -> None:
        """Count what followed what in sequences of token ids, shape (B, T), padded behind.

        What stands in the control prefix is context, but never counted as what followed.
        """
        symbols, is_counted = next_token_targets(tokens)
        self.successors.add(self._contexts(tokens)[:, is_counted], symbols[is_counted].expand(self._order + 1, -1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the token after each of ``tokens``: ids (B, T) to log-probabilities (B, T, V)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: MarkovState | None = None) -> tuple[Tensor, MarkovState]:
        """Read on from where ``state`` stood: the whole sequence at once or in parts gives the same.

        Args:
            tokens: Token ids, shape (B, T).
            state: The state that the call with the tokens before these returned; None at the beginning.

        Returns:
            Log-probabilities of shape (B, T, V), and the state after the last token.
        """
        read = torch.cat([state.recent, tokens], dim=1) if state else tokens
        n_new = tokens.shape[1]
        probabilities = torch.full((), 1 / self._n_tokens, device=tokens.device)
        for contexts in self._contexts(read)[:, :, read.shape[1] - n_new :]:
            probabilities = interpolated(self.successors(contexts), probabilities)
        return probabilities.log(), MarkovState(read[:, max(0, read.shape[1] - self._order) :])

    def _contexts(self, tokens: Tensor) -> Tensor:
        """The last 0, 1, ... tokens at each place as numbers, shape (order + 1, B, T)."""
        return ladder(longer_and_longer(torch.zeros_like(tokens), lags(tokens, self._order)))
