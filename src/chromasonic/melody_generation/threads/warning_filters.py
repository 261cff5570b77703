"""Filters of warnings, which all threads of a process share."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_filter_numbers = itertools.count()


@contextmanager
def ignoring_warnings(*messages: str) -> Iterator[None]:
    """Ignore warnings within a block, in all threads, and leave all other filters as they are.

    ``warnings.catch_warnings`` puts back the list of filters that it found. In two threads at once, the second puts
    back the filters of the first, for good. This adds filters to the list, and removes these alone.

    Args:
        messages: Regular expressions for the beginnings of the messages.
    """
    mark = f"(?#chromasonic {next(_filter_numbers)})"  # a comment, so that no other block has the same filter
    filters = warnings.filters
    for message in messages:
        warnings.filterwarnings("ignore", message=f"{mark}{message}")
    try:
        yield
    finally:
        # The present list is another one if a ``catch_warnings`` began or ended in the meantime.
        for changed in (filters, warnings.filters):
            for entry in list(changed):
                if isinstance(entry[1], re.Pattern) and entry[1].pattern.startswith(mark):
                    changed.remove(entry)  # type: ignore[attr-defined]
