"""How a duration is divided, at its place in a bar, among note heads that are tied, so that one sees the beat.

A bar has places of several strengths: its beginning, its middle where it has one, beats, halves of beats, and so on.
A note head may hide a place only if it begins or ends at one as strong (a half on the first beat, a dotted quarter
that ends at the middle), or if it is one of the usual syncopations: short, long, short, one strength below (quarter,
half, quarter in a bar of 4/4; eighth, quarter, eighth in a half of it). Compound metres are stricter: what hides one
of their dotted beats begins and ends at such. See Elaine Gould, *Behind Bars*, 2011, on the grouping of rhythms.
"""

from __future__ import annotations

from functools import lru_cache

from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.note_values import PLAIN_VALUES, TRIPLET_VALUES, is_triplet_only
from chromasonic.melody_generation.notation.tempo import beat_ticks, is_compound

_FINEST = 3  # ticks: a thirty-second
_SINGLE = PLAIN_VALUES.keys() | TRIPLET_VALUES.keys()


@lru_cache(maxsize=65536)
def split_duration(ticks: int, position: int, metre: Metre) -> tuple[int, ...]:
    """The durations of the note heads, tied, that say a duration within one bar.

    Args:
        ticks: The duration, 1 or more.
        position: Where in the bar it begins, in ticks.
        metre: Of the bar.

    Example:
        >>> split_duration(36, 0, Metre(4, 4)), split_duration(36, 36, Metre(4, 4)), split_duration(24, 24, Metre(6, 8))
        ((36,), (12, 24), (12, 12))
    """
    end = position + ticks
    if not metre.beats or position % _FINEST or end % _FINEST:
        return _fewest(ticks, position)  # no beat is felt, or the note stands in a triplet
    hidden = _strongest_hidden(position, end, metre)
    if hidden is None or (ticks in PLAIN_VALUES and _is_usual(position, end, hidden, metre)):
        return (ticks,)
    grid = _grids(metre)[hidden]
    divisions = [
        (*split_duration(place - position, position, metre), *split_duration(end - place, place, metre))
        for place in range((position // grid + 1) * grid, end, grid)
    ]
    return min(divisions, key=lambda division: (len(division), -division[0]))


@lru_cache(maxsize=256)
def _grids(metre: Metre) -> tuple[int, ...]:
    """How far apart the places of each strength are, the strongest first: 96, 48, 24, 12, 6 and 3 ticks in 4/4."""
    beat, length = beat_ticks(metre), metre.bar_ticks
    found = [length]
    while length > beat:
        length = length // 2 if length // beat % 2 == 0 else beat
        found.append(length)
    while length > _FINEST:
        length //= 3 if length % 9 == 0 else 2  # a dotted beat has three parts
        found.append(length)
    return tuple(found)


def _strongest_hidden(begin: int, end: int, metre: Metre) -> int | None:
    """The strength, as a place in the grids, of the strongest place between two others; None if there is none."""
    grids = _grids(metre)
    return next((level for level, grid in enumerate(grids) if (begin // grid + 1) * grid < end), None)


def _is_usual(begin: int, end: int, hidden: int, metre: Metre) -> bool:
    """Whether one note head may hide a place of this strength."""
    grids = _grids(metre)
    first, last = (next(level for level, grid in enumerate(grids) if place % grid == 0) for place in (begin, end))
    if is_compound(metre):
        beat = grids.index(beat_ticks(metre))
        if hidden <= beat < max(first, last):
            return False
    is_syncopation = first == last == hidden + 1 and end - begin == 2 * grids[last]
    return is_syncopation or min(first, last) <= hidden


def _fewest(ticks: int, position: int) -> tuple[int, ...]:
    """One note head if there is one; else two that meet where a place is strong; else what a greedy choice finds."""
    if ticks in _SINGLE:
        return (ticks,)
    pairs = [(first, ticks - first) for first in _SINGLE if ticks - first in _SINGLE]
    if pairs:
        return min(pairs, key=lambda pair: _awkwardness(pair, position))
    first = max(value for value in PLAIN_VALUES if value < ticks)
    return (first, *_fewest(ticks - first, position + first))


def _awkwardness(pair: tuple[int, int], position: int) -> tuple[int, int, int]:
    meets = position + pair[0]
    level = next(level for level, grid in enumerate((24, 12, 6, 3, 1)) if meets % grid == 0)
    return level, sum(map(is_triplet_only, pair)), -pair[0]
