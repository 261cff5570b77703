"""How the scripts begin and end: what is typed is checked at once, and what goes wrong is said in a line.

Nothing heavy is imported here, so that ``--help`` answers at once.
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
    """A SIGTERM: ends a program as Ctrl-C does, wherever it is, so that files are closed and removed on the way."""


@contextmanager
def termination_is_an_interrupt() -> Iterator[None]:
    """Raise ``Terminated`` where a SIGTERM would else end the program at once; a second one is left to do so."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # others cannot be interrupted
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ended_by(interrupt: KeyboardInterrupt) -> tuple[str, int]:
    """What ended the program, in a word, and the exit code for it."""
    return ("terminated", TERMINATED) if isinstance(interrupt, Terminated) else ("interrupted", INTERRUPTED)


def launch(main: Callable[[], None]) -> None:
    """Start a program of Hydra's; what is wrong with what was typed is said without Hydra's notes for programmers."""
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
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands on what it would else print itself
    try:
        main()
    except CompactHydraException as problem:
        from chromasonic.config.hydra_errors import sentence_of

        sys.exit(sentence_of(problem))
    except BrokenPipeError:
        _leave_quietly()
    except OSError as problem:  # the run's folder cannot be made
        sys.exit(sentence_of_system(problem))
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def start(run: Callable[[Options], None], defaults: Path, kind: type[Options], arguments: Sequence[str]) -> None:
    """Start a program that takes options of the form ``name=value``.

    Args:
        run: What is to be done with the options.
        defaults: A YAML file of all options with their defaults; its text is what ``--help`` shows.
        kind: What the options may be.
        arguments: What was typed, without the program's own name.
    """
    if any(each in {"-h", "--help"} for each in arguments):
        print(defaults.read_text(encoding="utf-8").rstrip())
        return
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
    """Which file it is about, and what the system says: a full disk, no permission."""
    said = f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror or str(problem)
    is_full = problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return f"{said}: free some space; all files that were written before are whole" if is_full else said


@contextmanager
def _threads_end_quietly() -> Iterator[None]:
    """Print no traceback of a thread that keeps its failure for its owner to raise, as TensorBoard's writers do."""
    before = threading.excepthook

    def tell(failure: threading.ExceptHookArgs) -> None:
        if getattr(failure.thread, "exception", None) is not failure.exc_value:
            before(failure)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = before


def _leave_quietly() -> None:
    """End where whoever reads, such as ``head``, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def is_main_process() -> bool:
    """Whether this is the first of the processes that train together, be it the only one."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
