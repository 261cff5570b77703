"""ABC text to melodies, through music21's ABC tokenizer.

ABC is the notation in which most collections of folk tunes are shared: a file of tunes, each with an ``X:``
number, header fields up to the key, and then the music. This is what is read of it:

* **Notes**: pitch with the key signature and accidentals, which hold to the end of their bar in every octave
  and along a tie; lengths with tuplets and broken rhythm; rests, visible or not, also those of several bars.
  Of a chord the top note. Fields may change metre, key and unit length anywhere, on a line of their own or
  inline.
* **Bars**: every bar line; which of them the count of the metre foresees is for ``barring.py`` to say.
* **Metre and key**: the last before the first note. What is written is taken: some collections give a minor
  tune under its relative major.
* **Order**: as the page has it (``repeats="written"``: each note once, all endings in a row), or as it is
  played (``"played"``: repeats, endings and parts unrolled; the Nottingham collection gives its parts' order
  in ``Y:``).

Left out are grace notes, chord symbols, words, decorations, slurs, the lower notes of chords, all voices but
the first, and a bar's second voice after ``&``.

The tokenizer's traps are avoided rather than repaired: it never sees the fields, the symbols that carry no
note, or more than one line at a time. Lengths are kept as exact fractions, since its own are floating-point
numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import get_args

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
    ABCTokenException,
    ABCTuplet,
)

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.abc_symbols import (
    KeySymbol,
    NoteSymbol,
    TupletSymbol,
    chord_notes,
    default_unit_length,
    parse_broken_rhythm,
    parse_key,
    parse_metre,
    parse_note,
    parse_part_order,
    parse_tuplet,
    parse_unit_length,
    whole_or_fraction,
)
from chromasonic.melody_generation.io.barring import BarCounter
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.notation.repeats import (
    MAX_EVENTS,
    BarLine,
    Ending,
    NoteEvent,
    PartMark,
    Repeats,
    ScoreEvent,
    unroll,
)

_WHOLE = 4 * TICKS_PER_QUARTER
_LONGEST = 64 * _WHOLE
_MAX_CHARACTERS = 10 * MAX_EVENTS
_MAX_BARS_OF_REST = 999

# What holds where a tune does not say.
_FREE = Metre.parse("free")
_C_MAJOR = parse_key("C")

_NUMBER_LINE = re.compile(r"^[ \t]*X[ \t]*:", re.MULTILINE)
# A letter and a colon at the beginning of a line, unless the colon belongs to a bar line.
_FIELD_LINE = re.compile(r"\s*([A-Zmrsw+])\s*:(?![|:])(.*)")
_COMMENT = re.compile(r"(?<!\\)%.*")
_ESCAPE = re.compile(r"\\([%\\&])")  # of what would otherwise be a comment or an escape
# Chord symbols and remarks, decorations in exclamation or plus marks, a bar's second voice, comments.
_UNPLAYED = re.compile(r'"[^"]*"?|![^!|]*!|\+[a-z.()<>]+\+|&[^|%]*|%.*')
# A chord that is not closed within its bar: its notes are read one by one.
_OPEN_CHORD = re.compile(r"\[(?=[^\]|]*(?:\||$))(?!\d)")
_REPEAT_BEFORE_ENDING = re.compile(r"(?<!\|):(?=\s*\[\d)")
_INLINE = re.compile(
    r"\[(?P<tag>[A-Za-z]):(?P<value>[^\]]*)\]|(?:\[|(?<=\|))(?P<turns>\d+(?:[,-]\d+)*)|[XZ](?P<bars>\d*)"
    r"|(?P<tuplet>\(\d+:\d*:\d\d+)"  # of its last number the tokenizer takes one digit
)
_NO_NOTE = re.compile(r"[H-WYh-wy~.!$*;@]\d*")
_SIGNS = {"||": BarLine.DOUBLE_BAR, "|]": BarLine.DOUBLE_BAR, "[|": BarLine.DOUBLE_BAR}
_SIGNS |= {":|": BarLine.REPEAT_END, "|:": BarLine.REPEAT_BEGIN}


def read_abc(
    text: str, *, file_name: str, corpus: str = "unknown", repeats: Repeats = "written"
) -> Iterator[WrittenTune | DroppedTune]:
    r"""Read all tunes of an ABC file; a malformed one is dropped with its reason, and the rest goes on.

    Args:
        text: The file's content.
        file_name: Its name, for the tunes' ``source``: ``reelsa-c.abc:12``.
        corpus: Label of the melodies.
        repeats: Whether each note comes once, as written, or as often as it is played.

    Raises:
        InputError: If ``repeats`` is neither.

    Example:
        >>> [tune] = read_abc("X:1\nT:Scale\nM:3/4\nK:D\nDEF|GAB|", file_name="scale.abc")
        >>> tune.melody.source, tune.melody.title, tune.melody.pitches.tolist()
        ('scale.abc:1', 'Scale', [62, 64, 66, 67, 69, 71])
    """
    if repeats not in get_args(Repeats):
        raise InputError(f"repeats is written or played, not {repeats!r}")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    begins = [match.start() for match in _NUMBER_LINE.finditer(text)]
    if not begins and re.search(r"^[ \t]*K[ \t]*:", text, re.MULTILINE):
        begins = [0]  # one tune that nobody numbered
    for begin, end in pairwise([*begins, len(text)]):
        yield _read_tune(text[begin:end], file_name, corpus, repeats)


def decode_abc(content: bytes) -> str:
    """The text of an ABC file: UTF-8, or Latin-1 where it is not."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _read_tune(text: str, file_name: str, corpus: str, repeats: Repeats) -> WrittenTune | DroppedTune:
    page = _Page()
    source = f"{file_name}:1"
    try:
        first_line = _FIELD_LINE.match(text)
        if first_line and first_line[1] == "X":
            number = first_line[2].partition("%")[0].strip()
            source = f"{file_name}:{int(number) if number.isdecimal() else number}"
        if len(text) > _MAX_CHARACTERS:
            raise ValueError(f"it is longer than {_MAX_CHARACTERS} characters")
        for line in text.split("\n"):
            page.line(line)
        if page.in_header:
            raise ValueError("it has no K: field, after which the music begins")
        events = page.events if repeats == "written" else unroll(page.events, page.part_order)
        counter = BarCounter(page.metre)
        for event in events:
            if isinstance(event, NoteEvent):
                counter.note(event.pitch, event.ticks, tied=event.tied)
            elif isinstance(event, Metre):
                counter.metre(event)
            elif isinstance(event, BarLine | PartMark):
                counter.bar_line()
        labels = {"title": page.title, "source": source, "corpus": corpus}
        return counter.tune(tonic=page.key.tonic, mode=page.key.mode, **labels)
    except (ValueError, IndexError, ABCHandlerException, ABCTokenException) as problem:
        # The tokenizer raises an IndexError on some text that stops half-way through a symbol.
        return DroppedTune(source, str(problem))


@dataclass
class _Page:
    """A tune as far as it is read: the events in written order, and what is in force at this place.

    Attributes:
        events: What was read.
        title: The first ``T:``.
        part_order: Letters, from ``P:`` in the header or ``Y:``.
        metre: At the tune's beginning.
        key: At the tune's beginning.
        in_header: Whether the key is still to come, which ends the header.
    """

    events: list[ScoreEvent] = field(default_factory=list)
    title: str = ""
    part_order: str = ""
    metre: Metre = _FREE
    key: KeySymbol = _C_MAJOR
    in_header: bool = True

    _signature: dict[str, int] = field(default_factory=dict)
    _unit: Fraction | None = None  # in whole notes
    _metre_here: Metre = _FREE
    _first_voice: str = ""
    _voice: str = ""
    _accidentals: dict[str, int] = field(default_factory=dict)  # of this bar, by letter
    _tuplet: TupletSymbol | None = None
    _n_left_in_tuplet: int = 0
    _in_grace: bool = False
    _factor: Fraction = Fraction(1)  # what broken rhythm makes of the next note
    _last_note: NoteEvent | None = None
    _place_of_last: int = -1
    _last_symbol: NoteSymbol | None = None

    def line(self, line: str) -> None:
        """Read one line of the file."""
        match = _FIELD_LINE.match(line)
        if match:
            self._field(match[1], _COMMENT.sub("", match[2]).strip())
        elif not self.in_header:
            self._music(line)

    def _field(self, tag: str, value: str) -> None:
        if not self.in_header and tag != "V" and self._voice not in {"", self._first_voice}:
            return  # it holds for a voice that is left out
        match tag:
            case "T":
                self.title = self.title or _ESCAPE.sub(r"\1", value)
            case "M":
                self._change_metre(parse_metre(value))
            case "L":
                self._unit = parse_unit_length(value)
            case "K":
                self._change_key(parse_key(value))
                if self.in_header:
                    self.in_header, self._voice = False, ""
            case "V":
                self._voice = value.split(maxsplit=1)[0] if value else ""
                self._first_voice = self._first_voice or self._voice
            case "P" if not self.in_header:
                self.events.append(PartMark(value))
            case "P" | "Y":
                self.part_order = parse_part_order(value)

    def _change_metre(self, metre: Metre) -> None:
        self._metre_here = metre
        if self._last_note is None:
            self.metre = metre
        self.events.append(metre)

    def _change_key(self, key: KeySymbol) -> None:
        self._signature = dict(key.signature)
        if self._last_note is None:
            self.key = key

    def _music(self, line: str) -> None:
        line = _OPEN_CHORD.sub("", _REPEAT_BEFORE_ENDING.sub(":|", _UNPLAYED.sub("", line)))
        begin = 0
        for match in _INLINE.finditer(line):
            self._notes(line[begin : match.start()])
            begin = match.end()
            if match["tag"]:
                self._field(match["tag"], match["value"].strip())
            elif self._voice not in {"", self._first_voice}:
                continue
            elif match["tuplet"]:
                self._begin_tuplet(match["tuplet"])
            elif match["turns"]:
                self.events.append(Ending(_turns(match["turns"])))
            else:
                self._bars_of_rest(int(match["bars"] or 1))
        self._notes(line[begin:])

    def _notes(self, text: str) -> None:
        """Read a stretch of music without fields."""
        if self._voice not in {"", self._first_voice}:
            return
        text = _NO_NOTE.sub("", text).replace("x", "z")
        text = re.sub(r"(?<=[A-G]):", " :", text)  # else a note before a repeat sign is taken for a field
        tokenizer = ABCHandler()
        tokenizer.tokenize(text + " ")  # it looks beyond the last symbol
        for token in tokenizer.tokens:
            self._token(token)
        if len(self.events) > MAX_EVENTS:
            raise ValueError(f"it has more than {MAX_EVENTS} notes and bar lines")

    def _token(self, token: object) -> None:
        match token:
            case ABCGraceStart() | ABCGraceStop():
                self._in_grace = isinstance(token, ABCGraceStart)
            case ABCBar():
                self._bar(token.src)
            case _ if self._in_grace:
                return
            case ABCChord():
                notes = [(self._pitch(symbol), symbol) for symbol in chord_notes(token.src)]
                self._note(*max(notes, key=lambda note: note[0]))
                if "-" in token.src:
                    self._change_last(tied=True)
            case ABCNote():
                symbol = parse_note(token.src)
                self._note(self._pitch(symbol), symbol)
            case ABCTie():
                self._change_last(tied=True)
            case ABCTuplet():
                self._begin_tuplet(token.src)
            case ABCBrokenRhythmMarker():
                before, self._factor = parse_broken_rhythm(token.src)
                self._change_last(factor=before)

    def _begin_tuplet(self, text: str) -> None:
        self._tuplet = parse_tuplet(text, self._metre_here)
        self._n_left_in_tuplet = self._tuplet.n_notes

    def _bar(self, text: str) -> None:
        after_bar = bool(self.events) and isinstance(self.events[-1], BarLine)
        # A colon of its own begins a repeat after another bar line, as in :|: which is read as two symbols.
        colon = BarLine.REPEAT_BEGIN if after_bar else BarLine.BAR
        self.events.append(colon if text == ":" else _SIGNS.get(text, BarLine.BAR))
        self._accidentals.clear()

    def _pitch(self, symbol: NoteSymbol) -> int:
        if not symbol.letter:
            return REST
        if symbol.accidental is not None:
            self._accidentals[symbol.letter] = symbol.accidental
        elif self._last_note and self._continues_tie(symbol):
            return self._last_note.pitch  # an accidental holds along a tie, even across a bar line
        alteration = self._accidentals.get(symbol.letter)
        return symbol.pitch(self._signature[symbol.letter] if alteration is None else alteration)

    def _continues_tie(self, symbol: NoteSymbol) -> bool:
        note, last = self._last_note, self._last_symbol
        if not note or not note.tied or not last:
            return False
        return (last.letter, last.octave) == (symbol.letter, symbol.octave)

    def _note(self, pitch: int, symbol: NoteSymbol) -> None:
        if self._unit is None:
            self._unit = default_unit_length(self._metre_here)
        ticks = symbol.length * whole_or_fraction(self._unit * _WHOLE)
        if self._factor != 1:
            ticks, self._factor = ticks * self._factor, Fraction(1)
        if self._tuplet and self._n_left_in_tuplet:
            ticks *= self._tuplet.factor
            self._n_left_in_tuplet -= 1
        self._last_symbol = symbol
        self._add(NoteEvent(pitch, whole_or_fraction(ticks)))

    def _bars_of_rest(self, n_bars: int) -> None:
        if not self._metre_here.beats or n_bars > _MAX_BARS_OF_REST:
            raise ValueError(f"{n_bars} bars of rest in {self._metre_here}")
        self._last_symbol = None
        for _ in range(n_bars):
            self._add(NoteEvent(REST, self._metre_here.bar_ticks))
            self.events.append(BarLine.BAR)

    def _add(self, note: NoteEvent) -> None:
        if note.ticks > _LONGEST:
            raise ValueError(f"a note is longer than {_LONGEST // _WHOLE} whole notes")
        self._place_of_last, self._last_note = len(self.events), note
        self.events.append(note)

    def _change_last(self, *, factor: Fraction = Fraction(1), tied: bool = False) -> None:
        """What a symbol after a note makes of it: longer, shorter or tied to the next."""
        if self._last_note:
            last = self._last_note
            self._last_note = NoteEvent(last.pitch, whole_or_fraction(last.ticks * factor), last.tied or tied)
            self.events[self._place_of_last] = self._last_note


def _turns(text: str) -> tuple[int, ...]:
    """The turns that an ending is for: ``1,3`` or ``1-3``."""
    turns: list[int] = []
    for stretch in text.split(","):
        first, _, last = stretch.partition("-")
        turns.extend(range(int(first), min(int(last or first), int(first) + 16) + 1))
    return tuple(turns) or (1,)
