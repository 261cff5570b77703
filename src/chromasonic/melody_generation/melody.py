"""The core type of the package: a melody is a line of notes and rests with counted bars.

Time is measured in ticks, 24 to the quarter note, which is exact for thirty-second notes (3 ticks) and for triplets
(8 ticks for a triplet eighth).

Bars are counted, not stored: the bar lines follow from the metre and the position in the bar of the first note. Where
the written music departs from that count (a short last bar of a part, a change of metre), a melody has a
:class:`Departure`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chromasonic.melody_generation.form import KINDS, Chord, FormMark

TICKS_PER_QUARTER = 24
REST = -1
MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_FREE_BAR_TICKS = 1 << 20  # longer than any tune
_MAX_FIFTHS = 63  # more accidentals than anybody writes
_MAX_NOTE_TICKS = 1 << 40  # sums of a million such notes still fit into 64 bits


@dataclass(frozen=True, order=True)
class Metre:
    """A time signature, such as 6/8; ``beats`` is 0 for free metre, in which only departures are bar lines.

    Raises:
        ValueError: If ``beats`` is negative, or no whole number of ticks is a ``unit``-th of a whole note.

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
        """Parse ``"6/8"``, ``"C"``, ``"C|"`` or ``"free"``.

        Raises:
            ValueError: If the text is no such metre.
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
        """The length of a bar in ticks; in free metre, longer than any tune."""
        return self.beats * (4 * TICKS_PER_QUARTER // self.unit) or _FREE_BAR_TICKS

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}" if self.beats else "free"


@dataclass(frozen=True)
class Departure:
    """A bar line that departs from the count: a new bar begins before the note with index ``note``.

    ``metre`` is the metre from there on, or None if it does not change.
    """

    note: int
    metre: Metre | None = None


class Segment(NamedTuple):
    """A part of a melody without departures.

    Attributes:
        begin: Index of the first note.
        end: Index of the note after the last.
        metre: The metre of the segment.
        position: Position of the first note in its bar, in ticks.
    """

    begin: int
    end: int
    metre: Metre
    position: int


def _read_only(values: ArrayLike) -> IntArray:
    try:
        array = np.array(values, dtype=np.int64).reshape(-1)
    except OverflowError as problem:
        raise ValueError("a pitch or a duration has more than 64 bits") from problem
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False, init=False)
class Melody:
    """A monophonic tune of N notes and rests.

    Attributes:
        pitches: MIDI numbers, ``REST`` for a rest, shape (N,).
        durations: Durations in ticks, shape (N,).
        metre: The metre at the beginning.
        start: Position of the first note in its bar, in ticks: 0 without an upbeat.
        departures: Bar lines and changes of metre that depart from the count, by rising note.
        tonic: Pitch class of the first key's tonic, 0 (C) to 11 (B).
        mode: The mode of the first key, one of ``MODES``.
        title: The title in the source.
        source: File and number of the tune, such as ``reelsa-c.abc:12``.
        corpus: The corpus of the tune, ``"unknown"`` for a user's own.
        form: Signs of repeats, endings, sections and parts as written, by rising note.
        part_order: The letters of the parts in playing order; empty for the written order.
        chords: Chord symbols by rising onset.
        kind: The kind of tune, such as ``"jig"``, one of ``KINDS``.
        spelling: Position of each note on the line of fifths as written (C is 0, G is 1, F is -1), 0 for a rest, shape
            (N,); of shape (0,) if it is not known, or names other notes than ``pitches``.

    Raises:
        ValueError: If a value is out of range, lengths differ, or a departure agrees with the count.

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
    form: tuple[FormMark, ...] = ()
    part_order: str = ""
    chords: tuple[Chord, ...] = ()
    kind: str = "unknown"
    spelling: IntArray = field(default_factory=lambda: _read_only(()))

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
        form: Sequence[FormMark] = (),
        part_order: str = "",
        chords: Sequence[Chord] = (),
        kind: str = "unknown",
        spelling: ArrayLike = (),
    ) -> None:
        values: dict[str, object] = {
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
            "form": tuple(form),
            "part_order": part_order,
            "chords": tuple(chords),
            "kind": kind,
            "spelling": _read_only(spelling),
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
        if n_notes and not (self.durations.min() >= 1 and self.durations.max() <= _MAX_NOTE_TICKS):
            raise ValueError(f"durations are 1 to {_MAX_NOTE_TICKS} ticks")
        if not 0 <= self.start < self.metre.bar_ticks:
            raise ValueError(f"start {self.start} is not within a bar of {self.metre}")
        if not 0 <= self.tonic <= 11:
            raise ValueError(f"tonic is a pitch class 0 to 11, got {self.tonic}")
        if self.mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, got {self.mode!r}")
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, got {self.kind!r}")
        self._check_departures()
        self._keep_what_fits()
        self._check_form()

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

    def _keep_what_fits(self) -> None:
        """Leave out signs and chords after the last note, and a spelling of other notes: they belong to other notes.

        A program that replaces the pitches or the durations need not know of them.
        """
        fifths = self.spelling
        fits = len(fifths) == len(self) and not ((7 * fifths - self.pitches) % 12)[self.pitches != REST].any()
        if len(fifths) and not (fits and np.abs(fifths).max() <= _MAX_FIFTHS):
            object.__setattr__(self, "spelling", _read_only(()))
        ticks = self.ticks
        if any(mark.note > len(self) for mark in self.form):
            object.__setattr__(self, "form", tuple(mark for mark in self.form if mark.note <= len(self)))
        if any(chord.onset >= ticks for chord in self.chords):
            object.__setattr__(self, "chords", tuple(chord for chord in self.chords if chord.onset < ticks))

    def _check_form(self) -> None:
        places = [mark.note for mark in self.form]
        if places != sorted(places) or (places and places[0] < 0):
            raise ValueError(f"signs of form stand before notes 0 to {len(self)}, in order: {places}")
        onsets = [chord.onset for chord in self.chords]
        if onsets != sorted(set(onsets)):
            raise ValueError(f"chords stand at rising onsets: {onsets}")

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
        """Onset of each note in ticks from the first note, shape (N,)."""
        return np.cumsum(self.durations) - self.durations

    @property
    def ticks(self) -> int:
        """The duration of the melody in ticks."""
        return int(self.durations.sum())

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments between departures."""
        begins = [Departure(0, self.metre), *self.departures]
        ends = [departure.note for departure in self.departures] + [len(self)]
        segments, metre, position = [], self.metre, self.start
        for begin, end in zip(begins, ends, strict=True):
            metre = begin.metre or metre
            segments.append(Segment(begin.note, end, metre, position))
            position = 0
        return tuple(segments)

    @cached_property
    def positions(self) -> IntArray:
        """Position of each note in its bar, in ticks, shape (N,)."""
        positions = np.zeros(len(self), dtype=np.int64)
        for begin, end, metre, position in self.segments:
            if begin < end:
                elapsed = self.onsets[begin:end] - self.onsets[begin]
                positions[begin:end] = (position + elapsed) % metre.bar_ticks
        return positions

    @cached_property
    def bar_lines(self) -> IntArray:
        """Ticks from the first note at which a bar begins, shape (number of bars,); the end of the melody is none."""
        bar_lines: list[int] = []
        for begin, end, metre, position in self.segments:
            if begin < end:
                first = int(self.onsets[begin])
                last = int(self.onsets[end - 1] + self.durations[end - 1])
                bar_begin = first if position == 0 else first + metre.bar_ticks - position
                bar_lines.extend(range(bar_begin, last, metre.bar_ticks))
        return np.array(bar_lines, dtype=np.int64)

    @property
    def n_bars(self) -> int:
        """The number of bars, without an upbeat. An upbeat and the incomplete last bar that it completes are one."""
        return len(self.bar_lines)

    def without_form(self) -> Melody:
        """Return the notes, bars and key alone, with title, source and corpus."""
        return replace(self, form=(), part_order="", chords=(), kind=KINDS[0], spelling=self.spelling[:0])

    def chords_at(self, durations: IntArray) -> tuple[Chord, ...]:
        """Return the chords at the same notes as now if the notes had other durations, in ticks, shape (N,)."""
        onsets = np.cumsum(durations) - durations
        moved: dict[int, Chord] = {}
        for chord in self.chords:
            note = int(np.searchsorted(self.onsets, chord.onset, side="right")) - 1
            within = min(chord.onset - int(self.onsets[note]), int(durations[note]) - 1)
            moved[int(onsets[note]) + within] = chord
        return tuple(replace(chord, onset=onset) for onset, chord in moved.items())

    def transposed(self, semitones: int) -> Melody:
        """Transpose the pitches, chords and the tonic by a number of semitones; the spelling is known for 0 alone.

        Example:
            >>> Melody([60, REST, 64], [24, 24, 24]).transposed(2).pitches.tolist()
            [62, -1, 66]
        """
        pitches = np.where(self.pitches == REST, REST, self.pitches + semitones)
        return replace(
            self,
            pitches=pitches,
            tonic=(self.tonic + semitones) % 12,
            chords=tuple(chord.transposed(semitones) for chord in self.chords),
            spelling=self.spelling if semitones == 0 else self.spelling[:0],
        )

    def window(self, begin: int, end: int) -> Melody:
        """Return the notes from ``begin`` to before ``end``, with their metre, position in the bar, form and chords.

        A chord that begins before the first of these notes stands at it, unless another one does.

        Raises:
            ValueError: If the range is empty or exceeds the melody.
        """
        if not 0 <= begin < end <= len(self):
            raise ValueError(f"window {begin}:{end} is not within a melody of {len(self)} notes")
        metre = next(m for first, last, m, _ in self.segments if first <= begin < last)
        inside = [d for d in self.departures if begin < d.note < end]
        first, last = int(self.onsets[begin]), int(self.onsets[end - 1] + self.durations[end - 1])
        chords = {max(chord.onset - first, 0): chord for chord in self.chords if chord.onset < last}
        return replace(
            self,
            pitches=self.pitches[begin:end],
            durations=self.durations[begin:end],
            metre=metre,
            start=int(self.positions[begin]),
            departures=tuple(Departure(d.note - begin, d.metre) for d in inside),
            form=tuple(replace(mark, note=mark.note - begin) for mark in self.form if begin <= mark.note <= end),
            chords=tuple(replace(chord, onset=onset) for onset, chord in chords.items()),
            spelling=self.spelling[begin:end],
        )
