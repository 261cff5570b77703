"""Read a part of MusicXML: the notes of its staves, and the length of its measures, in quarter notes.

Only elements that carry notes, time, metre, key or words are read, so that an unusual sign of engraving costs nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element

from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.io.scores.musicxml_signs import chord_in, is_jump, marks_at, part_name_in
from chromasonic.melody_generation.io.scores.musicxml_values import (
    fifths_in,
    key_of,
    metre_of,
    number_in,
    pitch_of,
    written_quarters,
)
from chromasonic.melody_generation.io.scores.written_notes import WrittenNote
from chromasonic.melody_generation.io.tunes import (
    CUE_NOTES,
    GRACE_NOTES,
    PERCUSSION,
    RHYTHM_SLASHES,
    UNREADABLE_SYMBOLS,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Metre

_STAVES_OF_NO_MELODY = {"ossia", "cue", "alternate"}  # values of staff-type
_ROUNDING = Fraction(1, TICKS_PER_QUARTER)


@dataclass
class Staff:
    """A staff of a part while it is read.

    Attributes:
        notes: Index of the measure, and note with onset and end in quarter notes from the beginning of the measure.
        n_lyrics: Number of syllables.
        n_figures: Number of figures of a bass, which some programs write as lyrics.
        n_microtones: Number of notes between two semitones.
        left_out: Number of notes that are no part of the melody, by kind.
        key: The key at the beginning; None without a known mode.
        sharps: Number of sharps at the beginning without a known mode, negative for flats.
        is_ossia: Whether it shows other versions or cues.
        is_percussion: Whether it has the clef of percussion.
        n_on_percussion_clef: Number of notes with a pitch that only names an instrument.
        transposition: Semitones by which it sounds higher than written.
        chords: Index of the measure, onset in quarter notes from its beginning, and chord symbol.
    """

    notes: list[tuple[int, WrittenNote]] = field(default_factory=list)
    n_lyrics: int = 0
    n_figures: int = 0
    n_microtones: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    key: Key | None = None
    sharps: int | None = None
    is_ossia: bool = False
    is_percussion: bool = False
    n_on_percussion_clef: int = 0
    transposition: int = 0
    chords: list[tuple[int, Fraction, Chord]] = field(default_factory=list)

    @property
    def n_symbols(self) -> int:
        """The number of notes with a pitch that were read or left out."""
        counted = (GRACE_NOTES, CUE_NOTES, RHYTHM_SLASHES, UNREADABLE_SYMBOLS)
        return len(self.notes) + self.n_on_percussion_clef + sum(self.left_out[kind] for kind in counted)


@dataclass
class MeasureContent:
    """A measure of a part.

    Attributes:
        length: Its length in quarter notes.
        metres: Changes of metre and their onsets in quarter notes.
        metre: The metre at its end.
        begins_with_bar_line: Whether a visible bar line precedes it.
    """

    length: Fraction = Fraction(0)
    metres: list[tuple[Fraction, Metre]] = field(default_factory=list)
    metre: Metre | None = None
    begins_with_bar_line: bool = True


class PartReader:
    """Reads the measures of a part one by one.

    Attributes:
        name: The name of the part.
        staves: Its staves by number.
        measures: Its measures.
        marks: Index of the measure, onset in quarter notes from its beginning, and sign of form at that time.
        n_unread_chords: Number of chord symbols that are not understood.
        n_jumps: Number of signs of jumps.
        n_repeated_bars: Number of signs that repeat bars.
    """

    def __init__(self, part: Element, name: str) -> None:
        self.name = name
        self.staves: dict[str, Staff] = {}
        self.measures: list[MeasureContent] = []
        self.marks: list[tuple[int, Fraction, FormMark]] = []
        self.n_unread_chords = self.n_jumps = self.n_repeated_bars = 0
        self._divisions = Fraction(1)
        self._metre: Metre | None = None
        self._hides_bar_line = False
        for measure in part.findall("measure"):
            self._read_measure(measure)
        if not self.staves:
            self._staff("1")

    def _staff(self, number: str) -> Staff:
        return self.staves.setdefault(number.strip(), Staff(is_ossia="ossia" in self.name.lower()))

    def _read_measure(self, element: Element) -> None:
        self._measure = MeasureContent(begins_with_bar_line=not self._hides_bar_line)
        self._hides_bar_line = False
        self._cursor = self._chord_onset = self._furthest = Fraction(0)
        # Divisions may be too coarse for a tuplet: the exact onset of every position that the file names.
        self._exact = {Fraction(0): Fraction(0)}
        self.measures.append(self._measure)
        for child in element:
            if child.tag == "note":
                self._read_note(child)
            elif child.tag in ("backup", "forward"):
                self._move(child)
            elif child.tag == "attributes":
                self._read_attributes(child)
            elif child.tag == "harmony":
                self._read_harmony(child)
            elif child.tag == "barline":
                self._read_bar_line(child)
            elif child.tag in ("direction", "sound"):
                self._read_direction(child)
        self._measure.metre = self._metre
        # Some programs fill a short measure up by moving beyond its last note.
        bar = bar_quarters(self._metre)
        moved = self._onset() if bar is None else min(self._onset(), bar)
        length = max(self._furthest, moved)
        is_rounded = bar is not None and 0 < abs(length - bar) < _ROUNDING
        self._measure.length = bar if bar is not None and is_rounded else length

    @property
    def _index(self) -> int:
        """The index of the present measure."""
        return len(self.measures) - 1

    def _read_harmony(self, harmony: Element) -> None:
        chord = chord_in(harmony)
        if chord is None:
            self.n_unread_chords += 1
            return
        offset = (number_in(harmony, "offset") or Fraction(0)) / self._divisions
        onset = max(self._onset() + offset, Fraction(0))
        self._staff(harmony.findtext("staff") or "1").chords.append((self._index, onset, chord))

    def _read_direction(self, direction: Element) -> None:
        self.n_jumps += is_jump(direction)
        if not self._cursor and (name := part_name_in(direction)):
            self.marks.append((self._index, Fraction(0), FormMark(0, FormSign.PART, name=name)))

    def _read_bar_line(self, bar_line: Element) -> None:
        location = bar_line.get("location", "right")
        if location == "right":
            self._hides_bar_line = (bar_line.findtext("bar-style") or "").strip() == "none"
        index = self._index + (location == "right")
        onset = self._onset() if location == "middle" else Fraction(0)
        self.marks += [(index, onset, mark) for mark in marks_at(bar_line)]

    def _onset(self) -> Fraction:
        """Return the exact onset of the present position, in quarter notes."""
        return self._exact.get(self._cursor, self._cursor / self._divisions)

    def _move(self, element: Element) -> None:
        distance = number_in(element, "duration") or Fraction(0)
        self._cursor = max(self._cursor + (distance if element.tag == "forward" else -distance), Fraction(0))

    def _read_attributes(self, attributes: Element) -> None:
        divisions = number_in(attributes, "divisions")
        if divisions is not None and divisions > 0 and divisions != self._divisions:
            position = self._onset()
            self._divisions = divisions
            self._cursor = position * divisions
            self._exact = {self._cursor: position}
        for signature in attributes.findall("key"):
            for staff in self._staves_of(signature):
                if not staff.notes:  # the key at the beginning
                    staff.key, staff.sharps = key_of(signature)
        times = attributes.findall("time")
        metre = metre_of(times[0]) if times else None
        if metre is not None:
            self._metre = metre
            self._measure.metres.append((self._onset(), metre))
        for details in attributes.findall("staff-details"):
            if (details.findtext("staff-type") or "").strip() in _STAVES_OF_NO_MELODY:
                self._staff(details.get("number", "1")).is_ossia = True
        self.n_repeated_bars += len(attributes.findall("measure-style/measure-repeat[@type='start']"))
        for clef in attributes.findall("clef"):
            self._staff(clef.get("number", "1")).is_percussion = clef.findtext("sign", "").strip() == "percussion"
        for transpose in attributes.findall("transpose"):
            octaves, semitones = number_in(transpose, "octave-change"), number_in(transpose, "chromatic")
            for staff in self._staves_of(transpose):
                staff.transposition = staff.transposition or int(12 * (octaves or 0) + (semitones or 0))
        n_staves = number_in(attributes, "staves")
        for number in range(1, int(min(n_staves or 1, 20)) + 1):
            new = self._staff(str(number))
            first = self._staff("1")
            if new is not first and not new.notes and new.key is None and new.sharps is None:
                new.key, new.sharps, new.transposition = first.key, first.sharps, first.transposition

    def _staves_of(self, element: Element) -> Sequence[Staff]:
        """Return the staves for which a key or a transposition holds: one with its number, or all."""
        number = element.get("number")
        return [self._staff(number)] if number else list(self.staves.values()) or [self._staff("1")]

    def _read_note(self, note: Element) -> None:
        staff = self._staff(note.findtext("staff") or "1")
        is_pitched = note.find("pitch") is not None
        if note.find("grace") is not None:
            staff.left_out[GRACE_NOTES] += is_pitched
            return
        onset, end = self._advance(note)
        if not is_pitched:
            staff.left_out[PERCUSSION] += note.find("unpitched") is not None
            return
        pitch = pitch_of(note)
        if staff.is_percussion:
            staff.left_out[PERCUSSION] += 1
            staff.n_on_percussion_clef += 1
        elif note.find("cue") is not None or staff.is_ossia:
            staff.left_out[CUE_NOTES] += 1
        elif (note.findtext("notehead") or "").strip() == "slash":
            staff.left_out[RHYTHM_SLASHES] += 1
        elif pitch is None or end <= onset:
            staff.left_out[UNREADABLE_SYMBOLS] += 1
        else:
            ties = {tie.get("type") for tie in (*note.findall("tie"), *note.findall("notations/tied"))}
            tied_back, tied_on = not ties.isdisjoint(("stop", "continue")), not ties.isdisjoint(("start", "continue"))
            number = math.floor(pitch + Fraction(1, 2))
            written = WrittenNote(onset, end, number, tied_back, tied_on, fifths_in(note, number))
            staff.notes.append((self._index, written))
            staff.n_microtones += pitch.denominator != 1
            lyric = next(("".join(text.itertext()) for text in note.iterfind("lyric/text")), "")
            staff.n_lyrics += any(map(str.isalpha, lyric))
            staff.n_figures += any(map(str.isdigit, lyric))

    def _advance(self, note: Element) -> tuple[Fraction, Fraction]:
        """Return onset and end of a note or rest in quarter notes, and move to its end."""
        written, duration = written_quarters(note), number_in(note, "duration")
        is_in_chord = note.find("chord") is not None
        onset = self._chord_onset if is_in_chord else self._onset()
        if duration is None or duration < 0:
            duration = (written or Fraction(0)) * self._divisions
        quarters = duration / self._divisions
        if written is not None and duration and abs(written * self._divisions - duration) < 1:
            quarters = written  # the number of divisions is rounded
        if not is_in_chord:
            self._chord_onset = onset
            self._cursor += duration
            self._exact[self._cursor] = onset + quarters
        self._furthest = max(self._furthest, onset + quarters)
        return onset, onset + quarters


def bar_quarters(metre: Metre | None) -> Fraction | None:
    """Return the length of a bar in quarter notes; None without a metre."""
    return Fraction(metre.bar_ticks, TICKS_PER_QUARTER) if metre is not None and metre.beats else None
