"""A melody as written music: measures of note heads and rests, with ties and tuplets.

All notation formats are written from these measures, so that bar lines, ties and tuplets are the same in all of them. A
measure ends where the count of the metre ends it, or at a departure. The first may be an upbeat, the last may be short.
A bar with a sign of form within is written as two, and a note with a chord symbol within as two tied note heads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormMark, marks_by_note
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.notation.durations import split_duration
from chromasonic.melody_generation.notation.note_values import PLAIN_VALUES, TRIPLET_VALUES, NoteValue, is_triplet_only

_MAX_BEATS = 255  # a byte in a MIDI file
_TUPLET_TICKS = {3, 6, 12, 24, 48, 96}
_MAX_IN_TUPLET = 6


# Whole and breve rest, in ticks.
_LONG_RESTS = (4 * TICKS_PER_QUARTER, 8 * TICKS_PER_QUARTER)


@dataclass(frozen=True)
class Symbol:
    """A note head or a rest.

    Attributes:
        note: Index of the melody's note, or rest, that it writes in whole or in part.
        pitch: MIDI number, or ``REST``.
        ticks: Duration in ticks.
        position: Position in the bar, in ticks.
        value: The look of the note head or rest.
        tied_to_next: Whether a tie leads to the next symbol.
        tied_to_previous: Whether a tie leads from the previous symbol.
        is_measure_rest: Whether it is the rest that fills a measure.
        n_in_tuplet: Number of symbols in the triplet that begins here; 0 if none does.
        ends_tuplet: Whether a triplet ends here.
    """

    note: int
    pitch: int
    ticks: int
    position: int
    value: NoteValue
    tied_to_next: bool = False
    tied_to_previous: bool = False
    is_measure_rest: bool = False
    n_in_tuplet: int = 0
    ends_tuplet: bool = False


@dataclass(frozen=True)
class Measure:
    """The symbols between two bar lines.

    Attributes:
        metre: The metre in force.
        begins_metre: Whether it begins with a time signature.
        symbols: One or more.
        marks: The signs of form before its first symbol.
    """

    metre: Metre
    begins_metre: bool
    symbols: tuple[Symbol, ...]
    marks: tuple[FormMark, ...] = ()

    @property
    def ticks(self) -> int:
        """The duration in ticks."""
        return sum(symbol.ticks for symbol in self.symbols)

    @property
    def is_whole(self) -> bool:
        """True if it is as long as a bar of its metre; in free metre any measure is."""
        return not self.metre.beats or self.ticks == self.metre.bar_ticks


def _divide_lone_rest(symbols: list[Symbol]) -> list[Symbol]:
    """Write a whole or breve rest alone in a bar of another length as two: readers take it for a measure rest."""
    rest = symbols[0]
    if len(symbols) > 1 or rest.pitch != REST or rest.is_measure_rest or rest.ticks not in _LONG_RESTS:
        return symbols
    half = rest.ticks // 2
    return [replace(rest, ticks=half, position=rest.position + shift, value=PLAIN_VALUES[half]) for shift in (0, half)]


def check_writable(melody: Melody) -> None:
    """Raise an error for a melody that cannot be written as music.

    Raises:
        InputError: If there is no note, or the unit of a metre is no power of two.
    """
    if not len(melody):
        raise InputError("a melody without notes cannot be written")
    for _, _, metre, _ in melody.segments:
        if metre.unit & (metre.unit - 1) or metre.beats > _MAX_BEATS:
            raise InputError(f"the metre {metre} cannot be written: no note is a {metre.unit}th of a whole note")


def split_measures(melody: Melody) -> list[Measure]:
    """Split a melody into measures.

    Raises:
        InputError: If the melody cannot be written.

    Example:
        >>> upbeat = Melody([67, 72], [24, 120], metre=Metre(4, 4), start=72)
        >>> [[(symbol.ticks, symbol.tied_to_next) for symbol in measure.symbols] for measure in split_measures(upbeat)]
        [[(24, False)], [(96, True)], [(24, False)]]
    """
    check_writable(melody)
    marks = marks_by_note(melody.form)
    measures: list[Measure] = []
    metre_before = None
    for begin, end, metre, position in melody.segments:
        for bar in _bars(melody, begin, end, metre, position):
            for piece in _pieces(bar, marks):
                symbols = _divide_lone_rest([symbol for heads in piece for symbol in heads])
                first = symbols[0]
                signs = () if first.tied_to_previous else tuple(marks.get(first.note, ()))
                measures.append(Measure(metre, metre != metre_before, tuple(_with_tuplets(symbols)), signs))
                metre_before = metre
    return measures


def _pieces(bar: list[list[Symbol]], marks: Collection[int]) -> list[list[list[Symbol]]]:
    """Divide a bar before the notes at which signs of form stand."""
    pieces = [bar[:1]]
    for heads in bar[1:]:
        if heads[0].note in marks and not heads[0].tied_to_previous:
            pieces.append([])
        pieces[-1].append(heads)
    return pieces


def _bars(melody: Melody, begin: int, end: int, metre: Metre, position: int) -> Iterator[list[list[Symbol]]]:
    """Yield each bar of a segment without departures as lists of symbols, one list per note."""
    bar: list[list[Symbol]] = []
    chords = np.array([chord.onset for chord in melody.chords], dtype=np.int64)
    for note in range(begin, end):
        pitch, remaining = int(melody.pitches[note]), int(melody.durations[note])
        tied_to_previous = False
        while remaining:
            ticks = min(remaining, metre.bar_ticks - position)
            if len(chords) and pitch != REST:
                time = int(melody.onsets[note] + melody.durations[note]) - remaining
                following = int(np.searchsorted(chords, time, side="right"))
                ticks = min(ticks, int(chords[following]) - time) if following < len(chords) else ticks
            remaining -= ticks
            symbols = _symbols_in_bar(
                note, pitch, ticks, position, metre, tied_to_next=bool(remaining), tied_to_previous=tied_to_previous
            )
            bar.append(symbols)
            position = (position + ticks) % metre.bar_ticks
            tied_to_previous = pitch != REST
            if position == 0:
                yield bar
                bar = []
    if bar:
        yield bar


def _symbols_in_bar(
    note: int, pitch: int, ticks: int, position: int, metre: Metre, *, tied_to_next: bool, tied_to_previous: bool
) -> list[Symbol]:
    """Return the symbols of the part of a note that lies within one bar."""
    if pitch == REST and position == 0 and ticks == metre.bar_ticks:
        return [Symbol(note, pitch, ticks, 0, NoteValue("whole"), is_measure_rest=True)]
    durations = split_duration(ticks, position, metre)
    symbols = []
    for index, duration in enumerate(durations):
        value = PLAIN_VALUES.get(duration) or TRIPLET_VALUES[duration]
        is_tied = pitch != REST and (tied_to_next or index < len(durations) - 1)
        symbols.append(Symbol(note, pitch, duration, position, value, is_tied, tied_to_previous))
        position += duration
        tied_to_previous = pitch != REST
    return symbols


def _with_tuplets(symbols: list[Symbol]) -> list[Symbol]:
    """Group triplet values into triplets that are as long as a plain value; a leftover one is a triplet of one."""
    grouped: list[Symbol] = []
    while len(grouped) < len(symbols):
        begin = len(grouped)
        if not is_triplet_only(symbols[begin].ticks):
            grouped.append(symbols[begin])
            continue
        n_symbols = _tuplet_size(symbols[begin:])
        group = [replace(symbol, value=TRIPLET_VALUES[symbol.ticks]) for symbol in symbols[begin : begin + n_symbols]]
        group[0] = replace(group[0], n_in_tuplet=n_symbols)
        group[-1] = replace(group[-1], ends_tuplet=True)
        grouped += group
    return grouped


def _tuplet_size(symbols: list[Symbol]) -> int:
    """Return the number of symbols in the triplet that begins with the first symbol."""
    ticks = 0
    for index, symbol in enumerate(symbols[:_MAX_IN_TUPLET]):
        ticks += symbol.ticks
        if symbol.ticks not in TRIPLET_VALUES or symbol.is_measure_rest or ticks > max(_TUPLET_TICKS):
            break
        if ticks in _TUPLET_TICKS:
            return index + 1
    return 1
