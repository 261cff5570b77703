"""Many threads at once get the results of one thread, also from pools, from asyncio and in other processes.

``python -m tests.breaking.threads`` runs for any time.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.breaking import threads
from tests.in_threads import call_at_once

from chromasonic.melody_generation.io.export import render
from chromasonic.melody_generation.melody import Melody

pytestmark = pytest.mark.usefixtures("drawn")


def rendered() -> dict[str, bytes]:
    """Return the pictures of a melody: a score and a piano roll."""
    return render(Melody([60, 64, 67, 72, 71, 69], [24, 24, 48, 24, 48, 24], title="A tune"), formats=["svg", "roll"])


@pytest.mark.slow
def test_eight_threads_get_the_results_of_one_thread() -> None:
    outcome = threads.run(1, 8, ("generate in", "generate with lstm", "write", "read", "evaluate", "train"), seed=1)
    assert outcome.faults == {}
    assert outcome.n_calls.total() >= 8


NUMBERS = itertools.count()
FAULTY: dict[str, threads.Task] = {
    "task: another result than in one thread": lambda _: str(next(NUMBERS)),
    "files: another result than in one thread": lambda folder: str((folder / "x").write_text(str(next(NUMBERS)))),
    "random state of Python changed": lambda _: str(random.random() < 2),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_other_results_and_changes_are_found(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(threads, "make_tasks", lambda folder: {fault.partition(":")[0]: FAULTY[fault]})
    outcome = threads.run(seconds=0.05, n_threads=2)
    assert fault in outcome.faults


def test_errors_in_threads_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_in_thread(folder: Path) -> str:
        del folder
        if threading.current_thread() is not threading.main_thread():
            raise ZeroDivisionError("division by zero")
        return ""

    monkeypatch.setattr(threads, "make_tasks", lambda folder: {"task": fail_in_thread})
    assert "task: ZeroDivisionError: division by zero" in threads.run(seconds=0.05, n_threads=2).faults


def test_tasks_of_asyncio_and_of_a_pool_get_the_same_files() -> None:
    expected = rendered()

    async def gather() -> list[dict[str, bytes]]:
        return await asyncio.gather(*(asyncio.to_thread(rendered) for _ in range(4)))

    # In a thread of its own, since the tests in a browser have a running loop in the main thread.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(gather())).result() == [expected] * 4
    with ThreadPoolExecutor(2) as pool:
        assert [future.result() for future in [pool.submit(rendered) for _ in range(4)]] == [expected] * 4


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*")
def test_workers_that_are_forked_while_threads_draw_get_the_same_files() -> None:
    expected = rendered()
    until = time.monotonic() + 60
    ended: list[bool] = []

    def work() -> dict[str, bytes]:
        with multiprocessing.get_context("fork").Pool(1) as pool:  # leaving the block ends a worker that hangs
            try:
                return pool.apply_async(rendered).get(timeout=50)
            finally:
                ended.append(True)

    def draw() -> dict[str, bytes]:
        while not ended and time.monotonic() < until:
            rendered()
        return expected

    assert call_at_once([work, draw, draw]) == [expected] * 3
