"""Does it come again? How long the tune has been repeating an earlier stretch of itself, at each of its tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from chromasonic.melody_generation.melody import IntArray


def longest_earlier_matches(tokens: ArrayLike) -> IntArray:
    """The length of the longest run that ends with each token and ended earlier in the sequence as well.

    Formula: at place t the largest n with ``tokens[t - n + 1 : t + 1] == tokens[j - n + 1 : j + 1]`` for some j < t;
    the two may overlap. Range 0 to the place. Shape (0,) for an empty sequence. The context of prediction by partial
    matching without bound (Cleary & Teahan 1997, PPM*).

    Args:
        tokens: What is compared, such as the token ids of a melody, shape (S,).

    Returns:
        Shape (S,).

    Example:
        >>> longest_earlier_matches([5, 6, 7, 5, 6, 8, 6]).tolist()
        [0, 0, 0, 1, 2, 0, 1]
    """
    values = np.asarray(tokens).reshape(-1)
    longest = np.zeros(len(values), dtype=np.int64)
    row = np.zeros(len(values) + 1, dtype=np.int64)  # one place later: how long the match is that ends at each place
    for place in range(1, len(values)):
        row[1 : place + 1] = (row[:place] + 1) * (values[:place] == values[place])
        row[0] = 0
        longest[place] = row[1 : place + 1].max()
    return longest
