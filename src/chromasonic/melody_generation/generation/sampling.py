"""From scores to one token: temperature, top-k, top-p and minimum p, then a draw that anyone can repeat.

All filters work on probabilities, in this order, each on what the one before it kept: temperature flattens or
sharpens, top-k keeps the k most probable tokens (Fan et al. 2018), top-p the smallest set that holds a share p
(the nucleus; Holtzman et al. 2020), minimum p all that are at least that share of the most probable one
(Nguyen et al. 2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen; by default drawn from the network's own probabilities.

    Attributes:
        temperature: Divides the logits; 0 takes the most probable token (greedy), the first of several.
        top_k: How many tokens are kept, exactly; of equally probable ones the first. 0 keeps all.
        top_p: The share of probability that is kept at least, by as few tokens as can be. 1 keeps all.
        min_p: Keeps the tokens with at least this share of the most probable one's probability. 0 keeps all.

    Raises:
        InputError: If a value is out of its range.

    Example:
        >>> logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
        >>> Sampling(top_k=2).probabilities(logits)
        tensor([[0.6250, 0.3750, 0.0000]])
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        for name, is_fine, expected in (
            ("temperature", 0 <= self.temperature < math.inf, "a number of 0 or more (0 is greedy)"),
            ("top_k", self.top_k >= 0, "how many tokens are kept, 0 for all"),
            ("top_p", 0 < self.top_p <= 1, "a share above 0 and up to 1, 1 for all"),
            ("min_p", 0 <= self.min_p <= 1, "a share of 0 to 1, 0 for all"),
        ):
            if not is_fine:
                raise InputError(f"{name} is {expected}, got {getattr(self, name)}")

    @property
    def is_greedy(self) -> bool:
        """Whether one token is left to choose, so that the same beginning always goes on in the same way."""
        return self.temperature == 0 or self.top_k == 1

    def probabilities(self, logits: Tensor) -> Tensor:
        """The chance of each token to be chosen.

        Args:
            logits: Scores on the CPU, minus infinity for what must not come, at least one finite, shape (B, V).

        Returns:
            Rows that sum to 1, shape (B, V).
        """
        if self.temperature == 0:
            return nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
        # The peak goes first, so that no temperature makes an infinity of it.
        peak = logits.amax(-1, keepdim=True)
        kept = ((logits - peak) / self.temperature).softmax(-1)
        if not self.top_k and self.top_p == 1 and not self.min_p:
            return kept
        if self.top_k or self.top_p < 1:
            kept = self._most_probable(kept)
        if self.min_p:
            kept = kept.where(kept >= self.min_p * kept.amax(-1, keepdim=True), 0)
        return kept / kept.sum(-1, keepdim=True)

    def _most_probable(self, probabilities: Tensor) -> Tensor:
        """Put 0 for what top-k and top-p leave out, shape (B, V)."""
        # Values alone, and by numpy, sort twenty times as fast as torch sorts values with their places.
        ordered = torch.from_numpy(-np.sort(-probabilities.numpy()))
        if self.top_k:
            ordered = ordered[:, : self.top_k]
        cumulative = ordered.cumsum(-1)
        before = nn.functional.pad(cumulative[:, :-1], (1, 0))
        n_kept = ((before < self.top_p * cumulative[:, -1:]) | (self.top_p == 1)).sum(-1, keepdim=True)
        least = ordered.gather(-1, n_kept - 1)
        equal = probabilities == least
        room = n_kept - (probabilities > least).sum(-1, keepdim=True)
        return probabilities.where((probabilities > least) | (equal & (equal.cumsum(-1) <= room)), 0)


def drawn(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """One token of each row, by the inverse of its cumulative distribution.

    A row's token depends on its own probabilities and number alone, so rows may come together in any batch.

    Args:
        probabilities: Shape (B, V); float64, or the tail of a long row drowns in rounding.
        uniforms: A number of 0 to 1 (exclusive) for each row, shape (B,).

    Returns:
        Token ids, shape (B,); never one of probability 0.
    """
    cumulative = probabilities.cumsum(-1)
    total = cumulative[:, -1]
    # A product may round up to the total, beyond which no token stands.
    wanted = torch.minimum(uniforms * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, wanted[:, None], right=True)[:, 0]
