"""Views: the same tune as pitches, as durations, as a rhythm, as intervals and as steps of the scale.

A phrase seldom returns as it was. Its rhythm comes back under other notes, or its shape a step higher; seen by the
right view it is still a repetition (Conklin & Witten 1995 call these viewpoints).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.interval_scale import semitone_scale, step_scale
from chromasonic.melody_generation.vocabulary import NoteVocabulary


class ViewpointTokens(NamedTuple):
    """The class of each token in each view, shape (B, K) each; -1 where it has none.

    Attributes:
        pitch: Pitch class, a rest being one.
        duration: Duration class.
        rhythm: Duration class and whether it is a rest; control tokens are classes of their own.
        interval: Interval in semitones to the last note before.
        step: Interval in steps of the scale to the last note before.
    """

    pitch: Tensor
    duration: Tensor
    rhythm: Tensor
    interval: Tensor
    step: Tensor


class Viewpoints(nn.Module):
    """Sees tokens by all views. Nothing is learned."""

    pitch: Tensor
    duration: Tensor
    rhythm: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        pitch, duration = vocabulary.token_pitch, vocabulary.token_duration
        control = 2 * len(vocabulary.duration_classes) + np.arange(len(vocabulary))
        rhythm = np.where(duration < 0, control, 2 * duration + (pitch == vocabulary.rest_class))
        for name, classes in (("pitch", pitch), ("duration", duration), ("rhythm", rhythm)):
            self.register_buffer(name, torch.from_numpy(classes), persistent=False)
        self.semitones = semitone_scale(vocabulary)
        self.steps = step_scale(vocabulary)

    def forward(self, tokens: Tensor, leads: Tensor) -> ViewpointTokens:
        """Look at tokens.

        Args:
            tokens: Token ids, shape (B, K).
            leads: Pitch class of the last note that sounded before each, -1 where there is none, shape (B, K).
        """
        pitch = self.pitch[tokens]
        return ViewpointTokens(
            pitch,
            self.duration[tokens],
            self.rhythm[tokens],
            self.semitones.between(leads, pitch),
            self.steps.between(leads, pitch),
        )
