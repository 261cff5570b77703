"""Barring: convert notes and written bar lines to a melody whose bars are counted.

Readers of all formats pass notes, bar lines and metres in written order. The bar counter decides which bar lines agree
with the count of the metre and which depart from it, and joins tied notes.

* A short first bar is an upbeat that ends at the first bar line.
* A bar as long as several bars of the metre (in a source with few bar lines) is no departure: the count adds the
  missing bar lines.
* Two incomplete bars that complete each other are no departure: the end of a part and the upbeat of the next, around a
  repeat sign or a double bar.
* Every other bar line before the end of a counted bar is a departure, and so is every change of metre.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from chromasonic.melody_generation.form import Chord, FormMark, FormSign, without_redundant_marks
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre

# Signs that do not end a held note.
WITHIN_A_NOTE = (FormSign.SECTION, FormSign.PART)


@dataclass
class _Note:
    pitch: int
    ticks: Fraction | int
    tied: bool
    fifths: int | None
    chords: list[Chord]
    marks: list[FormMark]

    def joins(self, before: _Note) -> bool:
        """Return whether it continues the note before it."""
        return before.tied and self.pitch == before.pitch


@dataclass
class _Bar:
    """The notes between two written bar lines or changes of metre."""

    metre: Metre
    notes: list[_Note] = field(default_factory=list)

    @property
    def ticks(self) -> int:
        return round(sum(note.ticks for note in self.notes))

    def whole_ticks(self) -> list[int]:
        """Return the durations in whole ticks; onsets are rounded, so that the bar keeps its length."""
        durations: list[int] = []
        exact: Fraction | int = 0
        begin = 0
        for note in self.notes:
            exact += note.ticks
            end = max(round(exact), begin + 1)
            durations.append(end - begin)
            begin = end
        return durations


class BarCounter:
    """Builds a melody from notes, bar lines and metres in written order, and counts its bars.

    Example:
        >>> counter = BarCounter(Metre(3, 4))
        >>> for pitch in (62, None, 67, 67, 67):
        ...     counter.bar_line() if pitch is None else counter.note(pitch, 24)
        >>> counter.tune().melody.start
        48
    """

    def __init__(self, metre: Metre) -> None:
        self._bars = [_Bar(metre)]
        self._chords: list[Chord] = []  # of the next note, and so are the marks
        self._marks: list[FormMark] = []

    @property
    def n_notes(self) -> int:
        """The number of notes and rests so far; tied notes count separately."""
        return sum(len(bar.notes) for bar in self._bars)

    def note(self, pitch: int, ticks: Fraction | int, *, tied: bool = False, fifths: int | None = None) -> None:
        """Add a note (``REST`` for a rest).

        Args:
            pitch: MIDI number.
            ticks: Duration.
            tied: Whether a tie leads to the next note of the same pitch.
            fifths: Position of its spelling on the line of fifths; None if it is not known.
        """
        self._bars[-1].notes.append(_Note(pitch, ticks, tied, fifths, self._chords, self._marks))
        self._chords, self._marks = [], []

    def chord(self, chord: Chord) -> None:
        """Add a chord symbol at the next note; of several, the last one stands."""
        self._chords = [chord]

    def mark(self, sign: FormSign, passes: tuple[int, ...] = (), name: str = "") -> None:
        """Add a sign of form at the next note; ``passes`` are those of an ending, ``name`` is that of a part."""
        self._marks.append(FormMark(0, sign, passes, name))

    def bar_line(self) -> None:
        """Add a bar line of any kind; a second one at the same time has no effect."""
        if self._bars[-1].notes:
            self._bars.append(_Bar(self._bars[-1].metre))

    def metre(self, metre: Metre) -> None:
        """Set the metre from here on."""
        if metre != self._bars[-1].metre:
            self.bar_line()
            self._bars[-1].metre = metre

    def tune(
        self,
        *,
        tonic: int = 0,
        mode: str = "major",
        title: str = "",
        source: str = "",
        corpus: str = "unknown",
        part_order: str = "",
        kind: str = "unknown",
    ) -> WrittenTune:
        """Count the bars and return the melody; the arguments are fields of :class:`Melody`.

        Raises:
            ValueError: If there is no note, or a field is out of range.
        """
        bars = [bar for bar in self._bars if bar.notes]
        if not bars:
            raise ValueError("there are no notes")
        metre = bars[0].metre
        # The first bar line gives the position of the first note; without one, the position is 0.
        start = -bars[0].ticks % metre.bar_ticks if len(bars) > 1 and metre.beats else 0
        pitches: list[int] = []
        durations: list[int] = []
        fifths: list[int | None] = []
        departures: list[Departure] = []
        marks: list[FormMark] = []
        chords: dict[int, Chord] = {}
        position, n_overruns, time = start, 0, 0
        before: _Note | None = None
        for index, bar in enumerate(bars):
            if bar.metre != metre:
                departures.append(Departure(len(pitches), bar.metre))
                metre, position, before = bar.metre, 0, None
            elif index and self._departs(position, bar):
                departures.append(Departure(len(pitches)))
                position, before = 0, None
            for note, ticks in zip(bar.notes, bar.whole_ticks(), strict=True):
                n_overruns += position + ticks > metre.bar_ticks
                position = (position + ticks) % metre.bar_ticks
                chords.update((time, chord) for chord in note.chords)
                time += ticks
                if before is not None and note.joins(before):
                    durations[-1] += ticks
                    # A sign within a held note stands before the next one.
                    marks += [replace(mark, note=len(pitches)) for mark in note.marks]
                else:
                    marks += [replace(mark, note=len(pitches)) for mark in note.marks]
                    pitches.append(note.pitch)
                    durations.append(ticks)
                    fifths.append(note.fifths if note.pitch != REST else 0)
                before = note
        marks += [replace(mark, note=len(pitches)) for mark in self._marks]
        melody = Melody(
            pitches,
            durations,
            bars[0].metre,
            start,
            departures,
            tonic,
            mode,
            title,
            source,
            corpus,
            form=without_redundant_marks(marks, len(pitches)),
            part_order=part_order if any(mark.sign is FormSign.PART for mark in marks) else "",
            chords=[replace(chord, onset=onset) for onset, chord in chords.items()],
            kind=kind,
            spelling=() if None in fifths else [each for each in fifths if each is not None],
        )
        return WrittenTune(
            melody,
            n_overruns,
            sum(note.ticks.denominator != 1 for bar in bars for note in bar.notes),
        )

    @staticmethod
    def _departs(position: int, following: _Bar) -> bool:
        """Return whether the bar line before ``following`` departs from the count, which is at ``position``."""
        completes = position + following.ticks == following.metre.bar_ticks
        return position != 0 and not completes
