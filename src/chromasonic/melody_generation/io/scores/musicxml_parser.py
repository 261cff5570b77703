"""Parse MusicXML: the notes of every staff, bar lines, metres, keys and titles.

A note whose pitch or duration cannot be read is left out and counted. A measure in which the parts disagree has the
length of :func:`~chromasonic.melody_generation.io.scores.written_notes.measure_length`. Music without a metre is free.

Source: MusicXML 4.0 (W3C Community Group Report, 2021).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import kind_of
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore, TimedMark
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedChord
from chromasonic.melody_generation.io.scores.musicxml_archive import parse_xml
from chromasonic.melody_generation.io.scores.musicxml_part import PartReader, Staff, bar_quarters
from chromasonic.melody_generation.io.scores.musicxml_signs import subtitles_in
from chromasonic.melody_generation.io.scores.written_notes import (
    WrittenNote,
    check_unreadable,
    join_ties,
    measure_length,
)
from chromasonic.melody_generation.io.tunes import (
    CHORD_SYMBOLS,
    JUMPS,
    REPEATED_BARS,
    UNREADABLE_SYMBOLS,
    Remark,
    transposition_remark,
)
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Metre


def parse_musicxml(document: bytes) -> ParsedScore:
    """Parse a MusicXML document.

    Raises:
        InputError: If it is no MusicXML score, or too many of its notes cannot be read.
    """
    root = _partwise(parse_xml(document))
    names = {part.get("id"): _part_name(part) for part in root.findall("part-list/score-part")}
    parts = [PartReader(part, names.get(part.get("id"), "")) for part in root.findall("part")]
    n_notes = sum(note.find("pitch") is not None for note in root.iter("note"))
    staves = [staff for part in parts for staff in part.staves.values()]
    # The second count also finds notes in places where the standard has none.
    n_missed = n_notes - sum(staff.n_symbols for staff in staves)
    check_unreadable(n_missed + sum(staff.left_out[UNREADABLE_SYMBOLS] for staff in staves), n_notes)
    begins = _beginnings(parts)
    first = next((part for part in parts if part.measures), None)
    left_out = Counter(
        {
            CHORD_SYMBOLS: sum(part.n_unread_chords for part in parts),
            UNREADABLE_SYMBOLS: n_missed,
            JUMPS: max((part.n_jumps for part in parts), default=0),  # some programs write them in each part
            REPEATED_BARS: sum(part.n_repeated_bars for part in parts),
        }
    )
    for staff in staves:
        if not staff.notes:  # a staff of cue notes or percussion is no part that could be selected
            left_out.update(staff.left_out)
    bar_lines = [begin for index, begin in enumerate(begins[:-1]) if first and _has_bar_line(first, index)]
    return ParsedScore(
        parts=tuple(_score_part(staff, part.name, begins) for part in parts for staff in part.staves.values()),
        metres=tuple(_metre_changes(parts, begins)),
        bar_lines=tuple(bar_lines) or None,
        title=_title(root),
        kind=kind_of(*subtitles_in(root)),
        marks=_marks(parts, begins),
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


def _beginnings(parts: Sequence[PartReader]) -> list[Fraction]:
    """Return the ticks at which the measures begin, and the end of the last one."""
    begins = [Fraction(0)]
    for index in range(max((len(part.measures) for part in parts), default=0)):
        measures = [part.measures[index] for part in parts if index < len(part.measures)]
        metre = next((measure.metre for measure in measures if measure.metre), None)
        length = measure_length([measure.length for measure in measures if measure.length], bar_quarters(metre))
        begins.append(begins[-1] + length * TICKS_PER_QUARTER)
    return begins


def _has_bar_line(part: PartReader, index: int) -> bool:
    """Return whether a visible bar line precedes a measure; measures cut for line breaks have none."""
    return index >= len(part.measures) or part.measures[index].begins_with_bar_line


def _metre_changes(parts: Sequence[PartReader], begins: Sequence[Fraction]) -> list[MetreChange]:
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


def _marks(parts: Sequence[PartReader], begins: Sequence[Fraction]) -> tuple[TimedMark, ...]:
    """Return the signs of form of the part that has most of them: programs write endings in one part alone."""
    marks = max((part.marks for part in parts), key=len, default=[])
    timed = (TimedMark(begins[index] + onset * TICKS_PER_QUARTER, mark) for index, onset, mark in marks)
    return tuple(sorted(timed, key=lambda mark: mark.onset))


def _score_part(staff: Staff, name: str, begins: Sequence[Fraction]) -> ScorePart:
    remarks = []
    if staff.transposition:
        remarks.append(transposition_remark(staff.transposition))
    if staff.n_microtones:
        remarks.append(Remark("microtones are rounded to semitones", f"{staff.n_microtones} notes"))
    notes = (
        WrittenNote(
            begins[index] + note.onset * TICKS_PER_QUARTER,
            begins[index] + note.end * TICKS_PER_QUARTER,
            note.pitch,
            note.tied_back,
            note.tied_on,
            note.fifths,
        )
        for index, note in staff.notes
    )
    chords = (TimedChord(begins[index] + onset * TICKS_PER_QUARTER, chord) for index, onset, chord in staff.chords)
    return ScorePart(
        notes=join_ties(notes),
        name=name,
        n_lyrics=staff.n_lyrics if staff.n_lyrics > staff.n_figures else 0,
        left_out=+staff.left_out,
        remarks=tuple(remarks),
        key=staff.key,
        sharps=staff.sharps,
        chords=tuple(sorted(chords, key=lambda chord: chord.onset)),
    )


def _title(root: Element) -> str:
    titles = (root.findtext("work/work-title"), root.findtext("movement-title"))
    words = (" ".join((title or "").split()) for title in titles)
    return next(filter(None, words), "")
