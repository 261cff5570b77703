"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p values of several tests to bound the probability of any false positive (Holm 1979).

    Args:
        p_values: The p value of each test; NaN stays NaN and is not counted as a test.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    values = np.array(p_values, dtype=np.float64)
    order = [index for index in np.argsort(values, kind="stable") if not np.isnan(values[index])]
    adjusted, highest = values.copy(), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * values[index]))
        adjusted[index] = highest
    return [float(value) for value in adjusted]
