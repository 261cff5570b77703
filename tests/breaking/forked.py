"""Run the training script in forked children, which can be killed by the hundred.

Starting Python and importing torch and Lightning takes seconds; a fork takes none. The parent only imports. It starts
no threads and draws no random numbers, so a child begins in the state of a fresh process.
"""

from __future__ import annotations

import fcntl
import functools
import itertools
import os
import resource
import runpy
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from tests.running import SCRIPT

_MOST_PRINTED = 1 << 20

# Changes something in a child before the script starts. The change ends with the child.
Sabotage = Callable[[], None]


@dataclass(frozen=True)
class ChildResult:
    """Exit code of a child (negative for the signal that killed it), its output, and its duration."""

    code: int
    output: str
    seconds: float


def warm_up() -> None:
    """Import the modules of the training script, in its order."""
    import lightning  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import torch.utils.tensorboard

    import chromasonic.config.validation
    import chromasonic.melody_generation.corpora.synthetic
    import chromasonic.melody_generation.networks.lstm
    import chromasonic.melody_generation.networks.transformer
    import chromasonic.melody_generation.plots.learning_curves
    import chromasonic.melody_generation.reporting.terminal
    import chromasonic.melody_generation.training.model_trainer  # noqa: F401

    torch.set_num_threads(1)


def train(
    *overrides: str, kill_after: float | None = None, sabotage: Sabotage | None = None, limit: float = 300
) -> ChildResult:
    """Run the training script, see :func:`run_command`."""
    return run_command("train", *overrides, kill_after=kill_after, sabotage=sabotage, limit=limit)


def run_command(
    name: str,
    *arguments: str,
    kill_after: float | None = None,
    sabotage: Sabotage | None = None,
    limit: float = 300,
) -> ChildResult:
    """Run a script in a child process until it ends or is killed.

    Args:
        name: Name of the script, such as ``evaluate``.
        arguments: Its arguments.
        kill_after: Seconds after which the child gets a SIGKILL; None to let it end.
        sabotage: Called in the child before the script starts.
        limit: Seconds after which a child counts as hung, unless it is to be killed.

    Raises:
        TimeoutError: If the child hangs.
    """
    began = time.monotonic()
    # The output goes into a pipe, which is read at the end: a test may forbid the child to write files.
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _MOST_PRINTED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads of the parent, which the child does not use
        child = os.fork()
    if child == 0:
        os.close(reading)
        _become([str(SCRIPT.parent / f"{name}.py"), *arguments], writing, sabotage)
    os.close(writing)
    with open(reading, "rb") as pipe:
        status = _wait(child, began + (limit if kill_after is None else kill_after))
        has_hung = status is None and kill_after is None
        if status is None:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        output = pipe.read().decode(errors="replace")
    if has_hung:
        raise TimeoutError(f"{' '.join(arguments)} did not end within {limit} s:\n{output}")
    return ChildResult(os.waitstatus_to_exitcode(status), output, time.monotonic() - began)


def at_call(owner: object, name: str, number: int, do: Callable[[], None]) -> Sabotage:
    """Return a sabotage that runs ``do`` before the ``number``-th call of a function, counted from 1.

    Args:
        owner: The module or class that the function belongs to.
        name: The function's name.
        number: Which call.
        do: What to run before that call.
    """

    def prepare() -> None:
        real, count = getattr(owner, name), itertools.count(1)

        @functools.wraps(real)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if next(count) == number:
                do()
            return real(*arguments, **named)

        setattr(owner, name, wrapped)

    return prepare


def signals(number: int) -> Callable[[], None]:
    """Return a function that sends a signal to its own process."""
    return lambda: os.kill(os.getpid(), number)


def full_disk() -> None:
    """Let the system refuse to grow any file of this process beyond 64 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def _wait(child: int, deadline: float) -> int | None:
    """Return the status of a child once it ends, or None at the deadline."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, 0.005))


class ForkedProgram:
    """A stand-in for ``subprocess.Popen`` that forks this process to run a ``chromasonic`` command.

    Args:
        command: The Python interpreter, ``-m``, ``chromasonic``, and the arguments.
        stdout: The file that the output goes to, standard error included.
        others: Further arguments of ``Popen``, which are ignored.
    """

    def __init__(self, command: Sequence[str], *, stdout: IO[bytes], **others: object) -> None:
        del others
        interpreter, _, package, *arguments = command
        if (interpreter, package) != (sys.executable, "chromasonic"):
            raise ValueError(f"expected a command of chromasonic, got {command}")
        self.returncode: int | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about threads of the parent, which the child does not use
            self.pid = os.fork()
        if self.pid == 0:
            _become([str(SCRIPT.parent / f"{arguments[0]}.py"), *arguments[1:]], stdout.fileno())

    def send_signal(self, number: int) -> None:
        """Send a signal to the child."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the child."""
        self.send_signal(signal.SIGKILL)


def _become(command: list[str], output: int, sabotage: Sabotage | None = None) -> NoReturn:
    """Run a script in this process, write to the file descriptor ``output``, and exit."""
    code = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  open as long as the child runs
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = command
        signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
        warnings.resetwarnings()  # tests turn warnings into errors; Python shows users all but these
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        if sabotage is not None:
            sabotage()
        runpy.run_path(command[0], run_name="__main__")
        code = 0
    except SystemExit as ending:
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
        code = 1 if isinstance(ending.code, str) else int(ending.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
