"""The error for invalid input of users, and a hint for its message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Input of the user cannot be used.

    The message is one sentence for the user: what is wrong, where, and what to do. Commands print it without a
    traceback and exit with 1. Any other exception is a bug of the program.
    """


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a hint at the name nearest to a misspelt one; empty if none is near.

    Example:
        >>> did_you_mean("mjor", ["major", "minor"]), did_you_mean("x", ["major", "minor"])
        (', did you mean major?', '')
    """
    near = difflib.get_close_matches(name, list(names), n=1)
    return f", did you mean {near[0]}?" if near else ""
