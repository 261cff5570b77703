"""Overlap of the distributions of a feature in two sets of melodies.

The values of each set are smoothed into a density, and the overlap is the area under both densities: 1 for equal
distributions, 0 for disjoint ones. Two sets of real tunes stay below 1, which is the ceiling to report with it. Source:
Yang & Lerch, On the evaluation of generative models in music (2018).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chromasonic.melody_generation.melody import FloatArray

_N_POINTS = 512


def overlap(first: FloatArray, second: FloatArray) -> float:
    """Return the area under the densities of both samples.

    Formula: ``sum of min(p, q)`` over one grid, where p and q are densities with Gaussian kernels of Scott's width that
    sum to 1. Range: 0 to 1. NaN if either sample has fewer than two values.

    Args:
        first: A sample, shape (any,); NaN is ignored.
        second: Another sample, shape (any,); NaN is ignored.

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
    """Return the overlap of each feature that both sets have, by name."""
    return {name: overlap(values[name], reference[name]) for name in values if name in reference}


def _scott(sample: FloatArray) -> float:
    return float(sample.std(ddof=1) * len(sample) ** -0.2)


def _density(sample: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the density at each point of the grid, shape (number of points,); the densities sum to 1."""
    # A kernel narrower than the grid would miss its points; a sample of equal values has width 0.
    width = max(_scott(sample), 2 * (grid[1] - grid[0]))
    # Distances in kernel widths, shape (points, sample).
    density = np.exp(-0.5 * ((grid[:, None] - sample) / width) ** 2).sum(axis=1)
    return np.asarray(density / density.sum(), dtype=np.float64)
