"""Learning what another model predicts beside what came: distillation (Hinton, Vinyals & Dean 2015).

A tune says which note came; a teacher also says which others could have. A network that learns from a mixture takes
over a part of what the mixture knows better than each of its parts, and overfits less; one of the teacher's own size
may even surpass it (Furlanello et al. 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.checkpoint import load_model, read_checkpoint
from chromasonic.melody_generation.networks.markov import successors


@dataclass(frozen=True)
class Teacher:
    """A trained network, and how much of what is learned comes from it.

    Attributes:
        network: Of the contract; it stays as it is.
        share: Of the loss, above 0, at most 1.
        facts: What its checkpoint says of it.

    Raises:
        ValueError: If the share is out of range.
    """

    network: nn.Module
    share: float
    facts: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"a teacher's share is above 0 and at most 1, got {self.share}")
        self.network.eval().requires_grad_(False)

    @classmethod
    def of(cls, path: str | Path, share: float) -> Teacher:
        """The model of a run directory (its best checkpoint is taken) or of a checkpoint.

        Raises:
            InputError: If there is none, or it cannot be rebuilt.
        """
        facts = {name: value for name, value in read_checkpoint(path).items() if name != "model_state_dict"}
        return cls(load_model(path), share, facts)

    def loss(self, own: Tensor, logits: Tensor, tokens: Tensor) -> Tensor:
        """What a student is to make less: its own loss, and how far it is from what the teacher predicts.

        Args:
            own: Nats per scored token, shape ().
            logits: The student's, shape (B, T, V).
            tokens: Token ids with their prefix, shape (B, T).

        Returns:
            The weighted mean of ``own`` and of the cross-entropy of teacher and student, nats per scored token,
            shape ().
        """
        is_scored, _ = successors(tokens)
        with torch.no_grad():
            taught = self.network.to(tokens.device)(tokens)[is_scored].float().softmax(dim=-1)
        logits = logits[is_scored].float()
        # What the teacher rules out counts for nothing, also where the student rules it out as well.
        expected = torch.where(taught > 0, taught * logits, 0).sum(dim=-1)
        cross = (logits.logsumexp(dim=-1) - expected).sum() / is_scored.sum().clamp(min=1)
        return (1 - self.share) * own + self.share * cross
