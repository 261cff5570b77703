"""A time limit for library code that has none."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class TimeLimitExceeded(BaseException):
    """The time limit was exceeded; a BaseException, so that library code does not catch it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise an error within the block after a number of seconds.

    The limit uses a system timer that interrupts the main thread only. In other threads, and on Windows, there is no
    limit.

    Args:
        seconds: The limit, more than 0.

    Raises:
        TimeLimitExceeded: After the limit, and again every second in case library code catches it.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def end(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise TimeLimitExceeded

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, end)
    previous_delay, previous_interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if previous_delay:  # a timer that was running goes on as if it had never been stopped
            delay = max(previous_delay - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, delay, previous_interval)
