"""Beaming: short notes are joined within a beat, or within a half note in bars of plain eighths."""

from __future__ import annotations

from itertools import pairwise

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.notation.score import Measure, Symbol
from chromasonic.melody_generation.notation.tempo import beat_ticks, beat_value

_EIGHTH = TICKS_PER_QUARTER // 2


def beam_groups(measure: Measure) -> list[list[Symbol]]:
    """Group the symbols of a measure by beams; a symbol without a beam is a group of one.

    Example:
        >>> from chromasonic.melody_generation.melody import Melody
        >>> from chromasonic.melody_generation.notation.score import split_measures
        >>> [measure] = split_measures(Melody([67, 69, 71, 72], [12, 12, 12, 36], metre=Metre(6, 8)))
        >>> [[symbol.pitch for symbol in group] for group in beam_groups(measure)]
        [[67, 69, 71], [72]]
    """
    length = _group_ticks(measure)
    groups = [[measure.symbols[0]]]
    for before, symbol in pairwise(measure.symbols):
        # No beam crosses the edge of a triplet: notation programs disagree on its meaning.
        is_same_group = before.position // length == symbol.position // length and not (
            before.ends_tuplet or symbol.n_in_tuplet
        )
        if is_same_group and _has_beam(before) and _has_beam(symbol):
            groups[-1].append(symbol)
        else:
            groups.append([symbol])
    return groups


def beam_marks(group: list[Symbol]) -> list[list[str]]:
    """Return the MusicXML beam types of each symbol in a group, from the outermost beam (eighths) inwards.

    Returns:
        For each symbol one of ``begin``, ``continue``, ``end``, ``forward hook`` and ``backward hook`` per beam; an
        empty list for a symbol that is alone in its group.

    Example:
        >>> from chromasonic.melody_generation.melody import Melody
        >>> from chromasonic.melody_generation.notation.score import split_measures
        >>> [measure] = split_measures(Melody([67, 69], [18, 6], metre=Metre(1, 4)))
        >>> beam_marks(list(measure.symbols))
        [['begin'], ['end', 'backward hook']]
    """
    if len(group) < 2:
        return [[] for _ in group]
    flags = [symbol.value.n_flags for symbol in group]
    return [[_beam(flags, index, level) for level in range(1, flags[index] + 1)] for index in range(len(group))]


def _beam(flags: list[int], index: int, level: int) -> str:
    before = index > 0 and flags[index - 1] >= level
    after = index < len(flags) - 1 and flags[index + 1] >= level
    if before and after:
        return "continue"
    if before or after:
        return "end" if before else "begin"
    return "backward hook" if index else "forward hook"


def _group_ticks(measure: Measure) -> int:
    """Return the longest group in ticks: a compound beat, a quarter, or a half in bars of plain eighths."""
    beat = beat_ticks(measure.metre)
    if beat_value(measure.metre).dots and measure.metre.unit >= 8:
        return beat
    is_plain = all(symbol.ticks >= _EIGHTH and not symbol.value.is_triplet for symbol in measure.symbols)
    has_halves = measure.metre == Metre(4, 4) or measure.metre.unit < 4
    # 5/8 and 7/8 have long and short beats in an unknown order: quarters there too.
    return 2 * TICKS_PER_QUARTER if is_plain and has_halves else TICKS_PER_QUARTER


def _has_beam(symbol: Symbol) -> bool:
    return symbol.pitch != REST and symbol.value.n_flags > 0
