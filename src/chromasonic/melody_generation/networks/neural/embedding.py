"""Embeddings of tokens and bar positions, and the output head.

A note is the sum of its pitch, its duration and a narrow joint vector, both as an input and as an output.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.bar_position import NOT_ASKED, BarTimes
from chromasonic.melody_generation.networks.neural.factored_logits import FactoredLogits
from chromasonic.melody_generation.networks.neural.joined_products import apply_together
from chromasonic.melody_generation.vocabulary import MAX_BARS, NoteVocabulary

# Rank of what a pitch and a duration express together beyond what each expresses alone.
JOINT_WIDTH = 16
# Folk tunes consist of phrases of two, four and eight bars.
BARS_COUNTED = 8


class TokenEmbedding(nn.Module):
    """Maps token ids to vectors of width D.

    Args:
        vocabulary: Gives the pitch class and the duration class of each token.
        width: D.
    """

    pitch: Tensor
    duration: Tensor
    control: Tensor

    def __init__(self, vocabulary: NoteVocabulary, width: int) -> None:
        super().__init__()
        # Index 0 of each table stands for "has none"; its vector is and stays zero.
        for name, classes in (
            ("pitch", vocabulary.token_pitch + 1),
            ("duration", vocabulary.token_duration + 1),
            ("control", (vocabulary.token_pitch < 0) * (1 + np.arange(len(vocabulary)))),
        ):
            self.register_buffer(name, torch.from_numpy(classes), persistent=False)
        self.pitch_table = nn.Embedding(vocabulary.rest_class + 2, width, padding_idx=0)
        self.duration_table = nn.Embedding(len(vocabulary.duration_classes) + 1, width, padding_idx=0)
        self.control_table = nn.Embedding(vocabulary.first_note + 1, width, padding_idx=0)
        self.joint_table = nn.Embedding(len(vocabulary), JOINT_WIDTH)
        self.from_joint = nn.Linear(JOINT_WIDTH, width, bias=False)
        for table in (self.pitch_table, self.duration_table, self.control_table):
            nn.init.normal_(table.weight, std=0.5)
            with torch.no_grad():
                table.weight[0] = 0

    def forward(self, tokens: Tensor) -> Tensor:
        """Embed token ids (B, T) as vectors (B, T, D)."""
        vectors: Tensor = (
            self.pitch_table(self.pitch[tokens])  # (B, T, D), and so are the next two
            + self.duration_table(self.duration[tokens])
            + self.control_table(self.control[tokens])
            + self.from_joint(self.joint_table(tokens))  # (B, T, JOINT_WIDTH) -> (B, T, D)
        )
        return vectors


class BarPositionEmbedding(nn.Module):
    """Maps the position in the bar, the number of the bar and the bars that are left to vectors of width D."""

    def __init__(self, longest_bar: int, width: int) -> None:
        super().__init__()
        self._longest_bar = longest_bar
        self.position_table = nn.Embedding(longest_bar + 1, width)
        self.remaining_table = nn.Embedding(longest_bar + 1, width)
        self.bar_table = nn.Embedding(BARS_COUNTED, width)
        # Index 0 stands for no bars left; the last one is used if no number of bars is asked for.
        self.bars_left_table = nn.Embedding(MAX_BARS + 3, width)
        for table in (self.position_table, self.remaining_table, self.bar_table):
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, times: BarTimes) -> Tensor:
        """Embed times (B, T) as vectors (B, T, D)."""
        left = times.bars_left.clamp(0, MAX_BARS + 1)  # (B, T)
        vectors: Tensor = (
            self.position_table(times.position.clamp(max=self._longest_bar))  # (B, T, D), and so are the next three
            + self.remaining_table(times.remaining.clamp(max=self._longest_bar))
            + self.bar_table(times.bar % BARS_COUNTED)
            + self.bars_left_table(torch.where(times.bars_left == NOT_ASKED, MAX_BARS + 2, left))
        )
        return vectors


class OutputHead(nn.Module):
    """Maps vectors of width D to logits; the logit of a note is a sum of parts, as in its embedding."""

    def __init__(self, vocabulary: NoteVocabulary, width: int) -> None:
        super().__init__()
        self._n_pitches = vocabulary.rest_class + 1
        self._n_durations = len(vocabulary.duration_classes)
        self.pitch = nn.Linear(width, self._n_pitches)
        self.duration = nn.Linear(width, self._n_durations)
        self.to_joint = nn.Linear(width, JOINT_WIDTH, bias=False)
        self.joint = nn.Linear(JOINT_WIDTH, self._n_pitches * self._n_durations)
        self.control = nn.Linear(width, vocabulary.first_note)

    def forward(
        self, states: Tensor, pitch_scores: Tensor | None = None, duration_scores: Tensor | None = None
    ) -> Tensor:
        """Return logits (B, T, V).

        Args:
            states: Shape (B, T, D).
            pitch_scores: Added to the scores of pitches, shape (B, T, P).
            duration_scores: Added to the scores of durations, shape (B, T, E).
        """
        control, pitches, durations, hidden = self._scores(states, pitch_scores, duration_scores)
        notes = self.joint(hidden).unflatten(-1, (self._n_pitches, self._n_durations))  # (B, T, P, E)
        # In place: at this size every pass over memory counts.
        notes += pitches[..., :, None]
        notes += durations[..., None, :]
        return torch.cat([control, notes.flatten(-2)], dim=-1)  # (B, T, V), control tokens first

    def factors(
        self, states: Tensor, pitch_scores: Tensor | None = None, duration_scores: Tensor | None = None
    ) -> FactoredLogits:
        """Return the parts of the logits of all B T positions; arguments as for ``forward``."""
        control, pitches, durations, hidden = (
            scores.flatten(0, 1) for scores in self._scores(states, pitch_scores, duration_scores)
        )  # (B T, ...) each
        return FactoredLogits(control, pitches, durations, hidden, self.joint.weight, self.joint.bias)

    def _scores(
        self, states: Tensor, pitch_scores: Tensor | None, duration_scores: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return scores of control tokens, of pitches and of durations, and the vectors of the joint part."""
        control, pitches, durations, hidden = apply_together(
            (self.control, self.pitch, self.duration, self.to_joint), states
        )  # (B, T, ...) each
        if pitch_scores is not None:
            pitches = pitches + pitch_scores
        if duration_scores is not None:
            durations = durations + duration_scores
        return control, pitches, durations, hidden
