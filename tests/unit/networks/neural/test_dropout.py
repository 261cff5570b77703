"""Dropout drops the requested fraction, keeps the mean, and is reproducible from the seed."""

from __future__ import annotations

import pytest
import torch

from chromasonic.melody_generation.networks.neural.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.35, 0.5, 0.9])
def test_dropout_drops_the_requested_fraction_and_keeps_the_mean(p: float) -> None:
    dropped = Dropout(p)(torch.ones(200, 37, 27))
    n = dropped.numel()
    fraction = float((dropped == 0).float().mean())
    assert fraction == pytest.approx(p, abs=1 / 512 + 5 * (p * (1 - p) / n) ** 0.5)
    assert float(dropped.mean()) == pytest.approx(1, abs=5 * (p / (1 - p) / n) ** 0.5)
    assert len(dropped.unique()) == 2


def test_a_fraction_close_to_1_keeps_some_elements() -> None:
    dropped = Dropout(0.9999)(torch.ones(100_000))
    assert 0 < int((dropped > 0).sum()) < 1_000


def test_elements_of_one_random_number_are_dropped_independently() -> None:
    kept = (Dropout(0.5)(torch.ones(80_000)) > 0).float().view(-1, 8)
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert float(correlation.abs().max()) < 5 / 10_000**0.5


def test_gradients_pass_through_kept_elements_only() -> None:
    vectors = torch.ones(7, 3, requires_grad=True)
    dropped = Dropout(0.5)(vectors)
    dropped.sum().backward()
    assert torch.equal(vectors.grad, dropped.detach())  # type: ignore[arg-type]


def test_dropout_is_reproducible_from_the_seed() -> None:
    dropout, vectors = Dropout(0.5), torch.ones(100)

    def dropped(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        dropped_vectors: torch.Tensor = dropout(vectors)
        return dropped_vectors

    assert torch.equal(dropped(3), dropped(3))
    assert not torch.equal(dropped(3), dropped(4))


@pytest.mark.parametrize("dropout", [Dropout(0.5).eval(), Dropout(0.0)])
def test_dropout_is_the_identity_in_evaluation_or_with_fraction_0(dropout: Dropout) -> None:
    vectors = torch.randn(5, 4)
    assert dropout(vectors) is vectors
