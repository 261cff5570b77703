"""How much of what was just played was played before in the same tune, for batches of token sequences."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH


class MatchState(NamedTuple):
    """The tokens so far (B, K), and how long the match is that ends with the last of them and with each, (B, K)."""

    tokens: Tensor
    lengths: Tensor


def match_lengths(tokens: Tensor, state: MatchState | None = None) -> tuple[Tensor, MatchState]:
    """The length of the longest run of tokens that ends here and ended earlier in the tune as well.

    What followed the earlier one is known, so this says how long a model has been able to copy. The control prefix
    is no part of any match. The same as
    ``measures.earlier_matches.longest_earlier_matches``, for many sequences and in parts.

    Args:
        tokens: Token ids, shape (B, T).
        state: The state that the call with the tokens before these returned; None at the beginning.

    Returns:
        Lengths in tokens, shape (B, T), and the state after the last token.

    Example:
        >>> match_lengths(torch.tensor([[9, 9, 9, 9, 50, 60, 50, 60, 70]]))[0].tolist()
        [[0, 0, 0, 0, 0, 0, 1, 2, 0]]
    """
    n_before = state.tokens.shape[1] if state else 0
    read = torch.cat([state.tokens, tokens], dim=1) if state else tokens
    row = state.lengths if state else tokens.new_zeros(len(tokens), 0)
    longest = torch.zeros_like(tokens)
    for step in range(tokens.shape[1]):
        place = n_before + step
        # A match that ended at the token before, and one place earlier there, goes on where the tokens are the same.
        same = read[:, :place] == read[:, place, None]
        same[:, :PREFIX_LENGTH] = False
        row = (nn.functional.pad(row, (1, 0))[:, :place] + 1) * same
        if place:
            longest[:, step] = row.amax(dim=1)
        row = nn.functional.pad(row, (0, 1))  # no token is compared with itself
    return longest, MatchState(read, row)
