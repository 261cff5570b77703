"""Keep two programs from working in one directory, and a run from being overwritten."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.terminal_output import print_error
from chromasonic.melody_generation.runs.command_line import path_option, shell_command
from chromasonic.melody_generation.runs.layout import LOCK, RunLayout

# What file systems without locks answer, as some in networks do.
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


@contextmanager
def lock_directory(directory: Path, work: str = "training", *, waits: bool = False) -> Iterator[None]:
    """Hold a directory while the block runs, so that no other program does the same work in it.

    Args:
        directory: A run directory, or another; it is made if there is none.
        work: The work that is done there; it continues "another program is".
        waits: Whether to wait for another program that holds the directory, instead of raising an error.

    Raises:
        InputError: If another program holds the directory, or the directory has links through which files elsewhere
            would be written.
    """
    layout = RunLayout(directory)
    if layout.is_run or layout.configuration.exists():
        refuse_links(directory)
    for name in (LOCK, layout.tensorboard.name):
        if (directory / name).is_symlink() or (directory / LOCK).is_dir():
            raise InputError(f"{directory / name} is no file or folder of a run: remove it")
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
        yield
    finally:
        if lock.is_locked:
            path.unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # one of them has files
            for folder in new:
                folder.rmdir()


def refuse_links(directory: Path) -> None:
    """Raise if a folder has anything but files and folders, at any depth.

    Through a link, files elsewhere would be read or replaced. A pipe would keep its reader waiting.

    Args:
        directory: A run directory, or a folder in it; it need not exist, and may itself be a link.

    Raises:
        InputError: With the first link, pipe or device.
    """
    for folder, folders, files in os.walk(directory):
        for path in (Path(folder, name) for name in (*folders, *files)):
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                kind = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
                raise InputError(f"{path} is {kind}, which a run directory must not have: remove it")


def refuse_second_run(directory: Path) -> None:
    """Raise if a directory holds a run with a checkpoint; a run without one has nothing to lose.

    Raises:
        InputError: If it does.
    """
    layout = RunLayout(directory)
    if layout.configuration.exists() and layout.has_checkpoint:
        resume = shell_command(path_option("resume", directory))
        raise InputError(f"{directory} holds a run already: continue it with {resume}, or name another output_dir")
