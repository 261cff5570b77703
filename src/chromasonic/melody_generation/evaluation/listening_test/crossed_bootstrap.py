"""Intervals of means over answers that share judges and tunes.

Judges and tunes are drawn independently of each other, each with replacement, and an answer counts as often as its
judge and its tune were drawn together (the pigeonhole bootstrap, Owen 2007). An interval is therefore about other
judges and other tunes. Tunes are drawn as matched sets: a real tune with the made ones of the same key, metre and
length.

Few judges vary less among themselves than all that there could be. The quantiles are therefore further out than 2.5 %
and 97.5 % (the expanded percentile interval, Hesterberg 2015). If nobody errs, resampling shows no spread at all, so
the interval of a share is at least Wilson's (1927) of as many independent answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

from chromasonic.melody_generation.measures.bootstrap import Estimate, draw_counts
from chromasonic.melody_generation.melody import FloatArray

_Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class CrossedDraws:
    """Resampled judges and matched sets of tunes.

    Attributes:
        judges: How often each judge is in each resampled group, shape (R, J).
        sets: How often each matched set is in each resampled test, shape (R, P).
        quantiles: The quantiles of the lower and the upper end of an interval.
    """

    judges: FloatArray
    sets: FloatArray
    quantiles: tuple[float, float]

    @classmethod
    def of(cls, n_judges: int, n_sets: int, seed: int = 0, n_resamples: int = 2000) -> CrossedDraws:
        """Draw judges and sets; a single judge is in every draw, so that intervals are about this judge."""
        judges = draw_counts(n_judges, seed, n_resamples)
        sets = draw_counts(n_sets, seed + 1, n_resamples)
        smallest = min((n for n in (n_judges, n_sets) if n > 1), default=1)
        tail = expanded_tail(smallest)
        return cls(judges, sets, (tail, 1 - tail))

    def with_these_judges(self) -> CrossedDraws:
        """Return draws of the same sets with every judge once, for intervals about these judges alone."""
        tail = expanded_tail(self.sets.shape[1])
        return CrossedDraws(np.ones_like(self.judges), self.sets, (tail, 1 - tail))

    def means(self, sums: FloatArray, counts: FloatArray) -> FloatArray:
        """Return the mean in each draw, NaN where it has no answers, shape (R,).

        Args:
            sums: The sum of the answers of each judge to each set, shape (J, P).
            counts: The number of these answers, shape (J, P).
        """
        above, below = (((self.judges @ values) * self.sets).sum(1) for values in (sums, counts))
        return _ratios(above, below)

    def wins(self, pairs: FloatArray, counts: FloatArray) -> FloatArray:
        """Return the mean over pairs of tunes of one judge in each draw, shape (R,).

        Args:
            pairs: The value of each pair, 0 where there is none, shape (J, P, P).
            counts: 1 for each pair that there is, shape (J, P, P).
        """
        above, below = (
            np.einsum("rp,rq,rpq->r", self.sets, self.sets, np.tensordot(self.judges, values, axes=1))
            for values in (pairs, counts)
        )
        return _ratios(above, below)

    def interval(self, value: float, drawn: FloatArray) -> Estimate:
        """Return a value with the interval of its draws; without one if it is not defined."""
        defined = drawn[~np.isnan(drawn)]
        if math.isnan(value) or not len(defined) or len(self.sets[0]) < 2:
            return Estimate(value, math.nan, math.nan)
        low, high = np.quantile(defined, self.quantiles)
        return Estimate(value, min(float(low), value), max(float(high), value))


def _ratios(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return the ratio of two sums in each draw, NaN where the second is 0, shape (R,)."""
    ratios: FloatArray = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratios


def expanded_tail(n: int) -> float:
    """Return the quantile of the lower end of a 95 % interval of a mean over ``n`` drawn things.

    Example:
        >>> round(expanded_tail(10_000), 4), round(expanded_tail(8), 4)
        (0.025, 0.0057)
    """
    if n < 2:
        return 0.025
    return float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.025)))


def wilson(share: float, n: float) -> Estimate:
    """Return a share with Wilson's 95 % interval.

    Args:
        share: The share of successes, 0 to 1.
        n: The number of independent trials.

    Example:
        >>> wilson(1.0, 20)
        Estimate(value=1.0, low=0.8388..., high=1.0)
    """
    if not n or math.isnan(share):
        return Estimate(share, math.nan, math.nan)
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def mean_of_shares(first: Estimate, second: Estimate) -> Estimate:
    """Return the mean of two independent shares, with an interval from both of theirs (MOVER, Zou and Donner 2008)."""
    value = (first.value + second.value) / 2
    low = value - math.hypot(first.value - first.low, second.value - second.low) / 2
    high = value + math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, low, high)


def wider(first: Estimate, second: Estimate) -> Estimate:
    """Return the first estimate, with an interval that contains those of both."""
    ends = [(each.low, each.high) for each in (first, second) if not math.isnan(each.low)]
    if not ends:
        return first
    return Estimate(first.value, min(low for low, _ in ends), max(high for _, high in ends))
