"""Read melodies from MusicXML, Humdrum kern and MIDI files.

:mod:`~chromasonic.melody_generation.io.melody_line` extracts the melody of a score. Pitches are as written (parts for
transposing instruments are not transposed), repeats are signs of form and not unrolled, grace notes are omitted, and
tied notes are joined. A file without a title gets the file's name as its title.

Files may be untrusted: no other file is read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import kind_of
from chromasonic.melody_generation.io.melody_line import ParsedScore, tune_from_score
from chromasonic.melody_generation.io.midi.midi_events import split_sequences
from chromasonic.melody_generation.io.music_files import (
    MAX_BYTES,
    MIDI_SUFFIXES,
    MUSICXML_SUFFIXES,
    SCORE_SUFFIXES,
    read_music_file,
)
from chromasonic.melody_generation.io.read_midi import parse_midi
from chromasonic.melody_generation.io.scores.kern_parser import parse_kern_piece
from chromasonic.melody_generation.io.scores.kern_pieces import split_pieces
from chromasonic.melody_generation.io.scores.musicxml_archive import unpack_musicxml
from chromasonic.melody_generation.io.scores.musicxml_parser import parse_musicxml
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

# Errors of a parser that a damaged file surprises.
_PARSER_FAULTS = (
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class _DamagedFileError(InputError):
    """The content of a file is not of its format."""


def read_score(path: Path, source: str = "") -> WrittenTune:
    """Read the first melody of a MIDI, MusicXML or kern file, in a process whose time and memory are bounded.

    Args:
        path: The file; its suffix, one of ``SCORE_SUFFIXES``, gives the format.
        source: The melody's ``source``; the file's name if empty.

    Raises:
        InputError: If the file cannot be read, takes too much time or memory, or has no notes; the message names it.
    """
    source = source or path.name
    if path.suffix.lower() not in SCORE_SUFFIXES:
        raise InputError(f"{source} cannot be used: its suffix is none of {', '.join(SCORE_SUFFIXES)}")
    [tune] = read_music_file(path, source, only_first=True)
    if isinstance(tune, DroppedTune):
        raise InputError(f"{source} {tune.reason}")
    return tune


def parse_scores(
    content: bytes, suffix: str, source: str, part: str | int | None = None
) -> Iterator[WrittenTune | DroppedTune]:
    """Parse the pieces of a file in this process, without bounds of time and memory.

    Args:
        content: The content of the file.
        suffix: One of ``SCORE_SUFFIXES``.
        source: The melody's ``source``: the file's name, which is also the title if the score has none. The source of
            the second of several pieces is ``source:2``, and so on.
        part: The name or the number, from 1, of the part that carries the melody; None to choose it.

    Yields:
        The tunes; pieces of several that cannot be used as dropped, with the reason.

    Raises:
        InputError: If the file or its only piece cannot be read or has no notes; the message names the source.
    """
    try:
        with _own_errors():
            parsers = _parsers(content, suffix)
    except InputError as problem:
        raise InputError(f"{source} cannot be read as {suffix[1:]}: {problem}") from problem
    for number, parse in enumerate(parsers, 1):
        name = source if len(parsers) == 1 else f"{source}:{number}"
        try:
            with _own_errors():
                score = parse()
                score = replace(score, title=_title(score.title, source), kind=kind_of(score.kind, score.title))
                tune = tune_from_score(score, name, part)
        except InputError as problem:
            verb = f"read as {suffix[1:]}" if isinstance(problem, _DamagedFileError) else "used"
            reason = f"cannot be {verb}: {problem}"
            if len(parsers) == 1:
                raise InputError(f"{name} {reason}") from problem
            yield DroppedTune(name, reason)
        else:
            yield tune


def _title(written: str, source: str) -> str:
    """Return the written title; programs write the file's name, which is none, for a missing one."""
    is_title = written and not written.lower().endswith(SCORE_SUFFIXES)
    return written if is_title else PurePosixPath(source).stem


@contextmanager
def _own_errors() -> Iterator[None]:
    """Replace errors of libraries, whose sentences would not help a user."""
    try:
        yield
    except InputError:
        raise
    except _PARSER_FAULTS as problem:
        raise _DamagedFileError("it is damaged, or of another kind than its suffix says") from problem


def _parsers(content: bytes, suffix: str) -> list[Callable[[], ParsedScore]]:
    """Return a function for each piece of a file that parses it."""
    if suffix in MIDI_SUFFIXES:
        return [partial(parse_midi, piece) for piece in split_sequences(content)]
    if suffix in MUSICXML_SUFFIXES:
        return [partial(parse_musicxml, document) for document in unpack_musicxml(content, MAX_BYTES)]
    return [partial(parse_kern_piece, piece) for piece in split_pieces(content)]
