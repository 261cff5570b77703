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
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from chromasonic.melody_generation.errors import InputError, is_lack_of_memory
from chromasonic.melody_generation.printing.library_messages import make_library_messages_printable
from chromasonic.melody_generation.printing.masked_secrets import masked_text
from chromasonic.melody_generation.printing.printable_text import printable
from chromasonic.melody_generation.printing.terminal_output import print_error

if TYPE_CHECKING:
    from chromasonic.config.command_options import CommandOptions

# Signals that end the program like Ctrl-C, so that files are closed and temporary files removed, and their words. Exit
# codes are those that shells give to programs ended by a signal.
_ENDING_SIGNALS = {
    getattr(signal, name): word
    for name, word in (
        ("SIGTERM", "terminated"),
        ("SIGHUP", "the terminal was closed"),
        ("SIGXCPU", "the limit of processor time is reached"),
    )
    if hasattr(signal, name)
}

Options = TypeVar("Options", bound="CommandOptions")


class Terminated(KeyboardInterrupt):
    """A signal that ends the program, raised like Ctrl-C.

    Args:
        number: The signal.
    """

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.number = number


@contextmanager
def termination_is_an_interrupt() -> Iterator[None]:
    """Raise ``Terminated`` on the first signal that ends the program; a second one ends it at once.

    A signal that the program ignores, as under ``nohup``, stays ignored.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield
        return
    handled = [number for number in _ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ended_by(interrupt: KeyboardInterrupt) -> tuple[str, int]:
    """Return the words for an interrupt that ended the program, and its exit code."""
    if isinstance(interrupt, Terminated):
        return _ENDING_SIGNALS[signal.Signals(interrupt.number)], 128 + interrupt.number
    return "interrupted", 128 + signal.SIGINT


def launch(main: Callable[[], None]) -> None:
    """Start a Hydra program; errors in the overrides are printed without Hydra's traceback."""
    with _a_command_ends_readably(), _threads_end_quietly():
        from hydra.errors import CompactHydraException

        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            main()
            return
        os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors instead of printing them
        try:
            main()
        except CompactHydraException as problem:
            from chromasonic.config.hydra_errors import sentence_of

            end_with(InputError(sentence_of(problem)))
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
    from chromasonic.config.command_options import check_paths, read_options

    with _a_command_ends_readably():
        options = read_options(defaults, kind, arguments)
        check_paths(options)
        run(options)


def end_with(problem: InputError) -> NoReturn:
    """End the program with exit code 1 and the sentences of an error."""
    sys.exit("\n".join(printable(masked_text(sentence)) for sentence in problem.args))


@contextmanager
def _a_command_ends_readably() -> Iterator[None]:
    """End with a sentence and an exit code after every error that is no bug, and after signals."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    _prepare_streams()
    make_library_messages_printable()
    try:
        with termination_is_an_interrupt():
            yield
            sys.stdout.flush()  # may fail as well
    except KeyboardInterrupt as interrupt:
        how, code = ended_by(interrupt)
        print_error(how)
        sys.exit(code)
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        sys.exit(1)
    except Exception as problem:
        refusal = refusal_of(problem)
        if refusal is None or wants_traceback:
            raise
        end_with(refusal)
    finally:
        _give_up_output()


def refusal_of(problem: Exception) -> InputError | None:
    """Return an error as sentences for the user; None if it is a bug of the program."""
    if isinstance(problem, InputError):
        return problem
    if is_lack_of_memory(problem):
        return InputError(
            "there is not enough memory: end other programs, raise its limit (ulimit -v), or reduce sizes"
        )
    return InputError(sentence_of_system(problem)) if isinstance(problem, OSError) else None


def sentence_of_system(problem: OSError) -> str:
    """Return the file and the reason of an error of the operating system, such as a full disk."""
    name = os.fsdecode(problem.filename) if isinstance(problem.filename, bytes) else problem.filename
    message = f"{name}: {problem.strerror}" if name else problem.strerror or str(problem)
    if problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"{message}: free some space; all files that were written before are whole"
    return f"{message}: raise the limit (ulimit -n)" if problem.errno in {errno.EMFILE, errno.ENFILE} else message


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


def _prepare_streams() -> None:
    """Replace standard streams that are closed, and let an encoding without a letter show its number.

    Otherwise the next file that is opened would take the place of a closed stream, and get what libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors in {"strict", "surrogateescape"}:
            stream.reconfigure(errors="backslashreplace")


def _give_up_output() -> None:
    """Drop output that cannot be written, so that Python does not fail on it again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_main_process() -> bool:
    """Return True in the first of the processes that train together, or the only one."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
