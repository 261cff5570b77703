"""Viewpoints: what of a tune PPM looks at (Conklin & Witten 1995).

A token is taken apart into its kind (how long the note lasts, or which control token it is) and its pitch. Each
is predicted from contexts of its own, which rise from knowing nothing to knowing much: pitches counted from the
tonic, durations, and the place in the bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.counting.counts import joined, ladder, lags, longer_and_longer
from chromasonic.melody_generation.networks.neural.bar_position import BarPositionTracker
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Folk tunes are built of parts of eight bars.
BARS_IN_A_PART = 8


class ContextKind(NamedTuple):
    """One aspect of sequences of tokens.

    Attributes:
        symbols: The aspect of the token that comes next, shape (B, T).
        is_counted: Whether there is one, shape (B, T).
        long: Contexts for what is common to all tunes, by rising order, shape (K, B, T).
        short: Contexts for what is common within a tune, shape (K, B, T).
    """

    symbols: Tensor
    is_counted: Tensor
    long: Tensor
    short: Tensor


class PPMContexts(nn.Module):
    """Takes tokens (B, T) apart into kinds and pitches with their contexts. Nothing is learned.

    A kind is a duration class, or, above those, the id of a control token. Contexts for all tunes stay general:
    the kind goes by the place in the bar, the number of the bar within its part and the last durations; the
    pitch by the last pitches, and these with the place. Contexts within a tune are specific, because a phrase
    comes back at the same place in the bar or not at all: the place, with the last notes for the kind and with
    the last pitches for the pitch. All chosen on Nottingham's validation tunes.

    Args:
        long_order: How many past notes the longest context for all tunes holds.
        short_order: How many the longest context within a tune holds.
    """

    pitch_of: Tensor
    kind_of: Tensor

    def __init__(self, long_order: int, short_order: int) -> None:
        super().__init__()
        vocabulary = NoteVocabulary()
        self._long_order, self._short_order = long_order, short_order
        self.n_pitches = vocabulary.rest_class + 1
        self.n_durations = len(vocabulary.duration_classes)
        self.n_kinds = self.n_durations + vocabulary.first_note
        ids, pitch, duration = np.arange(len(vocabulary)), vocabulary.token_pitch, vocabulary.token_duration
        # Control tokens stand above the classes of notes, so that contexts tell them apart.
        pitch_of = np.where(pitch < 0, self.n_pitches + ids, pitch)
        kind_of = np.where(duration < 0, self.n_durations + ids, duration)
        self.register_buffer("pitch_of", torch.from_numpy(pitch_of), persistent=False)
        self.register_buffer("kind_of", torch.from_numpy(kind_of), persistent=False)
        self.clock = BarPositionTracker(vocabulary)

    def forward(self, tokens: Tensor) -> tuple[ContextKind, ContextKind]:
        """The kinds and the pitches of sequences of token ids, shape (B, T), read from their beginning."""
        times, _ = self.clock(tokens)
        nothing = torch.zeros_like(tokens)
        place = joined(joined(nothing, times.position + times.remaining), times.position)
        place_in_part = joined(place, times.bar % BARS_IN_A_PART)
        kinds, pitches = self.kind_of[tokens], self.pitch_of[tokens]
        long_kinds, long_pitches = lags(kinds, self._long_order), lags(pitches, self._long_order)
        short_tokens, short_pitches = lags(tokens, self._short_order), lags(pitches, self._short_order)

        following, is_counted = next_token_targets(tokens)
        next_pitch = self.pitch_of[following]
        kind_view = ContextKind(
            symbols=self.kind_of[following],
            is_counted=is_counted,
            long=ladder([nothing, place, *longer_and_longer(place_in_part, long_kinds)]),
            short=ladder([nothing, *longer_and_longer(place, short_tokens)]),
        )
        pitch_view = ContextKind(
            symbols=next_pitch,
            is_counted=is_counted & (next_pitch < self.n_pitches),
            long=ladder([*longer_and_longer(nothing, long_pitches), longer_and_longer(place, long_pitches)[-1]]),
            short=ladder([nothing, *longer_and_longer(place, short_pitches)]),
        )
        return kind_view, pitch_view
