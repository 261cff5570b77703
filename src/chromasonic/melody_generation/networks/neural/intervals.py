"""Intervals between a pitch and earlier notes, as inputs and as outputs.

Listeners hear a melody as steps and leaps as well as scale degrees, and the best counting models use both (Conklin &
Witten 1995; Pearce 2005). A network that knows pitches by name alone has to learn for every pair of pitches which
interval they form. Here every interval and every scale degree has a separate embedding and score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.bar_position import Onsets
from chromasonic.melody_generation.networks.neural.joined_products import apply_together
from chromasonic.melody_generation.vocabulary import NoteVocabulary

SEMITONES = 12
# Stands for a missing pitch or interval.
NONE = -1
# Scale step of each semitone above the tonic, in major and minor alike. A sharp has the step below it; thirds, sixths
# and sevenths have one step for both modes.
STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)


class IntervalScale(nn.Module):
    """Measures intervals between pitch classes on a scale of semitones or of scale steps. Has no parameters.

    Args:
        heights: Height of each pitch class on the scale, ascending, P - 1 of them (a rest has none).

    Attributes:
        n_intervals: Number of intervals, descending and ascending together.
    """

    heights: Tensor

    def __init__(self, heights: Sequence[int]) -> None:
        super().__init__()
        self._n_pitches, self._span = len(heights), heights[-1] - heights[0]
        self.n_intervals = 2 * self._span + 1
        # The last entry stands for the rest, so that it can be indexed; its height is never used.
        self.register_buffer(
            "heights", torch.tensor([height - heights[0] for height in (*heights, heights[0])]), persistent=False
        )

    def intervals(self, begins: Tensor, ends: Tensor) -> Tensor:
        """Return the intervals between pitch classes of the same shape, 0 to ``n_intervals`` - 1.

        The interval is ``NONE`` if either end is a rest or missing.
        """
        is_interval = self._is_pitch(begins) & self._is_pitch(ends)
        intervals = self.heights[ends.clamp(min=0)] - self.heights[begins.clamp(min=0)] + self._span
        return torch.where(is_interval, intervals, NONE)

    def pitch_scores(self, interval_scores: Tensor, begins: Tensor) -> Tensor:
        """Return scores of pitch classes (..., P) from scores of the intervals at which they lie above ``begins``.

        A rest scores 0, and all pitch classes score 0 where ``begins`` is a rest or missing.

        Args:
            interval_scores: Shape (..., n_intervals).
            begins: Pitch classes, shape (...).
        """
        intervals = self.heights[:-1] - self.heights[begins.clamp(min=0)][..., None] + self._span  # (..., P - 1)
        scores = interval_scores.gather(-1, intervals).where(self._is_pitch(begins)[..., None], 0)  # (..., P - 1)
        return nn.functional.pad(scores, (0, 1))  # (..., P)

    def _is_pitch(self, classes: Tensor) -> Tensor:
        return (classes >= 0) & (classes < self._n_pitches)


def semitone_scale(vocabulary: NoteVocabulary) -> IntervalScale:
    """Return the scale of semitones."""
    return IntervalScale(vocabulary.pitch_classes)


def step_scale(vocabulary: NoteVocabulary) -> IntervalScale:
    """Return the scale of diatonic steps, on which a phrase repeated a step higher has the same intervals."""
    octaves = [divmod(semitones, SEMITONES) for semitones in vocabulary.pitch_classes]
    return IntervalScale([len(set(STEPS)) * octave + STEPS[semitone] for octave, semitone in octaves])


class Anchors(NamedTuple):
    """Pitch classes from which intervals are measured, after each token; ``NONE`` where there is none.

    Shape (B, T) each. The state between two calls has the anchors after the last token, shape (B,) each.

    Attributes:
        last: Last sounding note; rests are skipped.
        previous: Sounding note before that.
        downbeat: Last note that began a bar.
    """

    last: Tensor
    previous: Tensor
    downbeat: Tensor


class AnchorTracker(nn.Module):
    """Finds the anchors in token sequences. Has no parameters."""

    pitch: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        pitch = vocabulary.token_pitch
        self.register_buffer(
            "pitch", torch.from_numpy(np.where(pitch == vocabulary.rest_class, NONE, pitch)), persistent=False
        )

    def forward(self, tokens: Tensor, onsets: Onsets, state: Anchors | None = None) -> tuple[Anchors, Anchors]:
        """Return the anchors after each of ``tokens``, and the state after the last.

        Args:
            tokens: Token ids, shape (B, T).
            onsets: Their onsets, shape (B, T) each.
            state: Anchors after the token before ``tokens``; None at the beginning of the sequences.
        """
        none = torch.full_like(tokens[:, 0], NONE)  # (B,)
        last, previous, downbeat = state or (none, none, none)
        pitches = self.pitch[tokens]  # (B, T)
        # The anchors so far precede the tokens, as if they were notes.
        notes = torch.cat([previous[:, None], last[:, None], pitches], dim=1)  # (B, 2 + T)
        last_index = _last_true(notes >= 0)  # (B, 2 + T)
        previous_index = nn.functional.pad(last_index[:, :-1], (1, 0)).gather(1, last_index)  # (B, 2 + T)
        downbeats = torch.cat([downbeat[:, None], pitches.where(onsets.position == 0, NONE)], dim=1)  # (B, 1 + T)
        anchors = Anchors(
            notes.gather(1, last_index)[:, 2:],  # (B, T)
            notes.gather(1, previous_index)[:, 2:],  # (B, T)
            downbeats.gather(1, _last_true(downbeats >= 0))[:, 1:],  # (B, T)
        )
        return anchors, Anchors(*(pitch_classes[:, -1] for pitch_classes in anchors))


def _last_true(mask: Tensor) -> Tensor:
    """Return for every step the index of the last true step up to it, shape (B, T) as ``mask``; 0 before the first."""
    steps = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, steps, 0).cummax(dim=1).values


class IntervalEmbedding(nn.Module):
    """Maps the last note's intervals from the other anchors, and its scale degree, to vectors of width D."""

    def __init__(self, vocabulary: NoteVocabulary, width: int) -> None:
        super().__init__()
        self._tonic = -vocabulary.pitch_classes[0] % SEMITONES
        self.semitones = semitone_scale(vocabulary)
        # The last index of each table stands for "none".
        self.from_before = nn.Embedding(self.semitones.n_intervals + 1, width)
        self.from_downbeat = nn.Embedding(self.semitones.n_intervals + 1, width)
        self.degree = nn.Embedding(SEMITONES + 1, width)
        for table in (self.from_before, self.from_downbeat, self.degree):
            nn.init.normal_(table.weight, std=0.25)

    def forward(self, anchors: Anchors) -> Tensor:
        """Embed anchors (B, T) as vectors (B, T, D)."""
        degrees = torch.where(anchors.last < 0, SEMITONES, (anchors.last - self._tonic) % SEMITONES)  # (B, T)
        vectors: Tensor = (
            self.degree(degrees)  # (B, T, D), and so are the next two
            + self.from_before(self._interval_indices(anchors.previous, anchors.last))
            + self.from_downbeat(self._interval_indices(anchors.downbeat, anchors.last))
        )
        return vectors

    def _interval_indices(self, begins: Tensor, ends: Tensor) -> Tensor:
        intervals = self.semitones.intervals(begins, ends)
        return intervals.where(intervals >= 0, self.semitones.n_intervals)


class IntervalHead(nn.Module):
    """Scores pitches by their intervals from each anchor and by their scale degrees."""

    degree_of: Tensor

    def __init__(self, vocabulary: NoteVocabulary, width: int) -> None:
        super().__init__()
        self.semitones = semitone_scale(vocabulary)
        self.intervals = nn.Linear(width, len(Anchors._fields) * self.semitones.n_intervals)
        self.degrees = nn.Linear(width, SEMITONES)
        for linear in (self.intervals, self.degrees):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        self.register_buffer(
            "degree_of", torch.tensor([pitch % SEMITONES for pitch in vocabulary.pitch_classes]), persistent=False
        )

    def forward(self, states: Tensor, anchors: Anchors) -> Tensor:
        """Return scores of pitch classes (B, T, P); a rest scores 0.

        Args:
            states: Shape (B, T, D).
            anchors: Shape (B, T) each.
        """
        begins = torch.stack(anchors, dim=-1)  # (B, T, 3)
        intervals, degrees = apply_together((self.intervals, self.degrees), states)  # (B, T, 3 intervals), (B, T, 12)
        interval_scores = intervals.view(*intervals.shape[:-1], -1, self.semitones.n_intervals)  # (B, T, 3, intervals)
        degree_scores = nn.functional.pad(degrees[..., self.degree_of], (0, 1))  # (B, T, P)
        return self.semitones.pitch_scores(interval_scores, begins).sum(-2) + degree_scores  # (B, T, P)
