"""A lock for a library whose state all threads of a process share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chromasonic.melody_generation.printing.terminal_output import print_lines


class ProcessLock:
    """A lock that one thread of a process holds at a time; that thread may take it again.

    A forked child gets a free lock: the thread that held it in the parent does not exist in the child.

    Args:
        delays_forks: Whether a fork waits until no other thread holds the lock. Otherwise the child gets the library in
            the middle of a call, and waits forever for a lock within it.

    Example:
        >>> drawing = ProcessLock()
        >>> with drawing.held():
        ...     print("no other thread draws")
        no other thread draws
    """

    def __init__(self, *, delays_forks: bool = True) -> None:
        self._renew()
        if not hasattr(os, "register_at_fork"):  # Windows does not fork
            return
        if delays_forks:
            os.register_at_fork(before=self._acquire, after_in_parent=self._release)
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def _acquire(self) -> None:
        self._lock.acquire()

    def _release(self) -> None:
        self._lock.release()

    @contextmanager
    def held(self, waiting: str = "") -> Iterator[None]:
        """Hold the lock within a block, or within a function that this decorates.

        Args:
            waiting: A line to print if another thread holds the lock; empty for none.
        """
        lock = self._lock  # a child forked within the block releases the lock that was taken, not its new one
        if not lock.acquire(blocking=False):
            if waiting:
                print_lines(waiting)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
