"""Summaries of factored logits, against the logits themselves."""

import pytest
import torch
from torch import Tensor

from chromasonic.melody_generation.networks.neural import factored_logits
from chromasonic.melody_generation.networks.neural.factored_logits import FactoredLogits, summarise_logits

N_POSITIONS, N_CONTROL, N_PITCHES, N_DURATIONS, RANK = 11, 5, 4, 3, 2
SIZES = (
    (N_POSITIONS, N_CONTROL),
    (N_POSITIONS, N_PITCHES),
    (N_POSITIONS, N_DURATIONS),
    (N_POSITIONS, RANK),
    (N_PITCHES * N_DURATIONS, RANK),
    (N_PITCHES * N_DURATIONS,),
)


def explicit(parts: FactoredLogits) -> Tensor:
    """Return the logits (R, V)."""
    joint = (parts.hidden @ parts.weight.t() + parts.bias).view(-1, N_PITCHES, N_DURATIONS)
    notes = joint + parts.pitches[:, :, None] + parts.durations[:, None, :]
    return torch.cat([parts.control, notes.flatten(1)], dim=1)


@pytest.mark.parametrize("block", [1, 4, 100])
def test_a_summary_and_its_gradient_are_those_of_the_logits(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factored_logits, "_BLOCK", block)
    torch.manual_seed(0)
    parts = FactoredLogits(*(torch.randn(size, requires_grad=True) for size in SIZES))
    logits = explicit(parts)
    targets = torch.randint(logits.shape[1], (N_POSITIONS,))
    others = torch.randint(logits.shape[1], (N_POSITIONS, 6))
    summary = summarise_logits(parts, targets, others)
    log_total, target = logits.logsumexp(1), logits.gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(summary.log_total, log_total)
    torch.testing.assert_close(summary.target, target)
    torch.testing.assert_close(summary.others, logits.gather(1, others))
    assert torch.equal(summary.best, logits.argmax(1))
    torch.testing.assert_close(summary.highest, logits.amax(1))
    factors = torch.randn(2, N_POSITIONS)
    expected = torch.autograd.grad((torch.stack([log_total, target]) * factors).sum(), parts)
    actual = torch.autograd.grad((torch.stack([summary.log_total, summary.target]) * factors).sum(), parts)
    torch.testing.assert_close(actual, expected)
