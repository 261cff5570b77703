"""Agreement between judges: Krippendorff's alpha (Krippendorff 2004, Content Analysis, chapter 11).

1 is agreement in everything, 0 what chance would give, and less than 0 is disagreement beyond chance. Judges may have
left out tunes.
"""

from __future__ import annotations

import math

import numpy as np

from chromasonic.melody_generation.measures.bootstrap import Estimate, draw_counts
from chromasonic.melody_generation.melody import FloatArray


def krippendorff_alpha(
    answers: FloatArray, *, is_nominal: bool = False, seed: int = 0, n_resamples: int = 1000
) -> Estimate:
    """Return Krippendorff's alpha, with its 95 % bootstrap interval over tunes.

    The difference of two answers is their squared distance (alpha for interval scales), or, if the answers are names
    of kinds, 1 where they are unequal (nominal scales). Judges are not resampled: one who is drawn twice would agree
    with himself.

    Args:
        answers: Answers of J judges on N tunes, NaN where there is none, shape (J, N).
        is_nominal: Whether the answers are names of kinds instead of numbers on a scale.
        seed: Seed of the draws.
        n_resamples: Number of resampled sets of tunes.

    Returns:
        Alpha; NaN if no tune has two answers, or all answers are the same.

    Example:
        >>> krippendorff_alpha(np.array([[1.0, 2, 3, 5], [1, 2, 3, 5]])).value
        1.0
    """
    values = np.unique(answers[~np.isnan(answers)])
    counts = (answers[:, :, None] == values).sum(0).astype(np.float64)  # (N, K)
    counts = counts[counts.sum(1) >= 2]
    if len(counts) < 1:
        return Estimate(math.nan, math.nan, math.nan)
    distances = values[:, None] - values  # (K, K)
    distances = (distances != 0).astype(np.float64) if is_nominal else distances**2
    value = float(_alpha(np.ones((1, len(counts))), counts, distances)[0])
    drawn = _alpha(draw_counts(len(counts), seed, n_resamples), counts, distances)
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or len(counts) < 2 or not len(drawn):
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(value, float(low), float(high))


def _alpha(draws: FloatArray, counts: FloatArray, distances: FloatArray) -> FloatArray:
    """Return alpha in each draw of tunes, shape (R,).

    Args:
        draws: How often each tune is drawn, shape (R, N).
        counts: How many judges gave each answer to each tune, shape (N, K).
        distances: The difference of each pair of answers, shape (K, K).
    """
    sizes = counts.sum(1)  # (N,)
    within = np.einsum("nk,nl,kl->n", counts, counts, distances) / (sizes - 1)
    n = draws @ sizes  # (R,)
    totals = draws @ counts  # (R, K)
    between = np.einsum("rk,rl,kl->r", totals, totals, distances)
    observed, expected = (draws @ within) / n, between / (n * (n - 1))
    ratio: FloatArray = np.divide(observed, expected, out=np.full(len(draws), np.nan), where=expected > 0)
    return 1 - ratio
