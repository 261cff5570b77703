"""Ladders: pitches as numbers whose differences are intervals, in semitones or in steps of the scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.vocabulary import NoteVocabulary

SEMITONES = 12
# Stands for a pitch, or an interval, where there is none.
NONE = -1
# The step of the scale on which each semitone above the tonic stands, in major and minor alike. A sharp goes by the
# step that it leaves, except for the thirds, sixths and sevenths, which are one step in both modes.
STEPS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)


class IntervalScale(nn.Module):
    """Counts intervals between pitch classes. Nothing is learned.

    Args:
        rungs: The number of each of P pitch classes, rising.

    Attributes:
        n_intervals: I, intervals down and up together.
    """

    rungs: Tensor

    def __init__(self, rungs: Sequence[int]) -> None:
        super().__init__()
        self._n_pitches, self._span = len(rungs), rungs[-1] - rungs[0]
        self.n_intervals = 2 * self._span + 1
        # One more for the rest, which stands nowhere.
        self.register_buffer("rungs", torch.tensor([*rungs, rungs[0]]) - rungs[0], persistent=False)

    def between(self, begins: Tensor, ends: Tensor) -> Tensor:
        """Intervals, 0 to I - 1, between pitch classes of the same shape; ``NONE`` if one is no pitch."""
        known = self._is_pitch(begins) & self._is_pitch(ends)
        intervals = self.rungs[ends.clamp(min=0)] - self.rungs[begins.clamp(min=0)] + self._span
        return torch.where(known, intervals, NONE)

    def scores_of_pitches(self, scores: Tensor, begins: Tensor) -> Tensor:
        """Scores of intervals (..., I) from pitch classes (...) as scores of pitch classes (..., P + 1).

        The last is a rest, which is at no interval: 0, like all others where there is nothing to begin with.
        """
        intervals = self.rungs[:-1] - self.rungs[begins.clamp(min=0)][..., None] + self._span
        found = scores.gather(-1, intervals).where(self._is_pitch(begins)[..., None], 0)
        return nn.functional.pad(found, (0, 1))

    def _is_pitch(self, classes: Tensor) -> Tensor:
        return (classes >= 0) & (classes < self._n_pitches)


def semitone_scale(vocabulary: NoteVocabulary) -> IntervalScale:
    """Pitches by semitones."""
    return IntervalScale(vocabulary.pitch_classes)


def step_scale(vocabulary: NoteVocabulary) -> IntervalScale:
    """Pitches by steps of the scale, so that a phrase repeated a step higher has the same intervals."""
    octaves = [divmod(semitones, SEMITONES) for semitones in vocabulary.pitch_classes]
    return IntervalScale([len(set(STEPS)) * octave + STEPS[semitone] for octave, semitone in octaves])
