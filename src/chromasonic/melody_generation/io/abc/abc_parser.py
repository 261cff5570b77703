"""Parser of one ABC tune: fields and music lines to notes, bar lines, metres and parts in written order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from chromasonic.melody_generation.form import MAX_PASSES, parse_chord
from chromasonic.melody_generation.io.abc.abc_counts import (
    LINE_BREAK_FIELD,
    count_chord_symbols,
    count_pitched_notes,
)
from chromasonic.melody_generation.io.abc.abc_key import KeySymbol, parse_key_field, parse_properties
from chromasonic.melody_generation.io.abc.abc_lines import (
    CHORD_BEGINS,
    CHORD_ENDS,
    QUOTED,
    plain_signs,
    split_jumps,
    without_words,
)
from chromasonic.melody_generation.io.abc.abc_notes import AbcNoteReader
from chromasonic.melody_generation.io.abc.abc_symbols import (
    parse_metre_field,
    parse_part_order_field,
    parse_text,
    parse_unit_length_field,
)
from chromasonic.melody_generation.io.abc.abc_tunes import is_sentence
from chromasonic.melody_generation.io.abc.abc_voices import AbcVoice
from chromasonic.melody_generation.io.tunes import (
    CHORD_SYMBOLS,
    JUMPS,
    OTHER_PARTS,
    SECOND_VOICES,
    TEXT_LINES,
)
from chromasonic.melody_generation.melody import Metre
from chromasonic.melody_generation.notation.repeats import (
    Ending,
    PartMark,
    ScoreEvent,
)

# Defaults of a tune without these fields.
_FREE = Metre.parse("free")
_C_MAJOR = parse_key_field("C")

# A letter and a colon at the beginning of a line, unless the colon belongs to a bar line.
FIELD_LINE = re.compile(r"\s*([A-Zmrsw+])\s*:(?![|:])(.*)")
_COMMENT = re.compile(r"(?<!\\)%.*")
# A quoted text, which stays as it is, or a sign of second voices.
_OVERLAY = re.compile(rf"({QUOTED}|\(&|&\)|&)")
_QUOTED = re.compile(QUOTED)
_BAR_OVERLAY = re.compile(r"&[^|%]*")
_INLINE_FIELD = re.compile(r"\[[A-Za-z]:[^\]]*\]")
_TYPESET = re.compile(r"\s*(?:%%|I:)\s*(begin|end)\w+")
_MIDI_DIRECTIVE = re.compile(r"\s*(?:%%|I:)\s*MIDI\s+(channel|transpose)\s*=?\s*([+-]?\d{1,3})\b", re.IGNORECASE)
_PERCUSSION_CHANNEL = 10
_INLINE = re.compile(
    r"\[(?P<tag>[A-Za-z]):(?P<value>[^\]]*)\]|[XZ](?P<bars>\d*)"
    r"|(?:\[|(?<=\|)|(?<=\|\]))(?P<passes>\d+(?:[,-]\d+)*)"
    r"|(?P<tuplet>\(\d+:\d*:\d\d+|\(\d\d+(?::\d*){1,2}|\(1\d)"  # the tokenizer reads only one digit of some numbers
    rf"|{CHORD_BEGINS}(?P<chord>[^{CHORD_ENDS}]*){CHORD_ENDS}"
)
# Segno and coda, unless the tune gives the letters another sense.
_LETTER_OF_JUMP = re.compile(r"""[SO](?=[\s.~^_=\[({"A-Ga-gz|])""")


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
        voice: The id of the voice that is read; None for the first one.
        voices: The voices so far by their ids, in the order in which the tune names them.
        not_understood: Fields and parts of fields that are not understood, by kind.
        left_out: Number of symbols that are no part of the melody, by kind.
    """

    events: list[ScoreEvent] = field(default_factory=list)
    title: str = ""
    rhythm: str = ""
    part_order: str = ""
    metre: Metre = _FREE
    key: KeySymbol = _C_MAJOR
    in_header: bool = True

    voice: str | None = None
    voices: dict[str, AbcVoice] = field(default_factory=dict)
    not_understood: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    _octaves: int = 0  # of the K: field in the header; those of V:, and of K: within a voice, are its own
    _transposition: int = 0
    _is_typeset: bool = False  # between %%begintext and %%endtext
    _has_line_breaks: bool = False  # exclamation marks end lines, and decorate no note
    _has_symbols: bool = False  # U: gives letters another sense
    _overlay: str = ""  # the voice of the bars between (& and &): first, or second after an &
    _overlay_goes_on: bool = False  # the last bar of a line is continued in the next line, within a second voice
    _voice: str = ""
    _notes: AbcNoteReader = field(init=False)

    def __post_init__(self) -> None:
        self._notes = AbcNoteReader(self.events, self.left_out)

    @property
    def n_pitched(self) -> int:
        """The number of pitched notes read, with each note of a chord, and without those left out."""
        return self._notes.n_pitched

    @property
    def n_unread_notes(self) -> int:
        """The number of notes whose pitch or length cannot be read."""
        return self._notes.n_unread_notes

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
        if directive := _MIDI_DIRECTIVE.match(line):
            self._read_midi_directive(directive[1].lower(), int(directive[2]))
        self._has_line_breaks = self._has_line_breaks or LINE_BREAK_FIELD.match(line) is not None
        match = FIELD_LINE.match(line)
        if match:
            if match[1] == "w":
                self._count_words(match[2])
            self._field(match[1], _COMMENT.sub("", match[2]).strip())
        elif line.lstrip().startswith("%"):
            return
        elif self.in_header or is_sentence(line):
            self.left_out[TEXT_LINES] += 1
        else:
            self._music(line)

    def _read_midi_directive(self, name: str, value: int) -> None:
        voice = self.voices.get(self._voice)
        if name == "channel":
            if voice:
                voice.is_no_melody = value == _PERCUSSION_CHANNEL
        elif voice:
            voice.transposition = value
        else:
            self._transposition = value

    def _field(self, tag: str, value: str) -> None:
        if not self.in_header and tag != "V" and self._is_omitted:
            return  # a field of an omitted voice
        match tag:
            case "T":
                self.title = self.title or parse_text(value)
            case "R":
                self.rhythm = self.rhythm or parse_text(value)
            case "M":
                self._change_metre(self._metre_or_free(value))
            case "L" if value.lower() != "auto":
                self._notes.unit = parse_unit_length_field(value)
            case "w" | "W":
                self.left_out[TEXT_LINES] += 1
            case "K":
                self._change_key(parse_key_field(value))
                if self.in_header:
                    self.in_header, self._voice = False, ""
            case "V":
                self._change_voice(value)
            case "U":
                self._has_symbols = True
            case "P" if not self.in_header:
                self.events.append(PartMark(value))
            case "P" | "Y":
                self._read_part_order(value)

    def _count_words(self, line: str) -> None:
        if not self.in_header and self._voice in self.voices:
            self.voices[self._voice].n_lyrics += any(map(str.isalpha, line))

    def _metre_or_free(self, text: str) -> Metre:
        """Return the metre of an ``M:`` field; free metre if it is not understood: it costs bar lines, not the tune."""
        try:
            return parse_metre_field(text)
        except ValueError:
            self.not_understood.setdefault("the metre is not understood, and read as free", repr(text[:40]))
            return _FREE

    def _read_part_order(self, text: str) -> None:
        try:
            self.part_order = parse_part_order_field(text)
        except ValueError:
            self.not_understood.setdefault("the order of the parts is not understood", repr(text[:40]))

    @property
    def _is_omitted(self) -> bool:
        """True if the current voice is another one than that which is read."""
        return bool(self.voices) and self._voice != self.read_voice

    @property
    def read_voice(self) -> str:
        """The id of the voice that is read; empty if the tune names none."""
        return next(iter(self.voices), "") if self.voice is None else self.voice

    @property
    def transposition(self) -> int:
        """The semitones by which the instrument of the voice that is read sounds above the written notes."""
        voice = self.voices.get(self.read_voice)
        return (voice.transposition if voice else 0) or self._transposition

    def _change_voice(self, value: str) -> None:
        self._voice, properties = (*value.split(maxsplit=1), "", "")[:2]
        if not self.voices and self.n_pitched and self._voice not in {"1", "*"}:
            self.voices["1"] = AbcVoice(n_notes=self.n_pitched)  # music before the first V:
        voice = self.voices.setdefault(self._voice, AbcVoice("" if self._voice.isdecimal() else self._voice))
        parsed = parse_properties(properties)
        voice.name = parsed.name or voice.name
        voice.octaves = parsed.octaves or voice.octaves
        voice.transposition = parsed.transposition or voice.transposition
        voice.is_no_melody = voice.is_no_melody or parsed.is_no_melody

    def _change_metre(self, metre: Metre) -> None:
        self._notes.metre = metre
        if not self._notes.has_notes:
            self.metre = metre
        self.events.append(metre)

    def _change_key(self, key: KeySymbol) -> None:
        voice = None if self.in_header else self.voices.get(self._voice)
        if voice:
            voice.octaves = key.octaves or voice.octaves
            voice.transposition = key.transposition or voice.transposition
            voice.is_no_melody = voice.is_no_melody or key.is_no_melody
        else:
            self._octaves = key.octaves or self._octaves
            self._transposition = key.transposition or self._transposition
        if key.ignored:
            self.not_understood.setdefault("a part of the key field is not understood", repr(key.ignored[:40]))
        if not key.has_key and not self.in_header:  # a clef alone
            return
        self._notes.signature = dict(key.signature)
        if not self._notes.has_notes:
            self.key = key

    def _music(self, line: str) -> None:
        if not self._voice and self.voices:  # music before the first V: of the body
            self._voice = next(iter(self.voices))
        line = plain_signs(line)
        if self._has_line_breaks:
            line = line.replace("!", " ")
        line = self._without_overlays(line)
        if not self._is_omitted:
            without_jumps, n_jumps = split_jumps(_INLINE_FIELD.sub("", line))
            self.left_out[JUMPS] += n_jumps
            self.left_out[CHORD_SYMBOLS] += count_chord_symbols(without_jumps)
            self.left_out[SECOND_VOICES] += sum(map(count_pitched_notes, _BAR_OVERLAY.findall(_QUOTED.sub("", line))))
        line = without_words(line)
        begin = 0
        for match in _INLINE.finditer(line):
            self._read_music(line[begin : match.start()])
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
                self._notes.begin_tuplet(match["tuplet"])
            elif match["passes"]:
                self.events.append(Ending(_parse_passes(match["passes"])))
            else:
                self._notes.add_bars_of_rest(int(match["bars"] or 1))
        self._read_music(line[begin:])

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

    def _read_music(self, text: str) -> None:
        """Parse music without fields."""
        if self._is_omitted:
            n_notes = count_pitched_notes(text)
            self.left_out[OTHER_PARTS] += n_notes
            if self._voice in self.voices:
                self.voices[self._voice].n_notes += n_notes
            return
        if not self._has_symbols:
            self.left_out[JUMPS] += len(_LETTER_OF_JUMP.findall(text))
        voice = self.voices.get(self._voice)
        self._notes.octaves = self._octaves if voice is None or voice.octaves is None else voice.octaves
        self._notes.read(text)


def _parse_passes(text: str) -> tuple[int, ...]:
    """Parse the passes of an ending: ``1,3`` or ``1-3``."""
    passes: list[int] = []
    for span in text.split(","):
        first, _, last = span.partition("-")
        passes.extend(range(int(first), min(int(last or first), int(first) + 16) + 1))
    return tuple(number for number in passes if 1 <= number <= MAX_PASSES) or (1,)
