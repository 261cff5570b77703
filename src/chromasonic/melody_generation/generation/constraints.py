"""Which tokens may come next, so that whatever is sampled is a melody of the length that was asked for.

Only what sounds or counts is ever allowed: notes and rests, ``<end>``, and ``<bar>`` and metre tokens where they
depart from the count, never two in a row. Beyond that the rules are about length alone; the music is the model's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.decoding import rows_of
from chromasonic.melody_generation.networks.bar_position import BarPositionState, BarPositionTracker
from chromasonic.melody_generation.vocabulary import METRES, NoteVocabulary

_FAR = 1 << 40  # ticks: no end in sight


@dataclass(frozen=True)
class Limits:
    """How long a melody gets; by default as long as the model wants.

    Attributes:
        bars: It ends at the bar line that completes so many bars, an upbeat not counted; the metre stays and no
            bar is cut short.
        notes: It has exactly so many notes and rests.
        max_notes: Without either of these, a melody that the model has not ended after so many notes and rests
            goes on to the next bar line, in free metre not even that, and ends there.

    Raises:
        InputError: If a number is less than 1, or both ``bars`` and ``notes`` are given.
    """

    bars: int | None = None
    notes: int | None = None
    max_notes: int = 512

    def __post_init__(self) -> None:
        for name in ("bars", "notes", "max_notes"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name} is 1 or more, got {number}")
        if self.bars is not None and self.notes is not None:
            raise InputError("a melody is as long as bars says or as notes says: give one of them")


class DecodingState(NamedTuple):
    """How far each melody of a batch has come; all of shape (B,).

    Attributes:
        clock: Where in the bar it stands, and in which bar.
        metre: The metre token that holds.
        n_notes: Notes and rests so far.
        has_upbeat: Whether bar 0 is an upbeat.
        has_sounded: Whether there was a note that is no rest.
        after_note: Whether the last token was a note or a rest.
    """

    clock: BarPositionState
    metre: Tensor
    n_notes: Tensor
    has_upbeat: Tensor
    has_sounded: Tensor
    after_note: Tensor


class DecodingConstraints:
    """Says for a batch of unfinished melodies which tokens may follow, and which melodies are complete.

    Args:
        limits: How long the melodies get.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._vocabulary = vocabulary = NoteVocabulary()
        self._clock = BarPositionTracker(vocabulary)
        self._ticks = torch.from_numpy(vocabulary.token_ticks)
        self._start = torch.from_numpy(vocabulary.token_start)
        self._is_note = torch.from_numpy(vocabulary.token_pitch) >= 0
        self._is_rest = torch.from_numpy(vocabulary.token_pitch) == vocabulary.rest_class
        self._is_metre = torch.from_numpy(vocabulary.token_bar_ticks) >= 0
        self._departs = self._is_metre.clone()
        self._departs[vocabulary.bar] = True
        self._playable = self._is_note | self._departs
        self._playable[vocabulary.end] = True
        self._shortest = int(self._ticks[self._is_note].min())
        self._free = max(metre.bar_ticks for metre in METRES)

    @property
    def n_playable(self) -> int:
        """How many tokens can ever be sampled."""
        return int(self._playable.sum())

    def begin(self, tokens: Tensor) -> DecodingState:
        """Where sequences of prefix and first notes stand, token ids of shape (B, T)."""
        zeros = torch.zeros(len(tokens), dtype=torch.long)
        never = zeros > 0
        standing = DecodingState(self._clock.initial_state(len(tokens)), zeros, zeros, never, never, never)
        for column in tokens.unbind(dim=1):
            standing = self.after(standing, column)
        return standing

    def after(self, standing: DecodingState, tokens: Tensor) -> DecodingState:
        """Where the melodies stand after one token more each, shape (B,)."""
        is_note = self._is_note[tokens]
        start = self._start[tokens]
        return DecodingState(
            clock=self._clock(tokens[:, None], standing.clock)[1],
            metre=torch.where(self._is_metre[tokens], tokens, standing.metre),
            n_notes=standing.n_notes + is_note,
            has_upbeat=torch.where(start >= 0, start > 0, standing.has_upbeat),
            has_sounded=standing.has_sounded | (is_note & ~self._is_rest[tokens]),
            after_note=is_note,
        )

    def check_room(self, standing: DecodingState) -> None:
        """Refuse beginnings that the limits leave no room to go on from.

        Raises:
            InputError: If one has as many bars or notes as were asked for, or its bars cannot be counted.
        """
        limits = self.limits
        if limits.bars is not None and bool((standing.clock.bar_ticks == self._free).any()):
            raise InputError("bars cannot be counted in free metre: give notes instead of bars")
        if bool(self.is_complete(standing).any()):
            asked = f"{limits.bars} bars" if limits.bars is not None else f"{limits.notes or limits.max_notes} notes"
            raise InputError(f"the primer leaves no room within {asked}: shorten it, or ask for more")

    def is_complete(self, standing: DecodingState) -> Tensor:
        """Which melodies have the length that was asked for, shape (B,)."""
        if self.limits.notes is not None:
            return standing.n_notes >= self.limits.notes
        return self._ticks_left(standing) < self._shortest

    def allowed(self, standing: DecodingState) -> Tensor:
        """Which tokens may come next in melodies that are not complete: at least one, shape (B, V)."""
        vocabulary = self._vocabulary
        # After the prefix, and after a bar line or metre that departs, comes a note.
        allowed = self._playable & (self._is_note | standing.after_note[:, None])
        allowed[:, vocabulary.bar] &= standing.clock.position > 0
        allowed.scatter_(1, standing.metre[:, None], value=False)
        is_open = self.limits.bars is None and self.limits.notes is None
        allowed[:, vocabulary.end] &= standing.has_sounded & is_open
        if self.limits.notes is None:
            self._leave_room(allowed, self._ticks_left(standing))
        silent = (~standing.has_sounded).nonzero()[:, 0]
        if len(silent):
            allowed[silent] &= ~(self._is_rest & self._is_last_chance(rows_of(standing, silent)))
        return allowed

    def _leave_room(self, allowed: Tensor, left: Tensor) -> None:
        """Rule out what does not fit into the ticks that are left, shape (B,), or leaves too few for another note."""
        due = (left < _FAR).nonzero()[:, 0]
        if len(due):
            after = left[due][:, None] - self._ticks
            allowed[due] &= ((after == 0) | (after >= self._shortest)) & ~self._departs

    def _ticks_left(self, standing: DecodingState) -> Tensor:
        """Ticks until the bar line at which a melody has to end, shape (B,); ``_FAR`` while there is none."""
        clock, bars = standing.clock, self.limits.bars
        if bars is not None:
            return (bars + standing.has_upbeat - clock.bar) * clock.bar_ticks - clock.position
        to_bar_line = torch.where(clock.bar_ticks == self._free, 0, -clock.position % clock.bar_ticks)
        return torch.where(standing.n_notes >= self.limits.max_notes, to_bar_line, _FAR)

    def _is_last_chance(self, standing: DecodingState) -> Tensor:
        """Whether a rest of its length would end a melody in which nothing has sounded, shape (B, 1) or (B, V)."""
        if self.limits.bars is not None:
            return self._ticks == self._ticks_left(standing)[:, None]
        return standing.n_notes[:, None] + 1 >= (self.limits.notes or self.limits.max_notes)
