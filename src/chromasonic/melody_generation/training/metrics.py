"""Likelihood and accuracy of predictions, as sums and counts that can be added.

Tunes and batches differ in length, so that a mean of batch means would be wrong. Every measure is a ratio of two sums,
which are added over batches and processes and divided once, at the end.

The main measure is bits per note: the negative log2-likelihood of all tokens of a tune after its control prefix
(``<end>``, ``<bar>`` and metre tokens included), divided by the number of its notes and rests.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.checked_logits import checked
from chromasonic.melody_generation.networks.contract import NextTokenScores, next_token_targets
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def next_token_nll(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-likelihood of each target.

    Args:
        logits: Unnormalised scores, shape (B, T, V).
        targets: Token ids, shape (B, T).

    Returns:
        Nats, shape (B, T).

    Raises:
        ValueError: If the leading shapes differ; the message names both.
    """
    if logits.shape[:-1] != targets.shape:
        raise ValueError(f"logits of shape {tuple(logits.shape)} do not score targets {tuple(targets.shape)}")
    nll = nn.functional.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return nll.view(targets.shape)


# Each measure as two sums, numerator and denominator: the only table of the measures of prediction.
MEASURE_RATIOS = {
    "loss": ("nats", "n_tokens"),
    "bits_per_note": ("bits", "n_notes"),
    "note_bits": ("note_bits", "n_notes"),
    "accuracy": ("notes_right", "n_notes"),
    "pitch_accuracy": ("pitches_right", "n_notes"),
    "duration_accuracy": ("durations_right", "n_notes"),
}
MEASURE_NAMES = tuple(MEASURE_RATIOS)
_BITS_PER_NAT = 1 / math.log(2)


class ScoreSums(NamedTuple):
    """Sums over a batch, each of shape (): nats, and counts of tokens and notes (rests included)."""

    nats: Tensor
    n_tokens: Tensor
    note_nats: Tensor
    n_notes: Tensor
    notes_right: Tensor
    pitches_right: Tensor
    durations_right: Tensor

    @property
    def bits(self) -> Tensor:
        """The nats of all tokens in bits."""
        return self.nats * _BITS_PER_NAT

    @property
    def note_bits(self) -> Tensor:
        """The nats of notes and rests in bits."""
        return self.note_nats * _BITS_PER_NAT

    def ratios(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return each of ``MEASURE_RATIOS`` as numerator and denominator."""
        return {name: (getattr(self, top), getattr(self, bottom)) for name, (top, bottom) in MEASURE_RATIOS.items()}


class TokenScores(NamedTuple):
    """Scores of every position of a batch, each of shape (B, T); position t is about the token that follows it."""

    nats: Tensor
    is_scored: Tensor
    is_note: Tensor
    note_right: Tensor
    pitch_right: Tensor
    duration_right: Tensor

    def sums(self) -> ScoreSums:
        """Return the sums over whole sequences."""
        return ScoreSums(
            nats=self.nats.sum(),
            n_tokens=self.is_scored.sum(),
            note_nats=self.nats.where(self.is_note, 0).sum(),
            n_notes=self.is_note.sum(),
            notes_right=self.note_right.sum(),
            pitches_right=self.pitch_right.sum(),
            durations_right=self.duration_right.sum(),
        )


class TokenScorer(nn.Module):
    """Compares logits with the tokens of tunes; returns sums and counts, no averages.

    The control prefix and padding are not scored. A note, a pitch or a duration is right if the most probable
    token has it; a token that is no note has none.
    """

    pitch: Tensor
    duration: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self.register_buffer("pitch", torch.from_numpy(vocabulary.token_pitch), persistent=False)
        self.register_buffer("duration", torch.from_numpy(vocabulary.token_duration), persistent=False)

    def forward(self, logits: Tensor, tokens: Tensor) -> ScoreSums:
        """Return the sums over whole sequences.

        Args:
            logits: Shape (B, T, V); ``logits[:, t]`` scores ``tokens[:, t + 1]``.
            tokens: Token ids with their prefix, shape (B, T).

        Raises:
            ValueError: If the shapes do not fit each other or the vocabulary.
        """
        return self.by_token(logits, tokens).sums()

    def from_scores(self, scores: NextTokenScores, tokens: Tensor) -> TokenScores:
        """Return the scores of each token from those of a network that gives no logits.

        Args:
            scores: Scores of the targets of :func:`next_token_targets`, shape (B, T) each.
            tokens: Token ids with their prefix, shape (B, T).
        """
        targets, is_scored = next_token_targets(tokens)
        is_note = targets >= self._vocabulary.first_note
        guess = scores.best
        return TokenScores(
            # Not a product: where a network rules padding out, its nats are infinite.
            nats=scores.nats.where(is_scored, 0),
            is_scored=is_scored,
            is_note=is_note,
            note_right=(guess == targets) & is_note,
            pitch_right=(self.pitch[guess] == self.pitch[targets]) & is_note,
            duration_right=(self.duration[guess] == self.duration[targets]) & is_note,
        )

    def by_token(self, logits: Tensor, tokens: Tensor) -> TokenScores:
        """Return the scores of each token; arguments and errors as for ``forward``."""
        logits = checked(logits, tokens)
        # Logits are large, and a slice of them would be copied: padding takes the place of what is not scored.
        targets, _ = next_token_targets(tokens)
        return self.from_scores(NextTokenScores(next_token_nll(logits, targets), logits.argmax(dim=-1)), tokens)
