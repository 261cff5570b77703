"""Write a melody as MusicXML 4.0, for notation programs.

The writer is our own because bar lines, ties, tuplets and pitch spellings are already determined by the melody, and a
general library would guess them again.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from xml.etree import ElementTree

from chromasonic.melody_generation.form import KINDS, FormMark, FormSign
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody, Metre
from chromasonic.melody_generation.notation.beams import beam_marks
from chromasonic.melody_generation.notation.chord_names import chord_suffix, spell_chord_note
from chromasonic.melody_generation.notation.line_breaks import LineSegment, line_segments
from chromasonic.melody_generation.notation.score import Measure, Symbol, split_measures
from chromasonic.melody_generation.notation.spelling import AccidentalTracker, Spelling, WrittenPitch
from chromasonic.melody_generation.notation.tempo import beat_value, beats_per_minute, check_tempo
from chromasonic.melody_generation.notation.titles import plain_title
from chromasonic.melody_generation.notation.voice_leading import spell_melody

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
"""
_ACCIDENTAL_NAMES = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
# MusicXML's kind of a chord by quality.
HARMONY_KINDS = {
    "major": "major",
    "minor": "minor",
    "7": "dominant",
    "maj7": "major-seventh",
    "m7": "minor-seventh",
    "m7b5": "half-diminished",
    "dim": "diminished",
    "dim7": "diminished-seventh",
    "aug": "augmented",
    "aug7": "augmented-seventh",
    "sus4": "suspended-fourth",
    "sus2": "suspended-second",
    "7sus4": "suspended-fourth",
    "6": "major-sixth",
    "m6": "minor-sixth",
    "5": "power",
}
_LOWEST_IN_TREBLE = 55  # the median pitch below which a bass clef has fewer ledger lines


def to_musicxml(melody: Melody, tempo: float | None) -> str:
    """Convert a melody to MusicXML.

    Each note head has an id: ``n12`` for the first head of the melody's note 12, ``n12-1`` and so on for the heads tied
    to it.

    Args:
        melody: A melody of one note or more.
        tempo: Quarter notes per minute; None for no tempo mark.

    Raises:
        InputError: If the melody cannot be written, or the tempo is out of range.
    """
    if tempo is not None:
        check_tempo(tempo)
    measures, spelling = split_measures(melody), Spelling.for_melody(melody)
    title = plain_title(melody.title)
    root = ElementTree.Element("score-partwise", version="4.0")
    if title:
        _leaf(ElementTree.SubElement(root, "work"), "work-title", title)
    identification = ElementTree.SubElement(root, "identification")
    _leaf(ElementTree.SubElement(identification, "encoding"), "software", "Chromasonic")
    if melody.kind != KINDS[0]:
        fields = ElementTree.SubElement(identification, "miscellaneous")
        _leaf(fields, "miscellaneous-field", melody.kind).set("name", "kind")
    score_part = ElementTree.SubElement(ElementTree.SubElement(root, "part-list"), "score-part", id="P1")
    _leaf(score_part, "part-name", "Melody").set("print-object", "no")
    part = ElementTree.SubElement(root, "part", id="P1")
    writer = _MeasureWriter(part, melody, spelling)
    has_upbeat = not measures[0].is_whole and len(measures) > 1
    closing = tuple(mark for mark in melody.form if mark.note == len(melody))
    for index, measure in enumerate(measures):
        writer.write(measure, index + (not has_upbeat))
        writer.close(measures[index + 1].marks if index + 1 < len(measures) else closing)
    if tempo is not None:
        # After the attributes of the first measure.
        part[0].insert(1, _tempo_mark(melody.metre, tempo))
    writer.end()
    ElementTree.indent(root, " ")
    return _HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


def head_id(note: int, head: int) -> str:
    """Return the id of a note head; ``head`` counts the tied heads of a note from 0."""
    return f"n{note}-{head}" if head else f"n{note}"


def _clef(melody: Melody) -> tuple[str, int]:
    """Return sign and line of the clef."""
    sounding = [int(pitch) for pitch in melody.pitches if pitch != REST]
    return ("F", 4) if sounding and statistics.median(sounding) < _LOWEST_IN_TREBLE else ("G", 2)


class _MeasureWriter:
    """Appends measures to a part."""

    def __init__(self, part: ElementTree.Element, melody: Melody, spelling: Spelling) -> None:
        self._part, self._spelling, self._written = part, spelling, spell_melody(melody, spelling)
        self._clef = _clef(melody)
        self._chords = deque(melody.chords)
        self._time = 0  # ticks from the first note
        self._ending = ""  # the passes of the ending in which the last measure is
        self._accidentals = AccidentalTracker(spelling)
        self._last_note, self._head = -1, 0  # the note of the last head, and the head's index within the note

    def write(self, measure: Measure, number: int) -> None:
        """Append a measure, the first one with key and clef.

        A long measure of free metre is written as several without bar lines between them, so that lines can break.
        """
        is_first = not len(self._part)
        element = ElementTree.SubElement(self._part, "measure", number=str(number))
        if not measure.is_whole:
            element.set("implicit", "yes")
        self._accidentals.bar_line()
        self._open(element, measure.marks)
        if measure.begins_metre:
            self._attributes(element, measure.metre, is_first=is_first)
        first, *following = line_segments(measure)
        self._notes(element, first)
        for index, segment in enumerate(following, 1):
            _bar_line(element, "none")
            self._accidentals.invisible_bar_line()
            element = ElementTree.SubElement(self._part, "measure", number=f"X{number}.{index}", implicit="yes")
            self._notes(element, segment)

    def _open(self, measure: ElementTree.Element, marks: Sequence[FormMark]) -> None:
        """Write the signs at the beginning of a measure."""
        passes = next((mark.passes for mark in marks if mark.sign is FormSign.ENDING), ())
        is_repeat = any(mark.sign is FormSign.REPEAT_BEGIN for mark in marks)
        if passes or is_repeat:
            bar_line = _bar_line(measure, "heavy-light" if is_repeat else "", location="left")
            if passes:
                self._ending = ",".join(map(str, passes))
                ElementTree.SubElement(bar_line, "ending", number=self._ending, type="start")
            if is_repeat:
                ElementTree.SubElement(bar_line, "repeat", direction="forward")
        for mark in marks:
            if mark.sign is FormSign.PART and (name := plain_title(mark.name)):
                direction = ElementTree.SubElement(measure, "direction", placement="above")
                _leaf(ElementTree.SubElement(direction, "direction-type"), "rehearsal", name)

    def close(self, marks: Sequence[FormMark]) -> None:
        """Write the bar line after the last measure; ``marks`` are the signs that follow."""
        signs = {mark.sign for mark in marks}
        is_repeat = FormSign.REPEAT_END in signs
        ends = self._ending if signs else ""
        if not is_repeat and not ends and FormSign.SECTION not in signs:
            return
        style = "light-heavy" if is_repeat else "light-light" if FormSign.SECTION in signs else ""
        bar_line = _bar_line(self._part[-1], style)
        if ends:
            ElementTree.SubElement(bar_line, "ending", number=ends, type="stop")
            self._ending = ""
        if is_repeat:
            ElementTree.SubElement(bar_line, "repeat", direction="backward")

    def end(self) -> None:
        """Write the last bar line, unless it is a repeat sign."""
        last = self._part[-1].find("barline[@location='right']")
        if last is None:
            last = _bar_line(self._part[-1], "light-heavy")
        if self._ending:
            ElementTree.SubElement(last, "ending", number=self._ending, type="discontinue")

    def _chords_until(self, measure: ElementTree.Element, end: int) -> None:
        """Write the chord symbols that stand before a time, each with its distance from the present one."""
        while self._chords and self._chords[0].onset < end:
            chord = self._chords.popleft()
            harmony = ElementTree.SubElement(measure, "harmony", {"print-frame": "no"})
            _pitch_class(ElementTree.SubElement(harmony, "root"), "root", spell_chord_note(chord.root, self._spelling))
            _leaf(harmony, "kind", HARMONY_KINDS[chord.quality]).set("text", chord_suffix(chord.quality))
            if chord.bass != chord.root:
                bass = ElementTree.SubElement(harmony, "bass")
                _pitch_class(bass, "bass", spell_chord_note(chord.bass, self._spelling))
            if chord.quality == "7sus4":
                degree = ElementTree.SubElement(harmony, "degree", {"print-object": "no"})
                for tag, value in (("degree-value", "7"), ("degree-alter", "-1"), ("degree-type", "add")):
                    _leaf(degree, tag, value)
            if chord.onset > self._time:
                _leaf(harmony, "offset", str(chord.onset - self._time))

    def _notes(self, measure: ElementTree.Element, segment: LineSegment) -> None:
        for group in segment:
            for symbol, marks in zip(group, beam_marks(group), strict=True):
                self._note(measure, symbol, marks)

    def _attributes(self, measure: ElementTree.Element, metre: Metre, *, is_first: bool) -> None:
        attributes = ElementTree.SubElement(measure, "attributes")
        if is_first:
            _leaf(attributes, "divisions", str(TICKS_PER_QUARTER))
            key = ElementTree.SubElement(attributes, "key")
            _leaf(key, "fifths", str(self._spelling.sharps))
            _leaf(key, "mode", self._spelling.mode)
        time = ElementTree.SubElement(attributes, "time")
        if metre.beats:
            _leaf(time, "beats", str(metre.beats))
            _leaf(time, "beat-type", str(metre.unit))
        else:
            _leaf(time, "senza-misura", "")
        if is_first:
            clef = ElementTree.SubElement(attributes, "clef")
            _leaf(clef, "sign", self._clef[0])
            _leaf(clef, "line", str(self._clef[1]))

    def _note(self, measure: ElementTree.Element, symbol: Symbol, marks: list[str]) -> None:
        self._head = self._head + 1 if symbol.note == self._last_note else 0
        self._last_note = symbol.note
        self._chords_until(measure, self._time + symbol.ticks)
        self._time += symbol.ticks
        note = ElementTree.SubElement(measure, "note", id=head_id(symbol.note, self._head))
        accidental = self._pitch(note, symbol)
        _leaf(note, "duration", str(symbol.ticks))
        for is_present, kind in ((symbol.tied_to_previous, "stop"), (symbol.tied_to_next, "start")):
            if is_present:
                ElementTree.SubElement(note, "tie", type=kind)
        _leaf(note, "voice", "1")
        if not symbol.is_measure_rest:
            _leaf(note, "type", symbol.value.name)
        for _ in range(symbol.value.dots):
            ElementTree.SubElement(note, "dot")
        if accidental:
            _leaf(note, "accidental", accidental)
        if symbol.value.is_triplet:
            ratio = ElementTree.SubElement(note, "time-modification")
            _leaf(ratio, "actual-notes", "3")
            _leaf(ratio, "normal-notes", "2")
        for level, mark in enumerate(marks, 1):
            _leaf(note, "beam", mark).set("number", str(level))
        _notations(note, symbol)

    def _pitch(self, note: ElementTree.Element, symbol: Symbol) -> str:
        """Add pitch or rest, and return the name of the accidental to write, empty for none."""
        written = self._written[symbol.note]
        if written is None:
            rest = ElementTree.SubElement(note, "rest")
            if symbol.is_measure_rest:
                rest.set("measure", "yes")
            return ""
        pitch = ElementTree.SubElement(note, "pitch")
        _leaf(pitch, "step", written.step)
        if written.alter:
            _leaf(pitch, "alter", str(written.alter))
        _leaf(pitch, "octave", str(written.octave))
        # An accidental holds along a tie, also across a bar line.
        is_shown = not symbol.tied_to_previous and self._accidentals.needs_accidental(written)
        return _ACCIDENTAL_NAMES[written.alter] if is_shown else ""


def _notations(note: ElementTree.Element, symbol: Symbol) -> None:
    if not (symbol.tied_to_next or symbol.tied_to_previous or symbol.n_in_tuplet or symbol.ends_tuplet):
        return
    notations = ElementTree.SubElement(note, "notations")
    for is_present, kind in ((symbol.tied_to_previous, "stop"), (symbol.tied_to_next, "start")):
        if is_present:
            ElementTree.SubElement(notations, "tied", type=kind)
    for is_present, kind in ((symbol.n_in_tuplet > 0, "start"), (symbol.ends_tuplet, "stop")):
        if is_present:
            ElementTree.SubElement(notations, "tuplet", type=kind)


def _tempo_mark(metre: Metre, tempo: float) -> ElementTree.Element:
    beat = beat_value(metre)
    direction = ElementTree.Element("direction", placement="above")
    mark = ElementTree.SubElement(ElementTree.SubElement(direction, "direction-type"), "metronome")
    _leaf(mark, "beat-unit", beat.name)
    for _ in range(beat.dots):
        ElementTree.SubElement(mark, "beat-unit-dot")
    _leaf(mark, "per-minute", f"{beats_per_minute(metre, tempo):g}")
    ElementTree.SubElement(direction, "sound", tempo=f"{tempo:g}")
    return direction


def _pitch_class(parent: ElementTree.Element, name: str, written: WrittenPitch) -> None:
    _leaf(parent, f"{name}-step", written.step)
    if written.alter:
        _leaf(parent, f"{name}-alter", str(written.alter))


def _bar_line(measure: ElementTree.Element, style: str, location: str = "right") -> ElementTree.Element:
    bar_line = ElementTree.SubElement(measure, "barline", location=location)
    if style:
        _leaf(bar_line, "bar-style", style)
    return bar_line


def _leaf(parent: ElementTree.Element, tag: str, text: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = text
    return element
