"""Source files of a collection that are downloaded on first use, pinned by commit and SHA-256.

A manifest in this package (``nottingham.json``, ``ceolrince.json``, ``folkwiki.json``) names the repository, the
commit, the licence as it is stated there, and every file with its hash. No file of a collection is part of the package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import requests

from chromasonic.melody_generation.atomic_files import remove_unfinished
from chromasonic.melody_generation.corpora.cache import hold_lock, parsed_directory, source_directory
from chromasonic.melody_generation.corpora.downloads import (
    ChecksumError,
    PinnedFile,
    RetryPolicy,
    check_address,
    download,
)
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar

RETRY_POLICY = RetryPolicy()
_N_AT_ONCE = 8  # downloads


@dataclass(frozen=True)
class DownloadManifest:
    """The address and the pinned files of a collection.

    Attributes:
        name: The name of the dataset, and of the folder of its files.
        title: The name of the collection in sentences.
        licence: The licence as the source states it.
        url: The address of the folder of the files, ending in ``/``.
        files: The files.
        repository: The address of the folder for readers.
    """

    name: str
    title: str
    licence: str
    url: str
    files: tuple[PinnedFile, ...]
    repository: str

    @property
    def source(self) -> SourceCollection:
        """The collection, as runs record it."""
        return SourceCollection(self.title.removeprefix("the "), self.licence, self.repository)


@cache
def load_manifest(name: str) -> DownloadManifest:
    """Load the manifest of a dataset from the package."""
    values = json.loads(resources.files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    url = "https://raw.githubusercontent.com/{repository}/{commit}/{folder}/".format(**values)
    files = (PinnedFile(name, file["sha256"], file["bytes"]) for name, file in sorted(values["files"].items()))
    repository = "https://github.com/{repository}/tree/{commit}/{folder}".format(**values)
    return DownloadManifest(name, values["title"], values["licence"], url, tuple(files), repository)


def read_sources(manifest: DownloadManifest, base_url: str | None = None) -> list[tuple[str, bytes]]:
    """Return name and content of each file of a manifest, in order, after downloading missing files.

    Args:
        manifest: The manifest.
        base_url: The address of the folder of the files, if not that of the manifest.

    Raises:
        InputError: If a file cannot be downloaded or read, or does not have the pinned SHA-256.
    """
    directory = source_directory(manifest.name)
    if any(not (directory / file.name).exists() for file in manifest.files):
        _download(manifest, base_url or manifest.url, directory)
    return [(file.name, _checked(directory / file.name, file)) for file in manifest.files]


def _download(manifest: DownloadManifest, url: str, directory: Path) -> None:
    """Download the missing files, several at once; the first failure ends it."""
    check_address(url)
    with hold_lock(parsed_directory() / f"{manifest.name}-sources.lock") as is_locked:
        if is_locked and directory.is_dir():
            remove_unfinished(directory, *(path for path in directory.iterdir() if path.is_dir()))
        missing = [file for file in manifest.files if not (directory / file.name).exists()]
        bar = TerminalBar(Terminal.for_errors(), f"downloading {manifest.title}", len(missing))
        with ThreadPoolExecutor(_N_AT_ONCE) as pool, bar:
            results = [pool.submit(download, url, file, directory, RETRY_POLICY) for file in missing]
            try:
                for file, result in zip(missing, results, strict=True):
                    with _sentences(manifest, file, url, directory):
                        result.result()
                    bar.advance()
            finally:
                pool.shutdown(cancel_futures=True)


@contextmanager
def _sentences(manifest: DownloadManifest, file: PinnedFile, url: str, directory: Path) -> Iterator[None]:
    """Turn the failure of a download into a sentence.

    Raises:
        InputError: With the file, the reason, and what to do.
    """
    where = f"a folder that has {manifest.name}/{file.name}"
    try:
        yield
    except ChecksumError as problem:
        raise InputError(f"{problem} and was not saved: try again, or set CHROMASONIC_DATA_DIR to {where}") from problem
    except OSError as problem:  # no network, no disk
        raise InputError(
            f"{file.name} of {manifest.title} is not in {directory} and could not be downloaded from {url} "
            f"({_reason(problem)}): set CHROMASONIC_DATA_DIR to {where}, or use a dataset that needs no download: "
            "synthetic, folk or files"
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
