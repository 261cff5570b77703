"""The time limit interrupts a block and restores the timer that was running before."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from typing import NoReturn

import pytest

from chromasonic.melody_generation.io.time_limit import TimeLimitExceeded, time_limit


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_block_is_interrupted_after_the_limit() -> None:
    began = time.monotonic()
    with pytest.raises(TimeLimitExceeded), time_limit(0.05):
        spin(5)
    assert time.monotonic() - began < 4


def test_a_block_within_the_limit_and_the_code_after_it_are_not_interrupted() -> None:
    with time_limit(0.05):
        pass
    spin(0.1)


@pytest.mark.slow
def test_a_block_that_catches_everything_is_interrupted_again() -> None:
    began = time.monotonic()

    def spin_twice() -> None:
        with suppress(BaseException):
            spin(5)
        spin(10)

    with pytest.raises(TimeLimitExceeded), time_limit(0.01):
        spin_twice()
    assert time.monotonic() - began < 8


def test_a_running_timer_continues_after_the_block() -> None:
    class Rang(Exception):  # noqa: N818
        pass

    def ring(*_: object) -> NoReturn:
        raise Rang

    def read_and_go_on() -> None:
        with time_limit(10):
            spin(0.05)
        spin(5)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Rang):
            read_and_go_on()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_are_not_interrupted() -> None:
    done = []

    def run() -> None:
        with time_limit(0.01):
            spin(0.1)
        done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]
