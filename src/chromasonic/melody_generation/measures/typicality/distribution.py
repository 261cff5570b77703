"""The distributions of features over training tunes, and how far out values are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from chromasonic.melody_generation.melody import FloatArray

GRID = np.linspace(0, 1, 101)
_TAIL = 0.2
_LARGEST_SCORE = 6.0
_OUTER, _INNER = 3, 12  # per cent
_AT_ONCE = 500  # melodies


@dataclass(frozen=True, eq=False)
class Distributions:
    """Distributions of F features over training tunes.

    Attributes:
        quantiles: Quantiles at 0, 1, ... 100 % of the defined values of each feature, shape (F, 101); NaN if none is
            defined.
        undefined: Fraction of the tunes for which each feature is not defined, shape (F,).
        n_melodies: Number of tunes.
    """

    quantiles: FloatArray
    undefined: FloatArray
    n_melodies: int

    @classmethod
    def fit(cls, values: FloatArray) -> Distributions:
        """Fit the distributions to values of tunes, NaN where they are not defined, shape (number of tunes, F)."""
        missing = np.isnan(values)
        quantiles = np.full((values.shape[1], len(GRID)), np.nan)
        for feature in np.flatnonzero(~missing.all(axis=0)):
            quantiles[feature] = np.quantile(values[~missing[:, feature], feature], GRID)
        return cls(quantiles, missing.mean(axis=0), len(values))

    def scores(self, values: FloatArray, more_is_fine: NDArray[np.bool_]) -> FloatArray:
        """Return the score of each value by its own feature, 0 to 1, shape (number of melodies, F).

        Args:
            values: Shape (number of melodies, F).
            more_is_fine: Features of which only low values score low, shape (F,).
        """
        at_most, at_least = self._fraction(values, "right"), 1 - self._fraction(values, "left")
        # A fraction of all tunes, not only of those with a value.
        defined = (1 - self.undefined) * np.where(more_is_fine, at_most, np.minimum(at_most, at_least))
        tail = np.where(np.isnan(values), self.undefined, 2 * defined)
        # The melody itself counts as one more tune, half in either tail: a value outside those of twenty tunes is not
        # impossible.
        n = self.n_melodies
        return np.minimum(1, (n * tail + 1) / (n + 1) / _TAIL)

    def normal_scores(self, values: FloatArray) -> FloatArray:
        """Return the distance of each value from the median as a standard normal variable has it.

        Formula: ``ndtri(F(x))`` with the fraction F of tunes below x and half of those at x (Gaussian copula). Beyond
        the outer 3 % the distance grows as far as x does, by the scale of the outer 12 %, up to 6: ranks alone would
        not tell an odd tune from noise. An undefined value is as far out as the fraction of tunes without a value.

        Args:
            values: Shape (number of melodies, F).
        """
        n = self.n_melodies
        fraction = (self._fraction(values, "left") + self._fraction(values, "right")) / 2
        scores = ndtri((n * fraction + 0.5) / (n + 1))
        z_outer = -ndtri(_OUTER / 100)
        for sign, (outer, scale) in self._tails.items():
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                beyond = np.maximum(values * sign - outer, 0)
                far = np.where((beyond > 0) & (scale > 0), z_outer + beyond / scale, -np.inf)
            scores = np.where(far > scores * sign, sign * far, scores)
        undefined = -ndtri(np.minimum(1, (n * self.undefined + 1) / (n + 1)) / 2)
        scores = np.where(np.isnan(values), undefined, scores)
        return np.asarray(scores.clip(-_LARGEST_SCORE, _LARGEST_SCORE), dtype=np.float64)

    @cached_property
    def _tails(self) -> dict[int, tuple[FloatArray, FloatArray]]:
        """The beginning of each tail and its scale, by sign, each of shape (F,)."""
        z_outer, z_inner = -ndtri(_OUTER / 100), -ndtri(_INNER / 100)
        tails = {}
        for sign in (-1, 1):
            outer, inner, median = (self.quantiles[:, 50 + sign * (50 - at)] * sign for at in (_OUTER, _INNER, 50))
            # Many tunes may share a value: then by half of the distance to the median.
            tails[sign] = outer, np.maximum((outer - inner) / (z_outer - z_inner), (outer - median) / z_outer / 2)
        return tails

    def _fraction(self, values: FloatArray, side: Literal["left", "right"]) -> FloatArray:
        """Return the fraction of defined values that are at most (right) or less than (left) each value.

        It is 1/2 where a value, or the whole feature, is not defined.
        """
        parts = [self._fraction_of_some(values[i : i + _AT_ONCE], side) for i in range(0, len(values), _AT_ONCE)]
        return np.concatenate([np.zeros((0, len(self.undefined))), *parts])

    def _fraction_of_some(self, values: FloatArray, side: Literal["left", "right"]) -> FloatArray:
        grid, n_grid = self.quantiles, len(GRID)
        below = grid <= values[..., None] if side == "right" else grid < values[..., None]  # (melodies, F, 101)
        above = below.sum(axis=2)
        upper = above.clip(1, n_grid - 1)
        feature = np.arange(len(grid))
        low, high = grid[feature, upper - 1], grid[feature, upper]
        # Between two quantiles the distribution is uniform.
        width = high - low
        with np.errstate(over="ignore", invalid="ignore"):  # far beyond a narrow interval: infinite, and clipped
            within = np.where(width > 0, (values - low) / np.where(width > 0, width, 1), 0).clip(0, 1)
        inside = GRID[upper - 1] + within * (GRID[upper] - GRID[upper - 1])
        fraction = np.where(above == 0, 0, np.where(above == n_grid, 1, inside))
        return np.where(np.isnan(values) | np.isnan(grid[:, 0]), 0.5, fraction)
