"""Knowledge distillation: train on the predictions of another model as well (Hinton, Vinyals & Dean 2015).

A tune has one note at every position; a teacher also gives the probabilities of the others. A network distilled from a
mixture gains a part of the mixture's advantage over its parts, and overfits less. A network may even surpass a teacher
of the same size (Furlanello et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Number of most probable tokens that a teacher predicts per position; they hold 99 % of a mixture's probability.
N_TOP_TOKENS = 64


@dataclass(frozen=True)
class Teacher:
    """A trained network to distil from.

    It reads each tune once, alone and in full precision, so that its predictions do not depend on the batch. They are
    kept on the CPU: 40 MB for a thousand tunes of a hundred notes.

    Attributes:
        network: A network of the contract; it is not changed.
        weight: Weight of the distillation loss, above 0, at most 1.

    Raises:
        ValueError: If the weight is out of range.
    """

    network: nn.Module
    weight: float
    _predicted: dict[bytes, tuple[Tensor, Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError(f"distillation_weight is above 0 and at most 1, got {self.weight}")
        self.network.eval().requires_grad_(False)

    def predictions(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the teacher's predictions of the tokens that follow ``tokens``: ids (B, T).

        Returns:
            The probabilities of the ``N_TOP_TOKENS`` most probable tokens, which sum to 1, and their ids, both of shape
            (B, T, N_TOP_TOKENS); after padding, all probabilities are 0.
        """
        predicted = [self._predict(row[row != NoteVocabulary.pad], tokens.device) for row in tokens.cpu()]
        missing = tokens.shape[1] - max(len(probabilities) for probabilities, _ in predicted)
        probabilities, ids = (
            nn.functional.pad(pad_sequence(list(rows), batch_first=True), (0, 0, 0, missing))  # (B, T, N_TOP_TOKENS)
            for rows in zip(*predicted, strict=True)
        )
        return probabilities.to(tokens.device), ids.to(tokens.device, torch.long)

    def _predict(self, tokens: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return probabilities and ids of the top tokens after each of ``tokens`` (T,), both (T, N_TOP_TOKENS)."""
        key = tokens.numpy().tobytes()
        if key not in self._predicted:
            # In full precision, also if the student is trained in half precision.
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                logits = self.network.to(device)(tokens[None].to(device))[0]  # (T, V)
            top = logits.float().softmax(dim=-1).topk(N_TOP_TOKENS)
            probabilities = top.values / top.values.sum(dim=-1, keepdim=True)
            self._predicted[key] = probabilities.cpu(), top.indices.to("cpu", torch.int16)
        return self._predicted[key]

    def loss(self, own: Tensor, logits: Tensor, tokens: Tensor) -> Tensor:
        """Return the weighted mean of the student's own loss and of the distillation loss.

        The distillation loss is the cross-entropy of the student's predictions under the teacher's.

        Args:
            own: Nats per scored token, shape ().
            logits: The student's logits, shape (B, T, V).
            tokens: Token ids with their prefix, shape (B, T).

        Returns:
            Nats per scored token, shape ().
        """
        probabilities, ids = self.predictions(tokens)
        _, is_scored = next_token_targets(tokens)
        logits = logits.float()
        # A probability of 0 counts for nothing, also if the student's is 0 as well.
        expected = torch.where(probabilities > 0, probabilities * logits.gather(-1, ids), 0).sum(dim=-1)  # (B, T)
        cross = (logits.logsumexp(dim=-1) - expected).where(is_scored, 0).sum() / is_scored.sum().clamp(min=1)
        return (1 - self.weight) * own + self.weight * cross
