"""A memory of the tune so far: one attention head that can see what came next at similar places.

Folk tunes copy themselves, and a recurrent state is too narrow to hold what to copy. Entry k joins the state
before token k with token k itself, so a state that resembles an earlier one finds there what followed it
(an induction head; Elhage et al. 2021, Olsson et al. 2022). Joining a state with the token that led to it
would lose exactly that.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.dropout import Dropout


class MemoryState(NamedTuple):
    """The entries so far, keys (B, K, D) and values (B, K, D), and the last state (B, 1, D)."""

    keys: Tensor
    values: Tensor
    last: Tensor


class TuneMemory(nn.Module):
    """One causal attention head over the past of the same tune.

    Args:
        width: D, of states and embedded tokens alike.
        dropout: Share of what was found that is dropped in training.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(2 * width, width)
        self.found = nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, embedded: Tensor, past: MemoryState | None = None) -> tuple[Tensor, MemoryState]:
        """Add to each state what the memory holds for it.

        Args:
            states: State after each token, shape (B, T, D).
            embedded: The tokens themselves, embedded, shape (B, T, D).
            past: Entries from before, if these are not the first tokens.

        Returns:
            States of shape (B, T, D), and the memory with T entries more.
        """
        last = past.last if past else torch.zeros_like(states[:, :1])
        before = torch.cat([last, states[:, :-1]], dim=1)
        keys, values = self.key(before), self.value(torch.cat([before, embedded], dim=-1))
        if past:
            keys = torch.cat([past.keys, keys], dim=1)
            values = torch.cat([past.values, values], dim=1)
        found = attend(self.query(states), keys, values)
        return states + self.dropout(self.found(found)), MemoryState(keys, values, states[:, -1:])


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal scaled dot product attention, in which the last query stands beside the last key.

    Args:
        queries: Shape (..., T, D).
        keys: Shape (..., K, D), K at least T.
        values: Shape (..., K, D).

    Returns:
        Shape (..., T, D); query t sees keys 0 to K - T + t.
    """
    n_queries, n_keys = queries.shape[-2], keys.shape[-2]
    if n_queries == n_keys:
        return nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    visible = torch.ones(n_queries, n_keys, dtype=torch.bool, device=queries.device).tril(n_keys - n_queries)
    return nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=visible)
