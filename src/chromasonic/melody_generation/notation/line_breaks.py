"""Line breaks within a measure of free metre.

A measure in free metre is as long as its music, and engraving programs do not break a measure between two lines. So it
is cut into segments of a few beats: between notes, never within a triplet or under a beam. The boundary between two
segments is no bar line, and readers must not take it for one.
"""

from __future__ import annotations

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER
from chromasonic.melody_generation.notation.beams import beam_groups
from chromasonic.melody_generation.notation.score import Measure, Symbol

# A segment ends as soon as it reaches either limit: that much fits into a line of a narrow screen.
_MAX_SEGMENT_TICKS = 8 * TICKS_PER_QUARTER
_MAX_SEGMENT_SYMBOLS = 8

LineSegment = list[list[Symbol]]


def line_segments(measure: Measure) -> list[LineSegment]:
    """Cut a measure into segments of beam groups between which a line may break; one segment unless the metre is free.

    Example:
        >>> from chromasonic.melody_generation.melody import Melody, Metre
        >>> from chromasonic.melody_generation.notation.score import split_measures
        >>> [measure] = split_measures(Melody([67] * 20, [24] * 20, Metre.parse("free")))
        >>> [len(segment) for segment in line_segments(measure)]
        [8, 8, 4]
    """
    segments: list[LineSegment] = [[]]
    n_left_in_tuplet = 0
    for group in beam_groups(measure):
        may_end = not (measure.metre.beats or n_left_in_tuplet or group[0].tied_to_previous)
        if may_end and _is_full(segments[-1]):
            segments.append([])
        segments[-1].append(group)
        for symbol in group:
            n_left_in_tuplet = max(0, max(n_left_in_tuplet, symbol.n_in_tuplet) - 1)
    if len(segments) > 1 and _is_single_rest(segments[-1]):
        segments[-2:] = [segments[-2] + segments[-1]]
    return segments


def _is_full(segment: LineSegment) -> bool:
    symbols = [symbol for group in segment for symbol in group]
    is_long = len(symbols) >= _MAX_SEGMENT_SYMBOLS or sum(symbol.ticks for symbol in symbols) >= _MAX_SEGMENT_TICKS
    return is_long and not _is_single_rest(segment)


def _is_single_rest(segment: LineSegment) -> bool:
    """Return whether a segment is one rest, which readers may take for a measure rest."""
    return len(segment) == len(segment[0]) == 1 and segment[0][0].pitch == REST
