"""The process that reads music files, as seen by the program that waits for it.

It is started when the first file is read, which takes about a second, and then reads all others. A file over a bound
ends it, and the next file starts another one.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.bounded.tune_messages import (
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    ReadingRequest,
    unpack_tunes,
)
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.threads.process_lock import ProcessLock

_WORKER = "chromasonic.melody_generation.io.bounded.reader_worker"
# With -P and these paths, it imports what this program imports, and nothing that lies beside the files to read.
_START = (
    f"import json, sys; sys.path[:] = json.loads(sys.argv[2]); from {_WORKER} import serve; serve(int(sys.argv[1]))"
)
# For a path that is relative to a folder that the program has left since.
_PACKAGE_FOLDER = str(Path(__file__).absolute().parents[4])
_CODES_OUT_OF_TIME = {-int(getattr(signal, "SIGPROF", -OUT_OF_TIME)), OUT_OF_TIME}


class ReaderUnavailableError(InputError):
    """The reading process cannot be started: a fault of the machine, and not of a file."""


class _OverTimeError(Exception):
    """A file takes more processor time than its bound."""


class _ProcessEndedError(Exception):
    """The reading process ended without an answer; the message says how."""


@dataclass(frozen=True)
class ReadingBounds:
    """The most that reading one file may take.

    Attributes:
        seconds: Processor time for any file.
        seconds_per_megabyte: Further processor time for each megabyte.
        memory: Bytes of memory, beyond those that the reading process has at its start.
    """

    seconds: float = 60.0
    seconds_per_megabyte: float = 30.0
    memory: int = 2_000_000_000

    def seconds_for(self, n_bytes: int) -> float:
        """Return the processor time for a file of this size."""
        return self.seconds + self.seconds_per_megabyte * n_bytes / 1_000_000


class ReaderProcess:
    """A process that reads one file after the other, within bounds.

    All threads share it. A forked child starts its own.

    Attributes:
        bounds: The bounds; a new bound of memory holds from the next process on.
    """

    def __init__(self, bounds: ReadingBounds) -> None:
        self.bounds = bounds
        self._process: _Worker | None = None
        self._lock = ProcessLock()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def read(
        self, content: bytes, suffix: str, source: str, *, only_first: bool = False, part: str | int | None = None
    ) -> list[WrittenTune | DroppedTune]:
        """Read the tunes of a file; a file over a bound is returned as dropped, with the reason.

        Args:
            content: The content of the file.
            suffix: The suffix that gives the format, in lower case.
            source: The melodies' ``source``.
            only_first: Whether to stop after the first tune.
            part: The name or the number of the part of a score that carries the melody; None to choose it.

        Raises:
            ReaderUnavailableError: If the process cannot be started.
        """
        request = ReadingRequest(len(content), suffix, source, only_first, part, self.bounds.seconds_for(len(content)))
        try:
            with self._lock.held():
                try:
                    return self._read(request, content)
                except (MemoryError, _ProcessEndedError):
                    # In a new process, without what earlier files left in memory.
                    return self._read(request, content)
        except _OverTimeError:
            reason = f"reading it takes more than {request.seconds:.3g} seconds of processor time"
        except MemoryError:
            reason = f"reading it takes more than {self.bounds.memory / 1e6:g} MB of memory"
        except _ProcessEndedError as problem:
            reason = f"it ends the process that reads it, with {problem}"
        return [DroppedTune(source, f"cannot be used: {reason}", depends_on_machine=True)]

    @property
    def process_id(self) -> int | None:
        """The id of the running process, or None."""
        return None if self._process is None else self._process.process_id

    def close(self) -> None:
        """End the process, if there is one."""
        worker, self._process = self._process, None
        if worker is not None:
            worker.end()

    def _read(self, request: ReadingRequest, content: bytes) -> list[WrittenTune | DroppedTune]:
        if self._process is None:
            self._process = _Worker(self.bounds.memory)
        worker = self._process
        try:
            return unpack_tunes(worker.ask(request.to_line() + content))
        except _ProcessEndedError:
            code = worker.exit_code()
            self._process = None
            if code in _CODES_OUT_OF_TIME:
                raise _OverTimeError from None
            raise _ProcessEndedError(f"exit code {code}") from None
        except BaseException:  # after an interrupt, the answer would be taken for that of the next file
            self.close()
            raise

    def _forget(self) -> None:
        """Leave the process to the parent of a forked child."""
        worker, self._process = self._process, None
        if worker is not None:
            worker.disown()


class _Worker:
    """A running reading process.

    Raises:
        ReaderUnavailableError: If it cannot be started.
    """

    def __init__(self, memory: int) -> None:
        paths = [*sys.path, _PACKAGE_FOLDER]
        command = [sys.executable, "-P", "-c", _START, str(memory), json.dumps(paths)]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        advice = "close other programs, or raise the limits of this one"
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing)
        except OSError as problem:
            fault = problem.strerror or problem
            raise ReaderUnavailableError(f"no process can be started to read music ({fault}): {advice}") from problem
        try:
            self.ask(b"")  # it says when its libraries are imported
        except _ProcessEndedError:
            message = f"the process that reads music ended at its start, with exit code {self.exit_code()}: {advice}"
            raise ReaderUnavailableError(message) from None
        except BaseException:
            self.end()
            raise

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    def ask(self, message: bytes) -> bytes:
        """Send a message, and return the answer.

        Raises:
            MemoryError: If the memory of the process was exhausted.
            _ProcessEndedError: If the process ended.
        """
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise _ProcessEndedError
        try:
            requests.write(message)
            requests.flush()
        except OSError as problem:
            raise _ProcessEndedError from problem
        line = answers.readline()
        n_bytes = int(line or 0)
        if n_bytes == OUT_OF_MEMORY:
            raise MemoryError
        answer = answers.read(n_bytes)
        if not line or len(answer) < n_bytes:
            raise _ProcessEndedError
        return answer

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._close_pipes()
        self._process.wait()

    def exit_code(self) -> int:
        """Return the exit code of a process that has closed its pipes."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10.0)
        self.end()
        return self._process.returncode

    def disown(self) -> None:
        """Close this process's ends of the pipes, and let the process run on."""
        self._close_pipes()
        self._process.returncode = 0  # it is the parent that waits for it

    def _close_pipes(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what a process that has ended did not take
                if stream is not None:
                    stream.close()
