"""A folder of the user's own music: ABC, MIDI, MusicXML and kern files.

Files are read in the order of their names, folders within the folder too. A file or tune that cannot be
used is left out, with its name and the reason in the report, and the rest goes on. Where nothing names a
key it is estimated.
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
    """The first tune of an ABC, MIDI, MusicXML or kern file, as it is written.

    Raises:
        InputError: If there is no such file, it ends in none of ``SUFFIXES``, or it or its first tune cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} cannot be read: a tune is read from files that end in {', '.join(SUFFIXES)}")
    found = next(_tunes(path.parent, path.name))
    if isinstance(found, DroppedTune):
        raise InputError(f"{path} cannot be used: {found.reason.removeprefix('cannot be used: ')}")
    return found.melody


@dataclass(frozen=True)
class FilesCorpus:
    """The tunes of all files in ``folder`` that end in one of ``SUFFIXES``.

    Hidden files and folders are left alone, and so are links to anything outside the folder. What was
    parsed is cached until a file changes.

    Raises:
        InputError: On reading: if there is no such folder, it has no such file, or none of them can be used.
    """

    folder: str | Path

    def read(self) -> CorpusReading:
        """Read the tunes; each one's ``source`` is its file's name within the folder."""
        folder = Path(self.folder)
        names = self._names(folder)
        # Two folders of one name must not take turns in removing each other's cache.
        place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
        key = cache_key(((name, _content(folder / name)) for name in names), {"dataset": "files"})
        reading = read_cached(
            f"files-{place}", key, lambda: collect_tunes(tune for name in names for tune in _tunes(folder, name))
        )
        if not reading.report.n_tunes:
            raise InputError(f"the files in {folder} hold no tune: an ABC tune needs an X: or a K: field")
        if not reading.melodies:
            first = reading.report.dropped[0]
            raise InputError(
                f"no file in {folder} can be used; of {reading.report.n_tunes} the first, {first.source}, "
                f"was left out because: {first.reason}"
            )
        return reading

    def load(self) -> list[Melody]:
        """Read the tunes alone."""
        return list(self.read().melodies)

    @staticmethod
    def _names(folder: Path) -> list[str]:
        endings = ", ".join(SUFFIXES)
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}: name one with files that end in {endings}")
        root = folder.resolve()
        found = []
        for directory, inner, files in os.walk(folder):  # which enters no link to a folder
            inner[:] = [name for name in inner if not name.startswith(".")]
            paths = [Path(directory, name) for name in files if not name.startswith(".")]
            found += [
                path.relative_to(folder).as_posix()
                for path in paths
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.resolve().is_relative_to(root)
            ]
        if not found:
            raise InputError(f"the folder {folder} has no file that ends in {endings}")
        return sorted(found)


def _content(path: Path) -> bytes:
    """What a cache is to depend on: the content, unless reading will refuse the file anyway."""
    try:
        size = path.stat().st_size
        return path.read_bytes() if size <= MAX_BYTES else b"%d" % size
    except OSError:
        return b""


def _tunes(folder: Path, name: str) -> Iterator[WrittenTune | DroppedTune]:
    """The tunes of one file."""
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
            raise InputError(f"it is longer than {MAX_BYTES} bytes, which are the most that is read")
        content = path.read_bytes()
    except OSError as problem:
        raise InputError(f"it cannot be read: {problem.strerror}") from problem
    text = decode_abc(content).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first, *tunes = _TUNE_BEGINS.split(text)
    if not tunes and _KEY_FIELD.search(first):
        tunes = [first]  # one that nobody numbered
    if not tunes:
        raise InputError("it holds no tune")
    for tune in map(_with_key_field, tunes):
        for found in read_abc(tune, file_name=name):
            if isinstance(found, DroppedTune) or _names_key(tune):
                yield found
            else:
                yield _with_estimated_key(found)


def _names_key(tune: str) -> bool:
    field = _KEY_FIELD.search(tune)
    return field is not None and field[1].strip().lower() not in {"", "none"}


def _with_key_field(tune: str) -> str:
    """The tune with the field that ends its header, which some writers of tunes without a key leave out."""
    if _KEY_FIELD.search(tune):
        return tune
    lines = tune.split("\n")
    n_header = next((i for i, line in enumerate(lines) if not _HEADER_LINE.match(line)), None)
    return tune if n_header is None else "\n".join([*lines[:n_header], "K:none", *lines[n_header:]])


def _with_estimated_key(tune: WrittenTune) -> WrittenTune:
    key = estimated_key(tune.melody.pitches, tune.melody.durations)
    return replace(tune, melody=replace(tune.melody, tonic=key.tonic, mode=key.mode))
