"""The longest run of notes that a melody shares with any of many tunes, exactly and for all melodies at once.

A melody is written as a line of symbols: the duration of its first sounding note, the interval to the next, that
one's duration, and so on. Runs of equal notes are then equal stretches of symbols that begin at a duration. All
stretches are brought into order by prefix doubling (Manber and Myers, Suffix arrays, 1993): stretches of 2, 4, 8 ...
symbols get ranks, each from two ranks of half the length. Among all stretches of the tunes, the one that shares
most with a melody's stretch stands next to it in this order, before or after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.melody import REST, IntArray, Melody

_MELODIES_AT_ONCE = 1000  # bounds the memory: some 25 numbers for each note of the tunes and of these


@dataclass(frozen=True)
class SharedPassage:
    """A run of notes that a melody shares with a tune.

    Attributes:
        n_notes: Its sounding notes; 0 where nothing is shared.
        share: The same as a part of the melody's sounding notes; NaN where nothing sounds.
        source: The place of the tune; -1 where nothing is shared.
        begin: The first sounding note of the run, in the melody; -1 where nothing is shared.
        source_begin: The first sounding note of the run, in the tune; likewise.
    """

    n_notes: int
    share: float
    source: int
    begin: int
    source_begin: int


class PassageIndex:
    """Tunes in which shared runs are looked for."""

    def __init__(self, tunes: Sequence[Melody]) -> None:
        self._lines = [_line(tune) for tune in tunes]

    def longest(self, melodies: Sequence[Melody]) -> list[SharedPassage]:
        """The longest run that each melody shares with any tune, its first occurrence in the melody among equals."""
        found: list[SharedPassage] = []
        for begin in range(0, len(melodies), _MELODIES_AT_ONCE):
            found.extend(self._longest([_line(each) for each in melodies[begin : begin + _MELODIES_AT_ONCE]]))
        return found

    def _longest(self, lines: list[IntArray]) -> list[SharedPassage]:
        # A line of n notes has 2n symbols: its last, which ends it, is like no other, so that no stretch reaches
        # across, and a stretch that begins at a duration has an even place.
        n_tunes = len(self._lines)
        symbols, line_of = _joined([*self._lines, *lines])
        levels = _ranks(symbols, max((len(line) for line in lines), default=0))
        known, length = _best_partners(levels, n_known=sum(map(len, self._lines)))
        begins = np.searchsorted(line_of, np.arange(n_tunes + len(lines)))
        found = []
        for index, line in enumerate(lines):
            first = begins[n_tunes + index]
            # The stretches that begin at a duration; one of s symbols holds s / 2 durations, rounded up.
            n_notes = (length[first : first + len(line) : 2] + 1) // 2
            if not len(n_notes) or not n_notes.max():
                found.append(SharedPassage(0, 0.0 if len(n_notes) else float("nan"), -1, -1, -1))
                continue
            begin = int(n_notes.argmax())
            place = known[first + 2 * begin]
            source = int(line_of[place])
            source_begin = int(place - begins[source]) // 2
            found.append(
                SharedPassage(int(n_notes[begin]), float(n_notes[begin] / len(n_notes)), source, begin, source_begin)
            )
        return found


def _line(melody: Melody) -> IntArray:
    """Durations at even places, intervals at odd ones, shape (2 * number of sounding notes,).

    Durations are even numbers and intervals odd ones; the last place, after which there is no interval, is 0.
    """
    pitches = sounding_pitches(melody)
    line = np.zeros(2 * len(pitches), dtype=np.int64)
    line[::2] = 2 * melody.durations[melody.pitches != REST]
    line[1:-1:2] = 2 * (np.diff(pitches) + 128) + 1
    return line


def _joined(lines: list[IntArray]) -> tuple[IntArray, IntArray]:
    """All lines in one row with an end of its own for each, and the line that each symbol is from."""
    line_of = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    symbols = np.concatenate([np.zeros(0, dtype=np.int64), *lines])
    ends = symbols == 0
    symbols[ends] = -1 - line_of[ends]
    return symbols, line_of


def _ranks(symbols: IntArray, longest: int) -> list[IntArray]:
    """Ranks of all stretches of 1, 2, 4, ... symbols, up to one that is no shorter than ``longest``."""
    levels = [np.unique(symbols, return_inverse=True)[1].astype(np.int64)]
    length = 1
    while length < longest:
        ranks = levels[-1]
        # Past the end of the row there is nothing, which ranks before everything.
        second = np.concatenate([ranks[length:] + 1, np.zeros(min(length, len(ranks)), dtype=np.int64)])
        pairs = ranks * (len(ranks) + 1) + second
        levels.append(np.unique(pairs, return_inverse=True)[1].astype(np.int64))
        length *= 2
    return levels


def _best_partners(levels: list[IntArray], n_known: int) -> tuple[IntArray, NDArray[np.int64]]:
    """For each stretch, the known one that shares most symbols with it, and how many these are.

    Args:
        levels: From ``_ranks``.
        n_known: Stretches that begin before this place are known.

    Returns:
        The place of the known stretch and the number of symbols shared, both of shape (number of symbols,).
    """
    n = len(levels[-1])
    if not n_known or n_known == n:
        return np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    order = np.argsort(levels[-1], kind="stable")
    at = np.arange(n)
    is_known = order < n_known
    before = np.maximum.accumulate(np.where(is_known, at, -1))
    after = np.minimum.accumulate(np.where(is_known, at, n)[::-1])[::-1]
    # Where there is none on one side, the one on the other is taken twice.
    before, after = np.where(before < 0, after, before), np.where(after == n, before, after)
    best = np.zeros(n, dtype=np.int64)
    shared = np.full(n, -1)
    for neighbour in (before, after):
        partner = np.zeros(n, dtype=np.int64)
        partner[order] = order[neighbour]
        length = _shared(levels, np.arange(n), partner)
        better = length > shared
        best[better], shared[better] = partner[better], length[better]
    return best, shared


def _shared(levels: list[IntArray], first: IntArray, second: IntArray) -> IntArray:
    """How many symbols two stretches share from their beginnings."""
    n = len(levels[0])
    length = np.zeros(len(first), dtype=np.int64)
    for level in range(len(levels) - 1, -1, -1):
        one, other = first + length, second + length
        inside = (one < n) & (other < n)
        ranks = levels[level]
        equal = inside & (ranks[np.minimum(one, n - 1)] == ranks[np.minimum(other, n - 1)])
        length[equal] += 1 << level
    return length
