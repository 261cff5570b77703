"""Find alignments of tunes that may hold a passage of variants: those with a word in common.

A word is a sequence of eight degrees on successive beats, as intervals, so that it is found on any degree. Most
passages of variants hold one; two unrelated tunes seldom do. Pairs of tunes that need not be compared are left out
before they are listed, so that a word of many tunes of one family costs no square of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.variants.beat_lines import N_DEGREES, BeatLines
from chromasonic.melody_generation.melody import IntArray

_WORD_BEATS = 8
_MIN_MOVES = 5  # intervals of a word that are no repetition; held and repeated notes are in all tunes
_ENTRIES_AT_ONCE = 20_000
_PAIRS_AT_ONCE = 200_000


class Candidates(NamedTuple):
    """Samples of different tunes at the same beat of an alignment, each of shape (N,)."""

    first: IntArray
    second: IntArray


@dataclass(frozen=True)
class SharedWords:
    """The words of lines, sorted, each once for a line.

    Attributes:
        lines: The lines.
        samples: The sample at which each word begins, shape (W,).
        ends: Index after the last entry of the same word, shape (W,).
    """

    lines: BeatLines
    samples: IntArray
    ends: IntArray

    @classmethod
    def of(cls, lines: BeatLines) -> SharedWords:
        """Collect the words of lines."""
        degrees = lines.degrees[:, 0].astype(np.int64)
        n_words = max(0, len(degrees) - _WORD_BEATS + 1)
        steps = np.diff(degrees) % N_DEGREES
        codes, n_moves = np.zeros(n_words, dtype=np.int64), np.zeros(n_words, dtype=np.int64)
        for offset in range(_WORD_BEATS - 1):
            codes = codes * N_DEGREES + steps[offset : offset + n_words]
            n_moves += steps[offset : offset + n_words] != 0
        samples = np.arange(n_words)
        whole = lines.line[:n_words] == lines.line[_WORD_BEATS - 1 :][:n_words]  # not from one line into the next
        known = degrees[:n_words] >= 0  # nothing sounds before the first note
        samples = samples[whole & known & (n_moves >= _MIN_MOVES)]
        samples = samples[np.lexsort((samples, codes[samples]))]
        codes = codes[samples]
        is_new = np.ones(len(samples), dtype=bool)
        is_new[1:] = (np.diff(codes) != 0) | (np.diff(lines.line[samples]) != 0)
        samples, codes = samples[is_new], codes[is_new]
        return cls(lines, samples, np.searchsorted(codes, codes, side="right"))

    @property
    def tunes(self) -> IntArray:
        """The tunes that have a word."""
        return np.unique(self.lines.tunes[self.lines.line[self.samples]])

    def neighbours(self, group: IntArray) -> Iterator[Candidates]:
        """Yield the pairs of entries of a word that follow each other and differ in the group of their tunes."""
        for begin in range(0, len(self.samples), _PAIRS_AT_ONCE):
            index = np.arange(begin, min(begin + _PAIRS_AT_ONCE, len(self.samples)))
            index = index[index + 1 < self.ends[index]]
            yield self._distinct(index, index + 1, group)

    def pairs(self, groups: Callable[[], IntArray]) -> Iterator[Candidates]:
        """Yield all pairs of entries of a word that differ in the group of their tunes, in blocks.

        Args:
            groups: Returns the present group of each tune; asked before each block.
        """
        tunes = self.lines.tunes[self.lines.line[self.samples]]
        begin = 0
        while begin < len(self.samples):
            end = int(self.ends[min(begin + _ENTRIES_AT_ONCE, len(self.samples)) - 1])  # whole words
            group = groups()[tunes[begin:end]]
            starts = np.flatnonzero(np.diff(self.ends[begin:end], prepend=-1))
            mixed = np.minimum.reduceat(group, starts) != np.maximum.reduceat(group, starts)
            entries = begin + np.flatnonzero(np.repeat(mixed, np.diff(starts, append=end - begin)))
            yield from self._pairs_from(entries, groups)
            begin = end

    def _pairs_from(self, entries: IntArray, groups: Callable[[], IntArray]) -> Iterator[Candidates]:
        """Yield the pairs of some entries with the later ones of the same word."""
        n_later = self.ends[entries] - entries - 1
        before = np.concatenate([[0], np.cumsum(n_later)])
        begin = 0
        while begin < len(entries):
            end = int(np.searchsorted(before, before[begin] + _PAIRS_AT_ONCE, side="right")) - 1
            end = max(begin + 1, end)
            counts = n_later[begin:end]
            first = np.repeat(entries[begin:end], counts)
            second = first + 1 + np.arange(len(first)) - np.repeat(before[begin:end] - before[begin], counts)
            yield self._distinct(first, second, groups())
            begin = end

    def _distinct(self, first: IntArray, second: IntArray, group: IntArray) -> Candidates:
        """Return the alignments of pairs of entries that may be of variants, each once."""
        lines = self.lines
        first, second = self.samples[first], self.samples[second]
        ours, theirs = lines.line[first], lines.line[second]
        wanted = (group[lines.tunes[ours]] != group[lines.tunes[theirs]]) & _may_agree(lines, ours, theirs)
        first, second, ours, theirs = first[wanted], second[wanted], ours[wanted], theirs[wanted]
        shift = (lines.degrees[first, 0] - lines.degrees[second, 0]) % N_DEGREES
        keys = np.stack([ours, theirs, first - second, shift.astype(np.int64)])
        order = np.lexsort(keys)
        is_new = np.ones(len(order), dtype=bool)
        is_new[1:] = (np.diff(keys[:, order]) != 0).any(axis=0)
        return Candidates(first[order[is_new]], second[order[is_new]])


def _may_agree(lines: BeatLines, ours: IntArray, theirs: IntArray) -> NDArray[np.bool_]:
    """Return whether lines are of the same kind of metre and speed, or one at half the speed of the other."""
    ticks, others = lines.ticks[ours], lines.ticks[theirs]
    same_speed = (ticks == others) | (ticks == 2 * others) | (others == 2 * ticks)
    is_beat = lines.is_beat[ours] | lines.is_beat[theirs]  # others would repeat what beats have
    return np.asarray(same_speed & is_beat & (lines.is_compound[ours] == lines.is_compound[theirs]))
