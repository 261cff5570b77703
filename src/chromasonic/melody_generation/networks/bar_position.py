"""Positions in the bar, computed from the tokens of a sequence alone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Not 0, which would make every note a downbeat.
NO_POSITION = -1
NOT_ASKED = -(1 << 20)  # bars left, below any number of bars


class BarPositionState(NamedTuple):
    """Position, bar and request after the last token; each of shape (B,).

    Attributes:
        position: Ticks since the bar began.
        bar_ticks: Length of the bar in ticks.
        bar: Number of the bar.
        n_bars: The number of bars asked for; 0 if it is unknown.
        start: Position of the first note in its bar, in ticks; above 0 if bar 0 is an upbeat.
    """

    position: Tensor
    bar_ticks: Tensor
    bar: Tensor
    n_bars: Tensor
    start: Tensor


class BarTimes(NamedTuple):
    """Position in the bar after each token; each of shape (B, T).

    Attributes:
        position: Ticks since the bar began, which is the onset of the next note.
        remaining: Ticks until the metre ends the bar.
        bar: Number of the bar, 0 for the one in which the sequence begins.
        bars_left: Number of bars to the end that is asked for: 1 in the last bar, 0 after it, less if the sequence goes
            on; ``NOT_ASKED`` if no number of bars is asked for.
        start: Position of the first note of the sequence in its bar, in ticks.
    """

    position: Tensor
    remaining: Tensor
    bar: Tensor
    bars_left: Tensor
    start: Tensor


class Onsets(NamedTuple):
    """Onset of each token: ticks since the bar began, and number of the bar; each of shape (B, T)."""

    position: Tensor
    bar: Tensor


def token_onsets(times: BarTimes, initial: BarPositionState) -> Onsets:
    """Return the onsets of tokens from the times after them and the state before the first."""
    return Onsets(
        torch.cat([initial.position[:, None], times.position[:, :-1]], dim=1),  # (B, T)
        torch.cat([initial.bar[:, None], times.bar[:, :-1]], dim=1),  # (B, T)
    )


class BarPositionTracker(nn.Module):
    """Counts bars as :class:`~chromasonic.melody_generation.melody.Melody` does, for batches of token sequences.

    A bars token sets the number of bars asked for, and a start token the position. A bar token or a metre token resets
    the position to 0. Every note advances it within the current metre. The module has no parameters, and its buffers
    are not saved: they follow from the vocabulary.
    """

    ticks: Tensor
    bar_ticks: Tensor
    reset_to: Tensor
    bars_asked: Tensor
    start: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        reset_to = torch.from_numpy(vocabulary.token_start).clone()  # (V,)
        reset_to[vocabulary.bar] = 0
        bar_ticks = torch.from_numpy(vocabulary.token_bar_ticks)  # (V,)
        reset_to[bar_ticks > 0] = 0
        self.register_buffer("ticks", torch.from_numpy(vocabulary.token_ticks), persistent=False)
        self.register_buffer("bar_ticks", bar_ticks, persistent=False)
        self.register_buffer("reset_to", reset_to, persistent=False)
        self.register_buffer("bars_asked", torch.from_numpy(vocabulary.token_bars), persistent=False)
        self.register_buffer("start", torch.from_numpy(vocabulary.token_start).clamp(min=0), persistent=False)
        self._longest_bar = int(bar_ticks.max())

    def initial_state(self, n_sequences: int) -> BarPositionState:
        """Return the state before any token."""
        zeros = self.ticks.new_zeros(n_sequences)
        return BarPositionState(zeros, torch.full_like(zeros, self._longest_bar), zeros, zeros, zeros)

    def forward(self, tokens: Tensor, state: BarPositionState | None = None) -> tuple[BarTimes, BarPositionState]:
        """Return the times after each of ``tokens``, and the state after the last.

        Args:
            tokens: Token ids, shape (B, T).
            state: State before ``tokens``; None at the beginning of the sequences.
        """
        state = state or self.initial_state(len(tokens))
        # Column 0 holds the state, as if a token had set it.
        ticks = nn.functional.pad(self.ticks[tokens], (1, 0))  # (B, 1 + T), and so are the next
        reset_to = torch.cat([state.position[:, None], self.reset_to[tokens]], dim=1)
        bar_ticks = torch.cat([state.bar_ticks[:, None], self.bar_ticks[tokens]], dim=1)

        steps = torch.arange(ticks.shape[1], device=tokens.device).expand_as(ticks)
        last_reset = torch.where(reset_to >= 0, steps, 0).cummax(dim=1).values
        last_metre = torch.where(bar_ticks >= 0, steps, 0).cummax(dim=1).values
        bar_ticks = bar_ticks.gather(1, last_metre)
        elapsed = ticks.cumsum(dim=1)
        since_reset = elapsed - elapsed.gather(1, last_reset) + reset_to.gather(1, last_reset)
        position, n_whole = since_reset % bar_ticks, since_reset // bar_ticks

        # A reset within a bar ends that bar. Otherwise bars end where the metre ends them.
        is_reset = last_reset[:, 1:] == steps[:, 1:]  # (B, T)
        n_ended = torch.where(is_reset, position[:, :-1] > 0, n_whole[:, 1:] - n_whole[:, :-1])  # (B, T)
        bar = state.bar[:, None] + n_ended.cumsum(dim=1)  # (B, T)
        # The prefix of a sequence has one bars token and one start token.
        n_bars = state.n_bars[:, None] + self.bars_asked[tokens].cumsum(dim=1)  # (B, T)
        start = state.start[:, None] + self.start[tokens].cumsum(dim=1)  # (B, T)
        bars_left = torch.where(n_bars > 0, n_bars + (start > 0) - bar, NOT_ASKED)  # (B, T)
        times = BarTimes(position[:, 1:], (bar_ticks - position)[:, 1:], bar, bars_left, start)
        last = (position, bar_ticks, bar, n_bars, start)
        return times, BarPositionState(*(values[:, -1] for values in last))


class NoBarPosition(BarPositionTracker):
    """A tracker for networks without bar positions: ``NO_POSITION``, bar 0 and ``NOT_ASKED`` after every token."""

    def initial_state(self, n_sequences: int) -> BarPositionState:
        """Return the state before and after any token."""
        nowhere = self.ticks.new_full((n_sequences,), NO_POSITION)
        zeros = torch.zeros_like(nowhere)
        return BarPositionState(nowhere, nowhere, zeros, zeros, zeros)

    def forward(self, tokens: Tensor, state: BarPositionState | None = None) -> tuple[BarTimes, BarPositionState]:
        """Return the same times after each of ``tokens`` (B, T), and the state unchanged."""
        state = state or self.initial_state(len(tokens))
        nowhere, nothing = (values[:, None].expand_as(tokens) for values in (state.position, state.bar))  # (B, T) each
        return BarTimes(nowhere, nowhere, nothing, torch.full_like(nothing, NOT_ASKED), nothing), state
