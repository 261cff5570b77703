"""Calls of one function in several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def call_at_once(functions: Sequence[Callable[[], Result]]) -> list[Result]:
    """Call each function in a new thread of its own, all at once; return their results in order.

    Raises:
        Exception: The first error of a function.
    """
    barrier = threading.Barrier(len(functions))

    def call(function: Callable[[], Result]) -> Result:
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as threads:
        return list(threads.map(call, functions))


def call_in_thread(function: Callable[[], Result]) -> Result:
    """Call a function in a new thread; return its result or raise its error."""
    return call_at_once([function])[0]
