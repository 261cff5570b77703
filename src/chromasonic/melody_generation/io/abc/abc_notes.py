"""Read the symbols of ABC music to notes and bar lines, under the fields in force.

The music is tokenised by music21, with these precautions: the tokenizer never receives fields, symbols without a note,
or more than one line at a time. Durations are exact fractions, since the tokenizer's own are floating-point numbers. A
symbol that cannot be read is left out and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from music21.abcFormat import (
    ABCBar,
    ABCBrokenRhythmMarker,
    ABCChord,
    ABCGraceStart,
    ABCGraceStop,
    ABCHandler,
    ABCHandlerException,
    ABCNote,
    ABCTie,
    ABCToken,
    ABCTokenException,
    ABCTuplet,
)

from chromasonic.melody_generation.io.abc.abc_counts import count_pitched_notes
from chromasonic.melody_generation.io.abc.abc_symbols import (
    NoteSymbol,
    TupletSymbol,
    UnreadableSymbolError,
    chord_notes,
    default_unit_length,
    parse_broken_rhythm,
    parse_note,
    parse_tuplet,
    whole_or_fraction,
)
from chromasonic.melody_generation.io.tunes import GRACE_NOTES, LOWER_NOTES, UNREADABLE_SYMBOLS
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.notation.repeats import MAX_EVENTS, BarLine, NoteEvent, ScoreEvent
from chromasonic.melody_generation.notation.spelling import fifths_of

_WHOLE = 4 * TICKS_PER_QUARTER
_LONGEST = 64 * _WHOLE
_MAX_BARS_OF_REST = 999
_MAX_DENOMINATOR = 1 << 40  # of ticks: far beyond 1/128 with two broken rhythms and a tuplet

_NO_NOTE = re.compile(r"[H-WYh-wy~.!$*;@+`]\d*")
_UNKNOWN = re.compile(r"""[^A-Ga-gzxZX\d,'/^_=<>()\[\]{}|:&"\s\\-]""")
_BAR_LINES = {"||": BarLine.DOUBLE_BAR, "|]": BarLine.DOUBLE_BAR, "[|": BarLine.DOUBLE_BAR}
_BAR_LINES |= {":|": BarLine.REPEAT_END, "|:": BarLine.REPEAT_BEGIN}


@dataclass
class AbcNoteReader:
    """Reads music without fields, and keeps what holds for the next notes.

    Attributes:
        events: Notes, bar lines and metres in written order; others may add events.
        left_out: Number of symbols that are no part of the melody, by kind.
        n_pitched: Pitched notes read, with each note of a chord, and without those left out.
        n_unread_notes: Notes whose pitch or length cannot be read.
        signature: The semitones by which the key alters each letter.
        octaves: Octaves by which the notes sound above the written ones.
        metre: The metre in force.
        unit: The unit length in whole notes; None for that of the metre.
    """

    events: list[ScoreEvent]
    left_out: Counter[str]
    n_pitched: int = 0
    n_unread_notes: int = 0
    signature: dict[str, int] = field(default_factory=dict)
    octaves: int = 0
    metre: Metre = field(default_factory=lambda: Metre.parse("free"))
    unit: Fraction | None = None

    _accidentals: dict[str, int] = field(default_factory=dict)  # of the current bar, by letter
    _tuplet: TupletSymbol | None = None
    _n_left_in_tuplet: int = 0
    _in_grace: bool = False
    _factor: Fraction = Fraction(1)  # of the next note, by broken rhythm
    _last_note: NoteEvent | None = None
    _last_index: int = -1  # of the last note in events
    _last_symbol: NoteSymbol | None = None

    @property
    def has_notes(self) -> bool:
        """True if a note or a rest has been read."""
        return self._last_note is not None

    def read(self, text: str) -> None:
        """Read music without fields.

        Raises:
            ValueError: If there are too many notes, or one is too long.
        """
        text = _NO_NOTE.sub("", text).replace("x", "z")
        if unknown := _UNKNOWN.findall(text):
            self.left_out[UNREADABLE_SYMBOLS] += len(unknown)
            text = _UNKNOWN.sub("", text)
        text = re.sub(r"(?<=[A-G]):", " :", text)  # the tokenizer takes a note before a repeat sign for a field
        tokenizer = ABCHandler()
        try:
            tokenizer.tokenize(text + " ")  # it reads one character beyond the last symbol
        except (ABCHandlerException, ABCTokenException, IndexError):
            self._leave_out_unread(text)
            return
        for token in tokenizer.tokens:
            try:
                self._token(token)
            except UnreadableSymbolError:
                self._leave_out_unread(token.src)
        if len(self.events) > MAX_EVENTS:
            raise ValueError(f"it has more than {MAX_EVENTS} notes and bar lines")

    def _leave_out_unread(self, text: str) -> None:
        self.left_out[UNREADABLE_SYMBOLS] += 1
        self.n_unread_notes += count_pitched_notes(text)

    def _token(self, token: ABCToken) -> None:
        match token:
            case ABCGraceStart() | ABCGraceStop():
                self._in_grace = isinstance(token, ABCGraceStart)
            case ABCBar():
                self._bar(token.src)
            case ABCChord() | ABCNote() if self._in_grace:
                self.left_out[GRACE_NOTES] += count_pitched_notes(token.src)
            case _ if self._in_grace:
                return
            case ABCChord():
                notes = [(self._pitch(symbol), symbol) for symbol in chord_notes(token.src)]
                self._note(*max(notes, key=lambda note: note[0]))
                self.left_out[LOWER_NOTES] += len(notes) - 1
                if "-" in token.src:
                    self._change_last(tied=True)
            case ABCNote():
                symbol = parse_note(token.src)
                self._note(self._pitch(symbol), symbol)
            case ABCTie():
                self._change_last(tied=True)
            case ABCTuplet():
                self.begin_tuplet(token.src)
            case ABCBrokenRhythmMarker():
                before, self._factor = parse_broken_rhythm(token.src)
                self._change_last(factor=before)

    def begin_tuplet(self, text: str) -> None:
        """Begin a tuplet such as ``(3:2:12``."""
        try:
            self._tuplet = parse_tuplet(text, self.metre)
        except UnreadableSymbolError:
            self.left_out[UNREADABLE_SYMBOLS] += 1
            return
        self._n_left_in_tuplet = self._tuplet.n_notes

    def _bar(self, text: str) -> None:
        after_bar = bool(self.events) and isinstance(self.events[-1], BarLine)
        # A single colon after a bar line begins a repeat: the tokenizer reads :|: as two symbols.
        colon = BarLine.REPEAT_BEGIN if after_bar else BarLine.BAR
        self.events.append(colon if text == ":" else _BAR_LINES.get(text, BarLine.BAR))
        self._accidentals.clear()

    def _pitch(self, symbol: NoteSymbol) -> int:
        if not symbol.letter:
            return REST
        if symbol.accidental is not None:
            self._accidentals[symbol.letter] = symbol.accidental
        elif self._last_note and self._continues_tie(symbol):
            return self._last_note.pitch  # an accidental holds along a tie, also across a bar line
        alteration = self._accidentals.get(symbol.letter)
        return symbol.pitch(self.signature[symbol.letter] if alteration is None else alteration, self.octaves)

    def _continues_tie(self, symbol: NoteSymbol) -> bool:
        note, last = self._last_note, self._last_symbol
        if not note or not note.tied or not last:
            return False
        return (last.letter, last.octave) == (symbol.letter, symbol.octave)

    def _note(self, pitch: int, symbol: NoteSymbol) -> None:
        if self.unit is None:
            self.unit = default_unit_length(self.metre)
        ticks = symbol.length * whole_or_fraction(self.unit * _WHOLE)
        if self._factor != 1:
            ticks, self._factor = ticks * self._factor, Fraction(1)
        if self._tuplet and self._n_left_in_tuplet:
            ticks *= self._tuplet.factor
            self._n_left_in_tuplet -= 1
        self._last_symbol = symbol
        fifths = None if pitch == REST else fifths_of(symbol.letter, pitch)
        self.n_pitched += pitch != REST
        self._add(NoteEvent(pitch, whole_or_fraction(ticks), fifths=fifths))

    def add_bars_of_rest(self, n_bars: int) -> None:
        """Add rests of whole bars, or count them as unreadable in free metre."""
        if not self.metre.beats or n_bars > _MAX_BARS_OF_REST:
            self.left_out[UNREADABLE_SYMBOLS] += 1
            return
        self._last_symbol = None
        for _ in range(n_bars):
            self._add(NoteEvent(REST, self.metre.bar_ticks))
            self.events.append(BarLine.BAR)

    def _add(self, note: NoteEvent) -> None:
        if note.ticks > _LONGEST:
            raise ValueError(f"a note is longer than {_LONGEST // _WHOLE} whole notes")
        self._last_index, self._last_note = len(self.events), note
        self.events.append(note)

    def _change_last(self, *, factor: Fraction = Fraction(1), tied: bool = False) -> None:
        """Apply a symbol that follows the last note: broken rhythm or a tie."""
        if self._last_note:
            last = self._last_note
            ticks = whole_or_fraction(last.ticks * factor)
            if ticks > _LONGEST or ticks.denominator > _MAX_DENOMINATOR:
                raise ValueError("a note's length is changed too often by broken rhythm")
            self._last_note = NoteEvent(last.pitch, ticks, last.tied or tied, last.fifths)
            self.events[self._last_index] = self._last_note
