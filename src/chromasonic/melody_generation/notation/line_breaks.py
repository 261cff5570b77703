"""Where a line may end within a measure: in free metre, where nothing else ends one.

A measure in free metre is as long as its music, and no engraver breaks a measure between two lines. So it is cut into
stretches of a few beats, between notes, never in a triplet or under a beam. What stands between two stretches is no
bar line, and must not be read as one.
"""

from __future__ import annotations

from chromasonic.melody_generation.melody import TICKS_PER_QUARTER
from chromasonic.melody_generation.notation.beams import beam_groups
from chromasonic.melody_generation.notation.score import Measure, Symbol

# A stretch is over as soon as it has either: a narrow screen holds that much in a line.
_LONG_TICKS = 8 * TICKS_PER_QUARTER
_MANY_SYMBOLS = 8

LineSegment = list[list[Symbol]]


def line_segments(measure: Measure) -> list[LineSegment]:
    """The groups of a measure under one beam each, in stretches between which a line may end; one where metre rules.

    Example:
        >>> from chromasonic.melody_generation.melody import Melody, Metre
        >>> from chromasonic.melody_generation.notation.score import split_measures
        >>> [measure] = split_measures(Melody([67] * 20, [24] * 20, Metre.parse("free")))
        >>> [len(stretch) for stretch in line_segments(measure)]
        [8, 8, 4]
    """
    found: list[LineSegment] = [[]]
    n_left_in_tuplet = 0
    for group in beam_groups(measure):
        may_end = not (measure.metre.beats or n_left_in_tuplet or group[0].continues)
        if may_end and _is_long(found[-1]):
            found.append([])
        found[-1].append(group)
        for symbol in group:
            n_left_in_tuplet = max(0, max(n_left_in_tuplet, symbol.n_in_tuplet) - 1)
    return found


def _is_long(stretch: LineSegment) -> bool:
    symbols = [symbol for group in stretch for symbol in group]
    return len(symbols) >= _MANY_SYMBOLS or sum(symbol.ticks for symbol in symbols) >= _LONG_TICKS
