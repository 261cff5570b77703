"""Units of harmony: the half bars, bars or beats of a melody that have one chord each, and their place in its form.

A bar of an even number of beats has two units (4/4, 6/8, 2/4), one of three short beats is a unit (3/4), and one of
three long beats has three (9/8, 3/2). An upbeat of less than half a bar has none: chords begin at the first bar line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from chromasonic.melody_generation.form import FormSign
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, IntArray, Melody, Metre
from chromasonic.melody_generation.notation.tempo import beat_ticks

_SHORTEST, _LONGEST = TICKS_PER_QUARTER, 4 * TICKS_PER_QUARTER  # of a unit that is half a bar
_LONGEST_BAR = 3 * TICKS_PER_QUARTER  # that is one unit
_LONGEST_IRREGULAR_BAR = 5 * TICKS_PER_QUARTER
_FREE_UNIT = 2 * TICKS_PER_QUARTER
# Signs at which a part begins or ends.
_BOUNDARIES = frozenset({FormSign.SECTION, FormSign.REPEAT_BEGIN, FormSign.REPEAT_END, FormSign.PART})


@dataclass(frozen=True)
class ChordUnits:
    """The U units of a melody, in order.

    Attributes:
        begins: Ticks from the first note to the beginning of each unit, shape (U,).
        ends: Ticks to the end of each unit, shape (U,).
        positions: Number of each unit in its bar, from 0, shape (U,).
        bars: Number of each unit's bar in its part of the tune, from 0, or -1 for a long upbeat, shape (U,).
        units_left: Number of units from each unit to the last of its part, shape (U,).
    """

    begins: IntArray
    ends: IntArray
    positions: IntArray
    bars: IntArray
    units_left: IntArray

    def __len__(self) -> int:
        return len(self.begins)


def unit_ticks(metre: Metre) -> int:
    """Return the length of a unit of harmony in ticks.

    Example:
        >>> [unit_ticks(Metre(*metre)) for metre in ((4, 4), (6, 8), (3, 4), (9, 8), (7, 8))]
        [48, 36, 72, 36, 84]
    """
    if not metre.beats:
        return _FREE_UNIT
    bar, beat = metre.bar_ticks, beat_ticks(metre)
    n_beats = bar // beat
    if n_beats % 2 == 0 and _SHORTEST <= bar // 2 <= _LONGEST:
        return bar // 2
    if bar <= (_LONGEST_BAR if n_beats % 3 == 0 or n_beats % 2 == 0 else _LONGEST_IRREGULAR_BAR):
        return bar
    return beat if beat >= _SHORTEST else _FREE_UNIT


def chord_units(melody: Melody) -> ChordUnits:
    """Return the units of a melody; none for a melody without notes and rests.

    Example:
        >>> units = chord_units(Melody([60, 62, 64, 65], [24, 48, 48, 96], start=72))
        >>> list(zip(units.begins.tolist(), units.ends.tolist()))
        [(24, 72), (72, 120), (120, 168), (168, 216)]
    """
    parts = _Parts.of(melody)
    rows = [
        (begin, end, position, number)
        for bar, number in parts.number(_bars(melody))
        for begin, end, position in bar.units()
    ]
    begins, ends, positions, bars = np.array(rows, dtype=np.int64).reshape(-1, 4).T  # (U,) each
    return ChordUnits(begins, ends, positions, bars, parts.units_left(begins, ends))


class _Bar(NamedTuple):
    """A bar that has chords: where it begins and ends, and the length of its units, in ticks."""

    begin: int
    end: int
    unit: int
    is_upbeat: bool = False

    def units(self) -> Iterator[tuple[int, int, int]]:
        """Yield begin, end and number of each unit; a remainder of less than half a unit joins its neighbour.

        The units of an upbeat are counted from its end.
        """
        begin, end, unit, is_upbeat = self
        first = end - (end - begin - 1) // unit * unit if is_upbeat else begin + unit
        inner = list(range(first, end, unit))
        if inner and is_upbeat and inner[0] - begin < unit / 2:
            inner.pop(0)
        elif inner and not is_upbeat and end - inner[-1] < unit / 2:
            inner.pop()
        for position, edges in enumerate(pairwise([begin, *inner, end])):
            yield *edges, position


def _bars(melody: Melody) -> Iterator[_Bar]:
    """Yield the bars of a melody; an upbeat of less than half a bar is none."""
    if not len(melody):
        return
    lines = [*melody.bar_lines.tolist(), melody.ticks]
    if len(lines) == 1 or 2 * lines[0] >= melody.metre.bar_ticks:  # without bar lines, all is an upbeat
        yield _Bar(0, lines[0], unit_ticks(melody.metre), is_upbeat=len(lines) > 1)
    segments = [segment for segment in melody.segments if segment.begin < segment.end]
    onsets = [int(melody.onsets[segment.begin]) for segment in segments]
    for begin, end in pairwise(lines):
        yield _Bar(begin, end, unit_ticks(segments[bisect_right(onsets, begin) - 1].metre))


@dataclass(frozen=True)
class _Parts:
    """The ticks at which parts of a tune end, the end of the tune included, and those of first and later endings."""

    boundaries: tuple[int, ...]
    first_endings: tuple[int, ...]
    later_endings: frozenset[int]

    @classmethod
    def of(cls, melody: Melody) -> _Parts:
        onsets = [*melody.onsets.tolist(), melody.ticks]
        boundaries, first, later = {melody.ticks}, set[int](), set[int]()
        for mark in melody.form:
            if mark.sign in _BOUNDARIES:
                boundaries.add(onsets[mark.note])
            elif mark.sign is FormSign.ENDING:
                (first if 1 in mark.passes else later).add(onsets[mark.note])
        return cls(tuple(sorted(boundaries)), tuple(sorted(first)), frozenset(later))

    def number(self, bars: Iterable[_Bar]) -> Iterator[tuple[_Bar, int]]:
        """Yield each bar with its number in its part; a later ending continues where the first one began."""
        number = at_ending = n_passed = 0
        for bar in bars:
            while self.boundaries[n_passed] <= bar.begin:
                number = at_ending if self.boundaries[n_passed] in self.later_endings else 0
                n_passed += 1
            number = -1 if bar.is_upbeat else number
            if bisect_left(self.first_endings, bar.begin) < bisect_left(self.first_endings, bar.end):
                at_ending = number
            yield bar, number
            number += 1

    def units_left(self, begins: IntArray, ends: IntArray) -> IntArray:
        """Return the number of units from each unit to the last of its part, shape (U,).

        The last unit of a part is the one in which the part ends, or at whose end it does.
        """
        if not len(begins):
            return begins
        boundaries = np.array(self.boundaries)
        last = np.searchsorted(ends, boundaries[boundaries > begins[0]], side="left")  # (number of parts,)
        indices = np.arange(len(ends))
        return np.asarray(last[np.searchsorted(last, indices, side="left")] - indices, dtype=np.int64)
