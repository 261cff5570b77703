"""Note values: which durations one note head can say, and how the others are made up of several, tied.

One note head says a value from the breve to the thirty-second, plain or with one or two dots, or a triplet value down
to the sixty-fourth, which lasts one tick. So every whole number of ticks can be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

# In halves of a tick, since a sixty-fourth lasts one and a half.
_HALF_TICKS = {
    **{"breve": 384, "whole": 192, "half": 96, "quarter": 48},
    **{"eighth": 24, "16th": 12, "32nd": 6, "64th": 3},
}
_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}


@dataclass(frozen=True)
class NoteValue:
    """What a note head looks like: a name as MusicXML has it, dots, and whether it stands in a triplet."""

    name: str
    dots: int = 0
    is_triplet: bool = False

    @property
    def n_flags(self) -> int:
        """The flags or beams of its stem."""
        return _FLAGS.get(self.name, 0)

    @property
    def half_ticks(self) -> int:
        """Its length in halves of a tick; 0 where that is no whole number."""
        dotted, rest = divmod(_HALF_TICKS[self.name] * (2 ** (self.dots + 1) - 1), 2**self.dots)
        length, more = divmod(dotted * 2, 3) if self.is_triplet else (dotted, 0)
        return 0 if rest or more else length


def _by_ticks(*, is_triplet: bool, most_dots: int) -> dict[int, NoteValue]:
    values = [NoteValue(name, dots, is_triplet) for name in _HALF_TICKS for dots in range(most_dots + 1)]
    return {value.half_ticks // 2: value for value in values if value.half_ticks and value.half_ticks % 2 == 0}


PLAIN = _by_ticks(is_triplet=False, most_dots=2)
TRIPLET = _by_ticks(is_triplet=True, most_dots=1)
_SINGLE = PLAIN.keys() | TRIPLET.keys()


def is_triplet_only(ticks: int) -> bool:
    """Whether one note head says it in a triplet and not otherwise."""
    return ticks in TRIPLET and ticks not in PLAIN


@lru_cache(maxsize=16384)
def pieces(ticks: int, position: int, beat: int) -> tuple[int, ...]:
    """The durations of the note heads, tied, that say a duration within one bar.

    One if there is one; else two that meet at a beat if they can; else as few as a greedy choice finds.

    Args:
        ticks: The duration, 1 or more.
        position: Where in the bar it begins, in ticks.
        beat: The length of a beat in ticks.

    Example:
        >>> pieces(36, 0, 24), pieces(30, 0, 24), pieces(30, 18, 24), pieces(23, 0, 24)
        ((36,), (24, 6), (6, 24), (21, 2))
    """
    if ticks in _SINGLE:
        return (ticks,)
    pairs = [(first, ticks - first) for first in _SINGLE if ticks - first in _SINGLE]
    if pairs:
        return min(pairs, key=lambda pair: _awkwardness(pair, position, beat))
    first = max(value for value in PLAIN if value < ticks)
    return (first, *pieces(ticks - first, position + first, beat))


def _awkwardness(pair: tuple[int, int], position: int, beat: int) -> tuple[int, int, int]:
    grids = (beat, 24, 12, 6, 3, 1)
    meets = position + pair[0]
    level = next(level for level, grid in enumerate(grids) if meets % grid == 0)
    return level, sum(map(is_triplet_only, pair)), -pair[0]
