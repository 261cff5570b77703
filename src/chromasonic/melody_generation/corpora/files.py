"""A folder of the user's own music: ABC, MIDI, MusicXML and kern files.

Files are read in the order of their names, including subfolders. A file or tune that cannot be used is dropped,
with its name and the reason in the report. A missing key is estimated.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from chromasonic.melody_generation.corpora.cache import cache_key, read_cached
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.read_score import MAX_BYTES, SCORE_SUFFIXES, read_score
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.measures.key_estimation import estimated_key
from chromasonic.melody_generation.melody import Melody

SUFFIXES = (".abc", *SCORE_SUFFIXES)

_TUNE_BEGINS = re.compile(r"^(?=[ \t]*X[ \t]*:)", re.MULTILINE)
_KEY_FIELD = re.compile(r"^[ \t]*K[ \t]*:[ \t]*([^%\n]*)", re.MULTILINE)
_HEADER_LINE = re.compile(r"\s*(?:$|%|[A-Za-z+][ \t]*:(?![|:]))")


def read_first_tune(path: str | Path) -> Melody:
    """Read the first tune of an ABC, MIDI, MusicXML or kern file.

    Raises:
        InputError: If there is no such file, its suffix is none of ``SUFFIXES``, or its first tune cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} cannot be read: a tune is read from files that end in {', '.join(SUFFIXES)}")
    tune = next(_tunes(path.parent, path.name))
    if isinstance(tune, DroppedTune):
        raise InputError(f"{path} cannot be used: {tune.reason.removeprefix('cannot be used: ')}")
    return tune.melody


@dataclass(frozen=True)
class FilesCorpus:
    """The tunes of all files in ``folder`` with one of ``SUFFIXES``.

    Hidden files and folders, and links to targets outside the folder, are ignored. The reading is cached until a file
    changes.

    Raises:
        InputError: On reading, if there is no such folder, it has no such file, or no file can be used.
    """

    folder: str | Path

    def read(self) -> CorpusReading:
        """Read the melodies and the report; the ``source`` of a melody is its file's path within the folder."""
        folder = Path(self.folder)
        names = self._names(folder)
        # Folders of the same name must not remove each other's cache.
        folder_hash = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
        key = cache_key(((name, _content(folder / name)) for name in names), {"dataset": "files"})
        reading = read_cached(
            f"files-{folder_hash}", key, lambda: collect_tunes(tune for name in names for tune in _tunes(folder, name))
        )
        if not reading.report.n_tunes:
            raise InputError(f"the files in {folder} have no tune: an ABC tune needs an X: or a K: field")
        if not reading.melodies:
            first = reading.report.dropped[0]
            raise InputError(
                f"no file in {folder} can be used; of {reading.report.n_tunes} the first, {first.source}, "
                f"was left out because: {first.reason}"
            )
        return reading

    def load(self) -> list[Melody]:
        """Read the melodies."""
        return list(self.read().melodies)

    @staticmethod
    def _names(folder: Path) -> list[str]:
        suffixes = ", ".join(SUFFIXES)
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}: name one with files that end in {suffixes}")
        root = folder.resolve()
        names = []
        for directory, subfolders, files in os.walk(folder):  # does not follow links to folders
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            paths = [Path(directory, name) for name in files if not name.startswith(".")]
            names += [
                path.relative_to(folder).as_posix()
                for path in paths
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.resolve().is_relative_to(root)
            ]
        if not names:
            raise InputError(f"the folder {folder} has no file that ends in {suffixes}")
        return sorted(names)


def _content(path: Path) -> bytes:
    """Return the bytes that the cache depends on: the content, or only the size of a file that is too large to read."""
    try:
        size = path.stat().st_size
        return path.read_bytes() if size <= MAX_BYTES else b"%d" % size
    except OSError:
        return b""


def _tunes(folder: Path, name: str) -> Iterator[WrittenTune | DroppedTune]:
    """Read the tunes of one file."""
    try:
        if name.lower().endswith(".abc"):
            yield from _abc_tunes(folder / name, name)
        else:
            yield read_score(folder / name, source=name)
    except InputError as problem:
        yield DroppedTune(name, str(problem).removeprefix(f"{name} "))


def _abc_tunes(path: Path, name: str) -> Iterator[WrittenTune | DroppedTune]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"it has more than {MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as problem:
        raise InputError(f"it cannot be read: {problem.strerror}") from problem
    text = decode_abc(content).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first, *tunes = _TUNE_BEGINS.split(text)
    if not tunes and _KEY_FIELD.search(first):
        tunes = [first]  # one tune without a number
    if not tunes:
        raise InputError("it has no tune")
    for tune in map(_with_key_field, tunes):
        for result in read_abc(tune, file_name=name):
            if isinstance(result, DroppedTune) or _names_key(tune):
                yield result
            else:
                yield _with_estimated_key(result)


def _names_key(tune: str) -> bool:
    field = _KEY_FIELD.search(tune)
    return field is not None and field[1].strip().lower() not in {"", "none"}


def _with_key_field(tune: str) -> str:
    """Return the tune with a ``K:`` field at the end of its header, which some tunes without a key lack."""
    if _KEY_FIELD.search(tune):
        return tune
    lines = tune.split("\n")
    n_header = next((index for index, line in enumerate(lines) if not _HEADER_LINE.match(line)), None)
    return tune if n_header is None else "\n".join([*lines[:n_header], "K:none", *lines[n_header:]])


def _with_estimated_key(tune: WrittenTune) -> WrittenTune:
    key = estimated_key(tune.melody.pitches, tune.melody.durations)
    return replace(tune, melody=replace(tune.melody, tonic=key.tonic, mode=key.mode))
