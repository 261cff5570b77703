"""Dropout (Srivastava et al. 2014) with masks that are cheap on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 256


class Dropout(nn.Module):
    """Like ``nn.Dropout``, with one random number for eight elements.

    ``nn.Dropout`` draws one for each element, which takes a tenth of a training step.

    Args:
        p: Fraction of elements that is dropped in training, rounded to 1/256.

    Example:
        >>> dropout = Dropout(0.5)
        >>> dropout.eval()(torch.ones(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._n_dropped = min(round(p * _LEVELS), _LEVELS - 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Drop elements in training and scale the others so that the mean stays; any shape."""
        if not self.training or self._n_dropped == 0:
            return vectors
        n_words = -(-vectors.numel() // 8)
        words = torch.empty(n_words, dtype=torch.int64, device=vectors.device).random_(-(2**63), None)
        levels = words.view(torch.uint8)[: vectors.numel()].view(vectors.shape)  # one byte per element
        kept = (levels >= self._n_dropped).to(vectors.dtype)
        return vectors * kept.mul_(_LEVELS / (_LEVELS - self._n_dropped))

    def extra_repr(self) -> str:
        """Return the fraction, for printing."""
        return f"p={self.p}"
