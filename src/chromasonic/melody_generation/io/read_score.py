"""Read melodies from MusicXML, Humdrum kern and MIDI files, through music21.

:mod:`~chromasonic.melody_generation.io.melody_line` extracts the melody of a score. Pitches are as written (parts for
transposing instruments are not transposed), repeats are not unrolled, grace notes are omitted, and tied notes are
joined. A file without a title gets the file's name as its title.

Files may be untrusted: their size and reading time are limited, no other file is read, and music21's cache of parsed
files, which holds pickled objects, is not used.
"""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from music21 import converter
from music21 import key as m21_key
from music21.common import numberTools
from music21.exceptions21 import Music21Exception

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore, TimedNote, tune_from_score
from chromasonic.melody_generation.io.read_midi import parse_midi
from chromasonic.melody_generation.io.time_limit import TimeLimitExceeded, time_limit
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import MODES, TICKS_PER_QUARTER, Metre
from chromasonic.melody_generation.threads.process_lock import ProcessLock
from chromasonic.melody_generation.threads.warning_filters import ignoring_warnings

MUSICXML_SUFFIXES = (".xml", ".musicxml", ".mxl")
MIDI_SUFFIXES = (".mid", ".midi")
SCORE_SUFFIXES = (*MUSICXML_SUFFIXES, *MIDI_SUFFIXES, ".krn")
MAX_BYTES = 10_000_000
# Some files of a few hundred kilobytes take music21 minutes.
MAX_SECONDS = 60.0
_MAX_DIGITS_OF_BEATS = 3
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
    zipfile.BadZipFile,
)


def read_score(path: Path, source: str = "") -> WrittenTune:
    """Read the melody of a MIDI, MusicXML or kern file.

    Args:
        path: The file; its suffix, one of ``SCORE_SUFFIXES``, gives the format.
        source: The melody's ``source``; the file's name if empty.

    Raises:
        InputError: If the file cannot be read or has no notes; the message names it.
    """
    source = source or path.name
    try:
        # Users could not act on what music21 prints to stderr or warns of.
        with _music21_alone(), time_limit(MAX_SECONDS):
            score = _parse(path)
            return tune_from_score(replace(score, title=score.title or path.stem), source)
    except InputError as problem:
        raise InputError(f"{source} cannot be used: {problem}") from problem
    except TimeLimitExceeded as problem:
        raise InputError(f"{source} cannot be used: reading it takes more than {MAX_SECONDS:g} seconds") from problem
    except _PARSER_FAULTS as problem:
        fault = " ".join(str(problem).split()) or type(problem).__name__
        raise InputError(f"{source} cannot be read as {path.suffix.lower()[1:]}: {fault[:200]}") from problem


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


def _parse(path: Path) -> ParsedScore:
    suffix = path.suffix.lower()
    if suffix not in SCORE_SUFFIXES:
        raise InputError(f"its suffix is none of {', '.join(SCORE_SUFFIXES)}")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"it has {size} bytes, more than the limit of {MAX_BYTES}")
    if suffix in MIDI_SUFFIXES:
        return parse_midi(path.read_bytes())
    if suffix in MUSICXML_SUFFIXES:
        _check_archive(path)
    _check_metres(_beats_in_kern(path) if suffix == ".krn" else _beats_in_musicxml(path))
    # With forceSource, music21 neither reads nor writes a pickled copy of the parsed file.
    music = converter.parseFile(path, format="humdrum" if suffix == ".krn" else "musicxml", forceSource=True)
    if "Opus" in music.classes:  # a file of several pieces: take the first
        music = music.scores[0]
    return _notated_score(music)


def _check_archive(path: Path) -> None:
    """Raise an error for an archive that unpacks to more than ``MAX_BYTES``."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise InputError(f"it unpacks to {unpacked} bytes, more than the limit of {MAX_BYTES}")


def _check_metres(metres: Iterable[str]) -> None:
    """Raise an error for absurdly many beats: music21 lists all ways to divide a bar."""
    for beats in metres:
        if any(len(number.strip()) > _MAX_DIGITS_OF_BEATS for number in beats.split("+")):
            raise InputError(f"it has a metre of {beats.strip()[:20]} beats, more than {_MAX_DIGITS_OF_BEATS} digits")


def _beats_in_kern(path: Path) -> list[str]:
    return re.findall(r"\*M(\d[^\s/]*)", path.read_text(encoding="utf-8", errors="replace"))


def _beats_in_musicxml(path: Path) -> list[str]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            documents = [archive.read(entry) for entry in archive.infolist()]
    else:
        documents = [path.read_bytes()]
    beats: list[str] = []
    for document in documents:
        with suppress(ElementTree.ParseError):  # music21 reports it later
            beats += [element.text or "" for element in ElementTree.fromstring(document).iter("beats")]
    return beats


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
        parts=tuple(tuple(_notes(part)) for part in parts),
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
