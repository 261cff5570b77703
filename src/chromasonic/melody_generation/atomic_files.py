"""Atomic files: a file is complete or absent, even if the process that writes it is killed.

Files that belong together are replaced together (:func:`replaced_together`): first all are written, then all are
renamed. A set that is not whole is recognised by digests: those of a record that is written after the files, or those
of a journal that is there while they are replaced.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

# The content of a JSON object: plain values by key, nested. Only code that reads or writes a file, and configurations,
# whose keys depend on the classes that they name, are of this type.
JsonObject = dict[str, Any]

# Errors of file systems without permissions, or without an order to store at once: network shares, FUSE, memory sticks.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}

_MAX_BYTES = 1_000_000_000  # of a file that is written with others

# In the name of every unfinished file, to recognise those of killed processes.
_UNFINISHED = ".unfinished-"

# The name of a journal: the digests of files before and after they are replaced, by name. It is removed at the end.
JOURNAL = ".replaced-files.json"

_umask = os.umask(0)
os.umask(_umask)


class FilesTogether:
    """Files that are written, and not yet renamed."""

    def __init__(self) -> None:
        self._unfinished: dict[Path, Path] = {}  # by the path of the complete file
        self._unwanted: list[Path] = []

    def add(self, unfinished: Path, path: Path) -> None:
        """Take a written file that is to replace a path."""
        if before := self._unfinished.pop(path, None):
            before.unlink(missing_ok=True)
        self._unfinished[path] = unfinished

    def add_unwanted(self, path: Path) -> None:
        """Take a file that is to be removed."""
        self._unwanted.append(path)

    def digests(self, folder: Path) -> dict[str, str]:
        """Return the SHA-256 of each file, in hexadecimal digits, by its path within a folder.

        Args:
            folder: A folder that all files are in.
        """
        return {
            path.relative_to(folder).as_posix(): _digest(unfinished) for path, unfinished in self._unfinished.items()
        }

    def replace(self, journal_folder: Path | None = None) -> None:
        """Let each file replace its path, and remove the unwanted ones.

        Args:
            journal_folder: The folder of all files, for a journal; None for none. The path of the last file is removed
                before another is replaced.
        """
        if journal_folder is not None:
            before = digests_of((*self._unfinished, *self._unwanted))
            write_json(journal_folder / JOURNAL, {"before": before, "after": self.digests(journal_folder)})
            for path in list(self._unfinished)[-1:]:
                path.unlink(missing_ok=True)
        for path, unfinished in list(self._unfinished.items()):
            unfinished.replace(path)
            del self._unfinished[path]
        for path in self._unwanted:
            path.unlink(missing_ok=True)
        if journal_folder is not None:
            (journal_folder / JOURNAL).unlink()

    def remove(self) -> None:
        """Remove the files that are not renamed."""
        for unfinished in self._unfinished.values():
            unfinished.unlink(missing_ok=True)


_together: ContextVar[FilesTogether | None] = ContextVar("_together", default=None)


@contextmanager
def replaced_together(journal_folder: Path | None = None) -> Iterator[FilesTogether]:
    """Let the atomic files of this thread wait until the block ends without an error, then rename all of them.

    If the block raises an error, such as that of a full disk, every path is unchanged. A process that is killed between
    two renames leaves some files of before and some of after: a record with the digests of all files tells
    (:func:`are_unchanged`), or a journal, by which the next program that locks the folder removes them.

    Args:
        journal_folder: The folder of all files, for a journal; None for files with a record.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> with replaced_together() as files:
        ...     write_text(folder / "a.txt", "a")
        ...     assert not (folder / "a.txt").exists()
        ...     digests = files.digests(folder)
        >>> are_unchanged(folder, digests)
        True
    """
    files = FilesTogether()
    token = _together.set(files)
    try:
        try:
            yield files
        finally:
            _together.reset(token)
        files.replace(journal_folder)
    finally:
        files.remove()


def are_unchanged(folder: Path, digests: Mapping[str, str]) -> bool:
    """Return whether the files in a folder have these digests; a file that was removed has not changed.

    Args:
        folder: The folder.
        digests: The SHA-256 of each file in hexadecimal digits, by its path within the folder.
    """
    paths = {folder / name: digest for name, digest in digests.items()}
    if any(path.parent != folder for path in paths):
        return False
    return all(_digest(path) == digest for path, digest in paths.items() if path.is_file())


def digests_of(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file that there is, in hexadecimal digits, by name."""
    return {path.name: _digest(path) for path in paths if path.is_file()}


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; a mark for one that is far larger than any that is written together."""
    if path.stat().st_size > _MAX_BYTES:
        return "too large"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block ends without an error.

    Within :func:`replaced_together` it replaces ``path`` when that block ends. Missing folders are created. If the
    block raises an error, the temporary file is removed and ``path`` is unchanged.

    Args:
        path: The path of the complete file.

    Yields:
        An empty file in the same folder with the same suffix, since some writers choose the format by the suffix.

    Raises:
        OSError: If the folder cannot be written to, or the disk is full; the error names ``path``.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_file(folder / "scores.json") as unfinished:
        ...     _ = unfinished.write_text("{}")
        >>> [file.name for file in folder.iterdir()]
        ['scores.json']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}{_UNFINISHED}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        unfinished = Path(name)
        with _where_supported():
            unfinished.chmod(0o666 & ~_umask)  # mkstemp gives permissions to the owner only
        yield unfinished
        with unfinished.open("rb+") as written, _where_supported():
            os.fsync(written.fileno())  # otherwise a power failure may keep the new name and lose the content
        if together := _together.get():
            together.add(unfinished, path)
            unfinished = None
        else:
            unfinished.replace(path)
    except OSError as problem:
        is_ours = problem.filename is None or _UNFINISHED in str(problem.filename)
        if problem.errno is None or not is_ours:
            raise
        raise OSError(problem.errno, os.strerror(problem.errno), str(path)) from problem  # the user knows this path
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _where_supported() -> Iterator[None]:
    """Ignore that the file system lacks an operation, but not that it fails."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in _UNSUPPORTED:
            raise


def remove_file(path: Path) -> None:
    """Remove a file if it is there; within :func:`replaced_together`, when that block ends."""
    if together := _together.get():
        together.add_unwanted(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically; missing folders are created."""
    with atomic_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def shown_path(path: Path) -> str:
    """Return a path as a user would type it: relative to the working directory if it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write plain values as a JSON file atomically; missing folders are created."""
    write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")


def remove_unfinished(*folders: Path, pattern: str = "*") -> None:
    """Remove the unfinished files of killed processes from folders, not from their subfolders.

    No other process may write to a folder at the same time.

    Args:
        folders: The folders; they need not exist.
        pattern: A glob pattern for the stems of the complete files.
    """
    for folder in folders:
        for unfinished in folder.glob(f".{pattern}{_UNFINISHED}*"):
            unfinished.unlink(missing_ok=True)
