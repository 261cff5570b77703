"""Whether two sets of melodies have a feature alike: the overlap of its two distributions.

Each set's values are smoothed into a density, and the area under both is the overlap: 1 where the sets are alike
in this, 0 where they have nothing in common. Real tunes against other real tunes stay below 1; that is the ceiling
to print beside it. Yang and Lerch, On the evaluation of generative models in music (2018).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chromasonic.melody_generation.melody import FloatArray

_N_POINTS = 512


def overlap(first: FloatArray, second: FloatArray) -> float:
    """The area that the densities of two samples share.

    Gaussian kernels of Scott's width, both densities on one grid: two grids would make areas that cannot be
    compared.

    Args:
        first: A sample, shape (any,); NaN is left out.
        second: Another, likewise.

    Returns:
        0 to 1; NaN where either sample has fewer than two values.

    Example:
        >>> overlap(np.arange(9.0), np.arange(9.0)), overlap(np.arange(9.0), np.arange(9.0) + 100) < 1e-6
        (1.0, True)
    """
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    if min(len(first), len(second)) < 2:
        return float("nan")
    both = np.concatenate([first, second])
    margin = 3 * max(_scott(first), _scott(second)) or 1.0
    grid = np.linspace(both.min() - margin, both.max() + margin, _N_POINTS)
    densities = _density(first, grid), _density(second, grid)
    return float(np.minimum(*densities).sum())


def feature_overlaps(values: Mapping[str, FloatArray], reference: Mapping[str, FloatArray]) -> dict[str, float]:
    """The overlap of each feature that both sets have, by name; the values are those of ``measure`` or of scores."""
    return {name: overlap(values[name], reference[name]) for name in values if name in reference}


def _scott(sample: FloatArray) -> float:
    return float(sample.std(ddof=1) * len(sample) ** -0.2)


def _density(sample: FloatArray, grid: FloatArray) -> FloatArray:
    """The density at each point of the grid, of which all together are 1, shape (number of points,)."""
    # A kernel narrower than the grid would fall between its points: a sample of equal values has width 0.
    width = max(_scott(sample), 2 * (grid[1] - grid[0]))
    # Distances in kernel widths, shape (points, sample).
    density = np.exp(-0.5 * ((grid[:, None] - sample) / width) ** 2).sum(axis=1)
    return np.asarray(density / density.sum(), dtype=np.float64)
