"""Read files of music, of any format, in a process of its own whose processor time and memory are bounded.

Files may be untrusted. Their size is limited, and a file over a bound is left out with a sentence that names the bound.
Only the time of the processor counts: on a busy or stopped computer, no file is refused.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

from chromasonic.melody_generation.io.bounded.reader_process import ReaderProcess, ReadingBounds
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar
from chromasonic.melody_generation.untrusted_files import read_regular_file

MUSICXML_SUFFIXES = (".xml", ".musicxml", ".mxl")
MIDI_SUFFIXES = (".mid", ".midi")
SCORE_SUFFIXES = (*MUSICXML_SUFFIXES, *MIDI_SUFFIXES, ".krn")
MUSIC_SUFFIXES = (".abc", *SCORE_SUFFIXES)
MAX_BYTES = 10_000_000
MAX_COLLECTION_BYTES = 1_000_000_000  # of an ABC file, which may hold a whole collection and is read in pieces

_PIECE_BYTES = 500_000
_MAX_PROCESSES = 8
_N_TASKS_OF_PROCESS = 5  # fewer are read sooner than another process starts
_TUNE_BEGINS = re.compile(rb"^[ \t]*X[ \t]*:", re.MULTILINE)
_HEADER_FIELD = re.compile(rb"^[ \t]*(?:[LMI][ \t]*:|%%).*\n", re.MULTILINE)
_reader = ReaderProcess(ReadingBounds())


def read_music_file(
    path: Path, source: str, *, only_first: bool = False, part: str | int | None = None
) -> list[WrittenTune | DroppedTune]:
    """Read the tunes of an ABC, MIDI, MusicXML or kern file.

    Args:
        path: The file; its suffix, one of ``MUSIC_SUFFIXES``, gives the format.
        source: The melodies' ``source``: the file's name.
        only_first: Whether to stop after the first tune.
        part: The name or the number, from 1, of the part of a score that carries the melody; None to choose it.

    Returns:
        The tunes; those that cannot be used as dropped, with the reason. A file that cannot be read is one such tune.

    Raises:
        InputError: If no process can be started.
    """
    pieces = _pieces(path, source)
    if isinstance(pieces, DroppedTune):
        return [pieces]
    some = pieces[:1] if only_first else pieces
    suffix = path.suffix.lower()
    read = (_reader.read(piece, suffix, source, only_first=only_first, part=part) for piece in some)
    return [tune for tunes in read for tune in tunes]


def read_music_files(
    files: Sequence[tuple[Path, str]], *, part: str | int | None = None
) -> Iterator[WrittenTune | DroppedTune]:
    """Read the tunes of many files in order, in several processes, and show the progress.

    Args:
        files: The path of each file, and its ``source``.
        part: As for :func:`read_music_file`.

    Raises:
        InputError: If no process can be started.
    """
    tasks: list[tuple[Path, str, bytes | None]] = []  # a piece of a large file, or None for a whole one
    for path, source in files:
        pieces = _pieces(path, source) if _is_large(path) else None
        tasks += [(path, source, piece) for piece in pieces] if isinstance(pieces, list) else [(path, source, None)]
    n_processes = min(os.cpu_count() or 1, _MAX_PROCESSES, 1 + len(tasks) // _N_TASKS_OF_PROCESS)
    readers: SimpleQueue[ReaderProcess] = SimpleQueue()
    for reader in [_reader, *(ReaderProcess(ReadingBounds()) for _ in range(n_processes - 1))]:
        readers.put(reader)

    def read(path: Path, source: str, piece: bytes | None) -> list[WrittenTune | DroppedTune]:
        content = _pieces(path, source) if piece is None else [piece]
        if isinstance(content, DroppedTune):
            return [content]
        reader = readers.get()
        try:
            return [tune for each in content for tune in reader.read(each, path.suffix.lower(), source, part=part)]
        finally:
            readers.put(reader)

    bar = TerminalBar(Terminal.for_errors(), "reading files", len(tasks))
    with bar, ThreadPoolExecutor(n_processes) as pool:
        results = [pool.submit(read, *task) for task in tasks]
        tasks.clear()
        try:
            for result in results:
                yield from result.result()
                bar.advance()
        finally:
            pool.shutdown(cancel_futures=True)
            while not readers.empty():
                if (reader := readers.get()) is not _reader:
                    reader.close()


def _is_large(path: Path) -> bool:
    try:
        return path.suffix.lower() == ".abc" and path.stat().st_size > _PIECE_BYTES
    except OSError:
        return False


def _pieces(path: Path, source: str) -> list[bytes] | DroppedTune:
    """Return the content of a file, an ABC collection in pieces of whole tunes, each with the header of the file."""
    is_abc = path.suffix.lower() == ".abc"
    try:
        content = read_regular_file(path, MAX_COLLECTION_BYTES if is_abc else MAX_BYTES)
    except OSError as problem:
        is_too_large = problem.errno == errno.EFBIG
        return DroppedTune(source, f"cannot be read: {problem.strerror}", depends_on_machine=not is_too_large)
    if not is_abc or len(content) <= _PIECE_BYTES:
        return [content]
    begins = [match.start() for match in _TUNE_BEGINS.finditer(content)]
    if not begins:
        return [content]
    # Tunes without a number may stand in the header: only its fields are part of every piece.
    fields = b"".join(_HEADER_FIELD.findall(content[: min(begins[0], _PIECE_BYTES)]))
    pieces: list[bytes] = []
    first = 0
    for begin, end in pairwise([*begins, len(content)]):
        if end - first > _PIECE_BYTES and begin > first:
            pieces.append((fields if first else b"") + content[first:begin])
            first = begin
    return [*pieces, (fields if first else b"") + content[first:]]
