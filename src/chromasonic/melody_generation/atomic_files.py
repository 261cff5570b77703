"""Atomic files: a file is complete or absent, even if the process that writes it is killed."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The content of a JSON object: plain values by key, nested. Only code that reads or writes a file, and configurations,
# whose keys depend on the classes that they name, are of this type.
JsonObject = dict[str, Any]

# Errors of file systems without permissions, or without an order to store at once: network shares, FUSE, memory sticks.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}

# In the name of every unfinished file, to recognise those of killed processes.
_UNFINISHED = ".unfinished-"

_umask = os.umask(0)
os.umask(_umask)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block ends without an error.

    Missing folders are created. If the block raises an error, the temporary file is removed and ``path`` is unchanged.

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


def remove_unfinished(folder: Path, pattern: str = "*") -> None:
    """Remove the unfinished files of killed processes from a folder and its subfolders.

    No other process may write to the folder at the same time.

    Args:
        folder: The folder; it need not exist.
        pattern: A glob pattern for the stems of the complete files.
    """
    for unfinished in folder.rglob(f".{pattern}{_UNFINISHED}*"):
        unfinished.unlink(missing_ok=True)
