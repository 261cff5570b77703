"""A decoder-only Transformer: pre-norm (Xiong et al. 2020) with rotary positions (Su et al. 2021)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.memory import causal_attention
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork
from chromasonic.melody_generation.networks.neural.sizes import check_sizes

# The vectors that are summed into one before the first layer: this one and the two before it. It lets a single
# layer compare places by their last three notes.
EVENTS_JOINED = 3
ROTARY_BASE = 10_000.0


class BodyState(NamedTuple):
    """The last inputs (B, EVENTS_JOINED - 1, D), each layer's keys and values (B, H, K, D / H), and K."""

    recent: Tensor
    layers: list[tuple[Tensor, Tensor]]
    n_tokens: int


class TransformerNetwork(SequenceNetwork[BodyState]):
    """Tokens (B, T) to logits (B, T, V) through a Transformer.

    Args:
        hidden_size: Width D of embeddings and layers.
        num_layers: Number of layers L.
        num_heads: Number of attention heads H; D must be an even multiple of it.
        dropout: Share of each vector that is dropped in training.
        memory: Whether the tune so far is remembered and copied from (attention heads over final states).
        position: Whether it is told where in the bar, and in which bar, the music stands; without that, only notes
            and control tokens say so.

    Raises:
        ValueError: If a size is less than 1 or does not fit the others, or ``dropout`` is out of range.
    """

    def __init__(
        self,
        hidden_size: int = 160,
        num_layers: int = 3,
        num_heads: int = 4,
        dropout: float = 0.3,
        *,
        memory: bool = True,
        position: bool = True,
    ) -> None:
        check_sizes(dropout, hidden_size=hidden_size, num_layers=num_layers, num_heads=num_heads)
        if hidden_size % (2 * num_heads):
            raise ValueError(f"hidden_size is a multiple of twice num_heads, got {hidden_size} for {num_heads} heads")
        super().__init__(
            _TransformerBackbone(hidden_size, num_layers, num_heads, dropout),
            {
                "hidden_size": hidden_size,
                "num_layers": num_layers,
                "num_heads": num_heads,
                "dropout": float(dropout),
                "memory": memory,
                "position": position,
            },
            hidden_size,
            dropout,
            memory=memory,
            position=position,
        )


class _TransformerBackbone(nn.Module):
    def __init__(self, width: int, n_layers: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.join = nn.Linear(EVENTS_JOINED * width, width)
        self.layers = nn.ModuleList(_Layer(width, n_heads, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Tensor, state: BodyState | None = None) -> tuple[Tensor, BodyState]:
        n_new = vectors.shape[1]
        before = state.recent if state else vectors.new_zeros(len(vectors), EVENTS_JOINED - 1, vectors.shape[2])
        recent = torch.cat([before, vectors], dim=1)
        vectors = vectors + self.join(
            torch.cat([recent[:, shift : shift + n_new] for shift in range(EVENTS_JOINED)], dim=-1)
        )
        n_before = state.n_tokens if state else 0
        layers = []
        for index, layer in enumerate(self.layers):
            vectors, entries = layer(vectors, n_before, state.layers[index] if state else None)
            layers.append(entries)
        new_state = BodyState(recent[:, -(EVENTS_JOINED - 1) :], layers, n_before + n_new)
        return self.norm(vectors), new_state


class _Layer(nn.Module):
    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self._n_heads = n_heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = Dropout(dropout)

    def forward(
        self, vectors: Tensor, n_before: int, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        heads = self.queries_keys_values(self.attention_norm(vectors)).unflatten(-1, (3, self._n_heads, -1))
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # each (B, H, T, D / H)
        queries, keys = apply_rotary(queries, n_before), apply_rotary(keys, n_before)
        if state:
            keys, values = torch.cat([state[0], keys], dim=2), torch.cat([state[1], values], dim=2)
        attended = causal_attention(queries, keys, values).transpose(1, 2).flatten(2)
        vectors = vectors + self.dropout(self.attended(attended))
        return vectors + self.dropout(self.feed_forward(vectors)), (keys, values)


def apply_rotary(vectors: Tensor, first: int) -> Tensor:
    """Turn each pair of components by an angle that grows with the place, so that products see distances only.

    Args:
        vectors: Queries or keys, shape (..., T, D), D even.
        first: The place of the first of the T.

    Returns:
        The vectors turned, shape (..., T, D).
    """
    n_places, width = vectors.shape[-2:]
    rates = ROTARY_BASE ** -(torch.arange(0, width, 2, device=vectors.device) / width)
    angles = torch.arange(first, first + n_places, device=vectors.device)[:, None] * rates  # (T, D / 2)
    cosine, sine = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    left, right = vectors.chunk(2, dim=-1)
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine], dim=-1)
