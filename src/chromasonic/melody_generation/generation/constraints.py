"""Masks of the tokens that may come next, so that every sampled sequence is a melody of the length asked for.

Allowed are notes and rests, ``<end>``, signs of form in the order of their grammar
(:mod:`~chromasonic.melody_generation.sign_grammar`), and ``<bar>`` and metre tokens if they depart from the count,
never two in a row. All other constraints are on length; the music is the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.generation.conditions import parse_range, pitch_name
from chromasonic.melody_generation.generation.decoding import select_sequences
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_plan import FAR, PlanProgress
from chromasonic.melody_generation.networks.bar_position import BarPositionState, BarPositionTracker
from chromasonic.melody_generation.sign_grammar import FINAL_STATES, NEXT_STATE, SignState, SignSymbol
from chromasonic.melody_generation.vocabulary import HIGHEST, LOWEST, METRES, MIDDLE_C, SIGNS, NoteVocabulary


class DecodingState(NamedTuple):
    """The state of each melody of a batch; all tensors of shape (B,).

    Attributes:
        clock: The position in the bar, and the number of the bar.
        elapsed: The ticks of the notes so far.
        metre: The current metre token.
        tonic: The tonic of the melody.
        n_notes: The number of notes and rests so far.
        start: The position in the bar of the first note.
        has_sounded: Whether the melody has a note that is no rest, after a primer that it continues.
        degree: Semitones from the tonic up to the last note that is no rest, 0 to 11; -1 if there is none.
        signs: The state of the grammar of signs.
        after_departure: Whether the last token was a bar or metre token, or the last of the prefix.
    """

    clock: BarPositionState
    elapsed: Tensor
    metre: Tensor
    tonic: Tensor
    n_notes: Tensor
    start: Tensor
    has_sounded: Tensor
    degree: Tensor
    signs: Tensor
    after_departure: Tensor


class DecodingConstraints:
    """Masks the tokens that may follow in a batch of unfinished melodies, and tells which melodies are complete.

    Args:
        config: The options of generation, of which ``notes``, ``max_notes``, ``range`` and ``ends_on`` are used.

    Attributes:
        playable: Mask of the tokens that can ever be sampled, shape (V,).
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
        self._is_sign = torch.from_numpy(vocabulary.is_sign(range(len(vocabulary))))
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
        self.playable = self._is_note | self._departs | self._is_sign
        self.playable[vocabulary.end] = True
        semitones = torch.tensor([*vocabulary.pitch_classes, 0])[torch.from_numpy(vocabulary.token_pitch)]  # (V,)
        self._degree = torch.where(self._is_note & ~self._is_rest, semitones % 12, -1)  # (V,)
        self._in_range = torch.stack([self._range_of(semitones, tonic) for tonic in range(12)])  # (12, V)
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
        return int(self.playable.sum())

    def _range_of(self, semitones: Tensor, tonic: int) -> Tensor:
        """Return the mask of the tokens that are within the range asked for, shape (V,)."""
        if self.config.range is None:
            return torch.ones_like(self._is_note)
        lowest, highest = parse_range(self.config.range)
        pitch = MIDDLE_C + tonic + semitones
        return ~self._is_note | self._is_rest | ((pitch >= lowest) & (pitch <= highest))

    def begin(self, tokens: Tensor, tonics: Tensor | None = None) -> DecodingState:
        """Return the state after sequences of prefix and first notes.

        Args:
            tokens: Token ids, shape (B, T).
            tonics: The tonic of each melody, shape (B,); C by default.
        """
        zeros = torch.zeros(len(tokens), dtype=torch.long)
        never = zeros > 0
        state = DecodingState(
            clock=self._clock.initial_state(len(tokens)),
            elapsed=zeros,
            metre=zeros,
            tonic=zeros if tonics is None else tonics,
            n_notes=zeros,
            start=zeros,
            has_sounded=never,
            degree=zeros - 1,
            signs=zeros,
            after_departure=~never,
        )
        for column in tokens.unbind(dim=1):
            state = self.after(state, column)
        return state

    def after(self, state: DecodingState, tokens: Tensor) -> DecodingState:
        """Return the state after one more token of each melody, shape (B,)."""
        is_note = self._is_note[tokens]
        start = self._start[tokens]
        sounds = is_note & ~self._is_rest[tokens]
        return DecodingState(
            clock=self._clock(tokens[:, None], state.clock)[1],
            elapsed=state.elapsed + self._ticks[tokens],
            tonic=state.tonic,
            degree=torch.where(sounds, self._degree[tokens], state.degree),
            metre=torch.where(self._is_metre[tokens], tokens, state.metre),
            n_notes=state.n_notes + is_note,
            start=torch.where(start >= 0, start, state.start),
            has_sounded=state.has_sounded | sounds,
            signs=self._next_signs[state.signs, self._symbol[tokens]],
            after_departure=~is_note & ~self._is_sign[tokens],
        )

    def check_range(self, tonics: Iterable[int]) -> None:
        """Raise if no note that can be written is in the range asked for, or none on which a melody may end.

        Args:
            tonics: The tonics of the melodies.

        Raises:
            InputError: Naming the notes that can be written.
        """
        for tonic in sorted(set(tonics)):
            notes = self._in_range[tonic] & self._is_note & ~self._is_rest
            lowest, highest = (pitch_name(MIDDLE_C + tonic + semitones) for semitones in (LOWEST, HIGHEST))
            written = f"the notes that can be written in this key, {lowest} to {highest}"
            if not bool(notes.any()):
                raise InputError(f"range={self.config.range} has none of {written}")
            if self.config.ends_on is not None and not bool((notes & (self._degree == 0)).any()):
                raise InputError(f"range={self.config.range} has no tonic among {written}, so no melody can end on it")

    def check_length(self, state: DecodingState, plans: Sequence[PlanProgress]) -> None:
        """Raise if a beginning already has the length of the whole melody.

        Args:
            state: The state after the beginnings.
            plans: Their plans.

        Raises:
            InputError: If a beginning is complete.
        """
        config = self.config
        goes_on = torch.tensor([plan.is_closed_early for plan in plans])  # with the next part of a form
        if bool((self.is_complete(state, plans) & ~goes_on).any()):
            if config.form is not None:
                raise InputError(
                    f"the primer leaves no room in the first part of form={config.form}, which has "
                    f"{_counted(config.bars_of_part, 'bar')}: shorten it, or ask for more"
                )
            by_notes = config.notes or config.max_notes
            n, noun = (by_notes, "note") if config.n_bars is None else (config.n_bars, "bar")
            raise InputError(f"the primer already has {_counted(n, noun)} or more: shorten it, or ask for more")

    def is_complete(self, state: DecodingState, plans: Sequence[PlanProgress]) -> Tensor:
        """Return the mask of melodies that have the length asked for, or whose stretch of a plan ends, shape (B,)."""
        return self._has_length(state, self._ticks_left(state, plans))

    def _has_length(self, state: DecodingState, left: Tensor) -> Tensor:
        """Return the mask of ``is_complete`` from the ticks left, shape (B,)."""
        if self.config.notes is not None:
            return state.n_notes >= self.config.notes
        return left < self._shortest

    def allowed(self, state: DecodingState, plans: Sequence[PlanProgress]) -> Tensor:
        """Return the mask of tokens that may come next in unfinished melodies, at least one each, shape (B, V).

        Args:
            state: The state of the melodies.
            plans: Where each melody stands in its plan.
        """
        vocabulary = self._vocabulary
        # A note follows the prefix, and a bar line or metre that departs from the count.
        allowed = self.playable & (self._is_note | ~state.after_departure[:, None])
        allowed &= self._allowed_by_signs[state.signs] & self._in_range[state.tonic]
        allowed[:, vocabulary.bar] &= state.clock.position > 0
        allowed.scatter_(1, state.metre[:, None], value=False)
        ends = torch.tensor([plan.end for plan in plans])
        is_open = (ends >= FAR) & (self.config.notes is None)
        allowed[:, vocabulary.end] &= state.has_sounded & is_open
        final = torch.tensor([plan.final_degree for plan in plans])
        allowed[:, vocabulary.end] &= (final < 0) | (state.degree == final)
        left = self._ticks_left(state, plans)
        self._exclude_overlong(allowed, left)
        if bool((final >= 0).any()):
            is_final = (final[:, None] < 0) | (self._degree == final[:, None])  # (B, V)
            allowed &= is_final | ~self._is_note | ~self._completes(state, left, plans)
        signs_end = torch.tensor([not plan.has_signs for plan in plans])
        allowed[signs_end] &= ~self._is_sign
        complete = self._has_length(state, left).nonzero()[:, 0]
        if len(complete):
            allowed[complete] = self._closing[state.signs[complete]]
        silent = (~state.has_sounded).nonzero()[:, 0]
        if len(silent):
            is_last = self._is_last_chance(select_sequences(state, silent), left[silent])
            allowed[silent] &= ~(self._is_rest & is_last)
        forced = torch.tensor([plan.forced for plan in plans])
        is_forced = forced >= 0
        if bool(is_forced.any()):
            allowed[is_forced] = False
            allowed[is_forced, forced[is_forced]] = True
        return allowed

    def required(self, state: DecodingState, plans: Sequence[PlanProgress]) -> Tensor:
        """Return the token that comes next even if the network rules it out, shape (B,); -1 where there is none.

        Arguments as for ``allowed``.
        """
        required = torch.tensor([plan.forced for plan in plans])
        may_end = (required < 0) & self.is_complete(state, plans)
        return torch.where(may_end, self._vocabulary.end, required)

    def _exclude_overlong(self, allowed: Tensor, left: Tensor) -> None:
        """Exclude tokens that do not fit into the ticks left, shape (B,), or leave too few for another note."""
        due = (left < FAR // 2).nonzero()[:, 0]
        if len(due):
            after = left[due][:, None] - self._ticks
            allowed[due] &= ((after == 0) | (after >= self._shortest)) & ~self._departs

    def _completes(self, state: DecodingState, left: Tensor, plans: Sequence[PlanProgress]) -> Tensor:
        """Return the mask of notes with which a melody would have the length asked for, shape (B, V)."""
        n_notes = state.n_notes[:, None] + 1  # (B, 1)
        if self.config.notes is not None:
            return n_notes >= self.config.notes
        clock = state.clock
        to_bar_line = -(clock.position[:, None] + self._ticks) % clock.bar_ticks[:, None]  # (B, V)
        is_at_bar_line = (to_bar_line < self._shortest) | (clock.bar_ticks[:, None] == self._free)
        ends_melody = torch.tensor([plan.ends_melody for plan in plans])[:, None]
        is_due = left[:, None] < FAR // 2
        at_end = ends_melody & is_due & (left[:, None] - self._ticks < self._shortest)
        return at_end | ((n_notes >= self.config.max_notes) & is_at_bar_line & self.config.is_open_ended)

    def _ticks_left(self, state: DecodingState, plans: Sequence[PlanProgress]) -> Tensor:
        """Return the ticks to where a melody or a stretch of its plan has to end, shape (B,); many if nowhere."""
        if self.config.notes is not None:
            return torch.full_like(state.elapsed, FAR)
        clock, ends = state.clock, torch.tensor([plan.end for plan in plans])
        to_bar_line = torch.where(clock.bar_ticks == self._free, 0, -clock.position % clock.bar_ticks)
        by_notes = torch.where(state.n_notes >= self.config.max_notes, to_bar_line, FAR)
        by_plan = torch.where(ends < FAR, ends - state.elapsed, FAR)
        # A length that is asked for goes before max_notes, one that was drawn does not.
        return (
            torch.minimum(by_plan, by_notes)
            if self.config.is_open_ended
            else torch.where(ends < FAR, by_plan, by_notes)
        )

    def _is_last_chance(self, state: DecodingState, left: Tensor) -> Tensor:
        """Return the mask of rests that would end a melody without a sounding note, shape (B, V)."""
        by_ticks = self._ticks == left[:, None]
        if self.config.n_bars is not None:
            return by_ticks
        return by_ticks | (state.n_notes[:, None] + 1 >= (self.config.notes or self.config.max_notes))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"
