"""Write a melody as ABC text; :mod:`~chromasonic.melody_generation.io.read_abc` reads it back.

Every field that readers would otherwise guess is given, every note has the duration of one note head, and accidentals
are written wherever a note would be misread under one of the conventions about how long accidentals hold.
"""

from __future__ import annotations

from fractions import Fraction

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.notation.line_breaks import line_segments
from chromasonic.melody_generation.notation.score import Measure, Symbol, split_measures
from chromasonic.melody_generation.notation.spelling import AccidentalTracker, Spelling
from chromasonic.melody_generation.notation.tempo import beat_ticks, beats_per_minute, check_tempo
from chromasonic.melody_generation.notation.titles import plain_title

_UNIT_TICKS = TICKS_PER_QUARTER // 2  # L:1/8
_MEASURES_PER_LINE, _SEGMENTS_PER_LINE = 4, 2
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_MODES = {"major": "", "minor": "m", "dorian": "dor", "phrygian": "phr"}
_MODES |= {"lydian": "lyd", "mixolydian": "mix", "locrian": "loc"}


def to_abc(melody: Melody, tempo: float, number: int = 1) -> str:
    """Convert a melody to an ABC tune.

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute.
        number: The tune's number in its file (``X:``).

    Raises:
        InputError: If the melody cannot be written, or the tempo is out of range.

    Example:
        >>> print(to_abc(Melody([67, 71, 72], [12, 36, 36], Metre(6, 8), 60, tonic=7, title="A jig"), 156))
        X:1
        T:A jig
        M:6/8
        L:1/8
        Q:3/8=104
        K:G
        G | B3 c3 |]
        <BLANKLINE>
    """
    check_tempo(tempo)
    measures, spelling = split_measures(melody), Spelling.for_melody(melody)
    beat = beat_ticks(melody.metre)
    fields = [
        f"X:{number}",
        f"T:{_escaped(plain_title(melody.title))}",
        f"M:{_metre(melody.metre)}",
        "L:1/8",
        f"Q:{Fraction(beat, 4 * TICKS_PER_QUARTER)}={round(beats_per_minute(melody.metre, tempo))}",
        f"K:{spelling.tonic}{_MODES[spelling.mode]}",
    ]
    accidentals = AccidentalTracker(spelling)
    bars = []
    for index, measure in enumerate(measures):
        change = f"[M:{_metre(measure.metre)}] " if index and measure.begins_metre else ""
        bars.append(change + _bar(measure, spelling, accidentals))
    # The line with an upbeat has as many whole measures as any other.
    n_upbeats = 1 if not measures[0].is_whole and len(measures) > 1 else 0
    ends = range(n_upbeats + _MEASURES_PER_LINE, len(bars) + _MEASURES_PER_LINE, _MEASURES_PER_LINE)
    lines = [" | ".join(bars[0 if end == ends[0] else end - _MEASURES_PER_LINE : end]) for end in ends]
    return "\n".join([*fields, *(f"{line} |" for line in lines[:-1]), f"{lines[-1]} |]"]) + "\n"


def _metre(metre: Metre) -> str:
    return str(metre) if metre.beats else "none"


def _escaped(title: str) -> str:
    """Escape the characters that would begin a comment or an escape."""
    escaped = title.replace("\\", "\\\\").replace("%", "\\%").replace("&", "\\&")
    return f" {escaped}" if escaped.startswith(("|", ":")) else escaped  # "T:|" would be a bar line, not a title


def _bar(measure: Measure, spelling: Spelling, accidentals: AccidentalTracker) -> str:
    """Write a measure, without spaces under a beam; a long measure of free metre spans several lines."""
    accidentals.bar_line()
    segments = [
        " ".join("".join(_symbol(symbol, spelling, accidentals) for symbol in group) for group in segment)
        for segment in line_segments(measure)
    ]
    begins = range(0, len(segments), _SEGMENTS_PER_LINE)
    return "\n".join(" ".join(segments[begin : begin + _SEGMENTS_PER_LINE]) for begin in begins)


def _symbol(symbol: Symbol, spelling: Spelling, accidentals: AccidentalTracker) -> str:
    tuplet = {0: "", 3: "(3"}.get(symbol.n_in_tuplet, f"(3:2:{symbol.n_in_tuplet}")
    ticks = Fraction(symbol.ticks * 3, 2) if symbol.value.is_triplet else Fraction(symbol.ticks)
    length = _length(ticks / _UNIT_TICKS)
    if symbol.pitch == REST:
        return f"{tuplet}z{length}"
    written = spelling.spell(symbol.pitch)
    sign = _ACCIDENTALS[written.alter] if accidentals.needs_accidental(written) else ""
    if written.octave >= 5:
        letter = written.step.lower() + "'" * (written.octave - 5)
    else:
        letter = written.step + "," * (4 - written.octave)
    return f"{tuplet}{sign}{letter}{length}{'-' if symbol.tied_to_next else ''}"


def _length(units: Fraction) -> str:
    """Write a length in unit lengths: empty for 1, else like ``3``, ``3/2`` or ``/2``."""
    numerator = "" if units.numerator == 1 else str(units.numerator)
    return numerator if units.denominator == 1 else f"{numerator}/{units.denominator}"
