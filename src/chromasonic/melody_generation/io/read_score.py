"""MusicXML, Humdrum kern and MIDI files -> melodies, through music21.

Which notes of a score are its melody says :mod:`~chromasonic.melody_generation.io.melody_line`.
Pitches are as written (parts for transposing instruments are not transposed), repeats are not unrolled,
grace notes are left out, tied notes are one. A score's title stands in its file, else the file's name is
the title.

Files may come from anywhere: their size is bounded, nothing but the file itself is read, and music21's
cache of parsed files, which holds pickled objects, is left alone.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
from collections.abc import Iterable
from contextlib import redirect_stderr, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from music21 import converter
from music21 import key as m21_key
from music21.exceptions21 import Music21Exception

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore, TimedNote, tune_from_score
from chromasonic.melody_generation.io.read_midi import parse_midi
from chromasonic.melody_generation.io.time_limit import TimeLimitExceeded, time_limit
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import MODES, TICKS_PER_QUARTER, Metre

MUSICXML_SUFFIXES = (".xml", ".musicxml", ".mxl")
MIDI_SUFFIXES = (".mid", ".midi")
SCORE_SUFFIXES = (*MUSICXML_SUFFIXES, *MIDI_SUFFIXES, ".krn")
MAX_BYTES = 10_000_000
# Music21 takes minutes for some files of a few hundred kilobytes.
MAX_SECONDS = 60.0
_MAX_DIGITS_OF_BEATS = 3

# A broken file takes music21 wherever its content leads, and what is raised there is of no one family.
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
        path: The file; its ending, one of ``SCORE_SUFFIXES``, tells the format.
        source: The melody's ``source``; the file's name if empty.

    Raises:
        InputError: If the file cannot be read or holds no notes; the message names it.
    """
    source = source or path.name
    try:
        # What music21 remarks on a file, it prints or warns of; either way no user could act on it.
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()), time_limit(MAX_SECONDS):
            warnings.simplefilter("ignore")
            score = _score(path)
            return tune_from_score(replace(score, title=score.title or path.stem), source)
    except InputError as problem:
        raise InputError(f"{source} cannot be used: {problem}") from problem
    except TimeLimitExceeded as problem:
        raise InputError(f"{source} cannot be used: it takes more than {MAX_SECONDS:g} seconds to read") from problem
    except _PARSER_FAULTS as problem:
        fault = " ".join(str(problem).split()) or type(problem).__name__
        raise InputError(f"{source} cannot be read as {path.suffix.lower()[1:]}: {fault[:200]}") from problem


def _score(path: Path) -> ParsedScore:
    suffix = path.suffix.lower()
    if suffix not in SCORE_SUFFIXES:
        raise InputError(f"its ending is none of {', '.join(SCORE_SUFFIXES)}")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"it has {size} bytes, and {MAX_BYTES} are the most that is read")
    if suffix in MIDI_SUFFIXES:
        return parse_midi(path.read_bytes())
    if suffix in MUSICXML_SUFFIXES:
        _check_archive(path)
    _check_metres(_beats_in_kern(path) if suffix == ".krn" else _beats_in_musicxml(path))
    # With forceSource music21 neither reads nor writes its pickled copy of a parsed file.
    music = converter.parseFile(path, format="humdrum" if suffix == ".krn" else "musicxml", forceSource=True)
    if "Opus" in music.classes:  # several pieces in a file: the first
        music = music.scores[0]
    return _notated_score(music)


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to far more than its bytes."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise InputError(f"it unpacks to {unpacked} bytes, and {MAX_BYTES} are the most that is read")


def _check_metres(found: Iterable[str]) -> None:
    """Refuse metres of more beats than any music has: music21 makes lists of all ways to divide a bar."""
    for beats in found:
        if any(len(number.strip()) > _MAX_DIGITS_OF_BEATS for number in beats.split("+")):
            raise InputError(f"a metre of {beats.strip()[:20]} beats is not read")


def _beats_in_kern(path: Path) -> list[str]:
    return re.findall(r"\*M(\d[^\s/]*)", path.read_text(encoding="utf-8", errors="replace"))


def _beats_in_musicxml(path: Path) -> list[str]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            documents = [archive.read(entry) for entry in archive.infolist()]
    else:
        documents = [path.read_bytes()]
    found: list[str] = []
    for document in documents:
        with suppress(ElementTree.ParseError):  # it is music21 that says so
            found += [each.text or "" for each in ElementTree.fromstring(document).iter("beats")]
    return found


def _notated_score(music: Any) -> ParsedScore:
    """What there is to know of a music21 score; metres, bar lines and key are those of its first part."""
    parts = [part.flatten() for part in music.parts] or [music.flatten()]
    measured = music.parts[0] if music.parts else music
    measures = list(measured.getElementsByClass("Measure"))
    # In free metre, measures that no bar line divides are one that may be broken between two lines.
    seen = [True, *(each.rightBarline is None or each.rightBarline.type != "none" for each in measures[:-1])]
    bar_lines = [_ticks(measure.offset) for measure, is_seen in zip(measures, seen, strict=False) if is_seen]
    key, sharps = _key(parts[0])
    return ParsedScore(
        parts=tuple(tuple(_sounds(part)) for part in parts),
        metres=tuple(_metres(parts[0])),
        bar_lines=tuple(bar_lines) or None,
        key=key,
        sharps=sharps,
        title=_title(music),
    )


def _ticks(quarters: float | Fraction) -> Fraction:
    return Fraction(quarters) * TICKS_PER_QUARTER


def _sounds(part: Any) -> list[TimedNote]:
    """Collect the pitched notes of a flat part, tied ones joined, graces and chord symbols left out."""
    found: list[TimedNote] = []
    tied: dict[int, int] = {}  # MIDI pitch -> place in ``found`` of the note from which a tie leads on
    for element in part.notes:
        if element.duration.isGrace or "Harmony" in element.classes:  # a chord symbol is not played
            continue
        onset = _ticks(element.getOffsetBySite(part))
        end = onset + _ticks(element.quarterLength)
        for note in getattr(element, "notes", [element]):
            pitch = getattr(note, "pitch", None)  # an unpitched stroke has none
            if pitch is None or end == onset:
                continue
            begun = tied.pop(pitch.midi, None)
            goes_on = note.tie is not None and note.tie.type in ("stop", "continue")
            if goes_on and begun is not None and found[begun].end == onset:
                found[begun] = TimedNote(found[begun].onset, end, pitch.midi)
            else:
                begun = len(found)
                found.append(TimedNote(onset, end, pitch.midi))
            if note.tie is not None and note.tie.type in ("start", "continue"):
                tied[pitch.midi] = begun
    return found


def _metres(part: Any) -> list[MetreChange]:
    found = []
    for signature in part.getElementsByClass(("TimeSignature", "SenzaMisuraTimeSignature")):
        free = "SenzaMisuraTimeSignature" in signature.classes
        metre = Metre(0, 4) if free else Metre(signature.numerator, signature.denominator)
        found.append(MetreChange(_ticks(signature.getOffsetBySite(part)), metre))
    return found


def _key(part: Any) -> tuple[Key | None, int | None]:
    """The first key that names its tonic and mode; else the sharps of the first key signature."""
    signatures = list(part.getElementsByClass("KeySignature"))
    for signature in signatures:
        if isinstance(signature, m21_key.Key):
            mode = {"ionian": "major", "aeolian": "minor"}.get(signature.mode, signature.mode)
            if mode in MODES:
                return Key(signature.tonic.pitchClass, mode), None
    return None, signatures[0].sharps if signatures else None


def _title(music: Any) -> str:
    title = music.metadata.bestTitle if music.metadata else None
    # Music21 puts the file's name where a MusicXML file has no title.
    return "" if title is None or title.lower().endswith(SCORE_SUFFIXES) else str(title)
