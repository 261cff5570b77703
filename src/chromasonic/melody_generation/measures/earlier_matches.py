"""Repetition within a tune: the length of the longest earlier match at every token."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from chromasonic.melody_generation.melody import IntArray


def longest_earlier_matches(tokens: ArrayLike) -> IntArray:
    """Return, for every token, the length of the longest suffix that already occurred earlier in the sequence.

    Formula: at index t the largest n with ``tokens[t - n + 1 : t + 1] == tokens[j - n + 1 : j + 1]`` for some j < t;
    the two may overlap. Range: 0 to t. Shape (0,) for an empty sequence. Source: the unbounded context of PPM*
    (Cleary & Teahan 1997).

    Args:
        tokens: Token ids of a melody, or any other values, shape (S,).

    Returns:
        Shape (S,).

    Example:
        >>> longest_earlier_matches([5, 6, 7, 5, 6, 8, 6]).tolist()
        [0, 0, 0, 1, 2, 0, 1]
    """
    values = np.asarray(tokens).reshape(-1)
    longest = np.zeros(len(values), dtype=np.int64)
    lengths = np.zeros(len(values) + 1, dtype=np.int64)  # lengths[j + 1]: of the match of index with j
    for index in range(1, len(values)):
        lengths[1 : index + 1] = (lengths[:index] + 1) * (values[:index] == values[index])
        lengths[0] = 0
        longest[index] = lengths[1 : index + 1].max()
    return longest
