"""Keep two programs from working in one directory, and a run from being overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.terminal_output import print_error
from chromasonic.melody_generation.runs.command_line import path_option, shell_command
from chromasonic.melody_generation.runs.layout import LOCK, RunLayout


@contextmanager
def lock_directory(directory: Path, work: str = "training", *, waits: bool = False) -> Iterator[None]:
    """Hold a directory while the block runs, so that no other program does the same work in it.

    Args:
        directory: A run directory, or another; it is made if there is none.
        work: The work that is done there; it continues "another program is".
        waits: Whether to wait for another program that holds the directory, instead of raising an error.

    Raises:
        InputError: If another program holds the directory, or it is a run directory with links to folders.
    """
    refuse_links(directory)
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
    except (OSError, NotImplementedError):  # some network file systems have no locks
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
    """Raise if a run directory has a link through which files would be written into another folder.

    Raises:
        InputError: With the link.
    """
    if not RunLayout(directory).configuration.exists():
        return
    for path in (*directory.glob("*"), *directory.glob("*/*")):
        if path.is_symlink() and (path.is_dir() or path.name == LOCK):
            raise InputError(
                f"{path} is a link to {path.readlink()}, and the run would be written there: put the folder itself here"
            )


def refuse_second_run(directory: Path) -> None:
    """Raise if a directory holds a run with a checkpoint; a run without one has nothing to lose.

    Raises:
        InputError: If it does.
    """
    layout = RunLayout(directory)
    if layout.configuration.exists() and layout.has_checkpoint:
        resume = shell_command(path_option("resume", directory))
        raise InputError(f"{directory} holds a run already: continue it with {resume}, or name another output_dir")
