from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
from tests.in_threads import call_at_once

from chromasonic.melody_generation.threads.process_lock import ProcessLock


def is_free(lock: ProcessLock, seconds: float = 30) -> bool:
    """Return whether another thread gets a lock within some seconds."""
    waited: list[str] = []

    def take() -> None:
        with lock.held():
            waited.append("held")

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    thread.join(timeout=seconds)
    return bool(waited)


def test_one_thread_holds_a_lock_at_a_time_and_may_take_it_again() -> None:
    lock = ProcessLock()
    n_inside, most = 0, 0

    def work() -> None:
        nonlocal n_inside, most
        for _ in range(20):
            with lock.held(), lock.held():
                n_inside += 1
                most = max(most, n_inside)
                time.sleep(0.0001)  # lets others run
                n_inside -= 1

    call_at_once([work] * 4)
    assert most == 1


def test_a_lock_is_free_after_an_error() -> None:
    lock = ProcessLock()
    with pytest.raises(KeyError), lock.held():
        raise KeyError
    assert is_free(lock)


def test_waiting_is_told_once_and_only_if_a_thread_waits(capsys: pytest.CaptureFixture[str]) -> None:
    lock = ProcessLock()
    with lock.held("waits"), lock.held("waits"):
        pass
    assert capsys.readouterr().out == ""

    def wait() -> None:
        with lock.held("waits"):
            pass

    thread, told, latest = threading.Thread(target=wait), "", time.monotonic() + 30
    with lock.held():
        thread.start()
        while not told and time.monotonic() < latest:
            time.sleep(0.01)
            told += capsys.readouterr().out
        assert thread.is_alive()
    thread.join()
    assert told + capsys.readouterr().out == "waits\n"


def test_a_decorated_function_holds_the_lock_in_every_call() -> None:
    lock = ProcessLock()

    @lock.held()
    def work() -> bool:
        return is_free(lock, seconds=0.2)

    assert [work(), work()] == [False, False]
    assert is_free(lock)


def exit_code_of_child(function: Callable[[], None]) -> int:
    """Fork, call a function in the child, and return 7 if it ended there."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends a child that waits
        function()
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def take(lock: ProcessLock) -> None:
    with lock.held():
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*")
def test_a_forked_child_can_take_a_lock_that_another_thread_holds() -> None:
    lock, release, is_held = ProcessLock(delays_forks=False), threading.Event(), threading.Event()

    def hold() -> None:
        with lock.held():
            is_held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    code = exit_code_of_child(lambda: take(lock))
    release.set()
    thread.join()
    assert code == 7
    assert is_free(lock)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*")
def test_the_thread_that_holds_a_lock_may_fork() -> None:
    lock = ProcessLock()
    with lock.held():
        assert exit_code_of_child(lambda: take(lock)) == 7
        assert not is_free(lock, seconds=0.2)
    assert is_free(lock)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*")
def test_a_fork_waits_until_no_other_thread_is_within_the_block() -> None:
    lock, is_held = ProcessLock(), threading.Event()
    is_within = False

    def hold() -> None:
        nonlocal is_within
        with lock.held():
            is_within = True
            is_held.set()
            time.sleep(0.1)
            is_within = False

    def check() -> None:
        if is_within:
            os._exit(1)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    assert exit_code_of_child(check) == 7
    thread.join()
    assert is_free(lock)
