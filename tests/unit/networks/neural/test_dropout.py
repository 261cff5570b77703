"""Dropout drops the share it is told, keeps the mean, and repeats with the seed."""

from __future__ import annotations

import pytest
import torch

from chromasonic.melody_generation.networks.neural.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.35, 0.5, 0.9])
def test_it_drops_its_share_and_keeps_the_mean(p: float) -> None:
    dropped = Dropout(p)(torch.ones(200, 37, 27))
    n = dropped.numel()
    share = float((dropped == 0).float().mean())
    assert share == pytest.approx(p, abs=1 / 512 + 5 * (p * (1 - p) / n) ** 0.5)
    assert float(dropped.mean()) == pytest.approx(1, abs=5 * (p / (1 - p) / n) ** 0.5)
    assert len(dropped.unique()) == 2


def test_a_share_next_to_one_still_keeps_something() -> None:
    dropped = Dropout(0.9999)(torch.ones(100_000))
    assert 0 < int((dropped > 0).sum()) < 1_000


def test_neighbours_that_share_a_random_number_are_dropped_independently() -> None:
    kept = (Dropout(0.5)(torch.ones(80_000)) > 0).float().view(-1, 8)
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert float(correlation.abs().max()) < 5 / 10_000**0.5


def test_it_passes_gradients_where_it_kept() -> None:
    vectors = torch.ones(7, 3, requires_grad=True)
    dropped = Dropout(0.5)(vectors)
    dropped.sum().backward()
    assert torch.equal(vectors.grad, dropped.detach())  # type: ignore[arg-type]


def test_the_seed_decides() -> None:
    dropout, vectors = Dropout(0.5), torch.ones(100)

    def dropped(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        dropped_vectors: torch.Tensor = dropout(vectors)
        return dropped_vectors

    assert torch.equal(dropped(3), dropped(3))
    assert not torch.equal(dropped(3), dropped(4))


@pytest.mark.parametrize("dropout", [Dropout(0.5).eval(), Dropout(0.0)])
def test_it_is_nothing_in_evaluation_or_without_a_share(dropout: Dropout) -> None:
    vectors = torch.randn(5, 4)
    assert dropout(vectors) is vectors
