"""Files that are whole or not there: a reader, or a run that is killed, never meets a half-written one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chromasonic.melody_generation.errors import InputError

# In the name of every file that is not finished, so that what a killed program left behind can be told.
_UNFINISHED = ".unfinished-"

_umask = os.umask(0)
os.umask(_umask)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; what is written there becomes ``path`` when the block ends well.

    Missing folders are made. If the block raises, the temporary file is removed and what stood at ``path``
    stays as it was.

    Args:
        path: Where the file is to stand.

    Yields:
        An empty file in the same folder, with the same suffix, since some writers choose the format by it.

    Raises:
        OSError: If the folder cannot be written to, or the disk is full; it names ``path``.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_file(folder / "scores.json") as unfinished:
        ...     _ = unfinished.write_text("{}")
        >>> [each.name for each in folder.iterdir()]
        ['scores.json']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}{_UNFINISHED}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        unfinished = Path(name)
        unfinished.chmod(0o666 & ~_umask)  # mkstemp's files are for the owner alone
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())  # else a power cut may keep the new name and lose the contents
        unfinished.replace(path)
    except OSError as problem:
        is_ours = problem.filename is None or _UNFINISHED in str(problem.filename)
        if problem.errno is None or not is_ours:
            raise
        raise OSError(problem.errno, os.strerror(problem.errno), str(path)) from problem  # which a user knows
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a whole UTF-8 text file in place of what stood at ``path``; missing folders are made."""
    with atomic_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def shown_path(path: Path) -> str:
    """Return a path as a user would type it: relative to the working directory if it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values as a whole JSON file in place of what stood at ``path``; missing folders are made."""
    write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")


def read_json(path: Path, noun: str, advice: str) -> dict[str, Any]:
    """Read a JSON file that holds values by name; empty if there is no such file.

    Args:
        path: The file.
        noun: The word for its values in the error message.
        advice: What to do after a damaged file is removed, for the error message.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} cannot be read ({problem}): remove it, and {advice}") from problem
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no {noun} by name: remove it, and {advice}")
    return values


def remove_unfinished(folder: Path, pattern: str = "*") -> None:
    """Remove what programs that were killed in the middle of a ``atomic_file`` left in a folder and all below it.

    For a folder that nobody else writes to at this time.

    Args:
        folder: It need not exist.
        pattern: Which files, by the name that they would have got, without its ending.
    """
    for left in folder.rglob(f".{pattern}{_UNFINISHED}*"):
        left.unlink(missing_ok=True)
