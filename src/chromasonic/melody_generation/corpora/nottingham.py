"""The Nottingham Music Database: 1034 British and American folk tunes in ABC, as cleaned by Jukedeck.

The files are fetched on first use, one by one, from the repository at the commit that ``nottingham.json``
pins, each against its SHA-256 there. They are about half a megabyte, under the GPL-3.0, and no part of this
package.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import pooch

from chromasonic.melody_generation.corpora.barring import WrittenTune
from chromasonic.melody_generation.corpora.cache import (
    cached_reading,
    locked,
    parsed_directory,
    reading_key,
    source_directory,
)
from chromasonic.melody_generation.corpora.reading import CorpusReading, Dropped, collect
from chromasonic.melody_generation.corpora.repeats import Repeats
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TIMEOUT_SECONDS = 30
_RETRIES = 2


@dataclass(frozen=True)
class Manifest:
    """What is pinned: where the files lie, and the SHA-256 of each by its name."""

    url: str
    sha256: dict[str, str]


@cache
def pinned() -> Manifest:
    """The manifest that this package carries."""
    values = json.loads(resources.files(__package__).joinpath("nottingham.json").read_text(encoding="utf-8"))
    url = "https://raw.githubusercontent.com/{repository}/{commit}/{folder}/".format(**values)
    return Manifest(url, {name: file["sha256"] for name, file in sorted(values["files"].items())})


class NottinghamCorpus:
    """The 1034 tunes, each note once as written, or as often as it is played.

    Args:
        repeats: ``"written"``, or ``"played"``: repeats, endings and parts unrolled.
        base_url: Where missing files are fetched from; https, or http on this very machine.

    Raises:
        InputError: If ``repeats`` or ``base_url`` is neither.
    """

    def __init__(self, repeats: Repeats = "written", base_url: str | None = None) -> None:
        if repeats not in get_args(Repeats):
            raise InputError(f"repeats is {' or '.join(get_args(Repeats))}, not {repeats!r}")
        self.repeats: Repeats = repeats
        self.base_url = (base_url or pinned().url).rstrip("/") + "/"
        address = urlsplit(self.base_url)
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
            raise InputError(f"the Nottingham tunes are fetched over https, not from {self.base_url}")

    def load(self) -> list[Melody]:
        """The melodies alone."""
        return list(self.read().melodies)

    def read(self) -> CorpusReading:
        """The melodies and the report; files that are missing are fetched first.

        Raises:
            InputError: If a file cannot be had, or is not the one that is pinned.
        """
        directory = source_directory("nottingham")
        if any(not (directory / name).exists() for name in pinned().sha256):
            self._fetch(directory)
        contents = [(name, _checked(directory / name)) for name in pinned().sha256]
        key = reading_key(contents, {"repeats": self.repeats})
        return cached_reading(f"nottingham-{self.repeats}", key, lambda: collect(_tunes(contents, self.repeats)))

    def _fetch(self, directory: Path) -> None:
        """Fetch what is missing; each file is checked before it gets its name, so none is ever half there."""
        files = pooch.create(path=directory, base_url=self.base_url, registry=pinned().sha256, retry_if_failed=_RETRIES)
        pooch.get_logger().setLevel(logging.WARNING)  # else three lines on the terminal for each file
        with locked(parsed_directory() / "nottingham-sources.lock"):
            for name in pinned().sha256:
                if (directory / name).exists():
                    continue
                try:
                    files.fetch(name, downloader=pooch.HTTPDownloader(timeout=_TIMEOUT_SECONDS))
                except ValueError as problem:
                    raise InputError(
                        f"{self.base_url}{name} is not the file that is pinned (its SHA-256 differs), so it was not "
                        "kept: try again, or set CHROMASONIC_DATA_DIR to a folder that has "
                        f"nottingham/{name}"
                    ) from problem
                except OSError as problem:  # no network, no disk
                    raise InputError(
                        f"{name} of the Nottingham tunes is not in {directory} and could not be fetched from "
                        f"{self.base_url} ({type(problem).__name__}): set CHROMASONIC_DATA_DIR to a folder "
                        f"that has nottingham/{name}, or use a dataset that needs no download: synthetic, "
                        "folk or files"
                    ) from problem


def _checked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    if hashlib.sha256(content).hexdigest() != pinned().sha256[path.name]:
        raise InputError(
            f"{path} is not the file that is pinned (its SHA-256 differs): remove it, and it is fetched again"
        )
    return content


def _tunes(contents: list[tuple[str, bytes]], repeats: Repeats) -> Iterator[WrittenTune | Dropped]:
    # music21 takes half a second to import, which is more than a cached corpus takes to load.
    from chromasonic.melody_generation.corpora.abc import decode_abc, read_abc  # noqa: PLC0415

    for name, content in contents:
        yield from read_abc(decode_abc(content), file_name=name, corpus="nottingham", repeats=repeats)
