"""Linear layers applied together, against each layer alone."""

import torch
from torch import nn

from chromasonic.melody_generation.networks.neural.joined_products import apply_together


def test_layers_applied_together_give_what_each_gives_alone() -> None:
    layers = [nn.Linear(5, 3), nn.Linear(5, 1, bias=False), nn.Linear(5, 2)]
    vectors = torch.randn(2, 4, 5, requires_grad=True)
    together, alone = apply_together(layers, vectors), [layer(vectors) for layer in layers]
    torch.testing.assert_close(list(together), alone)
    leaves = [vectors, *(parameter for layer in layers for parameter in layer.parameters())]
    gradients = [
        torch.autograd.grad(torch.cat(list(outputs), dim=-1).square().sum(), leaves) for outputs in (together, alone)
    ]
    torch.testing.assert_close(*gradients)
