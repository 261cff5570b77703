"""The LSTM: layers of long short-term memory (Hochreiter & Schmidhuber 1997) with residual connections."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork, check_sizes

LayerState = tuple[Tensor, Tensor]  # hidden and cell state, each (B, D)


class LSTMNetwork(SequenceNetwork[list[LayerState]]):
    """Maps tokens (B, T) to logits (B, T, V) with an LSTM.

    Args:
        hidden_size: Width D of embeddings and hidden states.
        num_layers: Number of LSTM layers L, each added to its input.
        dropout: Fraction of each vector that is dropped in training.
        memory: Whether to attend to the tune so far and copy from it.
        position: Whether to embed the position in the bar and the number of the bar; otherwise only notes and control
            tokens tell them.

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
            _open_forget_gates(layer)

    def forward(self, vectors: Tensor, state: list[LayerState] | None = None) -> tuple[Tensor, list[LayerState]]:
        """Return states (B, T, D) for vectors (B, T, D), and the state of every layer."""
        layer_states: list[LayerState] = []
        for index, layer in enumerate(self.layers):
            # Torch has the batch as the second dimension of a state. Here it is the first, as in every other state.
            initial = (state[index][0][None], state[index][1][None]) if state else None  # (1, B, D) each
            output, (hidden, cell) = layer(vectors, initial)  # (B, T, D), and (1, B, D) each
            vectors = vectors + (self.dropout(output) if index + 1 < len(self.layers) else output)
            layer_states.append((hidden[0], cell[0]))  # (B, D) each
        return vectors, layer_states


def _open_forget_gates(layer: nn.Module) -> None:
    """Add 1 to the biases of the forget gates (Jozefowicz et al. 2015), to one of torch's two biases."""
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("bias_hh"):
                quarter = len(parameter) // 4  # input, forget, cell and output gates, D each
                parameter[quarter : 2 * quarter] += 1
