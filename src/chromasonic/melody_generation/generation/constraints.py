"""Masks of the tokens that may come next, so that every sampled sequence is a melody of the length asked for.

Allowed are notes and rests, ``<end>``, signs of form in the order of their grammar
(:mod:`~chromasonic.melody_generation.sign_grammar`), and ``<bar>`` and metre tokens if they depart from the count,
never two in a row. All other constraints are on length; the music is the model's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.generation.decoding import select_sequences
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.networks.bar_position import BarPositionState, BarPositionTracker
from chromasonic.melody_generation.sign_grammar import FINAL_STATES, NEXT_STATE, SignState, SignSymbol
from chromasonic.melody_generation.vocabulary import METRES, SIGNS, NoteVocabulary

_FAR = 1 << 40  # ticks: no end is required yet


class DecodingState(NamedTuple):
    """The state of each melody of a batch; all tensors of shape (B,).

    Attributes:
        clock: The position in the bar, and the number of the bar.
        metre: The current metre token.
        n_notes: The number of notes and rests so far.
        start: The position in the bar of the first note.
        has_sounded: Whether the melody has a note that is no rest.
        signs: The state of the grammar of signs.
        after_departure: Whether the last token was a bar or metre token, or the last of the prefix.
    """

    clock: BarPositionState
    metre: Tensor
    n_notes: Tensor
    start: Tensor
    has_sounded: Tensor
    signs: Tensor
    after_departure: Tensor


class DecodingConstraints:
    """Masks the tokens that may follow in a batch of unfinished melodies, and tells which melodies are complete.

    Args:
        config: The options of generation, of which ``bars``, ``notes`` and ``max_notes`` are used.
    """

    def __init__(self, config: GenerationConfig) -> None:
        self.config = config
        self._vocabulary = vocabulary = NoteVocabulary()
        self._clock = BarPositionTracker(vocabulary)
        self._ticks = torch.from_numpy(vocabulary.token_ticks)
        self._start = torch.from_numpy(vocabulary.token_start)
        self._is_note = torch.from_numpy(vocabulary.token_pitch) >= 0
        self._is_rest = torch.from_numpy(vocabulary.token_pitch) == vocabulary.rest_class
        self._is_metre = torch.from_numpy(vocabulary.token_bar_ticks) >= 0
        self._is_sign = torch.zeros_like(self._is_note)
        self._is_sign[vocabulary.signs.start : vocabulary.signs.stop] = True
        self._departs = self._is_metre.clone()
        self._departs[vocabulary.bar] = True
        self._symbol = self._symbols()
        self._next_signs = torch.full((len(SignState), len(SignSymbol) + 1), -1)
        self._next_signs[:, -1] = torch.arange(len(SignState))  # other tokens change nothing
        for state, following in NEXT_STATE.items():
            for symbol, following_state in following.items():
                self._next_signs[state, symbol] = following_state
        self._allowed_by_signs = self._next_signs[:, self._symbol] >= 0  # (states, V)
        self._allowed_by_signs[SignState.CLOSED_ENDING] &= ~self._departs
        self._is_final = torch.tensor([state in FINAL_STATES for state in SignState])
        self._allowed_by_signs[:, vocabulary.end] = self._is_final
        self._playable = self._is_note | self._departs | self._is_sign
        self._playable[vocabulary.end] = True
        # A complete melody ends, perhaps after a repeat sign that closes its last section.
        self._closing = torch.zeros_like(self._allowed_by_signs)  # (states, V)
        self._closing[:, vocabulary.end] = True
        self._closing[SignState.BODY, vocabulary.sign_token(FormSign.REPEAT_END)] = True
        self._shortest = int(self._ticks[self._is_note].min())
        self._free = max(metre.bar_ticks for metre in METRES)

    def _symbols(self) -> Tensor:
        """Return the symbol of each token in the grammar of signs, ``len(SignSymbol)`` if it has none, shape (V,)."""
        symbols = torch.full_like(self._ticks, len(SignSymbol))
        symbols[self._is_note] = SignSymbol.NOTE
        for token, (sign, passes) in zip(self._vocabulary.signs, SIGNS, strict=True):
            symbols[token] = SignSymbol.of(sign, passes)
        return symbols

    @property
    def n_playable(self) -> int:
        """The number of tokens that can ever be sampled."""
        return int(self._playable.sum())

    def begin(self, tokens: Tensor) -> DecodingState:
        """Return the state after sequences of prefix and first notes, token ids of shape (B, T)."""
        zeros = torch.zeros(len(tokens), dtype=torch.long)
        never = zeros > 0
        state = DecodingState(self._clock.initial_state(len(tokens)), zeros, zeros, zeros, never, zeros, ~never)
        for column in tokens.unbind(dim=1):
            state = self.after(state, column)
        return state

    def after(self, state: DecodingState, tokens: Tensor) -> DecodingState:
        """Return the state after one more token of each melody, shape (B,)."""
        is_note = self._is_note[tokens]
        start = self._start[tokens]
        return DecodingState(
            clock=self._clock(tokens[:, None], state.clock)[1],
            metre=torch.where(self._is_metre[tokens], tokens, state.metre),
            n_notes=state.n_notes + is_note,
            start=torch.where(start >= 0, start, state.start),
            has_sounded=state.has_sounded | (is_note & ~self._is_rest[tokens]),
            signs=self._next_signs[state.signs, self._symbol[tokens]],
            after_departure=~is_note & ~self._is_sign[tokens],
        )

    def check_length(self, state: DecodingState) -> None:
        """Raise if a beginning already has the length of the whole melody.

        Raises:
            InputError: If a beginning is complete, or its bars cannot be counted.
        """
        config = self.config
        if config.bars is not None and bool((state.clock.bar_ticks == self._free).any()):
            raise InputError("bars cannot be counted in free metre: give notes instead of bars")
        if bool(self.is_complete(state).any()):
            n, noun = (config.bars, "bar") if config.bars is not None else (config.notes or config.max_notes, "note")
            asked = f"{n} {noun}{'s' if n > 1 else ''}"
            raise InputError(f"the primer already has {asked} or more: shorten it, or ask for more")

    def is_complete(self, state: DecodingState) -> Tensor:
        """Return the mask of melodies that have the length asked for, shape (B,)."""
        if self.config.notes is not None:
            return state.n_notes >= self.config.notes
        return self._ticks_left(state) < self._shortest

    def allowed(self, state: DecodingState) -> Tensor:
        """Return the mask of tokens that may come next in unfinished melodies, at least one each, shape (B, V)."""
        vocabulary = self._vocabulary
        # A note follows the prefix, and a bar line or metre that departs from the count.
        allowed = self._playable & (self._is_note | ~state.after_departure[:, None])
        allowed &= self._allowed_by_signs[state.signs]
        allowed[:, vocabulary.bar] &= state.clock.position > 0
        allowed.scatter_(1, state.metre[:, None], value=False)
        is_open = self.config.is_open_ended
        allowed[:, vocabulary.end] &= state.has_sounded & is_open
        if self.config.notes is None:
            self._exclude_overlong(allowed, self._ticks_left(state))
        complete = self.is_complete(state).nonzero()[:, 0]
        if len(complete):
            allowed[complete] = self._closing[state.signs[complete]]
        silent = (~state.has_sounded).nonzero()[:, 0]
        if len(silent):
            allowed[silent] &= ~(self._is_rest & self._is_last_chance(select_sequences(state, silent)))
        return allowed

    def _exclude_overlong(self, allowed: Tensor, left: Tensor) -> None:
        """Exclude tokens that do not fit into the ticks left, shape (B,), or leave too few for another note."""
        due = (left < _FAR).nonzero()[:, 0]
        if len(due):
            after = left[due][:, None] - self._ticks
            allowed[due] &= ((after == 0) | (after >= self._shortest)) & ~self._departs

    def _ticks_left(self, state: DecodingState) -> Tensor:
        """Return the ticks to the bar line at which a melody has to end, shape (B,); ``_FAR`` while there is none."""
        clock, bars = state.clock, self.config.bars
        if bars is not None:
            return (bars - clock.bar) * clock.bar_ticks + state.start - clock.position
        to_bar_line = torch.where(clock.bar_ticks == self._free, 0, -clock.position % clock.bar_ticks)
        return torch.where(state.n_notes >= self.config.max_notes, to_bar_line, _FAR)

    def _is_last_chance(self, state: DecodingState) -> Tensor:
        """Return the mask of rests that would end a melody without a sounding note, shape (B, 1) or (B, V)."""
        if self.config.bars is not None:
            return self._ticks == self._ticks_left(state)[:, None]
        return state.n_notes[:, None] + 1 >= (self.config.notes or self.config.max_notes)
