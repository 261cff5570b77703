"""The longest passage that a melody shares with any of many tunes, exact and for all melodies at once.

A melody is a string of symbols: the duration of its first sounding note, the interval to the next, the duration of
that note, and so on. Equal passages are equal substrings that begin at a duration. A suffix array of all strings is
built by prefix doubling (Manber & Myers 1993): substrings of 2, 4, 8, ... symbols are ranked by the ranks of their
halves. The suffix of the tunes with the longest common prefix is the nearest one in this order, before or after the
melody's suffix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.melody import REST, IntArray, Melody

_MELODIES_AT_ONCE = 1000  # bounds the memory: about 25 numbers for each note of the tunes and of these melodies


@dataclass(frozen=True)
class SharedPassage:
    """A passage that a melody shares with a tune.

    Attributes:
        n_notes: Number of sounding notes; 0 if nothing is shared.
        share: Fraction of the melody's sounding notes; NaN if nothing sounds.
        source: Index of the tune; -1 if nothing is shared.
        begin: Index of the first note of the passage among the melody's sounding notes; -1 if nothing is shared.
        source_begin: Index of the first note of the passage among the tune's sounding notes; -1 if nothing is shared.
    """

    n_notes: int
    share: float
    source: int
    begin: int
    source_begin: int


class PassageIndex:
    """Index of the tunes with which melodies may share passages."""

    def __init__(self, tunes: Sequence[Melody]) -> None:
        self._strings = [_string(tune) for tune in tunes]

    def longest(self, melodies: Sequence[Melody]) -> list[SharedPassage]:
        """Return the longest passage that each melody shares with any tune, the first in the melody among equals."""
        passages: list[SharedPassage] = []
        for begin in range(0, len(melodies), _MELODIES_AT_ONCE):
            batch = melodies[begin : begin + _MELODIES_AT_ONCE]
            passages.extend(self._longest([_string(melody) for melody in batch]))
        return passages

    def _longest(self, strings: list[IntArray]) -> list[SharedPassage]:
        # A string of n notes has 2n symbols. Its last symbol is unique, so that no shared substring crosses the end of
        # a string. A substring that begins at a duration has an even offset.
        n_tunes = len(self._strings)
        symbols, string_of = _concatenate([*self._strings, *strings])
        levels = _ranks(symbols, max((len(string) for string in strings), default=0))
        partner, length = _best_partners(levels, n_known=sum(map(len, self._strings)))
        begins = np.searchsorted(string_of, np.arange(n_tunes + len(strings)))
        passages = []
        for index, string in enumerate(strings):
            first = begins[n_tunes + index]
            # Of the suffixes that begin at a duration; s symbols hold s / 2 durations, rounded up.
            n_notes = (length[first : first + len(string) : 2] + 1) // 2
            if not len(n_notes) or not n_notes.max():
                passages.append(SharedPassage(0, 0.0 if len(n_notes) else float("nan"), -1, -1, -1))
                continue
            begin = int(n_notes.argmax())
            position = partner[first + 2 * begin]
            source = int(string_of[position])
            source_begin = int(position - begins[source]) // 2
            share = float(n_notes[begin] / len(n_notes))
            passages.append(SharedPassage(int(n_notes[begin]), share, source, begin, source_begin))
        return passages


def _string(melody: Melody) -> IntArray:
    """Return the symbols of a melody, shape (2 * number of sounding notes,): durations and intervals in turn.

    Durations are even numbers and intervals odd ones; the last symbol, after which there is no interval, is 0.
    """
    pitches = sounding_pitches(melody)
    symbols = np.zeros(2 * len(pitches), dtype=np.int64)
    symbols[::2] = 2 * melody.durations[melody.pitches != REST]
    symbols[1:-1:2] = 2 * (np.diff(pitches) + 128) + 1
    return symbols


def _concatenate(strings: list[IntArray]) -> tuple[IntArray, IntArray]:
    """Return all strings in one array, each with a unique last symbol, and the index of the string of each symbol."""
    string_of = np.repeat(np.arange(len(strings)), [len(string) for string in strings])
    symbols = np.concatenate([np.zeros(0, dtype=np.int64), *strings])
    ends = symbols == 0
    symbols[ends] = -1 - string_of[ends]
    return symbols, string_of


def _ranks(symbols: IntArray, longest: int) -> list[IntArray]:
    """Return the ranks of all substrings of 1, 2, 4, ... symbols, up to a length of at least ``longest``."""
    levels = [np.unique(symbols, return_inverse=True)[1].astype(np.int64)]
    length = 1
    while length < longest:
        ranks = levels[-1]
        # After the end there is no second half, which ranks before all others.
        second = np.concatenate([ranks[length:] + 1, np.zeros(min(length, len(ranks)), dtype=np.int64)])
        pairs = ranks * (len(ranks) + 1) + second
        levels.append(np.unique(pairs, return_inverse=True)[1].astype(np.int64))
        length *= 2
    return levels


def _best_partners(levels: list[IntArray], n_known: int) -> tuple[IntArray, NDArray[np.int64]]:
    """Return, for each suffix, the known suffix with the longest common prefix.

    Args:
        levels: Ranks from ``_ranks``.
        n_known: Number of first suffixes that are known.

    Returns:
        The offset of the known suffix and the length of the common prefix, both of shape (number of symbols,).
    """
    n = len(levels[-1])
    if not n_known or n_known == n:
        return np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    order = np.argsort(levels[-1], kind="stable")
    index = np.arange(n)
    is_known = order < n_known
    before = np.maximum.accumulate(np.where(is_known, index, -1))
    after = np.minimum.accumulate(np.where(is_known, index, n)[::-1])[::-1]
    # Suffixes without a neighbour on one side take the neighbour on the other side twice.
    before, after = np.where(before < 0, after, before), np.where(after == n, before, after)
    best = np.zeros(n, dtype=np.int64)
    shared = np.full(n, -1)
    for neighbour in (before, after):
        partner = np.zeros(n, dtype=np.int64)
        partner[order] = order[neighbour]
        length = _common_prefix(levels, np.arange(n), partner)
        better = length > shared
        best[better], shared[better] = partner[better], length[better]
    return best, shared


def _common_prefix(levels: list[IntArray], first: IntArray, second: IntArray) -> IntArray:
    """Return the length of the common prefix of pairs of suffixes, given by their offsets."""
    n = len(levels[0])
    length = np.zeros(len(first), dtype=np.int64)
    for level in range(len(levels) - 1, -1, -1):
        one, other = first + length, second + length
        is_inside = (one < n) & (other < n)
        ranks = levels[level]
        is_equal = is_inside & (ranks[np.minimum(one, n - 1)] == ranks[np.minimum(other, n - 1)])
        length[is_equal] += 1 << level
    return length
