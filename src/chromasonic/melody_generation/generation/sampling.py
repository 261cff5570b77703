"""From logits to one token: temperature, top-k, top-p and minimum p, then a draw that is repeatable.

The filters work on probabilities, in this order, each on what the one before it kept: temperature flattens or
sharpens, top-k keeps the k most probable tokens (Fan et al. 2018), top-p the smallest set that holds a share p
(the nucleus; Holtzman et al. 2020), minimum p all that are at least that share of the most probable one
(Nguyen et al. 2024).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.generation.generation_config import GenerationConfig


def token_probabilities(logits: Tensor, config: GenerationConfig) -> Tensor:
    """Return the probability of each token to be drawn.

    Args:
        logits: Scores on the CPU, minus infinity for excluded tokens, at least one finite, shape (B, V).
        config: Temperature, top-k, top-p and minimum p.

    Returns:
        Probabilities that sum to 1, shape (B, V).

    Example:
        >>> logits = torch.tensor([[0.5, 0.3, 0.2]]).log()
        >>> token_probabilities(logits, GenerationConfig(top_k=2))
        tensor([[0.6250, 0.3750, 0.0000]])
    """
    if config.temperature == 0:
        return nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
    # The peak goes first, so that no temperature makes an infinity of it.
    peak = logits.amax(-1, keepdim=True)
    kept = ((logits - peak) / config.temperature).softmax(-1)
    if not config.top_k and config.top_p == 1 and not config.min_p:
        return kept
    if config.top_k or config.top_p < 1:
        kept = _keep_most_probable(kept, config)
    if config.min_p:
        kept = kept.where(kept >= config.min_p * kept.amax(-1, keepdim=True), 0)
    return kept / kept.sum(-1, keepdim=True)


def _keep_most_probable(probabilities: Tensor, config: GenerationConfig) -> Tensor:
    """Set to 0 the probabilities that top-k and top-p leave out, shape (B, V)."""
    # Values alone, and by numpy, sort twenty times as fast as torch sorts values with their indices.
    ordered = torch.from_numpy(-np.sort(-probabilities.numpy()))
    if config.top_k:
        ordered = ordered[:, : config.top_k]
    cumulative = ordered.cumsum(-1)
    before = nn.functional.pad(cumulative[:, :-1], (1, 0))
    n_kept = ((before < config.top_p * cumulative[:, -1:]) | (config.top_p == 1)).sum(-1, keepdim=True)
    least = ordered.gather(-1, n_kept - 1)  # (B, 1)
    equal = probabilities == least
    n_equal_kept = n_kept - (probabilities > least).sum(-1, keepdim=True)
    return probabilities.where((probabilities > least) | (equal & (equal.cumsum(-1) <= n_equal_kept)), 0)


def sample_from(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Draw one token for each sequence of a batch, by the inverse of the cumulative distribution.

    A token depends only on the probabilities and the random number of its sequence, not on the rest of the batch.

    Args:
        probabilities: Shape (B, V); float64, since float32 rounds away the tail of a long vector.
        uniforms: A number of 0 to 1 (exclusive) for each sequence, shape (B,).

    Returns:
        Token ids, shape (B,); never one of probability 0.
    """
    cumulative = probabilities.cumsum(-1)
    total = cumulative[:, -1]
    # A product may round up to the total, beyond which there is no token.
    wanted = torch.minimum(uniforms * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, wanted[:, None], right=True)[:, 0]
