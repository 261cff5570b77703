"""Features of a melody's intervals: steps and leaps, n-grams, repetition, range.

An interval goes from one sounding note to the next, in semitones; rests are skipped. An n-gram is a sequence of n
successive intervals, so that a transposed phrase has the same n-grams.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import REST, IntArray, Melody

_LARGEST_N = 8  # one byte of a 64-bit code for every interval


def sounding_pitches(melody: Melody) -> IntArray:
    """Return the MIDI numbers of a melody without its rests, shape (number of sounding notes,)."""
    return np.asarray(melody.pitches[melody.pitches != REST], dtype=np.int64)


def intervals(melody: Melody) -> IntArray:
    """Return the semitones from each sounding note to the next, shape (number of sounding notes - 1,), or (0,)."""
    return np.diff(sounding_pitches(melody))


def interval_ngrams(melody: Melody, n: int) -> NDArray[np.uint64]:
    """Return one code for each n-gram of intervals; codes are equal if and only if the n-grams are.

    Args:
        melody: The melody.
        n: Length of the n-grams in intervals, 1 to 8.

    Returns:
        Shape (number of intervals - n + 1,), or (0,) if there are fewer than n intervals.

    Raises:
        ValueError: If n is out of range.

    Example:
        >>> len(interval_ngrams(Melody([60, 62, 64, 65], [24] * 4), 2))
        2
    """
    if not 1 <= n <= _LARGEST_N:
        raise ValueError(f"n must be 1 to {_LARGEST_N} intervals, got {n}")
    # MIDI numbers differ by 127 at most, so an interval plus 128 is one byte: the code is exact, not a hash.
    steps = (intervals(melody) + 128).astype(np.uint64)
    n_grams = max(0, len(steps) - n + 1)
    codes = np.zeros(n_grams, dtype=np.uint64)
    for offset in range(n):
        codes = (codes << np.uint64(8)) | steps[offset : offset + n_grams]
    return codes


def step_share(melody: Melody) -> float:
    """Return the fraction of steps, of one or two semitones, among all intervals but repeated notes.

    Formula: ``#(1 <= |i| <= 2) / #(|i| >= 1)`` over all intervals i. Range: 0 to 1. NaN for the empty melody and if all
    intervals are 0. Source: pitch proximity (Huron, Sweet Anticipation, 2006).

    Example:
        >>> step_share(Melody([60, 62, 62, 67], [24] * 4))
        0.5
    """
    sizes = np.abs(intervals(melody))
    n_moves = np.count_nonzero(sizes)
    return float(np.count_nonzero((sizes > 0) & (sizes <= 2)) / n_moves) if n_moves else float("nan")


def mean_interval(melody: Melody) -> float:
    """Return the mean size of the intervals in semitones, repeated notes included.

    Formula: ``mean(|i|)``. Range: 0 to 127. NaN for the empty melody and for fewer than two sounding notes. Source:
    average pitch interval (Yang & Lerch, On the evaluation of generative models in music, 2018).

    Example:
        >>> mean_interval(Melody([60, 62, 61], [24] * 3))
        1.5
    """
    sizes = np.abs(intervals(melody))
    return float(sizes.mean()) if len(sizes) else float("nan")


def interval_recurrence(melody: Melody) -> float:
    """Return the fraction of 4-grams of intervals that occurred before in the melody.

    Formula: ``1 - distinct / all``. Range: 0 to below 1; about a third for real folk tunes, almost 0 for their
    shuffles, almost 1 for a loop. NaN for the empty melody and for fewer than five sounding notes. Source: after the
    repetition measures of Dai et al., What is missing in deep music generation (2022).

    Example:
        >>> interval_recurrence(Melody([60, 62, 64, 65, 67] * 3, [24] * 15)) > 0.5
        True
    """
    return 1 - _distinct_share(melody, 4)


def longest_repeat(melody: Melody) -> float:
    """Return the length of the longest sequence of intervals that occurs twice, as a fraction of all intervals.

    Formula: ``longest repeated length / all``; the two occurrences may overlap. Range: 0 to below 1; low for a Markov
    chain, which repeats by chance only. NaN for the empty melody and for fewer than two sounding notes. Source: Dai et
    al. (2022).

    Example:
        >>> longest_repeat(Melody([60, 62, 64, 69, 71, 73, 74], [24] * 7)) == 2 / 6
        True
    """
    line = (intervals(melody) + 128).astype(np.uint8).tobytes()
    n = len(line)

    def all_differ(length: int) -> bool:
        return len({line[begin : begin + length] for begin in range(n - length + 1)}) == n - length + 1

    # Every part of a repeated sequence is repeated too, so the shortest length without repetition can be bisected.
    return bisect_left(range(1, n + 1), True, key=all_differ) / n if n else float("nan")


def distinct_bigrams(melody: Melody) -> float:
    """Return the fraction of distinct 2-grams of intervals.

    Formula: ``distinct / all``. Range: above 0 to 1. NaN for the empty melody and for fewer than three sounding notes.
    Source: distinct-2 (Li et al., A diversity-promoting objective function, 2016).

    Example:
        >>> distinct_bigrams(Melody([60, 62, 64, 66], [24] * 4))
        0.5
    """
    return _distinct_share(melody, 2)


def pitch_range(melody: Melody) -> float:
    """Return the semitones between the lowest and the highest note.

    Formula: ``max - min`` of the sounding pitches. Range: 0 to 127. NaN for the empty melody and if nothing sounds.
    Source: Yang & Lerch (2018).

    Example:
        >>> pitch_range(Melody([60, 72, 67], [24] * 3))
        12.0
    """
    pitches = sounding_pitches(melody)
    return float(pitches.max() - pitches.min()) if len(pitches) else float("nan")


def _distinct_share(melody: Melody, n: int) -> float:
    ngrams = interval_ngrams(melody, n)
    # A set is several times faster here than numpy.unique, which sorts.
    return len(set(ngrams.tolist())) / len(ngrams) if len(ngrams) else float("nan")
