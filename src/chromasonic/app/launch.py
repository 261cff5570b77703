"""Start and end commands: options are checked first, errors are printed as one line, signals set the exit code.

No heavy library is imported here, so that ``--help`` is quick.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from hydra.errors import CompactHydraException

if TYPE_CHECKING:
    from pydantic import BaseModel

# Exit codes that shells give to programs ended by a signal.
INTERRUPTED, TERMINATED = 130, 143

Options = TypeVar("Options", bound="BaseModel")


class Terminated(KeyboardInterrupt):
    """A SIGTERM, raised like Ctrl-C, so that files are closed and temporary files removed."""


@contextmanager
def termination_is_an_interrupt() -> Iterator[None]:
    """Raise ``Terminated`` on the first SIGTERM; a second one ends the program at once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ended_by(interrupt: KeyboardInterrupt) -> tuple[str, int]:
    """Return the word for an interrupt that ended the program, and its exit code."""
    return ("terminated", TERMINATED) if isinstance(interrupt, Terminated) else ("interrupted", INTERRUPTED)


def launch(main: Callable[[], None]) -> None:
    """Start a Hydra program; errors in the overrides are printed without Hydra's traceback."""
    with termination_is_an_interrupt(), _threads_end_quietly():
        try:
            _launch(main)
        except KeyboardInterrupt as interrupt:
            _leave(interrupt)


def _leave(interrupt: KeyboardInterrupt) -> NoReturn:
    how, code = ended_by(interrupt)
    print(how, file=sys.stderr)
    sys.exit(code)


def _launch(main: Callable[[], None]) -> None:
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors instead of printing them
    try:
        main()
    except CompactHydraException as problem:
        from chromasonic.config.hydra_errors import sentence_of

        sys.exit(sentence_of(problem))
    except BrokenPipeError:
        _leave_quietly()
    except OSError as problem:  # the run directory cannot be created
        sys.exit(sentence_of_system(problem))
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def start(run: Callable[[Options], None], defaults: Path, kind: type[Options], arguments: Sequence[str]) -> None:
    """Start a program whose options have the form ``name=value``.

    Args:
        run: The program.
        defaults: A YAML file of all options with their defaults.
        kind: The schema of the options.
        arguments: The command line without the program's name.
    """
    from chromasonic.config.command_options import read_options
    from chromasonic.melody_generation.errors import InputError

    try:
        with termination_is_an_interrupt():
            run(read_options(defaults, kind, arguments))
    except InputError as problem:
        sys.exit(str(problem))
    except BrokenPipeError:
        _leave_quietly()
    except OSError as problem:
        sys.exit(sentence_of_system(problem))
    except KeyboardInterrupt as interrupt:
        _leave(interrupt)


def sentence_of_system(problem: OSError) -> str:
    """Return the file and the reason of an error of the operating system, such as a full disk."""
    message = f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror or str(problem)
    is_full = problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return f"{message}: free some space; all files that were written before are whole" if is_full else message


@contextmanager
def _threads_end_quietly() -> Iterator[None]:
    """Print no traceback of a thread that keeps its exception for its owner to raise, as TensorBoard's writers do."""
    before = threading.excepthook

    def report(failure: threading.ExceptHookArgs) -> None:
        if getattr(failure.thread, "exception", None) is not failure.exc_value:
            before(failure)

    threading.excepthook = report
    try:
        yield
    finally:
        threading.excepthook = before


def _leave_quietly() -> None:
    """Exit without a traceback when the reader of the output, such as ``head``, has closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def is_main_process() -> bool:
    """Return True in the first of the processes that train together, or the only one."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
