"""The options of generation, defined and validated once for the command, Python and pages."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any

from chromasonic.melody_generation.errors import InputError, did_you_mean
from chromasonic.melody_generation.generation.conditions import (
    check_kind,
    check_mode,
    parse_key,
    parse_metre,
    parse_range,
    parse_upbeat,
)
from chromasonic.melody_generation.generation.melody_plan import parse_form
from chromasonic.melody_generation.measures.outlines import Outline

_BARS_PER_PART = 8
_MAX_DRAFTS = 256
_MOST = 1_000_000  # bars or notes: nobody waits for more, and their ticks are whole numbers of 64 bits
_TYPES: dict[str, tuple[type, str]] = {
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
    "str": (str, "a text"),
    "bool": (bool, "true or false"),
}


@dataclass(frozen=True)
class GenerationConfig:
    """The options of generation, checked when they are set.

    Attributes:
        count: The number of melodies.
        key: The tonic, such as G, F# or Bb; by default C, or the primer's.
        mode: One of ``MODES``; by default major, or the primer's.
        kind: The kind of tune, such as jig; by default the model decides, or the primer's.
        metre: A metre of the vocabulary, such as 6/8; by default 4/4, or the primer's.
        upbeat: The note value before the first bar line, such as 1/8; 0 for none.
        bars: A melody has exactly so many bars; an upbeat and the incomplete last bar that it completes are one. The
            metre stays.
        form: The parts, such as AABB: a part that is written twice in a row is repeated, and one that returns is
            copied. They have equal lengths, eight bars by default.
        range: The lowest and the highest note, such as G3:B5 (C4 is middle C), or an instrument: fiddle, whistle,
            flute, recorder, mandolin, accordion or voice.
        ends_on: ``tonic`` if the last note has to be the tonic.
        outline: Whether kind, number of bars and last note are drawn from the training tunes, in the same metre and
            mode, where nothing says them; otherwise the model ends the melody where it likes.
        notes: A melody has exactly so many notes and rests, those of a primer included.
        max_notes: Without ``bars`` or ``notes``, a melody that the model has not ended after so many notes and rests
            ends at the next bar line, in free metre at once.
        corpus: The collection in whose style melodies are generated; by default the model's.
        temperature: Divides the logits; above 1 more adventurous, 0 always the most probable token (greedy).
        top_k: The number of most probable tokens that are kept, of equal ones the first; 0 for all.
        top_p: The share of probability that is kept at least, by as few tokens as possible; 1 for all.
        min_p: Keeps the tokens with at least this share of the most probable one's probability; 0 for all.
        drafts: Where a length, form, range or ending is asked for: the number of drafts of which one is drawn, by
            the probability that the model gives to what was asked for.
        n_best: The number of melodies that are drawn for each that is kept; the best are kept.
        seed: Seed of the random numbers.
        primer_notes: The number of the primer's first notes that are taken; by default all.
        primer_bars: The number of the primer's first bars that are taken, an upbeat with the first.
        without_primer: Whether the primer is left out of the melodies that continue it.
        fill: Bars of the primer that are composed anew, such as 5-8; the others stay.
        vary: The share of the primer's bars that are composed anew, chosen at random, above 0 and up to 1.

    Raises:
        InputError: If an option is out of range, or two exclude each other.

    Example:
        >>> GenerationConfig(metre="6/8").with_changes(bars=8).bars
        8
    """

    count: int = 1
    key: str | None = None
    mode: str | None = None
    kind: str | None = None
    metre: str | None = None
    upbeat: str | None = None
    bars: int | None = None
    form: str | None = None
    range: str | None = None
    ends_on: str | None = None
    outline: bool = True
    notes: int | None = None
    max_notes: int = 512
    corpus: str | None = None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    drafts: int = 4
    n_best: int = 1
    seed: int = 0
    primer_notes: int | None = None
    primer_bars: int | None = None
    without_primer: bool = False
    fill: str | None = None
    vary: float | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if self.count < 1:
            raise InputError(f"count is how many melodies to generate, 1 or more, got {self.count}")
        self._check_beginning()
        self._check_length()
        self._check_rewriting()
        for name, is_valid, expected in (
            ("n_best", 1 <= self.n_best <= _MAX_DRAFTS, f"a whole number of 1 to {_MAX_DRAFTS}"),
            ("temperature", 0 <= self.temperature < math.inf, "a number of 0 or more (0 is greedy)"),
            ("top_k", self.top_k >= 0, "how many tokens are kept, 0 for all"),
            ("top_p", 0 < self.top_p <= 1, "a share above 0 and up to 1, 1 for all"),
            ("vary", self.vary is None or 0 < self.vary <= 1, "the share of the bars that change, above 0 and up to 1"),
            ("min_p", 0 <= self.min_p <= 1, "a share of 0 to 1, 0 for all"),
            ("drafts", 1 <= self.drafts <= _MAX_DRAFTS, f"a whole number of 1 to {_MAX_DRAFTS}"),
            ("seed", self.seed >= 0, "a whole number of 0 or more"),
        ):
            if not is_valid:
                raise InputError(f"{name} is {expected}, got {getattr(self, name)}")

    def _check_types(self) -> None:
        for option in fields(self):
            value, (name, *others) = getattr(self, option.name), str(option.type).split(" | ")
            kind, expected = _TYPES[name]
            if not isinstance(value, kind) and not (value is None and others):
                raise InputError(f"{option.name} is {expected}, got {value!r}")

    def _check_beginning(self) -> None:
        if self.mode is not None:
            check_mode(self.mode)
        if self.key is not None:
            parse_key(self.key)
        if self.kind is not None:
            check_kind(self.kind)
        if self.range is not None:
            parse_range(self.range)
        if self.primer_notes is not None and self.primer_bars is not None:
            raise InputError("a primer is as long as primer_notes says or as primer_bars says: give one of them")
        metre = parse_metre(self.metre) if self.metre is not None else None
        if self.upbeat is not None and metre is not None:  # else it depends on the primer's metre
            parse_upbeat(self.upbeat, metre)

    def _check_length(self) -> None:
        for name in ("bars", "notes", "max_notes", "primer_bars"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name} is 1 or more, got {number}")
            if number is not None and number > _MOST:
                raise InputError(f"{name} is at most {_MOST}, got {number}")
        if self.bars is not None and self.notes is not None:
            raise InputError("a melody is as long as bars says or as notes says: give one of them")
        if self.ends_on not in (None, "tonic"):
            raise InputError(f"ends_on is tonic, or left out, got {self.ends_on!r}")
        if self.form is None:
            return
        parts = parse_form(self.form)
        if self.notes is not None:
            raise InputError("the parts of a form are as long as bars says: leave notes out")
        if self.bars is not None and self.bars % len(parts):
            raise InputError(
                f"form={self.form} has {len(parts)} written parts of equal length, so bars is a multiple of "
                f"{len(parts)}, got {self.bars}"
            )

    def _check_rewriting(self) -> None:
        if not self.is_rewriting:
            return
        name = "vary" if self.fill is None else "fill"
        if self.fill is not None and self.vary is not None:
            raise InputError("fill says which bars are composed anew, vary how many: give one of them")
        others = ("bars", "form", "notes", "ends_on", "primer_notes", "primer_bars", "mode", "metre", "upbeat")
        given = next((other for other in others if getattr(self, other) is not None), None)
        if given is not None or self.without_primer:
            raise InputError(f"{name} keeps the rest of the tune as it is: leave {given or 'without_primer'} out")

    @property
    def is_rewriting(self) -> bool:
        """True if bars of a given tune are composed anew."""
        return self.fill is not None or self.vary is not None

    @property
    def is_greedy(self) -> bool:
        """True if the most probable token is always chosen, so that a beginning has one continuation."""
        return self.temperature == 0 or self.top_k == 1

    @property
    def n_draws(self) -> int:
        """The number of melodies that are drawn, of which the best are kept; greedy ones would all be the same."""
        return self.count if self.is_greedy and self.vary is None else self.count * self.n_best

    @property
    def may_run_away(self) -> bool:
        """True if a melody may go on to ``max_notes`` without an end."""
        return self.is_open_ended and not self.is_rewriting

    @property
    def n_bars(self) -> int | None:
        """The number of bars that is asked for, by ``bars`` or by ``form``; None if the model decides."""
        if self.bars is None and self.form is not None:
            return _BARS_PER_PART * len(parse_form(self.form))
        return self.bars

    @property
    def asked_outline(self) -> Outline:
        """The number of bars and the last note that are asked for."""
        return Outline(n_bars=self.n_bars, final_degree=None if self.ends_on is None else 0)

    @property
    def bars_of_part(self) -> int:
        """The number of bars of each part of ``form``, and of the whole melody without one; 0 if none are asked for."""
        return (self.n_bars or 0) // (1 if self.form is None else len(parse_form(self.form)))

    @property
    def is_open_ended(self) -> bool:
        """True if the model decides where a melody ends."""
        return self.n_bars is None and self.notes is None

    @property
    def n_drafts(self) -> int:
        """The number of drafts of each melody: 1 if nothing is asked for that the model does not know."""
        asked = (self.range, self.ends_on, self.outline or None)
        is_steered = self.is_rewriting or not self.is_open_ended or any(option is not None for option in asked)
        return self.drafts if is_steered and not self.is_greedy else 1

    def with_changes(self, **changes: Any) -> GenerationConfig:
        """Return a copy with other values for some options.

        Raises:
            InputError: If there is no such option, or a value is out of range.
        """
        names = [option.name for option in fields(self)]
        unknown = next((name for name in changes if name not in names), None)
        if unknown is not None:
            hint = did_you_mean(unknown, names) or f"; there are {', '.join(names)}"
            raise InputError(f"there is no option {unknown} of generation{hint}")
        return replace(self, **changes)
