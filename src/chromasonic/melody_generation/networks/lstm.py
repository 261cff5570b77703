"""The LSTM: layers of long short-term memory (Hochreiter & Schmidhuber 1997) with residual connections."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork
from chromasonic.melody_generation.networks.neural.sizes import check_sizes

LayerState = tuple[Tensor, Tensor]  # hidden and cell state, each (B, D)


class LSTMNetwork(SequenceNetwork[list[LayerState]]):
    """Tokens (B, T) to logits (B, T, V) through an LSTM.

    Args:
        hidden_size: Width D of embeddings and hidden states.
        num_layers: Number of LSTM layers, each added to its input.
        dropout: Share of each vector that is dropped in training.
        memory: Whether the tune so far is remembered and copied from (attention heads over past states).
        position: Whether it is told where in the bar, and in which bar, the music stands; without that, only notes
            and control tokens say so.

    Raises:
        ValueError: If a size is less than 1, or ``dropout`` is not within 0 to 1 (exclusive).
    """

    def __init__(
        self,
        hidden_size: int = 192,
        num_layers: int = 2,
        dropout: float = 0.3,
        *,
        memory: bool = True,
        position: bool = True,
    ) -> None:
        check_sizes(dropout, hidden_size=hidden_size, num_layers=num_layers)
        super().__init__(
            _LSTMBackbone(hidden_size, num_layers, dropout),
            {
                "hidden_size": hidden_size,
                "num_layers": num_layers,
                "dropout": float(dropout),
                "memory": memory,
                "position": position,
            },
            hidden_size,
            dropout,
            memory=memory,
            position=position,
        )


class _LSTMBackbone(nn.Module):
    def __init__(self, width: int, n_layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(n_layers))
        self.dropout = Dropout(dropout)
        for layer in self.layers:
            _forget_little(layer)

    def forward(self, vectors: Tensor, state: list[LayerState] | None = None) -> tuple[Tensor, list[LayerState]]:
        states: list[LayerState] = []
        for index, layer in enumerate(self.layers):
            # A layer's own state has the batch second; here it comes first, as in every other state.
            before = (state[index][0][None], state[index][1][None]) if state else None
            out, (hidden, cell) = layer(vectors, before)
            vectors = vectors + (self.dropout(out) if index + 1 < len(self.layers) else out)
            states.append((hidden[0], cell[0]))
        return vectors, states


def _forget_little(layer: nn.Module) -> None:
    """Begin with forget gates that are open (Jozefowicz et al. 2015): the bias of 1 is put on one of torch's two."""
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("bias_hh"):
                quarter = len(parameter) // 4
                parameter[quarter : 2 * quarter] += 1
