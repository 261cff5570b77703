"""Contexts of PPM: the features of a tune from which the next token is predicted (Conklin & Witten 1995).

The next token has two factors: its kind (a duration class or a control token) and its pitch. Each is predicted from
separate contexts of ascending order, which join pitches above the tonic, durations and positions in the bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.bar_position import BarPositionTracker
from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.counting.counts import add_feature, lagged, nested_contexts, stack_orders
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Folk tunes consist of parts of eight bars.
BARS_PER_PART = 8


class FactorContexts(NamedTuple):
    """One factor of the next token, and the contexts from which it is predicted.

    Attributes:
        symbols: The factor of the next token, shape (B, T).
        is_counted: Mask of next tokens that are scored and have the factor, shape (B, T).
        long: Contexts of the long-term model, by ascending order, shape (orders, B, T).
        short: Contexts of the short-term model, by ascending order, shape (orders, B, T).
    """

    symbols: Tensor
    is_counted: Tensor
    long: Tensor
    short: Tensor


class PPMContexts(nn.Module):
    """Factors tokens (B, T) into kinds and pitches with their contexts. Has no parameters.

    A kind is a duration class or, above those, the id of a control token. Contexts of the long-term model are general:
    for the kind the position in the bar, the number of the bar within its part and the last durations; for the pitch
    the last pitches, with and without the position. Contexts of the short-term model are specific, because a phrase
    returns at the same position in the bar or not at all: the position with the last notes for the kind, and with
    the last pitches for the pitch. All were chosen on Nottingham's validation tunes.

    Args:
        long_order: Number of past notes in the longest context of the long-term model.
        short_order: Number of past notes in the longest context of the short-term model.
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
        # Control tokens have numbers above the classes of notes, so that contexts distinguish them.
        pitch_of = np.where(pitch < 0, self.n_pitches + ids, pitch)
        kind_of = np.where(duration < 0, self.n_durations + ids, duration)
        self.register_buffer("pitch_of", torch.from_numpy(pitch_of), persistent=False)
        self.register_buffer("kind_of", torch.from_numpy(kind_of), persistent=False)
        self.bar_tracker = BarPositionTracker(vocabulary)

    def forward(self, tokens: Tensor) -> tuple[FactorContexts, FactorContexts]:
        """Return the kinds and the pitches of the next tokens, for whole sequences of token ids (B, T)."""
        times, _ = self.bar_tracker(tokens)
        empty = torch.zeros_like(tokens)
        position = add_feature(add_feature(empty, times.position + times.remaining), times.position)  # (B, T)
        # Parts are counted from the first note: with an upbeat, they end before the bar line.
        bar_ticks = times.position + times.remaining  # (B, T)
        elapsed = times.bar * bar_ticks + times.position - times.start  # (B, T)
        position_in_part = add_feature(
            position, elapsed.div(bar_ticks, rounding_mode="floor") % BARS_PER_PART
        )  # (B, T)
        kinds, pitches = self.kind_of[tokens], self.pitch_of[tokens]  # (B, T) each
        long_kinds, long_pitches = lagged(kinds, self._long_order), lagged(pitches, self._long_order)
        short_tokens, short_pitches = lagged(tokens, self._short_order), lagged(pitches, self._short_order)

        targets, is_scored = next_token_targets(tokens)  # (B, T) each
        next_pitch = self.pitch_of[targets]
        kind_contexts = FactorContexts(
            symbols=self.kind_of[targets],
            is_counted=is_scored,
            long=stack_orders([empty, position, *nested_contexts(position_in_part, long_kinds)]),
            short=stack_orders([empty, *nested_contexts(position, short_tokens)]),
        )
        pitch_contexts = FactorContexts(
            symbols=next_pitch,
            is_counted=is_scored & (next_pitch < self.n_pitches),
            long=stack_orders([*nested_contexts(empty, long_pitches), nested_contexts(position, long_pitches)[-1]]),
            short=stack_orders([empty, *nested_contexts(position, short_pitches)]),
        )
        return kind_contexts, pitch_contexts
