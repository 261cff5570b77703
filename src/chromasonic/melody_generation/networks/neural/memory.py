"""A memory of the tune so far: attention heads that can see what came next at similar places.

Folk tunes copy themselves, and a recurrent state is too narrow to hold what to copy. Entry k joins the state
before token k with token k itself, so a state that resembles an earlier one finds there what followed it
(an induction head; Elhage et al. 2021, Olsson et al. 2022). Joining a state with the token that led to it
would lose exactly that.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.bar_position import BarTimes
from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.pointer import TokenPointer, ViewpointPointer
from chromasonic.melody_generation.networks.neural.repetition_bias import MemoryEntries, RepetitionBias
from chromasonic.melody_generation.vocabulary import NoteVocabulary

MEMORY_HEADS = 4


class MemoryState(NamedTuple):
    """The entries so far, keys and values (B, H, K, width of a head), their places, and the last state (B, 1, D)."""

    keys: Tensor
    values: Tensor
    places: MemoryEntries
    last: Tensor


class Recalled(NamedTuple):
    """States with what the memory holds for them (B, T, D), and how much each entry was looked at (B, H, T, K)."""

    states: Tensor
    weights: Tensor


class InductionAttention(nn.Module):
    """Causal attention heads over the past of the same tune.

    What they find is added to the state, and what they look at can be copied: notes as they are (``copy``), or what
    they are by one of several views (``copy_views``).

    Args:
        width: D, of states and embedded tokens alike.
        dropout: Share of what was found that is dropped in training.
        n_heads: H.
    """

    def __init__(self, width: int, dropout: float, n_heads: int = MEMORY_HEADS) -> None:
        super().__init__()
        head_width = -(-width // n_heads)
        self._n_heads, self._scale = n_heads, head_width**-0.5
        self.query = nn.Linear(width, n_heads * head_width)
        self.key = nn.Linear(width, n_heads * head_width)
        self.value = nn.Linear(2 * width, n_heads * head_width)
        self.found = nn.Linear(n_heads * head_width, width)
        self.likeness = RepetitionBias(n_heads)
        self.copy = TokenPointer(width, n_heads)
        self.copy_views = ViewpointPointer(NoteVocabulary(), width, n_heads)
        self.dropout = Dropout(dropout)

    def forward(
        self, states: Tensor, embedded: Tensor, times: BarTimes, places: MemoryEntries, state: MemoryState | None = None
    ) -> tuple[Recalled, MemoryState]:
        """Add to each state what the memory holds for it.

        Args:
            states: State after each token, shape (B, T, D).
            embedded: The tokens themselves, embedded, shape (B, T, D).
            times: Where the music stands after each token.
            places: The tokens and where they fall.
            state: Entries from before, if these are not the first tokens.

        Returns:
            What was recalled, and the memory with T entries more.
        """
        last = state.last if state else torch.zeros_like(states[:, :1])
        before = torch.cat([last, states[:, :-1]], dim=1)
        keys = self._by_head(self.key(before))
        values = self._by_head(self.value(torch.cat([before, embedded], dim=-1)))
        if state:
            keys, values = torch.cat([state.keys, keys], dim=2), torch.cat([state.values, values], dim=2)
            places = MemoryEntries(*(torch.cat(both, dim=1) for both in zip(state.places, places, strict=True)))
        products = self._by_head(self.query(states)) @ keys.transpose(-1, -2)
        weights = causal_softmax(products.float() * self._scale + self.likeness(times, places))
        found = (weights.to(values.dtype) @ values).transpose(1, 2).flatten(2)
        recalled = Recalled(states + self.dropout(self.found(found)), weights)
        return recalled, MemoryState(keys, values, places, states[:, -1:])

    def _by_head(self, vectors: Tensor) -> Tensor:
        n_tunes, length, _ = vectors.shape
        return vectors.view(n_tunes, length, self._n_heads, -1).transpose(1, 2)


def causal_softmax(scores: Tensor) -> Tensor:
    """Softmax over the entries that may be seen: the last query stands beside the last key; shape (..., T, K)."""
    n_queries, n_keys = scores.shape[-2:]
    hidden = torch.ones(n_queries, n_keys, dtype=torch.bool, device=scores.device).triu(n_keys - n_queries + 1)
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-1)


def causal_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
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
