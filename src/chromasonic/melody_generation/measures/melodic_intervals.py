"""Features of a melody's line: steps, leaps, and whether its turns come back.

An interval goes from one sounding note to the next, in semitones; rests are skipped. N-grams are runs of n
successive intervals, so that a phrase that comes back in another key is the same phrase.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import REST, IntArray, Melody

_LARGEST_N = 8  # intervals to a 64-bit code, one byte each


def sounding_pitches(melody: Melody) -> IntArray:
    """The MIDI numbers of a melody without its rests, shape (number of sounding notes,)."""
    return np.asarray(melody.pitches[melody.pitches != REST], dtype=np.int64)


def intervals(melody: Melody) -> IntArray:
    """Semitones from each sounding note to the next, shape (number of sounding notes - 1,), or (0,)."""
    return np.diff(sounding_pitches(melody))


def interval_ngrams(melody: Melody, n: int) -> NDArray[np.uint64]:
    """One code for each run of n intervals; two codes are equal where the runs are.

    Args:
        melody: The melody.
        n: Intervals to a run, 1 to 8.

    Returns:
        Shape (number of intervals - n + 1,), or (0,) where there are too few.

    Raises:
        ValueError: If n is out of range.

    Example:
        >>> len(interval_ngrams(Melody([60, 62, 64, 65], [24] * 4), 2))
        2
    """
    if not 1 <= n <= _LARGEST_N:
        raise ValueError(f"n-grams have 1 to {_LARGEST_N} intervals, got {n}")
    # MIDI numbers differ by 127 at most, so an interval plus 128 is one byte: the code is exact, not a hash.
    steps = (intervals(melody) + 128).astype(np.uint64)
    n_grams = max(0, len(steps) - n + 1)
    codes = np.zeros(n_grams, dtype=np.uint64)
    for offset in range(n):
        codes = (codes << np.uint64(8)) | steps[offset : offset + n_grams]
    return codes


def step_share(melody: Melody) -> float:
    """The part of all moves that are steps, of one or two semitones; repeated notes are no moves.

    Formula: ``#(1 <= |i| <= 2) / #(|i| >= 1)`` over all intervals i. Range 0 to 1. NaN where nothing moves, so for
    the empty melody. Huron, Sweet Anticipation (2006): pitch proximity.

    Example:
        >>> step_share(Melody([60, 62, 62, 67], [24] * 4))
        0.5
    """
    sizes = np.abs(intervals(melody))
    n_moves = np.count_nonzero(sizes)
    return float(np.count_nonzero((sizes > 0) & (sizes <= 2)) / n_moves) if n_moves else float("nan")


def mean_interval(melody: Melody) -> float:
    """The mean size of an interval in semitones, repeated notes included.

    Formula: ``mean(|i|)``. Range 0 to 127. NaN for fewer than two sounding notes, so for the empty melody. Yang
    and Lerch, On the evaluation of generative models in music (2018): average pitch interval.

    Example:
        >>> mean_interval(Melody([60, 62, 61], [24] * 3))
        1.5
    """
    sizes = np.abs(intervals(melody))
    return float(sizes.mean()) if len(sizes) else float("nan")


def interval_recurrence(melody: Melody) -> float:
    """The part of a melody's runs of four intervals that occurred before in it.

    Formula: ``1 - distinct / all`` over its 4-grams of intervals. Range 0 to (nearly) 1; real folk tunes have
    about a third, their shuffles next to none, a loop nearly all. NaN for fewer than five sounding notes, so
    for the empty melody. After the repetition measures of Dai et al., What is missing in deep music generation
    (2022).

    Example:
        >>> interval_recurrence(Melody([60, 62, 64, 65, 67] * 3, [24] * 15)) > 0.5
        True
    """
    return 1 - _distinct_share(melody, 4)


def longest_repeat(melody: Melody) -> float:
    """How long the longest run of intervals is that occurs twice in a melody, as a part of all its intervals.

    Formula: ``max length of a run that occurs at two places / all``; the two may overlap. Range 0 to (nearly) 1;
    what a Markov chain repeats it repeats by chance, and so not for long. NaN for fewer than two sounding notes,
    so for the empty melody. Dai et al. (2022).

    Example:
        >>> longest_repeat(Melody([60, 62, 64, 69, 71, 73, 74], [24] * 7)) == 2 / 6
        True
    """
    line = (intervals(melody) + 128).astype(np.uint8).tobytes()
    n = len(line)

    def differ(length: int) -> bool:
        return len({line[begin : begin + length] for begin in range(n - length + 1)}) == n - length + 1

    # Where a run comes back so does every part of it, so the first length of which none does can be bisected.
    return bisect_left(range(1, n + 1), True, key=differ) / n if n else float("nan")


def distinct_bigrams(melody: Melody) -> float:
    """The part of a melody's pairs of successive intervals that are different from each other.

    Formula: ``distinct / all`` over its 2-grams of intervals. Range 0 to 1. NaN for fewer than three sounding
    notes, so for the empty melody. Li et al., A diversity-promoting objective function (2016): distinct-2.

    Example:
        >>> distinct_bigrams(Melody([60, 62, 64, 66], [24] * 4))
        0.5
    """
    return _distinct_share(melody, 2)


def pitch_range(melody: Melody) -> float:
    """Semitones between the lowest and the highest note.

    Formula: ``max - min`` of the sounding pitches. Range 0 to 127. NaN where nothing sounds, so for the empty
    melody. Yang and Lerch (2018).

    Example:
        >>> pitch_range(Melody([60, 72, 67], [24] * 3))
        12.0
    """
    pitches = sounding_pitches(melody)
    return float(pitches.max() - pitches.min()) if len(pitches) else float("nan")


def _distinct_share(melody: Melody, n: int) -> float:
    grams = interval_ngrams(melody, n)
    # Python's set is several times faster here than numpy's unique, which sorts.
    return len(set(grams.tolist())) / len(grams) if len(grams) else float("nan")
