"""Split a duration into tied note heads that show the beat.

Every position in a bar has a metrical level: the bar line, the middle of the bar, beats, halves of beats, and so on. A
note head may cross a position only if it begins or ends at one of the same level (a half on the first beat, a dotted
quarter that ends at the middle), or if it is a common syncopation: short, long, short, one level below (quarter, half,
quarter in 4/4; eighth, quarter, eighth in half a bar). Compound metres are stricter: a note head that crosses a dotted
beat begins and ends at one. See Elaine Gould, *Behind Bars*, 2011, on the grouping of rhythms.
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
    """Split a duration within one bar into the durations of tied note heads, in ticks.

    Args:
        ticks: The duration, 1 or more.
        position: The position in the bar at which it begins, in ticks.
        metre: The metre of the bar.

    Example:
        >>> split_duration(36, 0, Metre(4, 4)), split_duration(36, 36, Metre(4, 4)), split_duration(24, 24, Metre(6, 8))
        ((36,), (12, 24), (12, 12))
    """
    end = position + ticks
    if not metre.beats or position % _FINEST or end % _FINEST:
        return _fewest_heads(ticks, position)  # free metre, or a note of a triplet
    crossed = _strongest_crossed_level(position, end, metre)
    if crossed is None or (ticks in PLAIN_VALUES and _may_cross(position, end, crossed, metre)):
        return (ticks,)
    grid = _level_ticks(metre)[crossed]
    divisions = [
        (*split_duration(cut - position, position, metre), *split_duration(end - cut, cut, metre))
        for cut in range((position // grid + 1) * grid, end, grid)
    ]
    return min(divisions, key=lambda division: (len(division), -division[0]))


@lru_cache(maxsize=256)
def _level_ticks(metre: Metre) -> tuple[int, ...]:
    """Return the distance between positions of each metrical level: 96, 48, 24, 12, 6 and 3 ticks in 4/4."""
    beat, length = beat_ticks(metre), metre.bar_ticks
    lengths = [length]
    while length > beat:
        length = length // 2 if length // beat % 2 == 0 else beat
        lengths.append(length)
    while length > _FINEST:
        length //= 3 if length % 9 == 0 else 2  # a dotted beat has three parts
        lengths.append(length)
    return tuple(lengths)


def _strongest_crossed_level(begin: int, end: int, metre: Metre) -> int | None:
    """Return the strongest metrical level strictly between two positions (0 is the bar line), None if there is none."""
    grids = _level_ticks(metre)
    return next((level for level, grid in enumerate(grids) if (begin // grid + 1) * grid < end), None)


def _may_cross(begin: int, end: int, crossed: int, metre: Metre) -> bool:
    """Return whether one note head may cross a position of this metrical level."""
    grids = _level_ticks(metre)
    first, last = (next(level for level, grid in enumerate(grids) if bound % grid == 0) for bound in (begin, end))
    if is_compound(metre):
        beat = grids.index(beat_ticks(metre))
        if crossed <= beat < max(first, last):
            return False
    is_syncopation = first == last == crossed + 1 and end - begin == 2 * grids[last]
    return is_syncopation or min(first, last) <= crossed


def _fewest_heads(ticks: int, position: int) -> tuple[int, ...]:
    """Return one note head if possible, else two that meet at a strong position, else a greedy division."""
    if ticks in _SINGLE:
        return (ticks,)
    pairs = [(first, ticks - first) for first in _SINGLE if ticks - first in _SINGLE]
    if pairs:
        return min(pairs, key=lambda pair: _awkwardness(pair, position))
    first = max(value for value in PLAIN_VALUES if value < ticks)
    return (first, *_fewest_heads(ticks - first, position + first))


def _awkwardness(pair: tuple[int, int], position: int) -> tuple[int, int, int]:
    cut = position + pair[0]
    level = next(level for level, grid in enumerate((24, 12, 6, 3, 1)) if cut % grid == 0)
    return level, sum(map(is_triplet_only, pair)), -pair[0]
