"""The reading process: it takes files from its standard input, and answers with their tunes.

A request is a line of JSON, then the bytes of the file. An answer is a line with a number of bytes, then
:func:`~chromasonic.melody_generation.io.bounded.tune_messages.pack_tunes`. The process
opens no file. When a file takes too much processor time, the system ends the process. Time in which the process is
stopped, or waits for others, does not count.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from chromasonic.melody_generation.io.bounded.file_formats import tunes_of_file
from chromasonic.melody_generation.io.bounded.tune_messages import (
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    ReadingRequest,
    pack_tunes,
)
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

_WATCH_SECONDS = 0.1


def serve(memory: int) -> None:
    """Answer requests until the standard input ends.

    Args:
        memory: Bytes of memory for the reading, beyond those of the libraries.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # libraries print to them
        os.dup2(nothing, stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for the answer ends this one
    _bound_memory(memory)
    _answer(answers, 0, b"")
    with suppress(BrokenPipeError):
        for line in requests:
            request = ReadingRequest.from_line(line)
            content = requests.read(request.n_bytes)
            try:
                with _bounded_time(request.seconds):
                    tunes = pack_tunes(_tunes(request, content))
                _answer(answers, len(tunes), tunes)
            except MemoryError:
                _answer(answers, OUT_OF_MEMORY, b"")


def _answer(answers: BinaryIO, n_bytes: int, content: bytes) -> None:
    answers.write(b"%d\n" % n_bytes + content)
    answers.flush()


def _tunes(request: ReadingRequest, content: bytes) -> list[WrittenTune | DroppedTune]:
    try:
        tunes = tunes_of_file(content, request.suffix, request.source, request.part)
        return list(islice(tunes, 1 if request.only_first else None))
    except MemoryError:
        raise
    except Exception as problem:  # of a library, whose errors have no common base class
        # Its sentence would not help a user; its name helps whoever mends the reader.
        reason = f"cannot be read: its content makes the reader fail ({type(problem).__name__})"
        return [DroppedTune(request.source, reason)]


def _bound_memory(memory: int) -> None:
    """Limit the address space, where the system does so; elsewhere there is no limit."""
    try:
        import resource  # noqa: PLC0415  not on Windows

        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        return


@contextmanager
def _bounded_time(seconds: float) -> Iterator[None]:
    """End the process if the block takes more processor time than this."""
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds)  # SIGPROF ends the process, which no library can catch
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return
    done = threading.Event()
    threading.Thread(target=_watch, args=(done, time.process_time() + seconds), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _watch(done: threading.Event, end: float) -> None:
    while not done.wait(_WATCH_SECONDS):
        if time.process_time() > end:
            os._exit(OUT_OF_TIME)
