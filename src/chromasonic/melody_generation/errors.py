"""The error for invalid input of users, a hint for its message, and the signs of too little memory."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Input of the user cannot be used.

    The message is one sentence for the user: what is wrong, where, and what to do. Commands print it without a
    traceback and exit with 1. Any other exception is a bug of the program.

    Args:
        sentences: The message; several sentences if there are several faults.
    """

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)

    def __str__(self) -> str:
        return "\n".join(self.args)


# Parts of messages by which libraries that have no error of their own report a lack of memory.
_LACKS = ("allocate memory", "out of memory", "bad_alloc", "bad allocation", "ALLOC_FAILED", "not enough memory")
_LACKS_FOR_LIBRARIES = ("failed to map segment", "Cannot allocate memory", "can't start new thread")


def is_lack_of_memory(problem: BaseException) -> bool:
    """Return whether an error is a lack of memory, of the computer, of a GPU, or of what a limit leaves; or due to one.

    Example:
        >>> is_lack_of_memory(MemoryError()), is_lack_of_memory(RuntimeError("CUDA out of memory"))
        (True, True)
        >>> is_lack_of_memory(RuntimeError("a fault of the program"))
        False
    """
    chain: list[BaseException] = []
    current: BaseException | None = problem
    while current is not None and current not in chain:
        chain.append(current)  # while a file is closed after a lack of memory, another error may follow
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return any(map(_says_lack_of_memory, chain))


def _says_lack_of_memory(problem: BaseException) -> bool:
    if isinstance(problem, MemoryError) or getattr(problem, "errno", None) == errno.ENOMEM:
        return True
    if not isinstance(problem, RuntimeError | ImportError | OSError | SystemError):
        return False
    return any(lack in str(problem) for lack in (*_LACKS, *_LACKS_FOR_LIBRARIES))


@contextmanager
def explaining_lack_of_memory(purpose: str, advice: str) -> Iterator[None]:
    """Turn a lack of memory within a block into one sentence.

    Args:
        purpose: What the memory is for, with its sizes, such as "200 melodies of up to 512 notes".
        advice: What to make smaller.

    Raises:
        InputError: If there is not enough memory.
    """
    try:
        yield
    except Exception as problem:
        if isinstance(problem, InputError) or not is_lack_of_memory(problem):
            raise
        raise InputError(f"there is not enough memory for {purpose}: {advice}") from problem


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a hint at the name nearest to a misspelt one; empty if none is near.

    Capital letters make no difference.

    Example:
        >>> did_you_mean("mjor", ["major", "minor"]), did_you_mean("x", ["major", "minor"])
        (', did you mean major?', '')
        >>> did_you_mean("LSTM", ["lstm", "ppm"])
        ', did you mean lstm?'
    """
    spelled = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), list(spelled), n=1)
    return f", did you mean {spelled[near[0]]}?" if near else ""
