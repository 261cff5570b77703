"""What stands on the page: a melody as measures of note heads and rests, with ties and tuplets.

Every notation is written from here, so that bar lines, ties and tuplets are the same in all of them. A measure ends
where the count of the metre says, or where a bar line departs from it; the first may be an upbeat, and the last may
be short.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.notation.durations import split_duration
from chromasonic.melody_generation.notation.note_values import PLAIN_VALUES, TRIPLET_VALUES, NoteValue, is_triplet_only

_MOST_BEATS = 255  # a byte in a MIDI file
_TUPLET_TICKS = {3, 6, 12, 24, 48, 96}
_MOST_IN_TUPLET = 6


@dataclass(frozen=True)
class Symbol:
    """A note head or a rest.

    Attributes:
        note: The melody's note that it says, or a part of; counted from 0.
        pitch: MIDI number, or ``REST``.
        ticks: How long it lasts.
        position: Where in the bar it stands, in ticks.
        value: What it looks like.
        tied: Whether a tie leads from it to the next one.
        continues: Whether a tie leads to it.
        fills_bar: Whether it is the rest that stands for a whole bar.
        n_in_tuplet: How many symbols the triplet has that begins here; 0 if none does.
        ends_tuplet: Whether a triplet ends here.
    """

    note: int
    pitch: int
    ticks: int
    position: int
    value: NoteValue
    tied: bool = False
    continues: bool = False
    fills_bar: bool = False
    n_in_tuplet: int = 0
    ends_tuplet: bool = False


@dataclass(frozen=True)
class Measure:
    """What stands between two bar lines.

    Attributes:
        metre: That holds in it.
        begins_metre: Whether it begins with a time signature.
        symbols: At least one.
    """

    metre: Metre
    begins_metre: bool
    symbols: tuple[Symbol, ...]

    @property
    def ticks(self) -> int:
        """How long it lasts."""
        return sum(symbol.ticks for symbol in self.symbols)

    @property
    def is_whole(self) -> bool:
        """Whether it lasts as long as its metre says; in free metre any measure does."""
        return not self.metre.beats or self.ticks == self.metre.bar_ticks


def check_writable(melody: Melody) -> None:
    """Refuse what no notation can say.

    Raises:
        InputError: If there is no note, or a metre counts other notes than halves, quarters, eighths and so on.
    """
    if not len(melody):
        raise InputError("a melody without notes cannot be written")
    for _, _, metre, _ in melody.segments:
        if metre.unit & (metre.unit - 1) or metre.beats > _MOST_BEATS:
            raise InputError(f"the metre {metre} cannot be written: no note is a {metre.unit}th of a whole note")


def split_measures(melody: Melody) -> list[Measure]:
    """The melody's measures, in order.

    Raises:
        InputError: If it cannot be written.

    Example:
        >>> upbeat = Melody([67, 72], [24, 120], metre=Metre(4, 4), start=72)
        >>> [[(each.ticks, each.tied) for each in measure.symbols] for measure in split_measures(upbeat)]
        [[(24, False)], [(96, True)], [(24, False)]]
    """
    check_writable(melody)
    found: list[Measure] = []
    shown = None
    for begin, end, metre, position in melody.segments:
        for bar in _bars(melody, begin, end, metre, position):
            symbols = [symbol for heads in bar for symbol in heads]
            found.append(Measure(metre, metre != shown, tuple(_with_tuplets(symbols))))
            shown = metre
    return found


def _bars(melody: Melody, begin: int, end: int, metre: Metre, position: int) -> Iterator[list[list[Symbol]]]:
    """The symbols of each bar of a stretch without departures, in a list for each note."""
    bar: list[list[Symbol]] = []
    for note in range(begin, end):
        pitch, left = int(melody.pitches[note]), int(melody.durations[note])
        continues = False
        while left:
            ticks = min(left, metre.bar_ticks - position)
            left -= ticks
            bar.append(_heads(note, pitch, ticks, position, metre, tied=bool(left), continues=continues))
            position = (position + ticks) % metre.bar_ticks
            continues = pitch != REST
            if position == 0:
                yield bar
                bar = []
    if bar:
        yield bar


def _heads(
    note: int, pitch: int, ticks: int, position: int, metre: Metre, *, tied: bool, continues: bool
) -> list[Symbol]:
    """The symbols that say a note, or as much of it as stands in one bar."""
    if pitch == REST and position == 0 and ticks == metre.bar_ticks:
        return [Symbol(note, pitch, ticks, 0, NoteValue("whole"), fills_bar=True)]
    durations = split_duration(ticks, position, metre)
    heads = []
    for place, duration in enumerate(durations):
        value = PLAIN_VALUES.get(duration) or TRIPLET_VALUES[duration]
        is_tied = pitch != REST and (tied or place < len(durations) - 1)
        heads.append(Symbol(note, pitch, duration, position, value, is_tied, continues))
        position += duration
        continues = pitch != REST
    return heads


def _with_tuplets(symbols: list[Symbol]) -> list[Symbol]:
    """Gather triplet values into triplets as long as a plain value; one that finds no fellows stands alone."""
    found: list[Symbol] = []
    while len(found) < len(symbols):
        begin = len(found)
        if not is_triplet_only(symbols[begin].ticks):
            found.append(symbols[begin])
            continue
        n_symbols = _length_of_tuplet(symbols[begin:])
        group = [replace(each, value=TRIPLET_VALUES[each.ticks]) for each in symbols[begin : begin + n_symbols]]
        group[0] = replace(group[0], n_in_tuplet=n_symbols)
        group[-1] = replace(group[-1], ends_tuplet=True)
        found += group
    return found


def _length_of_tuplet(symbols: list[Symbol]) -> int:
    """How many of the symbols make a triplet that begins with the first."""
    ticks = 0
    for place, symbol in enumerate(symbols[:_MOST_IN_TUPLET]):
        ticks += symbol.ticks
        if symbol.ticks not in TRIPLET_VALUES or symbol.fills_bar or ticks > max(_TUPLET_TICKS):
            break
        if ticks in _TUPLET_TICKS:
            return place + 1
    return 1
