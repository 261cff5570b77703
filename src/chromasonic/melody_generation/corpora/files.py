"""A folder of the user's own music: ABC, MIDI, MusicXML and kern files.

Files are read in the order of their names, including subfolders. A file or tune that cannot be used is dropped,
with its name and the reason in the report. A missing key is estimated. Files are read in a process of their own, within
bounds of processor time and memory (:mod:`~chromasonic.melody_generation.io.music_files`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.corpora.cache import cache_key, read_cached
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.music_files import (
    MAX_BYTES,
    MAX_COLLECTION_BYTES,
    MUSIC_SUFFIXES,
    read_music_file,
    read_music_files,
)
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.printing.printable_text import printable
from chromasonic.melody_generation.untrusted_files import read_regular_file

SUFFIXES = MUSIC_SUFFIXES


def read_first_tune(path: str | Path) -> Melody:
    """Read the first tune of an ABC, MIDI, MusicXML or kern file.

    Raises:
        InputError: If there is no such file, its suffix is none of ``SUFFIXES``, or its first tune cannot be read.
    """
    path = _checked_file(Path(path))
    [tune, *_] = read_music_file(path, path.name, only_first=True)
    if isinstance(tune, DroppedTune):
        raise InputError(f"{path} cannot be used: {tune.reason.removeprefix('cannot be used: ')}")
    return tune.melody


def read_music(path: str | Path) -> Iterator[WrittenTune | DroppedTune]:
    """Read all tunes of a file of music, or of the files in a folder, in the order of their names.

    Raises:
        InputError: If there is no such file or folder, the suffix is none of ``SUFFIXES``, or no file of the folder has
            one.
    """
    path = Path(path)
    if path.is_dir():
        return read_music_files([(path / name, printable(name)) for name in names_of_music_files(path)])
    return iter(read_music_file(_checked_file(path), path.name))


def names_of_music_files(folder: Path) -> list[str]:
    """Return the paths within a folder of its files of music, in order, without hidden files and links to elsewhere.

    Raises:
        InputError: If there is no such folder, or it has no such file.
    """
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


def _checked_file(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} cannot be read: a tune is read from files that end in {', '.join(SUFFIXES)}")
    return path


@dataclass(frozen=True)
class FilesCorpus:
    """The tunes of all files in ``folder`` with one of ``SUFFIXES``.

    Attributes:
        folder: The folder.
        part: The name or the number, from 1, of the part of a score or MIDI file, or of the voice of an ABC tune, that
            carries the melody; None to choose it by names, lyrics and pitch.

    Hidden files and folders, and links to targets outside the folder, are ignored. The reading is cached until a file
    changes, unless another computer may read more of them.

    Raises:
        InputError: On reading, if there is no such folder, it has no such file, or no file can be used.
    """

    folder: str | Path
    part: str | int | None = None

    def read(self) -> CorpusReading:
        """Read the melodies and the report; the ``source`` of a melody is its file's printable path in the folder."""
        folder = Path(self.folder)
        names = names_of_music_files(folder)
        # Folders of the same name must not remove each other's cache.
        folder_hash = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
        key = cache_key(((name, _content(folder / name)) for name in names), {"dataset": "files", "part": self.part})
        tunes = read_music_files([(folder / name, printable(name)) for name in names], part=self.part)
        source = SourceCollection(f"files of the folder {printable(folder.resolve().name)}", "that of the files")
        reading = read_cached(f"files-{folder_hash}", key, lambda: collect_tunes(tunes, source))
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


def _content(path: Path) -> bytes:
    """Return the bytes that the cache depends on: the content, or only the size of a file that is too large to read."""
    try:
        size = path.stat().st_size
        limit = MAX_COLLECTION_BYTES if path.suffix.lower() == ".abc" else MAX_BYTES
        return read_regular_file(path, limit) if size <= limit else b"%d" % size
    except OSError:
        return b""
