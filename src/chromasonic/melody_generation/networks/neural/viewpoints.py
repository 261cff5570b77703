"""Viewpoints: a tune seen as pitches, durations, rhythm, intervals or scale steps (Conklin & Witten 1995).

A phrase seldom returns unchanged. Its rhythm returns with other pitches, or its contour a step higher; from the
appropriate viewpoint it is still a repetition.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.intervals import semitone_scale, step_scale
from chromasonic.melody_generation.vocabulary import NoteVocabulary


class ViewpointClasses(NamedTuple):
    """Class of each token from every viewpoint, shape (B, K) each; ``NONE`` where it has no class.

    Attributes:
        pitch: Pitch class; a rest is one.
        duration: Duration class.
        rhythm: Duration class and whether the token is a rest; every control token is a separate class.
        interval: Interval in semitones from the previous sounding note.
        step: Interval in scale steps from the previous sounding note.
    """

    pitch: Tensor
    duration: Tensor
    rhythm: Tensor
    interval: Tensor
    step: Tensor


class Viewpoints(nn.Module):
    """Classifies tokens from every viewpoint. Has no parameters."""

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

    def forward(self, tokens: Tensor, previous_pitches: Tensor) -> ViewpointClasses:
        """Classify tokens.

        Args:
            tokens: Token ids, shape (B, K).
            previous_pitches: Pitch class of the last sounding note before each token, or ``NONE``, shape (B, K).

        Returns:
            Classes of shape (B, K) each.
        """
        pitch = self.pitch[tokens]
        return ViewpointClasses(
            pitch,
            self.duration[tokens],
            self.rhythm[tokens],
            self.semitones.intervals(previous_pitches, pitch),
            self.steps.intervals(previous_pitches, pitch),
        )
