"""Parse MusicXML: the notes of every staff, bar lines, metres, keys and titles.

Source: MusicXML 4.0 (W3C Community Group Report, 2021). Only elements that carry notes, time, metre, key or words are
read, so that an unusual sign of engraving costs nothing. A note whose pitch or duration cannot be read is left out and
counted. A measure in which the voices disagree has the length of
:func:`~chromasonic.melody_generation.io.scores.written_notes.measure_length`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore
from chromasonic.melody_generation.io.melody_part import ScorePart
from chromasonic.melody_generation.io.scores.musicxml_archive import parse_xml
from chromasonic.melody_generation.io.scores.musicxml_values import (
    key_of,
    metre_of,
    number_in,
    pitch_of,
    written_quarters,
)
from chromasonic.melody_generation.io.scores.written_notes import (
    WrittenNote,
    check_unreadable,
    join_ties,
    measure_length,
)
from chromasonic.melody_generation.io.tunes import (
    CHORD_SYMBOLS,
    CUE_NOTES,
    GRACE_NOTES,
    PERCUSSION,
    UNREADABLE_SYMBOLS,
    Remark,
)
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Metre

_STAVES_OF_NO_MELODY = {"ossia", "cue", "alternate"}  # values of staff-type
_ROUNDING = Fraction(1, TICKS_PER_QUARTER)


@dataclass
class _Staff:
    """A staff of a part while it is read; onsets in quarter notes from the beginning of a measure."""

    notes: list[tuple[int, WrittenNote]] = field(default_factory=list)  # index of the measure, note
    n_lyrics: int = 0
    n_figures: int = 0  # of a bass, which some programs write as lyrics
    n_microtones: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    key: Key | None = None
    sharps: int | None = None
    is_ossia: bool = False
    transposition: int = 0

    @property
    def n_symbols(self) -> int:
        counted = (GRACE_NOTES, CUE_NOTES, UNREADABLE_SYMBOLS)
        return len(self.notes) + sum(self.left_out[kind] for kind in counted)


@dataclass
class _Measure:
    """The content of a measure: its length and its changes of metre, in quarter notes."""

    length: Fraction = Fraction(0)
    metres: list[tuple[Fraction, Metre]] = field(default_factory=list)
    metre: Metre | None = None
    begins_with_bar_line: bool = True


class _PartReader:
    """Reads the measures of a part one by one."""

    def __init__(self, part: Element, name: str) -> None:
        self.name = name
        self.staves: dict[str, _Staff] = {}
        self.measures: list[_Measure] = []
        self.n_chord_symbols = 0
        self._divisions = Fraction(1)
        self._metre: Metre | None = None
        self._hides_bar_line = False
        for measure in part.findall("measure"):
            self._read_measure(measure)
        if not self.staves:
            self._staff("1")

    def _staff(self, number: str) -> _Staff:
        return self.staves.setdefault(number.strip(), _Staff(is_ossia="ossia" in self.name.lower()))

    def _read_measure(self, element: Element) -> None:
        self._measure = _Measure(begins_with_bar_line=not self._hides_bar_line)
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
                self.n_chord_symbols += 1
            elif child.tag == "barline" and child.get("location", "right") == "right":
                self._hides_bar_line = (child.findtext("bar-style") or "").strip() == "none"
        self._measure.metre = self._metre
        # Some programs fill a short measure up by moving beyond its last note.
        bar = _bar(self._metre)
        moved = self._onset() if bar is None else min(self._onset(), bar)
        length = max(self._furthest, moved)
        is_rounded = bar is not None and 0 < abs(length - bar) < _ROUNDING
        self._measure.length = bar if bar is not None and is_rounded else length

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

    def _staves_of(self, element: Element) -> Sequence[_Staff]:
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
        if note.find("cue") is not None or staff.is_ossia:
            staff.left_out[CUE_NOTES] += 1
        elif pitch is None or end <= onset:
            staff.left_out[UNREADABLE_SYMBOLS] += 1
        else:
            ties = {tie.get("type") for tie in (*note.findall("tie"), *note.findall("notations/tied"))}
            tied_back, tied_on = not ties.isdisjoint(("stop", "continue")), not ties.isdisjoint(("start", "continue"))
            written = WrittenNote(onset, end, math.floor(pitch + Fraction(1, 2)), tied_back, tied_on)
            staff.notes.append((len(self.measures) - 1, written))
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


def parse_musicxml(document: bytes) -> ParsedScore:
    """Parse a MusicXML document.

    Raises:
        InputError: If it is no MusicXML score, or too many of its notes cannot be read.
    """
    root = _partwise(parse_xml(document))
    names = {part.get("id"): _part_name(part) for part in root.findall("part-list/score-part")}
    parts = [_PartReader(part, names.get(part.get("id"), "")) for part in root.findall("part")]
    n_notes = sum(note.find("pitch") is not None for note in root.iter("note"))
    staves = [staff for part in parts for staff in part.staves.values()]
    # The second count also finds notes in places where the standard has none.
    n_missed = n_notes - sum(staff.n_symbols for staff in staves)
    check_unreadable(n_missed + sum(staff.left_out[UNREADABLE_SYMBOLS] for staff in staves), n_notes)
    begins = _beginnings(parts)
    first = next((part for part in parts if part.measures), None)
    left_out = Counter({CHORD_SYMBOLS: sum(part.n_chord_symbols for part in parts), UNREADABLE_SYMBOLS: n_missed})
    for staff in staves:
        if not staff.notes:  # a staff of cue notes or percussion is no part that could be selected
            left_out.update(staff.left_out)
    bar_lines = [begin for index, begin in enumerate(begins[:-1]) if first and _has_bar_line(first, index)]
    return ParsedScore(
        parts=tuple(_score_part(staff, part.name, begins) for part in parts for staff in part.staves.values()),
        metres=tuple(_metre_changes(parts, begins)),
        bar_lines=tuple(bar_lines) or None,
        title=_title(root),
        left_out=+left_out,
    )


def _partwise(root: Element) -> Element:
    """Return the score with measures inside parts; a timewise score is regrouped."""
    if root.tag == "score-partwise":
        return root
    if root.tag == "opus":
        raise InputError("it is a list of scores in other files: use these files")
    if root.tag != "score-timewise":
        raise InputError(f"it is no MusicXML score, but begins with {root.tag[:40]!r}")
    parts: dict[str, Element] = {}
    for measure in root.findall("measure"):
        for content in measure.findall("part"):
            name = content.get("id", "")
            if name not in parts:
                parts[name] = SubElement(root, "part", {"id": name})
            SubElement(parts[name], "measure").extend(list(content))
        root.remove(measure)
    return root


def _part_name(part: Element) -> str:
    paths = ("part-name", "part-name-display/display-text", "score-instrument/instrument-name", "part-abbreviation")
    return next((name for path in paths if (name := " ".join((part.findtext(path) or "").split()))), "")


def _bar(metre: Metre | None) -> Fraction | None:
    """Return the length of a bar in quarter notes; None without a metre."""
    return Fraction(metre.bar_ticks, TICKS_PER_QUARTER) if metre is not None and metre.beats else None


def _beginnings(parts: Sequence[_PartReader]) -> list[Fraction]:
    """Return the ticks at which the measures begin, and the end of the last one."""
    begins = [Fraction(0)]
    for index in range(max((len(part.measures) for part in parts), default=0)):
        measures = [part.measures[index] for part in parts if index < len(part.measures)]
        metre = next((measure.metre for measure in measures if measure.metre), None)
        length = measure_length([measure.length for measure in measures if measure.length], _bar(metre))
        begins.append(begins[-1] + length * TICKS_PER_QUARTER)
    return begins


def _has_bar_line(part: _PartReader, index: int) -> bool:
    """Return whether a visible bar line precedes a measure; measures cut for line breaks have none."""
    return index >= len(part.measures) or part.measures[index].begins_with_bar_line


def _metre_changes(parts: Sequence[_PartReader], begins: Sequence[Fraction]) -> list[MetreChange]:
    """Return the metres of the first part that has any; music without a metre is free."""
    for part in parts:
        changes = [
            MetreChange(begins[index] + onset * TICKS_PER_QUARTER, metre)
            for index, measure in enumerate(part.measures)
            for onset, metre in measure.metres
        ]
        if changes:
            return changes
    return [MetreChange(Fraction(0), Metre(0, 4))]


def _score_part(staff: _Staff, name: str, begins: Sequence[Fraction]) -> ScorePart:
    remarks = []
    if staff.transposition:
        detail = f"it sounds {abs(staff.transposition)} semitones {'higher' if staff.transposition > 0 else 'lower'}"
        remarks.append(Remark("the pitches are those written for a transposing instrument", detail))
    if staff.n_microtones:
        remarks.append(Remark("microtones are rounded to semitones", f"{staff.n_microtones} notes"))
    notes = (
        WrittenNote(
            begins[index] + note.onset * TICKS_PER_QUARTER,
            begins[index] + note.end * TICKS_PER_QUARTER,
            note.pitch,
            note.tied_back,
            note.tied_on,
        )
        for index, note in staff.notes
    )
    return ScorePart(
        notes=join_ties(notes),
        name=name,
        n_lyrics=staff.n_lyrics if staff.n_lyrics > staff.n_figures else 0,
        left_out=+staff.left_out,
        remarks=tuple(remarks),
        key=staff.key,
        sharps=staff.sharps,
    )


def _title(root: Element) -> str:
    titles = (root.findtext("work/work-title"), root.findtext("movement-title"))
    words = (" ".join((title or "").split()) for title in titles)
    return next(filter(None, words), "")
