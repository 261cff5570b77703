"""A reader to be fed with what is almost right, and what it may answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chromasonic.melody_generation.errors import InputError


@dataclass(frozen=True)
class Reader:
    """Something that reads.

    Attributes:
        make: Makes an input; the same chance makes the same input.
        read: Reads it; given a folder of its own.
        refusals: The errors that it may raise.
        is_slow: Whether a hundred thousand inputs would take days.
    """

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], None]
    refusals: tuple[type[Exception], ...] = (InputError,)
    is_slow: bool = field(default=False, kw_only=True)


def tokens_of(text: str) -> tuple[bytes, ...]:
    return tuple(each.encode() for each in text.split())
