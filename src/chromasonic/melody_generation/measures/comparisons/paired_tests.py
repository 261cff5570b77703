"""Tests of a difference on the same tunes, for these runs: a studentised bootstrap and a sign-flip test.

A difference in bits per note is a ratio D = sum(g) / sum(n) over tunes, of gaps g in bits and lengths n in notes. Gaps
are skewed: where one model finds a tune hard, the other may need many times its bits. A sign-flip test assumes that
gaps are symmetric about 0, and a percentile interval that the distribution of D is; both reject too often under skew
(docs/statistics.md has the simulations). A studentised bootstrap needs neither (Efron & Tibshirani 1993, An
Introduction to the Bootstrap, chapter 12; Hall 1992, The Bootstrap and Edgeworth Expansion).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from chromasonic.melody_generation.measures.bootstrap import Estimate, draw_counts
from chromasonic.melody_generation.melody import FloatArray

N_RESAMPLES = 9999
_ENDS = (0.025, 0.975)
# Rounding: residuals smaller than this share of the largest gap are none.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class RatioTest:
    """The test of a ratio over tunes against 0.

    Attributes:
        ratio: The ratio with its 95 % interval.
        variance: The sampling variance of the ratio over tunes.
        p_value: Probability of a ratio at least as far from 0 if there is no difference.
    """

    ratio: Estimate
    variance: float
    p_value: float


def ratio_variance(gap: FloatArray, n_notes: FloatArray) -> float:
    """Return the variance of ``sum(gap) / sum(n_notes)`` over samples of tunes, by linearisation (Cochran 1977).

    Formula: ``N / (N - 1) * sum((g - D n)^2) / sum(n)^2`` for N tunes; 0 if all gaps are proportional to the lengths.
    """
    residuals = _residuals(gap, n_notes)
    n = len(gap)
    return float(n / (n - 1) * (residuals**2).sum() / n_notes.sum() ** 2)


def paired_test(gap: FloatArray, n_notes: FloatArray, *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> RatioTest:
    """Test whether a ratio over tunes differs from 0, and return its interval.

    Formula: tunes are drawn with replacement. Each draw gives ``t* = (D* - D) / s*``, with its own standard error s*.
    The interval is ``[D - t*(.975) s, D - t*(.025) s]``, and the p value is twice the smaller tail of ``t*`` beyond
    ``D / s``.

    The tune that would matter most may be missing: of 103 tunes drawn from as many, one in 103 is missing from every
    third sample. So each end of the interval, and the p value, are those of the tunes and one more, whose gap is as far
    from its share of the difference as the farthest seen, on the side of that end (for p: towards 0 and beyond). The p
    value is never below that of the sign-flip test: with few tunes the bootstrap draws too few different samples.

    Args:
        gap: Bits of the first model minus bits of the second for each tune, finite, shape (N,), N of 2 or more.
        n_notes: Notes of each tune, shape (N,).
        seed: Seed of the draws.
        n_resamples: Number of draws; the lowest p value is 2 / (n_resamples + 1).
    """
    value = float(gap.sum() / n_notes.sum())
    below, above = (_with_extreme_tune(gap, n_notes, side) for side in (-1, 1))
    lower, upper = (_Pivots.of(*tunes, seed, n_resamples) for tunes in (below, above))
    against = lower if value > 0 else upper
    # A draw of one tune, again and again, has no standard error: with few tunes an end of the interval is not defined.
    ends = min(value, lower.end(_ENDS[1])), max(value, upper.end(_ENDS[0]))
    interval = Estimate(value, *(ends if np.isfinite(ends).all() else (float("nan"), float("nan"))))
    p_value = max(against.p_value(), sign_flip_p_value(gap, seed=seed, n_resamples=n_resamples))
    return RatioTest(interval, ratio_variance(gap, n_notes), p_value)


def _with_extreme_tune(gap: FloatArray, n_notes: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """Return the tunes and one more, whose residual is as large as the largest, with the sign ``side``."""
    residuals = _residuals(gap, n_notes)
    farthest = int(np.abs(residuals).argmax())
    share = gap[farthest] - residuals[farthest]  # of the difference, by its length
    return np.append(gap, share + side * abs(residuals[farthest])), np.append(n_notes, n_notes[farthest])


@dataclass(frozen=True)
class _Pivots:
    """A ratio, its standard error, and ``(D* - D) / s*`` of every draw, shape (B,)."""

    value: float
    error: float
    drawn: FloatArray

    @classmethod
    def of(cls, gap: FloatArray, n_notes: FloatArray, seed: int, n_resamples: int) -> _Pivots:
        drawn = _bootstrap_pivots(_residuals(gap, n_notes), n_notes, _drawn(len(gap), seed, n_resamples))
        return cls(float(gap.sum() / n_notes.sum()), ratio_variance(gap, n_notes) ** 0.5, drawn)

    def end(self, share: float) -> float:
        """Return the end of an interval by the quantile of the draws."""
        return self.value - float(np.quantile(self.drawn, share, method="inverted_cdf")) * self.error

    def p_value(self) -> float:
        """Return twice the smaller tail of the draws beyond the ratio."""
        infinite = float(np.copysign(np.inf, self.value)) if self.value else 0.0
        observed = self.value / self.error if self.error else infinite
        tails = ((self.drawn >= observed).sum() + 1, (self.drawn <= observed).sum() + 1)
        return min(1.0, 2 * float(min(tails)) / (len(self.drawn) + 1))


def sign_flip_p_value(gap: FloatArray, *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> float:
    """Return the p value of a sign-flip test of ``sum(gap)`` against 0 (Good 2005).

    If there are at most ``n_resamples`` combinations of signs, all are used. Otherwise random ones and the observed one
    are (Phipson & Smyth 2010).
    """
    n = len(gap)
    is_exact = 2**n <= n_resamples
    signs = _all_signs(n) if is_exact else _drawn_signs(n, seed, n_resamples)
    is_as_large = np.abs(signs @ gap) >= np.abs(gap.sum()) * (1 - 1e-12)  # rounding depends on the order of the sum
    return float(is_as_large.mean() if is_exact else (is_as_large.sum() + 1) / (n_resamples + 1))


def _residuals(gap: FloatArray, n_notes: FloatArray) -> FloatArray:
    """Return the part of each gap, in bits, that is not proportional to the length of its tune."""
    residuals = gap - gap.sum() / n_notes.sum() * n_notes
    is_rounding = np.abs(residuals).max() <= _ROUNDING * np.abs(gap).max()
    return np.zeros_like(residuals) if is_rounding else residuals


def _bootstrap_pivots(residuals: FloatArray, n_notes: FloatArray, draws: FloatArray) -> FloatArray:
    """Return ``(D* - D) / s*`` of each draw; infinite where the draw has no standard error.

    Args:
        residuals: As by ``_residuals``, shape (N,).
        n_notes: Notes of each tune, shape (N,).
        draws: How often each tune is in each draw, shape (B, N).
    """
    n = len(residuals)
    moments = np.stack([residuals, n_notes, residuals**2, residuals * n_notes, n_notes**2], axis=1)  # (N, 5)
    gaps, notes, of_gaps, of_both, of_notes = (draws @ moments).T  # (B,) each
    shift = gaps / notes  # D* - D
    squares = of_gaps - 2 * shift * of_both + shift**2 * of_notes
    is_constant = squares <= _ROUNDING * of_gaps
    errors = np.sqrt(np.where(is_constant, 1.0, squares) * n / (n - 1)) / notes
    without_error = np.where(shift != 0, np.copysign(np.inf, shift), 0.0)
    return np.where(is_constant, without_error, shift / errors)


@lru_cache(maxsize=2)
def _drawn(n: int, seed: int, n_resamples: int) -> FloatArray:
    draws = draw_counts(n, seed, n_resamples)
    draws.flags.writeable = False
    return draws


@lru_cache(maxsize=2)
def _drawn_signs(n: int, seed: int, n_resamples: int) -> FloatArray:
    signs: FloatArray = np.random.default_rng(seed).choice((-1.0, 1.0), (n_resamples, n))
    signs.flags.writeable = False
    return signs


def _all_signs(n: int) -> FloatArray:
    """Return all combinations of n signs, shape (2 ** n, n)."""
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return np.asarray(2.0 * bits - 1)
