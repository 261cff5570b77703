"""Likelihoods from the parts of a note's logit, without the logits (B, T, V) of a whole batch.

The logit of a note is a sum: a score of its pitch, one of its duration, and a product of low rank. Training needs two
numbers of each position: the logit of the token that follows, and the logarithm of the sum over all tokens. They are
computed for a block of positions at a time, whose logits stay in the cache of a processor core, and computed once more
for the gradient. Reading and writing arrays of the size of a batch's logits would take longer than the rest of the
loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Positions of a block on a CPU: their logits take 0.9 MB.
_BLOCK = 128


class FactoredLogits(NamedTuple):
    """Parts of the logits of R positions.

    The logit of control token c is ``control[:, c]``. That of the note with pitch p and duration e is
    ``hidden @ weight[p * E + e] + bias[p * E + e] + pitches[:, p] + durations[:, e]``.

    Attributes:
        control: Shape (R, C).
        pitches: Shape (R, P).
        durations: Shape (R, E).
        hidden: Shape (R, J).
        weight: Shape (P E, J).
        bias: Shape (P E,).
    """

    control: Tensor
    pitches: Tensor
    durations: Tensor
    hidden: Tensor
    weight: Tensor
    bias: Tensor


class LogitSummary(NamedTuple):
    """Properties of the logits of R positions that training needs.

    Attributes:
        log_total: Logarithm of the sum of all tokens' exponentials, shape (R,).
        target: Logit of the target, shape (R,).
        best: The token with the highest logit, shape (R,). It has no gradient, and neither have the next two.
        highest: Its logit, shape (R,).
        others: Logits of other tokens, shape (R, K).
    """

    log_total: Tensor
    target: Tensor
    best: Tensor
    highest: Tensor
    others: Tensor


def summarise_logits(logits: FactoredLogits, targets: Tensor, others: Tensor) -> LogitSummary:
    """Summarise logits without keeping them.

    Args:
        logits: Their parts, for R positions.
        targets: Token ids, shape (R,).
        others: Further token ids of which the logits are wanted, shape (R, K).
    """
    parts = (part.float() for part in logits)
    return LogitSummary(*_Summary.apply(targets, others, *parts))  # type: ignore[no-untyped-call]


class _Summary(torch.autograd.Function):
    """The summary of factored logits as one operation."""

    @staticmethod
    def forward(ctx: Any, targets: Tensor, others: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        """Return the fields of a :class:`LogitSummary`."""
        logits = FactoredLogits(*parts)
        summary = LogitSummary(
            logits.control.new_empty(len(targets)),
            logits.control.new_empty(len(targets)),
            torch.empty_like(targets),
            logits.control.new_empty(len(targets)),
            logits.control.new_empty(others.shape),
        )
        with torch.autocast(targets.device.type, enabled=False):
            for rows, block in _blocks(logits):
                torch.gather(block, 1, targets[rows, None], out=summary.target[rows, None])
                torch.gather(block, 1, others[rows], out=summary.others[rows])
                torch.max(block, 1, out=(summary.highest[rows], summary.best[rows]))
                highest = summary.highest[rows]
                total = block.sub_(highest[:, None]).exp_().sum(1)
                torch.add(total.log_(), highest, out=summary.log_total[rows])
        ctx.save_for_backward(targets, summary.log_total, *parts)
        ctx.mark_non_differentiable(summary.best, summary.highest, summary.others)
        ctx.set_materialize_grads(False)
        return tuple(summary)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_log_total: Tensor, d_target: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the parts, from those of ``log_total`` and ``target``, (R,) each."""
        targets, log_total, *parts = ctx.saved_tensors
        logits = FactoredLogits(*parts)
        n_control, (n_pitches, n_durations) = logits.control.shape[1], _sizes(logits)
        gradients = FactoredLogits(*map(torch.empty_like, logits[:4]), *map(torch.zeros_like, logits[4:]))
        with torch.autocast(targets.device.type, enabled=False):
            for rows, block in _blocks(logits):
                # The gradient of the logits: the probabilities times one factor, and the target another.
                block.sub_(log_total[rows, None]).exp_().mul_(d_log_total[rows, None])
                block.scatter_add_(1, targets[rows, None], d_target[rows, None])
                notes = block[:, n_control:]  # (rows, P E)
                by_part = notes.view(len(notes), n_pitches, n_durations)  # (rows, P, E)
                gradients.control[rows] = block[:, :n_control]
                torch.sum(by_part, 2, out=gradients.pitches[rows])
                torch.sum(by_part, 1, out=gradients.durations[rows])
                torch.mm(notes, logits.weight, out=gradients.hidden[rows])
                gradients.weight.addmm_(notes.t(), logits.hidden[rows])
                gradients.bias.add_(notes.sum(0))
        return None, None, *gradients


def _sizes(logits: FactoredLogits) -> tuple[int, int]:
    """Return the number of pitches and of durations."""
    return logits.pitches.shape[1], logits.durations.shape[1]


def _blocks(logits: FactoredLogits) -> Iterator[tuple[slice, Tensor]]:
    """Yield slices of positions and their logits (rows, V), always in the same memory."""
    n_positions, n_control = logits.control.shape
    n_rows = _BLOCK if logits.control.device.type == "cpu" else n_positions
    memory = logits.control.new_empty(min(n_rows, n_positions), n_control + len(logits.weight))
    transposed = logits.weight.t()  # (J, P E)
    for begin in range(0, n_positions, n_rows):
        rows = slice(begin, min(begin + n_rows, n_positions))
        block = memory[: rows.stop - begin]
        block[:, :n_control] = logits.control[rows]
        notes = block[:, n_control:]  # (rows, P E)
        torch.addmm(logits.bias, logits.hidden[rows], transposed, out=notes)
        by_part = notes.view(len(notes), *_sizes(logits))  # (rows, P, E)
        by_part += logits.pitches[rows, :, None]
        by_part += logits.durations[rows, None]
        yield rows, block
