"""A bound on the time that one file may take, for readers of others' making that know none."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class TimeLimitExceeded(BaseException):
    """What ends a reader whose time is over."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``TimeLimitExceeded`` within the block once ``seconds`` are over.

    That takes a timer of the system's that reaches the main thread alone; in other threads, and on Windows, nothing
    is raised.

    Args:
        seconds: More than 0.

    Raises:
        OutOfTime: When they are over; again every second, should somebody have caught it.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def end(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise TimeLimitExceeded

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, end)
    others_left, others_interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if others_left:  # somebody's own timer goes on as if it had never been stopped
            signal.setitimer(signal.ITIMER_REAL, max(others_left - (time.monotonic() - began), 0.001), others_interval)
