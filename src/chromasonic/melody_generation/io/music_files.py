"""Read files of music, of any format, in a process of its own whose processor time and memory are bounded.

Files may be untrusted. Their size is limited, and a file over a bound is left out with a sentence that names the bound.
Only the time of the processor counts: on a busy or stopped computer, no file is refused.
"""

from __future__ import annotations

import errno
from pathlib import Path

from chromasonic.melody_generation.io.bounded.reader_process import ReaderProcess, ReadingBounds
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.untrusted_files import read_regular_file

MUSICXML_SUFFIXES = (".xml", ".musicxml", ".mxl")
MIDI_SUFFIXES = (".mid", ".midi")
SCORE_SUFFIXES = (*MUSICXML_SUFFIXES, *MIDI_SUFFIXES, ".krn")
MUSIC_SUFFIXES = (".abc", *SCORE_SUFFIXES)
MAX_BYTES = 10_000_000

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
    try:
        content = read_regular_file(path, MAX_BYTES)
    except OSError as problem:
        is_too_large = problem.errno == errno.EFBIG
        reason = f"cannot be read: {problem.strerror}"
        return [DroppedTune(source, reason, depends_on_machine=not is_too_large)]
    return _reader.read(content, path.suffix.lower(), source, only_first=only_first, part=part)
