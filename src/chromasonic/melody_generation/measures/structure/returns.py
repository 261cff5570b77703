"""Features of form: what returns, and after how many bars.

Parts of dance tunes have eight bars in two phrases of four, and phrases begin alike or end alike. The likeness of two
bars is the fraction of eighth-note slots in which both sound the same pitch. All features are NaN for the empty melody,
in free metre, and where there are too few bars. Source: after the fitness of repetitions in Müller, Jiang & Grosche, A
robust fitness measure for capturing repetitions in music recordings (2013), and the structure measures of Dai et al.
(2022).
"""

from __future__ import annotations

import numpy as np

from chromasonic.melody_generation.measures.structure.bar_grid import BarGrid, bar_grid
from chromasonic.melody_generation.melody import IntArray, Melody

_PHRASE = 4
_SQUARE, _ODD = (2, 4, 8, 16), (3, 5, 6)
_SQUARE_RHYTHM, _ODD_RHYTHM = (2, 4, 8, 16), (3, 5)
_NAN = float("nan")


def return_after_4(melody: Melody) -> float:
    """Return the mean likeness of bars four bars apart. Range: 0 to 1.

    Example:
        >>> return_after_4(Melody([60, 62, 64, 65] * 2, [96] * 8))
        1.0
    """
    return bar_grid(melody).agreement(4)


def return_after_8(melody: Melody) -> float:
    """Return the mean likeness of bars eight bars apart. Range: 0 to 1."""
    return bar_grid(melody).agreement(8)


def rhythm_after_4(melody: Melody) -> float:
    """Return the fraction of slots that agree in having an onset, in bars four bars apart. Range: 0 to 1."""
    return bar_grid(melody).rhythm_agreement(4)


def rhythm_after_8(melody: Melody) -> float:
    """Return the fraction of slots that agree in having an onset, in bars eight bars apart. Range: 0 to 1."""
    return bar_grid(melody).rhythm_agreement(8)


def squareness(melody: Melody) -> float:
    """Return how far bars return after 2, 4, 8 or 16 bars rather than after 3, 5 or 6.

    Formula: the largest mean likeness over the former distances less the largest over the latter. Range: -1 to 1; near
    0 for shuffled bars. NaN for fewer than seven bars.

    Example:
        >>> squareness(Melody([60, 62, 64, 65] * 2, [96] * 8))
        1.0
    """
    grid = bar_grid(melody)
    return _largest(grid, _SQUARE) - _largest(grid, _ODD) if grid.n_bars > max(_ODD) else _NAN


def rhythm_squareness(melody: Melody) -> float:
    """Return how far rhythms of bars return after 2, 4, 8 or 16 bars rather than after 3 or 5.

    Formula: as ``squareness``, of the agreement of onsets. Range: -1 to 1. NaN for fewer than six bars.
    """
    grid = bar_grid(melody)
    if grid.n_bars <= max(_ODD_RHYTHM):
        return _NAN
    square, odd = (
        max(grid.rhythm_agreement(lag) for lag in lags if lag < grid.n_bars) for lags in (_SQUARE_RHYTHM, _ODD_RHYTHM)
    )
    return square - odd


def _largest(grid: BarGrid, lags: tuple[int, ...]) -> float:
    return max(grid.agreement(lag) for lag in lags if lag < grid.n_bars)


def bar_5_like_1(melody: Melody) -> float:
    """Return the likeness of the fifth bar and the first. Range: 0 to 1. NaN for fewer than five bars.

    Example:
        >>> bar_5_like_1(Melody([60, 62, 64, 65, 60], [96] * 5))
        1.0
    """
    grid = bar_grid(melody)
    return float(grid.likeness[0, 4]) if grid.n_bars > 4 else _NAN


def bar_9_like_1(melody: Melody) -> float:
    """Return the likeness of the ninth bar and the first. Range: 0 to 1. NaN for fewer than nine bars."""
    grid = bar_grid(melody)
    return float(grid.likeness[0, 8]) if grid.n_bars > 8 else _NAN


def like_beginnings(melody: Melody) -> float:
    """Return the largest likeness of the first bars of two phrases of four bars. Range: 0 to 1.

    NaN for fewer than five bars.
    """
    return _largest_pair(bar_grid(melody), 0)


def mean_beginnings(melody: Melody) -> float:
    """Return the mean likeness of the first bars of all pairs of phrases of four bars. Range: 0 to 1.

    It is high if all phrases begin alike, about a third for AABB, and 0 if none return. NaN for fewer than five bars.
    """
    pairs = _pairs(bar_grid(melody), np.arange(0, bar_grid(melody).n_bars, _PHRASE))
    return float(pairs.mean()) if len(pairs) else _NAN


def like_endings(melody: Melody) -> float:
    """Return the largest likeness of the last bars of two phrases of four bars. Range: 0 to 1.

    NaN for fewer than eight bars.
    """
    return _largest_pair(bar_grid(melody), _PHRASE - 1)


def like_parts(melody: Melody) -> float:
    """Return the mean likeness of the last bars of all pairs of parts of eight bars. Range: 0 to 1.

    NaN for fewer than sixteen bars.
    """
    pairs = _pairs(bar_grid(melody), np.arange(2 * _PHRASE - 1, bar_grid(melody).n_bars, 2 * _PHRASE))
    return float(pairs.mean()) if len(pairs) else _NAN


def _largest_pair(grid: BarGrid, first: int) -> float:
    pairs = _pairs(grid, np.arange(first, grid.n_bars, _PHRASE))
    return float(pairs.max()) if len(pairs) else _NAN


def _pairs(grid: BarGrid, bars: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the likeness of all pairs of some bars, shape (number of pairs,)."""
    first, second = np.triu_indices(len(bars), 1)
    return grid.likeness[bars[first], bars[second]]


def whole_bars(melody: Melody) -> float:
    """Return 1 if the upbeat and the last bar fill a bar together, or both are whole, else 0.

    Formula: whether the melody's length is a multiple of its bar. NaN for the empty melody and in free metre. True for
    84 % of Nottingham's tunes.

    Example:
        >>> whole_bars(Melody([60, 62], [72, 24])), whole_bars(Melody([60, 62], [72, 36]))
        (1.0, 0.0)
    """
    if not len(melody) or not melody.metre.beats:
        return _NAN
    return float(melody.ticks % melody.metre.bar_ticks == 0)
