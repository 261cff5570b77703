"""Arrays of numbers as short text, for a checkpoint or a JSON file."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence

import numpy as np

from chromasonic.melody_generation.melody import FloatArray, IntArray

_MAX_BYTES = 1 << 27


def packed_counts(values: IntArray) -> str:
    """Return whole numbers from 0 to 2**32 - 1 as text."""
    return _packed(values.astype("<u4").tobytes())


def unpacked_counts(text: str) -> IntArray:
    """Return the numbers of ``packed_counts``.

    Raises:
        ValueError: If the text is damaged, or holds more than 128 MiB.
    """
    return np.frombuffer(_unpacked(text, 4), dtype="<u4").astype(np.int64)


def packed_floats(values: FloatArray) -> str:
    """Return numbers of double precision as text, exactly."""
    return _packed(values.astype("<f8").tobytes())


def unpacked_floats(text: str, shape: Sequence[int]) -> FloatArray:
    """Return the numbers of ``packed_floats``.

    Raises:
        ValueError: If the text is damaged, holds more than 128 MiB, or numbers of another shape.
    """
    return np.frombuffer(_unpacked(text, 8), dtype="<f8").astype(np.float64).reshape(shape)


def _packed(content: bytes) -> str:
    return base64.b85encode(zlib.compress(content, 9)).decode()


def _unpacked(text: str, n_bytes: int) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(base64.b85decode(text), _MAX_BYTES)
    except zlib.error as problem:
        raise ValueError(str(problem)) from problem
    if len(content) % n_bytes or not decompressor.eof:
        raise ValueError("an array of numbers is cut, or too long")
    return content
