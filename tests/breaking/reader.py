"""The description of a reader to be fuzzed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chromasonic.melody_generation.errors import InputError


@dataclass(frozen=True)
class Reader:
    """A reader and the inputs to feed it.

    Attributes:
        make: Makes an input; equal random states make equal inputs.
        read: Reads the input; it gets an empty directory.
        refusals: The errors that the reader may raise.
        is_slow: Whether a hundred thousand inputs would take days.
    """

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], None]
    refusals: tuple[type[Exception], ...] = (InputError,)
    is_slow: bool = field(default=False, kw_only=True)


def tokens_of(text: str) -> tuple[bytes, ...]:
    return tuple(token.encode() for token in text.split())
