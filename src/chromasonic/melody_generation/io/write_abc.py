"""A melody as ABC text, for people and programs that read it; :mod:`~chromasonic.melody_generation.io.read_abc` does.

Every field that a reader could guess is given, every note has the length of one note head, and an accidental stands
wherever one custom or another about how long accidentals hold would have the note read wrongly.
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
_MEASURES_IN_LINE, _STRETCHES_IN_LINE = 4, 2
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_MODES = {"major": "", "minor": "m", "dorian": "dor", "phrygian": "phr"}
_MODES |= {"lydian": "lyd", "mixolydian": "mix", "locrian": "loc"}


def to_abc(melody: Melody, tempo: float, number: int = 1) -> str:
    """Write a melody as an ABC tune.

    Args:
        melody: The melody, of one note or more.
        tempo: Quarter notes per minute.
        number: The tune's ``X:``, which tells it from others in a file.

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
    for place, measure in enumerate(measures):
        change = f"[M:{_metre(measure.metre)}] " if place and measure.begins_metre else ""
        bars.append(change + _bar(measure, spelling, accidentals))
    # The line that an upbeat stands in has as many whole measures as any other.
    ahead = 1 if not measures[0].is_whole and len(measures) > 1 else 0
    ends = range(ahead + _MEASURES_IN_LINE, len(bars) + _MEASURES_IN_LINE, _MEASURES_IN_LINE)
    lines = [" | ".join(bars[0 if end == ends[0] else end - _MEASURES_IN_LINE : end]) for end in ends]
    return "\n".join([*fields, *(f"{line} |" for line in lines[:-1]), f"{lines[-1]} |]"]) + "\n"


def _metre(metre: Metre) -> str:
    return str(metre) if metre.beats else "none"


def _escaped(title: str) -> str:
    """A title in which nothing begins a comment or is taken for an escape."""
    return title.replace("\\", "\\\\").replace("%", "\\%").replace("&", "\\&")


def _bar(measure: Measure, spelling: Spelling, accidentals: AccidentalTracker) -> str:
    """The symbols of a measure, those under one beam without a space between; in lines where it is long and free."""
    accidentals.bar_line()
    stretches = [
        " ".join("".join(_symbol(each, spelling, accidentals) for each in group) for group in stretch)
        for stretch in line_segments(measure)
    ]
    begins = range(0, len(stretches), _STRETCHES_IN_LINE)
    return "\n".join(" ".join(stretches[begin : begin + _STRETCHES_IN_LINE]) for begin in begins)


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
    """A length as ABC has it: nothing for 1, ``3/2``, ``/2``."""
    numerator = "" if units.numerator == 1 else str(units.numerator)
    return numerator if units.denominator == 1 else f"{numerator}/{units.denominator}"
