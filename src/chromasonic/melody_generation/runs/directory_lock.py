"""Keep two programs from working in one directory, remove what a killed one left, and protect runs and links."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from chromasonic.melody_generation.atomic_files import JOURNAL, digests_of, remove_unfinished
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.terminal_output import print_error
from chromasonic.melody_generation.runs.command_line import path_option, shell_command
from chromasonic.melody_generation.runs.layout import LOCK, RunLayout
from chromasonic.melody_generation.untrusted_files import read_json

# What file systems without locks answer, as some in networks do.
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
_JOURNAL = TypeAdapter(dict[Literal["before", "after"], dict[str, str]])


@contextmanager
def lock_directory(directory: Path, work: str = "training", *, waits: bool = False) -> Iterator[None]:
    """Hold a directory while the block runs, so that no other program does the same work in it.

    Files that a killed program has left unfinished in it, or replaced in part, are removed first.

    Args:
        directory: A run directory, or another; it is made if there is none.
        work: The work that is done there; it continues "another program is".
        waits: Whether to wait for another program that holds the directory, instead of raising an error.

    Raises:
        InputError: If another program holds the directory, or the directory has links through which files elsewhere
            would be written.
    """
    layout = RunLayout(directory)
    is_run = layout.is_run or layout.configuration.exists()
    refuse_links(directory, None if is_run else (LOCK, layout.tensorboard.name))
    if (directory / LOCK).is_dir():
        raise InputError(f"{directory / LOCK} is a folder, and no file of a run: remove it")
    new = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / LOCK
    lock = FileLock(path, timeout=-1 if waits else 0)
    try:
        lock.acquire()
        while not path.exists():  # its holder removed it after we had opened it
            lock.release()
            lock.acquire()
    except Timeout:
        raise InputError(f"another program is {work} in {directory}: wait for it, or stop it") from None
    except (OSError, NotImplementedError) as problem:
        if isinstance(problem, OSError) and problem.errno not in _NO_LOCKS:
            raise
        print_error(f"{directory} cannot be locked: make sure that no other program is {work} there")
    try:
        if lock.is_locked:
            remove_unfinished(directory)
            _remove_replaced_in_part(directory)
        yield
    finally:
        if lock.is_locked:
            path.unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # one of them has files
            for folder in new:
                folder.rmdir()


def _remove_replaced_in_part(directory: Path) -> None:
    """Remove the files of two sets that a killed program has left mixed: those with a digest in its journal, no others.

    Raises:
        InputError: If the journal is damaged.
    """
    path = directory / JOURNAL
    try:
        journal = _JOURNAL.validate_python(read_json(path, "files", "remove the files that should not be there"))
    except ValidationError as problem:
        raise InputError(f"{path} is no list of files: remove it") from problem
    before, after = journal.get("before", {}), journal.get("after", {})
    paths = [directory / name for name in {**before, **after} if Path(name).name == name]
    found = digests_of(paths)
    if found not in (before, after):  # otherwise one set is whole, and there is nothing of the other
        is_complete = after.items() <= found.items()
        for name, digest in found.items():
            if digest in {before.get(name), after.get(name)} and not (is_complete and name in after):
                (directory / name).unlink()
        if not is_complete:
            print_error(f"{directory}: files that a killed program had replaced in part were removed")
    path.unlink(missing_ok=True)


def refuse_links(directory: Path, names: Collection[str] | None = None) -> None:
    """Raise if a folder has anything but files and folders, at any depth.

    Through a link, files elsewhere would be read, replaced or removed. A pipe would keep its reader waiting.

    Args:
        directory: A run directory, or another; it need not exist, and may itself be a link.
        names: The files and folders in it that are searched; None for all.

    Raises:
        InputError: With the first link, pipe or device.
        OSError: If a folder cannot be listed although its files can be reached.
    """
    for path in _entries(directory, names):
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):  # another program has just renamed or removed it
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            kind = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
            raise InputError(
                f"{path} is {kind}, which a run directory must not have: remove it, or name another directory"
            )


def refuse_links_of(model: Path) -> None:
    """Raise if a run directory has links, or the run that a checkpoint lies in.

    Args:
        model: A run directory, or a checkpoint. The folder of a checkpoint that was copied elsewhere is not searched.

    Raises:
        InputError: With the first link, pipe or device.
    """
    run = RunLayout(model) if model.is_dir() else RunLayout.of_checkpoint(model)
    if run is not None and (model.is_dir() or run.configuration.exists() or run.tunes.exists()):
        refuse_links(run.directory)


def _entries(directory: Path, names: Collection[str] | None) -> Iterator[Path]:
    """Yield these entries of a folder before what is below them."""

    def refuse(problem: OSError) -> None:
        if os.access(problem.filename, os.X_OK):
            raise problem

    tops = [directory] if names is None else [directory / name for name in names]
    yield from tops if names is not None else ()
    for top in tops:
        for folder, folders, files in os.walk(top, onerror=refuse):
            yield from (Path(folder, name) for name in (*folders, *files))


def refuse_second_run(directory: Path) -> None:
    """Raise if a directory holds a run with a checkpoint; a run without one has nothing to lose.

    Raises:
        InputError: If it does.
    """
    layout = RunLayout(directory)
    if layout.configuration.exists() and layout.has_checkpoint:
        resume = shell_command(path_option("resume", directory))
        raise InputError(f"{directory} holds a run already: continue it with {resume}, or name another output_dir")
