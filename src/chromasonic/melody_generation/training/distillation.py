"""Learning what another model predicts beside what came: distillation (Hinton, Vinyals & Dean 2015).

A tune says which note came; a teacher also says which others could have. A network that learns from a mixture takes
over a part of what the mixture knows better than each of its parts, and overfits less; one of the teacher's own size
may even surpass it (Furlanello et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_model
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# How many of the likeliest tokens a teacher tells of at each place: of a mixture's predictions these are 99 hundredths.
LIKELIEST = 64


@dataclass(frozen=True)
class Teacher:
    """A trained network, and how much of what is learned comes from it.

    It reads each tune once, by itself and in full precision, so that what it says does not depend on the batch. What
    it said is kept, on the CPU: 40 MB for a thousand tunes of a hundred notes.

    Attributes:
        model: The trained model; it stays as it is.
        share: Of the loss, above 0, at most 1.

    Raises:
        ValueError: If the share is out of range.
    """

    model: TrainedModel
    share: float
    _said: dict[bytes, tuple[Tensor, Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"a teacher's share is above 0 and at most 1, got {self.share}")
        self.model.network.eval().requires_grad_(False)

    @classmethod
    def of(cls, path: str | Path, share: float) -> Teacher:
        """The model of a run directory (its best checkpoint is taken) or of a checkpoint.

        Raises:
            InputError: If there is none, or it cannot be rebuilt.
        """
        try:
            return cls(load_model(path), share)
        except InputError as problem:
            raise InputError(f"teacher={path}: {problem}") from problem

    def predictions(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What may come after each of ``tokens``: ids (B, T).

        Returns:
            The probabilities of the ``LIKELIEST`` tokens, which sum to 1, and their ids, both of shape
            (B, T, LIKELIEST); after padding, nothing is likely.
        """
        said = [self._of_tune(row[row != NoteVocabulary.pad], tokens.device) for row in tokens.cpu()]
        missing = tokens.shape[1] - max(len(probabilities) for probabilities, _ in said)
        probabilities, ids = (
            nn.functional.pad(pad_sequence(list(each), batch_first=True), (0, 0, 0, missing))
            for each in zip(*said, strict=True)
        )
        return probabilities.to(tokens.device), ids.to(tokens.device, torch.long)

    def _of_tune(self, tokens: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        key = tokens.numpy().tobytes()
        if key not in self._said:
            # Also where the student learns in half precision.
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                logits = self.model.network.to(device)(tokens[None].to(device))[0]
            likeliest = logits.float().softmax(dim=-1).topk(LIKELIEST)
            probabilities = likeliest.values / likeliest.values.sum(dim=-1, keepdim=True)
            self._said[key] = probabilities.cpu(), likeliest.indices.to("cpu", torch.int16)
        return self._said[key]

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
        probabilities, ids = self.predictions(tokens)
        _, is_scored = next_token_targets(tokens)
        logits = logits.float()
        # What the teacher rules out counts for nothing, also where the student rules it out as well.
        expected = torch.where(probabilities > 0, probabilities * logits.gather(-1, ids), 0).sum(dim=-1)
        cross = (logits.logsumexp(dim=-1) - expected).where(is_scored, 0).sum() / is_scored.sum().clamp(min=1)
        return (1 - self.share) * own + self.share * cross
