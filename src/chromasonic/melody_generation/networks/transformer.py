"""A decoder-only Transformer: pre-norm (Xiong et al. 2020) with rotary positions (Su et al. 2021)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork, check_sizes

# Kernel size of the causal convolution before the first layer. With it a single layer can compare positions by their
# last three notes.
KERNEL_SIZE = 3
ROTARY_BASE = 10_000.0


class TransformerState(NamedTuple):
    """The last inputs (B, KERNEL_SIZE - 1, D), keys and values of every layer (B, H, K, D / H), and K."""

    recent: Tensor
    layers: list[tuple[Tensor, Tensor]]
    n_tokens: int


class TransformerNetwork(SequenceNetwork[TransformerState]):
    """Maps tokens (B, T) to logits (B, T, V) with a Transformer.

    Args:
        hidden_size: Width D of embeddings and layers.
        num_layers: Number of layers L.
        num_heads: Number of attention heads H; D must be an even multiple of it.
        dropout: Fraction of each vector that is dropped in training.
        memory: Whether to attend to the final states of the tune so far and copy from it.
        position: Whether to embed the position in the bar and the number of the bar; otherwise only notes and control
            tokens tell them.

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
            raise ValueError(
                f"hidden_size must be a multiple of twice num_heads, got {hidden_size} for {num_heads} heads"
            )
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
        self.join = nn.Linear(KERNEL_SIZE * width, width)
        self.layers = nn.ModuleList(_Layer(width, n_heads, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Tensor, state: TransformerState | None = None) -> tuple[Tensor, TransformerState]:
        """Return states (B, T, D) for vectors (B, T, D), and the state after the last of them."""
        n_new = vectors.shape[1]
        before = state.recent if state else vectors.new_zeros(len(vectors), KERNEL_SIZE - 1, vectors.shape[2])
        recent = torch.cat([before, vectors], dim=1)  # (B, KERNEL_SIZE - 1 + T, D)
        windows = torch.cat(
            [recent[:, shift : shift + n_new] for shift in range(KERNEL_SIZE)], dim=-1
        )  # (B, T, KERNEL_SIZE * D)
        vectors = vectors + self.join(windows)  # (B, T, D)
        n_before = state.n_tokens if state else 0
        layer_states = []
        for index, layer in enumerate(self.layers):
            vectors, keys_and_values = layer(vectors, n_before, state.layers[index] if state else None)
            layer_states.append(keys_and_values)
        return self.norm(vectors), TransformerState(recent[:, -(KERNEL_SIZE - 1) :], layer_states, n_before + n_new)


class _Layer(nn.Module):
    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self._n_heads = n_heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = Dropout(dropout)

    def forward(
        self, vectors: Tensor, n_before: int, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return vectors (B, T, D), and the keys and values of all tokens so far, (B, H, K, D / H) each."""
        qkv = self.qkv(self.attention_norm(vectors))  # (B, T, 3 D)
        qkv = qkv.unflatten(-1, (3, self._n_heads, -1))  # (B, T, 3, H, D / H)
        qkv = qkv.permute(2, 0, 3, 1, 4)  # (3, B, H, T, D / H)
        queries, keys = apply_rotary(qkv[:2], n_before)  # (B, H, T, D / H) each
        values = qkv[2]  # (B, H, T, D / H)
        if state:
            keys, values = torch.cat([state[0], keys], dim=2), torch.cat([state[1], values], dim=2)  # (B, H, K, D / H)
        attended = causal_attention(queries, keys, values).transpose(1, 2).flatten(2)  # (B, T, D)
        vectors = vectors + self.dropout(self.output(attended))
        return vectors + self.dropout(self.feed_forward(vectors)), (keys, values)


def apply_rotary(vectors: Tensor, first: int) -> Tensor:
    """Rotate pairs of components by angles proportional to the position, so that products depend on distances only.

    Args:
        vectors: Queries or keys, shape (..., T, D), D even.
        first: Position of the first of the T vectors.

    Returns:
        The rotated vectors, shape (..., T, D).
    """
    n_positions, width = vectors.shape[-2:]
    rates = ROTARY_BASE ** -(torch.arange(0, width, 2, device=vectors.device) / width)  # (D / 2,)
    angles = torch.arange(first, first + n_positions, device=vectors.device)[:, None] * rates  # (T, D / 2)
    cosine, sine = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    cosines, sines = torch.cat([cosine, cosine], dim=-1), torch.cat([-sine, sine], dim=-1)  # (T, D) each
    # The left half of the components with the right one: (left cos - right sin, right cos + left sin).
    return vectors * cosines + vectors.roll(width // 2, dims=-1) * sines  # (..., T, D)


def causal_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend by scaled dot products to the keys up to each query; the last query is at the last key.

    Args:
        queries: Shape (..., T, D).
        keys: Shape (..., K, D), K at least T.
        values: Shape (..., K, D).

    Returns:
        Shape (..., T, D); query t attends to keys 0 to K - T + t.
    """
    n_queries, n_keys = queries.shape[-2], keys.shape[-2]
    if queries.dtype == torch.bfloat16 and queries.device.type == "cpu" and torch.is_grad_enabled():
        # The gradient of torch's own attention takes five times as long there.
        is_later = torch.ones(n_queries, n_keys, dtype=torch.bool).triu(n_keys - n_queries + 1)
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)  # (..., T, K)
        weights = scores.float().masked_fill(is_later, -torch.inf).softmax(dim=-1)  # (..., T, K)
        return torch.matmul(weights.to(values.dtype), values)  # (..., T, D)
    if n_queries == n_keys:
        return nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    is_visible = torch.ones(n_queries, n_keys, dtype=torch.bool, device=queries.device).tril(n_keys - n_queries)
    return nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=is_visible)
