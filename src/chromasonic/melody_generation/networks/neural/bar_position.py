"""Where in the bar a token sequence stands, computed from the tokens alone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.vocabulary import NoteVocabulary

# The position of a clock that tells nothing: no place in a bar, hence not the beginning of one.
NOWHERE = -1


class BarPositionState(NamedTuple):
    """What the clock carries from one stretch of a sequence to the next; each of shape (B,)."""

    position: Tensor
    bar_ticks: Tensor
    bar: Tensor


class BarTimes(NamedTuple):
    """Where the music stands after each token; each of shape (B, T).

    Attributes:
        position: Ticks since the bar began: the onset of the note that comes next.
        remaining: Ticks until the count ends the bar.
        bar: Number of the bar, 0 for the one in which the sequence begins.
    """

    position: Tensor
    remaining: Tensor
    bar: Tensor


class Onsets(NamedTuple):
    """Where each token itself falls: ticks since the bar began, and the bar; each of shape (B, T)."""

    position: Tensor
    bar: Tensor


def onsets_of(times: BarTimes, before: BarPositionState) -> Onsets:
    """Where tokens fall, from the times after each of them and where the clock stood before the first."""
    return Onsets(
        torch.cat([before.position[:, None], times.position[:, :-1]], dim=1),
        torch.cat([before.bar[:, None], times.bar[:, :-1]], dim=1),
    )


class BarPositionTracker(nn.Module):
    """Counts bars as :class:`~chromasonic.melody_generation.melody.Melody` does, for batches of token sequences.

    A start token sets the position, a bar or metre token puts it back to 0, every note moves it on within the
    metre that holds. Nothing is learned.
    """

    ticks: Tensor
    bar_ticks: Tensor
    reset_to: Tensor

    def __init__(self, vocabulary: NoteVocabulary) -> None:
        super().__init__()
        reset_to = torch.from_numpy(vocabulary.token_start).clone()
        reset_to[vocabulary.bar] = 0
        bar_ticks = torch.from_numpy(vocabulary.token_bar_ticks)
        reset_to[bar_ticks > 0] = 0
        # Not part of a checkpoint: they follow from the vocabulary.
        self.register_buffer("ticks", torch.from_numpy(vocabulary.token_ticks), persistent=False)
        self.register_buffer("bar_ticks", bar_ticks, persistent=False)
        self.register_buffer("reset_to", reset_to, persistent=False)
        self._longest = int(bar_ticks.max())

    def begin(self, n_sequences: int) -> BarPositionState:
        """The state before any token."""
        zeros = self.ticks.new_zeros(n_sequences)
        return BarPositionState(zeros, torch.full_like(zeros, self._longest), zeros)

    def forward(self, tokens: Tensor, state: BarPositionState | None = None) -> tuple[BarTimes, BarPositionState]:
        """Read on.

        Args:
            tokens: Token ids, shape (B, T).
            state: Where the sequences stood before ``tokens``; None at their beginning.

        Returns:
            The times after each token, and the state after the last.
        """
        state = state or self.begin(len(tokens))
        # The state before stands in column 0, as if a token had put it there.
        ticks = nn.functional.pad(self.ticks[tokens], (1, 0))
        reset_to = torch.cat([state.position[:, None], self.reset_to[tokens]], dim=1)
        bar_ticks = torch.cat([state.bar_ticks[:, None], self.bar_ticks[tokens]], dim=1)

        steps = torch.arange(ticks.shape[1], device=tokens.device).expand_as(ticks)
        last_reset = torch.where(reset_to >= 0, steps, 0).cummax(dim=1).values
        last_metre = torch.where(bar_ticks >= 0, steps, 0).cummax(dim=1).values
        bar_ticks = bar_ticks.gather(1, last_metre)
        elapsed = ticks.cumsum(dim=1)
        since = elapsed - elapsed.gather(1, last_reset) + reset_to.gather(1, last_reset)
        position, counted = since % bar_ticks, since // bar_ticks

        # A reset within a bar ends that bar; otherwise bars end where the count says so.
        is_reset = last_reset[:, 1:] == steps[:, 1:]
        ended = torch.where(is_reset, position[:, :-1] > 0, counted[:, 1:] - counted[:, :-1])
        bar = state.bar[:, None] + ended.cumsum(dim=1)
        times = BarTimes(position[:, 1:], (bar_ticks - position)[:, 1:], bar)
        return times, BarPositionState(position[:, -1], bar_ticks[:, -1], bar[:, -1])


class NoBarPosition(BarPositionTracker):
    """A clock that stands still, for a network that is not told where the music stands.

    After every token it shows the same: the position ``NOWHERE`` and the first bar. At 0 it would call every note the
    beginning of a bar.
    """

    def begin(self, n_sequences: int) -> BarPositionState:
        """The state before any token, and after every one."""
        nowhere = self.ticks.new_full((n_sequences,), NOWHERE)
        return BarPositionState(nowhere, nowhere, torch.zeros_like(nowhere))

    def forward(self, tokens: Tensor, state: BarPositionState | None = None) -> tuple[BarTimes, BarPositionState]:
        """The same times after each of ``tokens`` (B, T), and the state as it was."""
        state = state or self.begin(len(tokens))
        return BarTimes(*(each[:, None].expand_as(tokens) for each in state)), state
