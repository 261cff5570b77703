"""Write a melody as ABC text; :mod:`~chromasonic.melody_generation.io.read_abc` reads it back.

Every field that readers would otherwise guess is given, every note has the duration of one note head, and accidentals
are written wherever a note would be misread under one of the conventions about how long accidentals hold.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from fractions import Fraction

from chromasonic.melody_generation.form import KINDS, FormMark, FormSign
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.notation.chord_names import chord_name
from chromasonic.melody_generation.notation.line_breaks import line_segments
from chromasonic.melody_generation.notation.score import Measure, Symbol, split_measures
from chromasonic.melody_generation.notation.spelling import AccidentalTracker, Spelling
from chromasonic.melody_generation.notation.tempo import beat_ticks, beats_per_minute, check_tempo
from chromasonic.melody_generation.notation.titles import plain_title
from chromasonic.melody_generation.notation.voice_leading import spell_melody

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
        *([f"R:{melody.kind}"] if melody.kind != KINDS[0] else []),
        *([f"P:{order}"] if (order := part_order_of(melody)) else []),
        f"M:{_metre(melody.metre)}",
        "L:1/8",
        f"Q:{Fraction(beat, 4 * TICKS_PER_QUARTER)}={round(beats_per_minute(melody.metre, tempo))}",
        f"K:{spelling.tonic}{_MODES[spelling.mode]}",
    ]
    writer = _BarWriter(melody, spelling)
    music = ""
    n_whole = 0  # measures in the present line
    for index, measure in enumerate(measures):
        before, after = _bar_line(measure.marks)
        if index:
            music += f" {before}"
        if index and (n_whole >= _MEASURES_PER_LINE or any(mark.sign is FormSign.PART for mark in measure.marks)):
            music, n_whole = music + "\n", 0
        music += _joined(music, after)
        change = f"[M:{_metre(measure.metre)}] " if index and measure.begins_metre else ""
        music += _joined(music, change + writer.bar(measure))
        n_whole += measure.is_whole
    closing = [mark for mark in melody.form if mark.note == len(melody)]
    end = ":|" if any(mark.sign is FormSign.REPEAT_END for mark in closing) else "|]"
    return "\n".join([*fields, f"{music} {end}"]) + "\n"


def part_order_of(melody: Melody) -> str:
    """Return the order of the parts if the signs of form name the parts."""
    names = {mark.name for mark in melody.form if mark.sign is FormSign.PART}
    return "".join(letter for letter in melody.part_order if letter.isalnum()) if names else ""


def _bar_line(marks: Sequence[FormMark]) -> tuple[str, str]:
    """Return the bar line before a measure, and the signs after it that begin a part, a repeat or an ending."""
    signs = [mark.sign for mark in marks]
    before = ":|" if FormSign.REPEAT_END in signs else "||" if FormSign.SECTION in signs else "|"
    after = ""
    for mark in marks:
        if mark.sign is FormSign.PART:
            after += f"[P:{_part_name(mark.name)}]"
        elif mark.sign is FormSign.REPEAT_BEGIN:
            after += "|:"
        elif mark.sign is FormSign.ENDING:
            after += f"[{','.join(map(str, mark.passes))}"
    return before, after


def _part_name(name: str) -> str:
    """Return the name of a part without signs that would end its field."""
    return re.sub(r"[\]\[%|\n]", "", name).strip()


def _joined(music: str, following: str) -> str:
    """Return what follows in the music, after a space unless it begins a line."""
    return following if not following or not music or music.endswith("\n") else f" {following}"


def _metre(metre: Metre) -> str:
    return str(metre) if metre.beats else "none"


def _escaped(title: str) -> str:
    """Escape the characters that would begin a comment or an escape."""
    escaped = title.replace("\\", "\\\\").replace("%", "\\%").replace("&", "\\&")
    return f" {escaped}" if escaped.startswith(("|", ":")) else escaped  # "T:|" would be a bar line, not a title


class _BarWriter:
    """Writes the measures of a melody one after the other, with chord symbols."""

    def __init__(self, melody: Melody, spelling: Spelling) -> None:
        self._spelling, self._written = spelling, spell_melody(melody, spelling)
        self._accidentals = AccidentalTracker(spelling)
        self._chords = deque(melody.chords)
        self._time = 0  # ticks from the first note

    def bar(self, measure: Measure) -> str:
        """Write a measure, without spaces under a beam; a long measure of free metre spans several lines."""
        self._accidentals.bar_line()
        segments = [
            " ".join("".join(map(self._symbol, group)) for group in segment) for segment in line_segments(measure)
        ]
        begins = range(0, len(segments), _SEGMENTS_PER_LINE)
        return "\n".join(" ".join(segments[begin : begin + _SEGMENTS_PER_LINE]) for begin in begins)

    def _symbol(self, symbol: Symbol) -> str:
        chords = ""
        # A chord symbol within a note head stands before it.
        self._time += symbol.ticks
        while self._chords and self._chords[0].onset < self._time:
            chords = f'"{chord_name(self._chords.popleft(), self._spelling)}"'
        tuplet = {0: "", 3: "(3"}.get(symbol.n_in_tuplet, f"(3:2:{symbol.n_in_tuplet}")
        ticks = Fraction(symbol.ticks * 3, 2) if symbol.value.is_triplet else Fraction(symbol.ticks)
        length = _length(ticks / _UNIT_TICKS)
        written = self._written[symbol.note]
        if written is None:
            return f"{chords}{tuplet}z{length}"
        sign = _ACCIDENTALS[written.alter] if self._accidentals.needs_accidental(written) else ""
        if written.octave >= 5:
            letter = written.step.lower() + "'" * (written.octave - 5)
        else:
            letter = written.step + "," * (4 - written.octave)
        return f"{chords}{tuplet}{sign}{letter}{length}{'-' if symbol.tied_to_next else ''}"


def _length(units: Fraction) -> str:
    """Write a length in unit lengths: empty for 1, else like ``3``, ``3/2`` or ``/2``."""
    numerator = "" if units.numerator == 1 else str(units.numerator)
    return numerator if units.denominator == 1 else f"{numerator}/{units.denominator}"
