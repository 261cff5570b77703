"""The Nottingham Music Database: 1034 British and American folk tunes in ABC, as cleaned by Jukedeck.

The files are downloaded on first use from the repository, at the commit in ``nottingham.json``, and verified against
the SHA-256 hashes there. They have about half a megabyte, are licensed under the GPL-3.0, and are not part of this
package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import get_args

import requests

from chromasonic.melody_generation.atomic_files import remove_unfinished
from chromasonic.melody_generation.corpora.cache import (
    cache_key,
    hold_lock,
    parsed_directory,
    read_cached,
    source_directory,
)
from chromasonic.melody_generation.corpora.corpus import CorpusReading, collect_tunes
from chromasonic.melody_generation.corpora.downloads import (
    ChecksumError,
    PinnedFile,
    RetryPolicy,
    check_address,
    download,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.repeats import Repeats

_RETRY_POLICY = RetryPolicy()


@dataclass(frozen=True)
class DownloadManifest:
    """The address and the pinned files of the dataset."""

    url: str
    files: tuple[PinnedFile, ...]


@cache
def load_manifest() -> DownloadManifest:
    """Load the manifest in the package, ``nottingham.json``."""
    values = json.loads(resources.files(__package__).joinpath("nottingham.json").read_text(encoding="utf-8"))
    url = "https://raw.githubusercontent.com/{repository}/{commit}/{folder}/".format(**values)
    files = (PinnedFile(name, file["sha256"], file["bytes"]) for name, file in sorted(values["files"].items()))
    return DownloadManifest(url, tuple(files))


class NottinghamCorpus:
    """The 1034 tunes of the Nottingham Music Database.

    Args:
        repeats: ``"written"`` for each note once, ``"played"`` for repeats, endings and parts unrolled.
        base_url: The address of the folder from which missing files are downloaded: https, or http on this machine.

    Raises:
        InputError: If ``repeats`` or ``base_url`` is neither.
    """

    def __init__(self, repeats: Repeats = "written", base_url: str | None = None) -> None:
        if repeats not in get_args(Repeats):
            raise InputError(f"repeats is {' or '.join(get_args(Repeats))}, not {repeats!r}")
        self.repeats: Repeats = repeats
        self.base_url = (base_url or load_manifest().url).rstrip("/") + "/"
        check_address(self.base_url)

    def load(self) -> list[Melody]:
        """Read the melodies."""
        return list(self.read().melodies)

    def read(self) -> CorpusReading:
        """Read the melodies and the report, after downloading missing files.

        Raises:
            InputError: If a file cannot be downloaded or read, or does not have the pinned SHA-256.
        """
        directory = source_directory("nottingham")
        if any(not (directory / file.name).exists() for file in load_manifest().files):
            self._download(directory)
        contents = [(file.name, _checked(directory / file.name, file)) for file in load_manifest().files]
        key = cache_key(contents, {"repeats": self.repeats})
        return read_cached(f"nottingham-{self.repeats}", key, lambda: collect_tunes(_tunes(contents, self.repeats)))

    def _download(self, directory: Path) -> None:
        """Download the missing files."""
        with hold_lock(parsed_directory() / "nottingham-sources.lock") as is_locked:
            if is_locked and directory.is_dir():
                remove_unfinished(directory)
            for file in load_manifest().files:
                if (directory / file.name).exists():
                    continue
                try:
                    download(self.base_url, file, directory, _RETRY_POLICY)
                except ChecksumError as problem:
                    raise InputError(
                        f"{problem} and was not saved: try again, or set "
                        f"CHROMASONIC_DATA_DIR to a folder that has nottingham/{file.name}"
                    ) from problem
                except OSError as problem:  # no network, no disk
                    raise InputError(
                        f"{file.name} of the Nottingham tunes is not in {directory} and could not be downloaded from "
                        f"{self.base_url} ({_reason(problem)}): set CHROMASONIC_DATA_DIR to a folder that has "
                        f"nottingham/{file.name}, or use a dataset that needs no download: synthetic, folk or files"
                    ) from problem


def _reason(problem: OSError) -> str:
    # The messages of connection errors of requests span lines and name Python objects.
    is_readable = isinstance(problem, requests.HTTPError | requests.TooManyRedirects | TimeoutError) or problem.strerror
    return str(problem) if is_readable else type(problem).__name__


def _checked(path: Path, file: PinnedFile) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    if not file.is_content(content):
        raise InputError(f"{path} does not have the pinned SHA-256: remove it, and it is downloaded again")
    return content


def _tunes(contents: list[tuple[str, bytes]], repeats: Repeats) -> Iterator[WrittenTune | DroppedTune]:
    # Importing music21 takes half a second, more than loading a cached corpus.
    from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc  # noqa: PLC0415

    for name, content in contents:
        yield from read_abc(decode_abc(content), file_name=name, corpus="nottingham", repeats=repeats)
