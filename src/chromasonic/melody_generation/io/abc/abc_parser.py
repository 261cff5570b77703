"""Parser of one ABC tune: fields and music lines to notes, bar lines, metres and parts in written order.

The music is tokenised by music21, with these precautions: the tokenizer never receives fields, symbols without a note,
or more than one line at a time. Durations are exact fractions, since the tokenizer's own are floating-point numbers.
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
    ABCNote,
    ABCTie,
    ABCTuplet,
)

from chromasonic.melody_generation.form import MAX_PASSES, parse_chord
from chromasonic.melody_generation.io.abc.abc_counts import count_chord_symbols, count_pitched_notes
from chromasonic.melody_generation.io.abc.abc_key import KeySymbol, parse_key_field, parse_properties
from chromasonic.melody_generation.io.abc.abc_symbols import (
    NoteSymbol,
    TupletSymbol,
    chord_notes,
    default_unit_length,
    parse_broken_rhythm,
    parse_metre_field,
    parse_note,
    parse_part_order_field,
    parse_text,
    parse_tuplet,
    parse_unit_length_field,
    whole_or_fraction,
)
from chromasonic.melody_generation.io.tunes import (
    CHORD_SYMBOLS,
    GRACE_NOTES,
    LOWER_NOTES,
    OTHER_PARTS,
    SECOND_VOICES,
    TEXT_LINES,
)
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.notation.repeats import (
    MAX_EVENTS,
    BarLine,
    Ending,
    NoteEvent,
    PartMark,
    ScoreEvent,
)
from chromasonic.melody_generation.notation.spelling import fifths_of

_WHOLE = 4 * TICKS_PER_QUARTER
_LONGEST = 64 * _WHOLE
_MAX_BARS_OF_REST = 999
_MAX_DENOMINATOR = 1 << 40  # of ticks: far beyond 1/128 with two broken rhythms and a tuplet

# Defaults of a tune without these fields.
_FREE = Metre.parse("free")
_C_MAJOR = parse_key_field("C")

# A letter and a colon at the beginning of a line, unless the colon belongs to a bar line.
FIELD_LINE = re.compile(r"\s*([A-Zmrsw+])\s*:(?![|:])(.*)")
_COMMENT = re.compile(r"(?<!\\)%.*")
# Chord symbols and annotations, decorations in exclamation or plus marks, second voices within a bar, comments.
_UNPLAYED = re.compile(r'"(?P<quoted>[^"]*)"?|![^!|]*!|\+[a-z.()<>]+\+|&[^|%]*|%.*')
# A quoted text, which stays as it is, or a sign of second voices.
_OVERLAY = re.compile(r'("[^"]*"?|\(&|&\)|&)')
_QUOTED = re.compile(r'"[^"]*"?')
_ENDING_SIGN = re.compile(r"\[\d[\d,-]*[^\[]*$")
_BAR_OVERLAY = re.compile(r"&[^|%]*")
# Signs of typography, as in tunes that were copied from a page, and what they stand for.
_TYPOGRAPHIC = str.maketrans({"“": '"', "”": '"', "„": '"', "♯": "^", "♭": "_", "♮": "=", "\u00a0": " "})
_TYPESET = re.compile(r"\s*%%\s*(begin|end)(text|ps|svg)\b")
# A passage up to the bracket, bar line or line end that comes first; the group is the bracket.
_PASSAGE = re.compile(r"[^\]|]+(\])?")
_BRACKET = re.compile(r"\[(?!\d)")
_REPEAT_BEFORE_ENDING = re.compile(r"(?<!\|):(?=\s*\[\d)")
_CHORD_BEGINS, _CHORD_ENDS = "\x02", "\x03"  # around a chord symbol, which is then no text any more
_INLINE = re.compile(
    r"\[(?P<tag>[A-Za-z]):(?P<value>[^\]]*)\]|(?:\[|(?<=\|))(?P<passes>\d+(?:[,-]\d+)*)|[XZ](?P<bars>\d*)"
    r"|(?P<tuplet>\(\d+:\d*:\d\d+)"  # the tokenizer reads only one digit of its last number
    rf"|{_CHORD_BEGINS}(?P<chord>[^{_CHORD_ENDS}]*){_CHORD_ENDS}"
)
_NO_NOTE = re.compile(r"[H-WYh-wy~.!$*;@]\d*")
_BAR_LINES = {"||": BarLine.DOUBLE_BAR, "|]": BarLine.DOUBLE_BAR, "[|": BarLine.DOUBLE_BAR}
_BAR_LINES |= {":|": BarLine.REPEAT_END, "|:": BarLine.REPEAT_BEGIN}


@dataclass
class AbcTuneParser:
    """Parses a tune line by line, and keeps the fields in force at the current line.

    Attributes:
        events: Notes, bar lines, metres, endings and part marks in written order.
        title: The first ``T:`` field.
        rhythm: The first ``R:`` field, which names the kind of tune.
        part_order: The letters of the parts in playing order, from ``Y:``, or ``P:`` in the header.
        metre: The metre at the first note.
        key: The key at the first note.
        in_header: Whether the ``K:`` field, which ends the header, has not been read yet.
        voice_number: Which voice is read, counted from 0 in the order in which the tune names them.
        voices: The voices so far.
        left_out: Number of symbols that are no part of the melody, by kind.
        n_pitched: Pitched notes read, with each note of a chord, and without those left out.
    """

    events: list[ScoreEvent] = field(default_factory=list)
    title: str = ""
    rhythm: str = ""
    part_order: str = ""
    metre: Metre = _FREE
    key: KeySymbol = _C_MAJOR
    in_header: bool = True

    voice_number: int = 0
    voices: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    n_pitched: int = 0

    _signature: dict[str, int] = field(default_factory=dict)
    _octaves: dict[str, int] = field(default_factory=dict)  # by voice; those of K: hold for the voice they stand in
    _is_typeset: bool = False  # between %%begintext and %%endtext
    _overlay: str = ""  # the voice of the bars between (& and &): first, or second after an &
    _overlay_goes_on: bool = False  # the last bar of a line is continued in the next line, within a second voice
    _unit: Fraction | None = None  # in whole notes
    _current_metre: Metre = _FREE
    _voice: str = ""
    _accidentals: dict[str, int] = field(default_factory=dict)  # of the current bar, by letter
    _tuplet: TupletSymbol | None = None
    _n_left_in_tuplet: int = 0
    _in_grace: bool = False
    _factor: Fraction = Fraction(1)  # of the next note, by broken rhythm
    _last_note: NoteEvent | None = None
    _last_index: int = -1  # of the last note in events
    _last_symbol: NoteSymbol | None = None

    def read_line(self, line: str) -> None:
        """Parse one line of the file.

        Raises:
            ValueError: If the line holds a malformed field or symbol; music21 raises other errors.
        """
        if typeset := _TYPESET.match(line):
            self._is_typeset = typeset[1] == "begin"
        if self._is_typeset:
            self.left_out[TEXT_LINES] += typeset is None
            return
        match = FIELD_LINE.match(line)
        if match:
            self._field(match[1], _COMMENT.sub("", match[2]).strip())
        elif not self.in_header:
            self._music(line)

    def _field(self, tag: str, value: str) -> None:
        if not self.in_header and tag != "V" and self._is_omitted:
            return  # a field of an omitted voice
        match tag:
            case "T":
                self.title = self.title or parse_text(value)
            case "R":
                self.rhythm = self.rhythm or parse_text(value)
            case "M":
                self._change_metre(_metre_or_free(value))
            case "L":
                self._unit = parse_unit_length_field(value)
            case "w" | "W":
                self.left_out[TEXT_LINES] += 1
            case "K":
                self._change_key(parse_key_field(value))
                if self.in_header:
                    self.in_header, self._voice = False, ""
            case "V":
                self._change_voice(value)
            case "P" if not self.in_header:
                self.events.append(PartMark(value))
            case "P" | "Y":
                self.part_order = parse_part_order_field(value)

    @property
    def _is_omitted(self) -> bool:
        """True if the current voice is another one than that which is read."""
        return self._voice != "" and self._voice != next(iter(self.voices[self.voice_number :]), "")

    def _change_voice(self, value: str) -> None:
        self._voice, _, properties = value.partition(" ")
        if self._voice and self._voice not in self.voices:
            self.voices.append(self._voice)
        if octaves := parse_properties(properties).octaves:
            self._octaves[self._voice] = octaves

    def _change_metre(self, metre: Metre) -> None:
        self._current_metre = metre
        if self._last_note is None:
            self.metre = metre
        self.events.append(metre)

    def _change_key(self, key: KeySymbol) -> None:
        if key.octaves:
            self._octaves["" if self.in_header else self._voice] = key.octaves
        if not key.has_key and not self.in_header:  # a clef alone
            return
        self._signature = dict(key.signature)
        if self._last_note is None:
            self.key = key

    def _music(self, line: str) -> None:
        line = self._without_overlays(line.translate(_TYPOGRAPHIC))
        if not self._is_omitted:
            self.left_out[CHORD_SYMBOLS] += count_chord_symbols(line)
            self.left_out[SECOND_VOICES] += sum(map(count_pitched_notes, _BAR_OVERLAY.findall(_QUOTED.sub("", line))))
        line = _without_open_chords(_REPEAT_BEFORE_ENDING.sub(":|", _UNPLAYED.sub(_marked_chord, line)))
        begin = 0
        for match in _INLINE.finditer(line):
            self._notes(line[begin : match.start()])
            begin = match.end()
            if match["tag"]:
                self._field(match["tag"], match["value"].strip())
            elif self._is_omitted:
                continue
            elif match["chord"]:
                if chord := parse_chord(match["chord"]):
                    self.events.append(chord)
                    self.left_out[CHORD_SYMBOLS] -= 1
            elif match["tuplet"]:
                self._begin_tuplet(match["tuplet"])
            elif match["passes"]:
                self.events.append(Ending(_parse_passes(match["passes"])))
            else:
                self._bars_of_rest(int(match["bars"] or 1))
        self._notes(line[begin:])

    def _without_overlays(self, line: str) -> str:
        """Return a line without second voices that go beyond their bar or their line.

        They stand between ``&`` and ``&)`` after ``(&``, or after ``&`` in a bar that the next line continues.
        """
        kept = []
        for piece in _OVERLAY.split(line):
            if piece == "(&":
                self._overlay = "first"
            elif piece == "&)":
                self._overlay = ""
            elif piece == "&" and self._overlay == "first":
                self._overlay = "second"
            elif self._overlay != "second":
                kept.append(piece)
            else:
                self.left_out[SECOND_VOICES] += count_pitched_notes(piece)
        line = "".join(kept)
        if self._overlay_goes_on:
            omitted, bar, rest = line.partition("|")
            self.left_out[SECOND_VOICES] += count_pitched_notes(omitted)
            line = bar + rest
        last_bar = _QUOTED.sub("", line).rpartition("|")[2]
        self._overlay_goes_on = "&" in last_bar and last_bar.rstrip().endswith("\\")
        return line

    def _notes(self, text: str) -> None:
        """Parse music without fields."""
        if self._is_omitted:
            self.left_out[OTHER_PARTS] += count_pitched_notes(text)
            return
        text = _NO_NOTE.sub("", text).replace("x", "z")
        text = re.sub(r"(?<=[A-G]):", " :", text)  # the tokenizer takes a note before a repeat sign for a field
        tokenizer = ABCHandler()
        tokenizer.tokenize(text + " ")  # it reads one character beyond the last symbol
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
                self._begin_tuplet(token.src)
            case ABCBrokenRhythmMarker():
                before, self._factor = parse_broken_rhythm(token.src)
                self._change_last(factor=before)

    def _begin_tuplet(self, text: str) -> None:
        self._tuplet = parse_tuplet(text, self._current_metre)
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
        octaves = self._octaves.get(self._voice, self._octaves.get("", 0))
        return symbol.pitch(self._signature[symbol.letter] if alteration is None else alteration, octaves)

    def _continues_tie(self, symbol: NoteSymbol) -> bool:
        note, last = self._last_note, self._last_symbol
        if not note or not note.tied or not last:
            return False
        return (last.letter, last.octave) == (symbol.letter, symbol.octave)

    def _note(self, pitch: int, symbol: NoteSymbol) -> None:
        if self._unit is None:
            self._unit = default_unit_length(self._current_metre)
        ticks = symbol.length * whole_or_fraction(self._unit * _WHOLE)
        if self._factor != 1:
            ticks, self._factor = ticks * self._factor, Fraction(1)
        if self._tuplet and self._n_left_in_tuplet:
            ticks *= self._tuplet.factor
            self._n_left_in_tuplet -= 1
        self._last_symbol = symbol
        fifths = None if pitch == REST else fifths_of(symbol.letter, pitch)
        self.n_pitched += pitch != REST
        self._add(NoteEvent(pitch, whole_or_fraction(ticks), fifths=fifths))

    def _bars_of_rest(self, n_bars: int) -> None:
        if not self._current_metre.beats or n_bars > _MAX_BARS_OF_REST:
            raise ValueError(f"{n_bars} bars of rest in {self._current_metre}")
        self._last_symbol = None
        for _ in range(n_bars):
            self._add(NoteEvent(REST, self._current_metre.bar_ticks))
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


def _marked_chord(unplayed: re.Match[str]) -> str:
    """Return a chord symbol between its marks, and nothing for what else is not played, or stands within brackets."""
    if not unplayed["quoted"] or parse_chord(unplayed["quoted"]) is None:
        return ""
    before = unplayed.string[: unplayed.start()]
    is_open = before.rfind("[") > max(before.rfind("]"), before.rfind("|"))
    is_within_brackets = is_open and not _ENDING_SIGN.search(before)
    return "" if is_within_brackets else f"{_CHORD_BEGINS}{unplayed['quoted']}{_CHORD_ENDS}"


def _metre_or_free(text: str) -> Metre:
    """Return the metre of an ``M:`` field; free metre if it is not understood, which costs bar lines, not the tune."""
    try:
        return parse_metre_field(text)
    except ValueError:
        return _FREE


def _without_open_chords(line: str) -> str:
    """Remove the brackets of chords that are not closed within their bar: their notes are read one by one."""
    if "[" not in line:
        return line
    return _PASSAGE.sub(lambda passage: passage[0] if passage[1] else _BRACKET.sub("", passage[0]), line)


def _parse_passes(text: str) -> tuple[int, ...]:
    """Parse the passes of an ending: ``1,3`` or ``1-3``."""
    passes: list[int] = []
    for span in text.split(","):
        first, _, last = span.partition("-")
        passes.extend(range(int(first), min(int(last or first), int(first) + 16) + 1))
    return tuple(number for number in passes if 1 <= number <= MAX_PASSES) or (1,)
