"""Several linear layers of the same vectors as one product of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def apply_together(linears: Sequence[nn.Linear], vectors: Tensor) -> tuple[Tensor, ...]:
    """Return what each of several linear layers gives for vectors (..., D), shape (..., outputs of the layer) each.

    A narrow layer alone takes as long as a wide one: for its gradient, all vectors are read and written again.

    Args:
        linears: Layers of D inputs; some may have no bias.
        vectors: Shape (..., D).
    """
    weight = torch.cat([linear.weight for linear in linears])  # (all outputs, D)
    biases: list[Tensor | None] = [linear.bias for linear in linears]
    widths = [linear.out_features for linear in linears]
    bias = torch.cat(
        [weight.new_zeros(width) if bias is None else bias for bias, width in zip(biases, widths, strict=True)]
    )  # (all outputs,)
    return torch.split(nn.functional.linear(vectors, weight, bias), widths, dim=-1)
