"""Intervals: a pitch seen from the notes that lead to it, both where it is read and where it is predicted.

A melody is heard as steps and leaps as much as degrees of a scale, and the best counting models join both views
(Conklin & Witten 1995; Pearce 2005). A network that knows pitches by name alone has to learn for each pair of them
that they are a step apart. Here every interval has a vector, and a score, of its own, whatever the pitch it begins
on; so has every degree of the scale, whatever its octave.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.bar_position import Onsets
from chromasonic.melody_generation.networks.neural.interval_scale import NONE, SEMITONES, semitone_scale
from chromasonic.melody_generation.vocabulary import NoteVocabulary


class Anchors(NamedTuple):
    """Pitch classes that intervals are counted from after each token, shape (B, T) each; -1 where there is none.

    What is carried from one stretch of a sequence to the next is the same after its last token, shape (B,) each.

    Attributes:
        last: Of the last note that sounds; rests are passed over.
        before: Of the note before that.
        downbeat: Of the last note that began a bar.
    """

    last: Tensor
    before: Tensor
    downbeat: Tensor


class PitchAnchors(nn.Module):
    """Finds the anchors in token sequences. Nothing is learned."""

    pitch: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        pitch = vocabulary.token_pitch
        self.register_buffer(
            "pitch", torch.from_numpy(np.where(pitch == vocabulary.rest_class, NONE, pitch)), persistent=False
        )

    def forward(self, tokens: Tensor, onsets: Onsets, state: Anchors | None = None) -> tuple[Anchors, Anchors]:
        """Read on.

        Args:
            tokens: Token ids, shape (B, T).
            onsets: Where they fall.
            state: The anchors after the token before these; None at the beginning.

        Returns:
            The anchors after each token, and those to carry on.
        """
        none = torch.full_like(tokens[:, 0], NONE)
        last, before, downbeat = state or (none, none, none)
        pitches = self.pitch[tokens]
        # The anchors so far stand in front, as if they were notes.
        heard = torch.cat([before[:, None], last[:, None], pitches], dim=1)
        place = _last_place(heard >= 0)
        place_before = nn.functional.pad(place[:, :-1], (1, 0)).gather(1, place)
        begun = torch.cat([downbeat[:, None], pitches.where(onsets.position == 0, NONE)], dim=1)
        found = Anchors(
            heard.gather(1, place)[:, 2:],
            heard.gather(1, place_before)[:, 2:],
            begun.gather(1, _last_place(begun >= 0))[:, 1:],
        )
        return found, Anchors(*(each[:, -1] for each in found))


def _last_place(holds: Tensor) -> Tensor:
    """The last place up to each at which something holds, shape (B, T) as ``holds``; 0 before the first."""
    steps = torch.arange(holds.shape[1], device=holds.device)
    return torch.where(holds, steps, 0).cummax(dim=1).values


class IntervalEmbedding(nn.Module):
    """The interval to the last note from each other anchor, and its degree of the scale, as vectors of width D."""

    def __init__(self, vocabulary: NoteVocabulary, width: int) -> None:
        super().__init__()
        self._tonic = -vocabulary.pitch_classes[0] % SEMITONES
        self.semitones = semitone_scale(vocabulary)
        # The last row of each table stands for "none".
        self.from_before = nn.Embedding(self.semitones.n_intervals + 1, width)
        self.from_downbeat = nn.Embedding(self.semitones.n_intervals + 1, width)
        self.degree = nn.Embedding(SEMITONES + 1, width)
        for table in (self.from_before, self.from_downbeat, self.degree):
            nn.init.normal_(table.weight, std=0.25)

    def forward(self, anchors: Anchors) -> Tensor:
        """Embed anchors (B, T) as (B, T, D)."""
        degree = torch.where(anchors.last < 0, SEMITONES, (anchors.last - self._tonic) % SEMITONES)
        vectors: Tensor = (
            self.degree(degree)
            + self.from_before(self._interval(anchors.before, anchors.last))
            + self.from_downbeat(self._interval(anchors.downbeat, anchors.last))
        )
        return vectors

    def _interval(self, begins: Tensor, ends: Tensor) -> Tensor:
        found = self.semitones.between(begins, ends)
        return found.where(found >= 0, self.semitones.n_intervals)


class IntervalScores(nn.Module):
    """Scores of pitches by the interval at which they stand from each anchor, and by their degree of the scale."""

    degree_of: Tensor

    def __init__(self, vocabulary: NoteVocabulary, width: int) -> None:
        super().__init__()
        self.semitones = semitone_scale(vocabulary)
        self.intervals = nn.Linear(width, len(Anchors._fields) * self.semitones.n_intervals)
        self.degrees = nn.Linear(width, SEMITONES)
        for linear in (self.intervals, self.degrees):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        self.register_buffer("degree_of", torch.tensor(vocabulary.pitch_classes) % SEMITONES, persistent=False)

    def forward(self, states: Tensor, anchors: Anchors) -> Tensor:
        """Score all pitches.

        Args:
            states: Shape (B, T, D).
            anchors: Shape (B, T) each.

        Returns:
            Shape (B, T, P), one for each pitch class and the last for a rest, which is at no interval: 0.
        """
        begins = torch.stack(anchors, dim=-1)  # (B, T, anchors)
        by_interval = self.intervals(states).unflatten(-1, (-1, self.semitones.n_intervals))
        by_degree = nn.functional.pad(self.degrees(states)[..., self.degree_of], (0, 1))
        return self.semitones.scores_of_pitches(by_interval, begins).sum(-2) + by_degree
