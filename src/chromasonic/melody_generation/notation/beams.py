"""Which short notes are joined by beams: those of one beat, or of a half where there are plain eighths only."""

from __future__ import annotations

from itertools import pairwise

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.notation.score import Measure, Symbol
from chromasonic.melody_generation.notation.tempo import beat_ticks, beat_value

_EIGHTH = TICKS_PER_QUARTER // 2


def beam_groups(measure: Measure) -> list[list[Symbol]]:
    """The symbols of a measure in groups; only groups of two or more are joined by beams.

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
        # No beam reaches into a triplet or out of it, where engravers differ in what it then says.
        together = before.position // length == symbol.position // length and not (
            before.ends_tuplet or symbol.n_in_tuplet
        )
        if together and _has_beam(before) and _has_beam(symbol):
            groups[-1].append(symbol)
        else:
            groups.append([symbol])
    return groups


def beam_marks(group: list[Symbol]) -> list[list[str]]:
    """What each beam of each symbol does, the one nearest to the stem's end first.

    Returns:
        For each symbol ``begin``, ``continue``, ``end``, ``forward hook`` or ``backward hook`` as in MusicXML, one for
        each of its beams; nothing for a symbol that stands alone.
    """
    if len(group) < 2:
        return [[] for _ in group]
    flags = [symbol.value.n_flags for symbol in group]
    return [[_beam(flags, place, level) for level in range(1, flags[place] + 1)] for place in range(len(group))]


def _beam(flags: list[int], place: int, level: int) -> str:
    before = place > 0 and flags[place - 1] >= level
    after = place < len(flags) - 1 and flags[place + 1] >= level
    if before and after:
        return "continue"
    if before or after:
        return "end" if before else "begin"
    return "backward hook" if place else "forward hook"


def _group_ticks(measure: Measure) -> int:
    """How long a group may be: three eighths, a quarter, or a half where a bar has nothing shorter than eighths."""
    beat = beat_ticks(measure.metre)
    if beat_value(measure.metre).dots and measure.metre.unit >= 8:
        return beat
    is_plain = all(symbol.ticks >= _EIGHTH and not symbol.value.is_triplet for symbol in measure.symbols)
    has_halves = measure.metre == Metre(4, 4) or measure.metre.unit < 4
    # The beats of 5/8 and 7/8 are uneven, and which are long is not known: quarters there too.
    return 2 * TICKS_PER_QUARTER if is_plain and has_halves else TICKS_PER_QUARTER


def _has_beam(symbol: Symbol) -> bool:
    return symbol.pitch != REST and symbol.value.n_flags > 0
