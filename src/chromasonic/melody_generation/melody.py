"""The one music type: a melody is a line of notes and rests, and where its bars begin.

Time is counted in ticks, 24 to the quarter note, which is exact for thirty-second notes (3 ticks) and for
triplets (8 ticks for an eighth).

Bars are counted, not stored. From the metre and the place in the bar at which the first note falls, every bar
line follows; only where the written music departs from that count (a short last bar of a part, a change of
metre) does a melody hold a :class:`Departure`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TICKS_PER_QUARTER = 24
REST = -1
MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_NEVER = 1 << 20  # ticks: the length of a bar that no count ends
_LONGEST = 1 << 40  # ticks: a note; sums of a million of them are still numbers of 64 bits


@dataclass(frozen=True, order=True)
class Metre:
    """A time signature, such as 6/8; ``beats`` is 0 for free metre, in which only written bar lines count.

    Example:
        >>> str(Metre(6, 8)), Metre(6, 8).bar_ticks
        ('6/8', 72)
    """

    beats: int
    unit: int

    def __post_init__(self) -> None:
        whole = 4 * TICKS_PER_QUARTER
        if self.beats < 0 or self.unit < 1 or whole % self.unit:
            raise ValueError(
                f"a metre needs beats >= 0 over a note value that divides {whole} ticks, got {self.beats}/{self.unit}"
            )

    @classmethod
    def parse(cls, text: str) -> Metre:
        """Read ``"6/8"``, ``"C"``, ``"C|"`` or ``"free"``.

        Raises:
            ValueError: If the text is none of these.
        """
        named = {"C": cls(4, 4), "C|": cls(2, 2), "free": cls(0, 4)}
        text = text.strip()
        if text in named:
            return named[text]
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if not match or int(match[1]) == 0:
            raise ValueError(f"a metre is written like 6/8, C, C| or free, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    @property
    def bar_ticks(self) -> int:
        """The length of a bar in ticks; for free metre, longer than any tune."""
        return self.beats * (4 * TICKS_PER_QUARTER // self.unit) or _NEVER

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}" if self.beats else "free"


@dataclass(frozen=True)
class Departure:
    """A bar line that the count does not foresee: before note ``note`` a new bar begins.

    ``metre`` is the metre from there on, or None where it stays as it is.
    """

    note: int
    metre: Metre | None = None


def _read_only(values: ArrayLike) -> IntArray:
    try:
        array = np.array(values, dtype=np.int64).reshape(-1)
    except OverflowError as problem:
        raise ValueError("a pitch or a duration has more than 64 bits, and no melody holds it") from problem
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False, init=False)
class Melody:
    """A monophonic tune of N notes and rests.

    Attributes:
        pitches: MIDI numbers, ``REST`` for a rest, shape (N,).
        durations: Ticks, shape (N,).
        metre: The metre at the beginning.
        start: The position in the bar, in ticks, at which the first note falls: 0 without an upbeat.
        departures: Bar lines and metres that the count does not foresee, by rising note.
        tonic: Pitch class of the first key's tonic, 0 (C) to 11 (B).
        mode: One of ``MODES``.
        title: As the source names it.
        source: Where it came from; for a tune from an ABC file ``reelsa-c.abc:12``.
        corpus: The collection it belongs to, ``"unknown"`` for a user's own.

    Raises:
        ValueError: If a value is out of range, lengths differ, or a departure is no departure.

    Example:
        >>> melody = Melody([67, 69, 71, REST], [12, 12, 24, 24], metre=Metre(3, 4), start=48)
        >>> melody.positions.tolist(), melody.bar_lines.tolist()
        ([48, 60, 0, 24], [24])
    """

    pitches: IntArray
    durations: IntArray
    metre: Metre = Metre(4, 4)
    start: int = 0
    departures: tuple[Departure, ...] = ()
    tonic: int = 0
    mode: str = "major"
    title: str = ""
    source: str = ""
    corpus: str = "unknown"

    def __init__(
        self,
        pitches: ArrayLike,
        durations: ArrayLike,
        metre: Metre = Metre(4, 4),
        start: int = 0,
        departures: Sequence[Departure] = (),
        tonic: int = 0,
        mode: str = "major",
        title: str = "",
        source: str = "",
        corpus: str = "unknown",
    ) -> None:
        values: dict[str, Any] = {
            "pitches": _read_only(pitches),
            "durations": _read_only(durations),
            "metre": metre,
            "start": int(start),
            "departures": tuple(departures),
            "tonic": int(tonic),
            "mode": mode,
            "title": title,
            "source": source,
            "corpus": corpus,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        n_notes = len(self.pitches)
        if len(self.durations) != n_notes:
            raise ValueError(f"{n_notes} pitches but {len(self.durations)} durations")
        if n_notes and not (self.pitches.min() >= REST and self.pitches.max() <= 127):
            raise ValueError("pitches are MIDI numbers 0 to 127, or -1 for a rest")
        if n_notes and not (self.durations.min() >= 1 and self.durations.max() <= _LONGEST):
            raise ValueError(f"durations are whole ticks of 1 to {_LONGEST}")
        if not 0 <= self.start < self.metre.bar_ticks:
            raise ValueError(f"start {self.start} is not within a bar of {self.metre}")
        if not 0 <= self.tonic <= 11:
            raise ValueError(f"tonic is a pitch class 0 to 11, got {self.tonic}")
        if self.mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, got {self.mode!r}")
        self._check_departures()

    def _check_departures(self) -> None:
        previous, metre, position = 0, self.metre, self.start
        for departure in self.departures:
            if not previous < departure.note < len(self):
                raise ValueError(f"departures must rise within 1 to {len(self) - 1}: {departure}")
            elapsed = int(self.durations[previous : departure.note].sum())
            if departure.metre is None and (position + elapsed) % metre.bar_ticks == 0:
                raise ValueError(f"a bar line before note {departure.note} is already counted")
            if departure.metre == metre:
                raise ValueError(f"the metre before note {departure.note} is {metre} already")
            previous, metre, position = departure.note, departure.metre or metre, 0

    def __len__(self) -> int:
        return len(self.pitches)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Melody):
            return NotImplemented
        return all(np.array_equal(getattr(self, each.name), getattr(other, each.name)) for each in fields(self))

    def __hash__(self) -> int:
        return hash((self.pitches.tobytes(), self.durations.tobytes(), self.metre, self.tonic))

    @cached_property
    def onsets(self) -> IntArray:
        """Ticks from the first note's beginning, shape (N,)."""
        return np.cumsum(self.durations) - self.durations

    @property
    def ticks(self) -> int:
        """The length of the whole melody in ticks."""
        return int(self.durations.sum())

    @cached_property
    def segments(self) -> tuple[tuple[int, int, Metre, int], ...]:
        """Stretches without a departure: first note, note after the last, metre, position of the first."""
        begins = [Departure(0, self.metre), *self.departures]
        ends = [departure.note for departure in self.departures] + [len(self)]
        found, metre, position = [], self.metre, self.start
        for begin, end in zip(begins, ends, strict=True):
            metre = begin.metre or metre
            found.append((begin.note, end, metre, position))
            position = 0
        return tuple(found)

    @cached_property
    def positions(self) -> IntArray:
        """Position in the bar, in ticks, at which each note falls, shape (N,)."""
        found = np.zeros(len(self), dtype=np.int64)
        for begin, end, metre, position in self.segments:
            if begin < end:
                elapsed = self.onsets[begin:end] - self.onsets[begin]
                found[begin:end] = (position + elapsed) % metre.bar_ticks
        return found

    @cached_property
    def bar_lines(self) -> IntArray:
        """Ticks from the first note's beginning at which a bar begins; the last note's end is not one."""
        found: list[int] = []
        for begin, end, metre, position in self.segments:
            if begin < end:
                first = int(self.onsets[begin])
                last = int(self.onsets[end - 1] + self.durations[end - 1])
                bar_begin = first if position == 0 else first + metre.bar_ticks - position
                found.extend(range(bar_begin, last, metre.bar_ticks))
        return np.array(found, dtype=np.int64)

    def transposed(self, semitones: int) -> Melody:
        """The same tune in another key: every pitch and the tonic moved by ``semitones``."""
        pitches = np.where(self.pitches == REST, REST, self.pitches + semitones)
        return replace(self, pitches=pitches, tonic=(self.tonic + semitones) % 12)

    def window(self, begin: int, end: int) -> Melody:
        """Notes ``begin`` to ``end`` (exclusive) with the metre and the place in the bar where they stand.

        Raises:
            ValueError: If the range is empty or leaves the melody.
        """
        if not 0 <= begin < end <= len(self):
            raise ValueError(f"window {begin}:{end} is not within a melody of {len(self)} notes")
        metre = next(m for first, last, m, _ in self.segments if first <= begin < last)
        inside = [d for d in self.departures if begin < d.note < end]
        return replace(
            self,
            pitches=self.pitches[begin:end],
            durations=self.durations[begin:end],
            metre=metre,
            start=int(self.positions[begin]),
            departures=tuple(Departure(d.note - begin, d.metre) for d in inside),
        )
