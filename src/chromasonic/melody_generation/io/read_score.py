"""Read melodies from MusicXML, Humdrum kern and MIDI files, through music21.

:mod:`~chromasonic.melody_generation.io.melody_line` extracts the melody of a score. Pitches are as written (parts for
transposing instruments are not transposed), repeats are not unrolled, grace notes are omitted, and tied notes are
joined. A file without a title gets the file's name as its title.

Files may be untrusted: no other file is read, and music21's cache of parsed files, which holds pickled objects, is not
used.
"""

from __future__ import annotations

import io
import random
import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from music21 import key as m21_key
from music21.common import numberTools
from music21.exceptions21 import Music21Exception
from music21.humdrum.spineParser import HumdrumDataCollection
from music21.musicxml.xmlToM21 import MusicXMLImporter

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore, tune_from_score
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedNote
from chromasonic.melody_generation.io.music_files import (
    MAX_BYTES,
    MIDI_SUFFIXES,
    MUSICXML_SUFFIXES,
    SCORE_SUFFIXES,
    read_music_file,
)
from chromasonic.melody_generation.io.read_midi import parse_midi
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import MODES, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.threads.process_lock import ProcessLock
from chromasonic.melody_generation.threads.warning_filters import ignoring_warnings
from chromasonic.melody_generation.untrusted_files import unpack_zip

_MAX_DIGITS_OF_BEATS = 3
_ENCODING = re.compile(rb"""encoding=['"](\S*?)['"]""")
_READING = ProcessLock()  # music21 and standard error are shared by all threads

# The errors that music21 raises on damaged files have no common base class.
_PARSER_FAULTS = (
    Music21Exception,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    SyntaxError,  # of XML
    TypeError,
    ValueError,
    struct.error,
)


def read_score(path: Path, source: str = "") -> WrittenTune:
    """Read the melody of a MIDI, MusicXML or kern file, in a process whose time and memory are bounded.

    Args:
        path: The file; its suffix, one of ``SCORE_SUFFIXES``, gives the format.
        source: The melody's ``source``; the file's name if empty.

    Raises:
        InputError: If the file cannot be read, takes too much time or memory, or has no notes; the message names it.
    """
    source = source or path.name
    if path.suffix.lower() not in SCORE_SUFFIXES:
        raise InputError(f"{source} cannot be used: its suffix is none of {', '.join(SCORE_SUFFIXES)}")
    [tune] = read_music_file(path, source)
    if isinstance(tune, DroppedTune):
        raise InputError(f"{source} {tune.reason}")
    return tune


def parse_score(content: bytes, suffix: str, source: str, part: str | int | None = None) -> WrittenTune:
    """Parse a score in this process, without bounds of time and memory.

    Args:
        content: The content of the file.
        suffix: One of ``SCORE_SUFFIXES``.
        source: The melody's ``source``: the file's name, which is also the title if the score has none.
        part: The name or the number, from 1, of the part that carries the melody; None to choose it.

    Raises:
        InputError: If the score cannot be read or has no notes; the message names the source.
    """
    try:
        # Users could not act on what music21 prints to stderr or warns of.
        with _music21_alone():
            score = _parse(content, suffix)
            return tune_from_score(replace(score, title=score.title or PurePosixPath(source).stem), source, part)
    except InputError as problem:
        raise InputError(f"{source} cannot be used: {problem}") from problem
    except _PARSER_FAULTS as problem:
        fault = " ".join(str(problem).split()) or type(problem).__name__
        raise InputError(f"{source} cannot be read as {suffix[1:]}: {fault[:200]}") from problem


@contextmanager
def _music21_alone() -> Iterator[None]:
    """Read in one thread at a time, without messages, and without drawing from Python's random generator."""
    with _READING.held(), ignoring_warnings(""), redirect_stderr(io.StringIO()):
        shared = numberTools.random
        numberTools.random = random.Random(0)
        try:
            yield
        finally:
            numberTools.random = shared


def _parse(content: bytes, suffix: str) -> ParsedScore:
    if suffix in MIDI_SUFFIXES:
        return parse_midi(content)
    if suffix in MUSICXML_SUFFIXES:
        return _notated_score(_musicxml(_unpacked(content) if suffix == ".mxl" else content))
    return _notated_score(_kern(content.decode("latin-1")))


def _unpacked(content: bytes) -> bytes | str:
    """Return the score of an archive; content that is no archive is returned as it is."""
    if not content.startswith(b"PK"):
        return content
    _, document = next(unpack_zip(content, MAX_BYTES, _is_score), (None, None))
    if document is None:
        raise InputError("the archive has no score")
    declared = _ENCODING.match(document[:1000])
    encoding = declared[1].decode("ascii") if declared else "utf-8"
    try:
        return document.decode(encoding)
    except UnicodeDecodeError:  # written by some programs on Windows
        return document.decode("utf-16-le")


def _is_score(name: str) -> bool:
    path = PurePosixPath(name)
    return "META-INF" not in name and (path.suffix in {".musicxml", ".xml", ".mxl"} or name == ".xml")


def _musicxml(document: bytes | str) -> Any:
    """Convert MusicXML to a music21 score."""
    root = ElementTree.fromstring(document)
    if root.tag != "score-partwise":
        raise InputError(f"it is no partwise MusicXML, but begins with {root.tag[:40]!r}")
    _check_metres(element.text or "" for element in root.iter("beats"))
    importer = MusicXMLImporter()
    importer.xmlRoot = root
    importer.xmlRootToScore(root, importer.stream)
    return importer.stream


def _kern(text: str) -> Any:
    """Convert kern to a music21 score."""
    _check_metres(re.findall(r"\*M(\d[^\s/]*)", text))
    collection = HumdrumDataCollection(list(io.StringIO(text, newline=None)))
    collection.parse()
    music = collection.stream
    return music.scores[0] if "Opus" in music.classes else music  # the first of several pieces


def _check_metres(metres: Iterable[str]) -> None:
    """Raise an error for absurdly many beats: music21 lists all ways to divide a bar."""
    for beats in metres:
        if any(len(number.strip()) > _MAX_DIGITS_OF_BEATS for number in beats.split("+")):
            raise InputError(f"it has a metre of {beats.strip()[:20]} beats, more than {_MAX_DIGITS_OF_BEATS} digits")


def _notated_score(music: Any) -> ParsedScore:
    """Convert a music21 score; metres, bar lines and key are those of its first part."""
    parts = [part.flatten() for part in music.parts] or [music.flatten()]
    measured = music.parts[0] if music.parts else music
    measures = list(measured.getElementsByClass("Measure"))
    # In free metre, measures without a visible bar line between them are one measure, cut for line breaks.
    has_bar_line = [
        True,
        *(measure.rightBarline is None or measure.rightBarline.type != "none" for measure in measures[:-1]),
    ]
    bar_lines = [_ticks(measure.offset) for measure, has in zip(measures, has_bar_line, strict=False) if has]
    key, sharps = _key(parts[0])
    return ParsedScore(
        parts=tuple(ScorePart(tuple(_notes(part))) for part in parts),
        metres=tuple(_metres(parts[0])),
        bar_lines=tuple(bar_lines) or None,
        key=key,
        sharps=sharps,
        title=_title(music),
    )


def _ticks(quarters: float | Fraction) -> Fraction:
    return Fraction(quarters) * TICKS_PER_QUARTER


def _notes(part: Any) -> list[TimedNote]:
    """Collect the pitched notes of a flat part, with ties joined, without grace notes and chord symbols."""
    notes: list[TimedNote] = []
    tied: dict[int, int] = {}  # MIDI pitch -> index of the note from which a tie leads on
    for element in part.notes:
        if element.duration.isGrace or "Harmony" in element.classes:  # a chord symbol is not played
            continue
        onset = _ticks(element.getOffsetBySite(part))
        end = onset + _ticks(element.quarterLength)
        for note in getattr(element, "notes", [element]):
            pitch = getattr(note, "pitch", None)  # None for unpitched percussion
            if pitch is None or end == onset:
                continue
            begun = tied.pop(pitch.midi, None)
            is_tied = note.tie is not None and note.tie.type in ("stop", "continue")
            if is_tied and begun is not None and notes[begun].end == onset:
                notes[begun] = TimedNote(notes[begun].onset, end, pitch.midi)
            else:
                begun = len(notes)
                notes.append(TimedNote(onset, end, pitch.midi))
            if note.tie is not None and note.tie.type in ("start", "continue"):
                tied[pitch.midi] = begun
    return notes


def _metres(part: Any) -> list[MetreChange]:
    changes = []
    for signature in part.getElementsByClass(("TimeSignature", "SenzaMisuraTimeSignature")):
        free = "SenzaMisuraTimeSignature" in signature.classes
        metre = Metre(0, 4) if free else Metre(signature.numerator, signature.denominator)
        changes.append(MetreChange(_ticks(signature.getOffsetBySite(part)), metre))
    return changes


def _key(part: Any) -> tuple[Key | None, int | None]:
    """Return the first key with tonic and mode, or else the number of sharps of the first key signature."""
    signatures = list(part.getElementsByClass("KeySignature"))
    for signature in signatures:
        if isinstance(signature, m21_key.Key):
            mode = {"ionian": "major", "aeolian": "minor"}.get(signature.mode, signature.mode)
            if mode in MODES:
                return Key(signature.tonic.pitchClass, mode), None
    return None, signatures[0].sharps if signatures else None


def _title(music: Any) -> str:
    title = music.metadata.bestTitle if music.metadata else None
    # Music21 gives a MusicXML file without a title the file's name.
    return "" if title is None or title.lower().endswith(SCORE_SUFFIXES) else str(title)
