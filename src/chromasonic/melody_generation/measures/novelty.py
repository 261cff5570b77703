"""Novelty: how much melodies share with the training tunes and with each other.

Intervals go from one sounding note to the next, so a transposed copy is still a copy. Two measures are needed, since a
model can combine known motifs without copying any tune for long:

* novelty: the fraction of a melody's 8-grams of intervals that no training tune has. Real tunes share motifs too, so
the
  baseline is the novelty of held-out tunes (about 0.8), not 1.
* the longest shared passage: the number of successive notes, with intervals and durations, that a training tune has.

Source: after the originality report of Yin et al., Measuring when a music generation algorithm copies too much (2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.families import tune_families
from chromasonic.melody_generation.measures.melodic_intervals import interval_ngrams
from chromasonic.melody_generation.measures.shared_passages import PassageIndex, SharedPassage
from chromasonic.melody_generation.melody import FloatArray, Melody

NGRAM_INTERVALS = 8
DISTINCTNESS_SET = 100


@dataclass(frozen=True)
class Copying:
    """Novelty of a melody and its longest shared passage, compared with the training tunes.

    Attributes:
        novelty: Fraction of its 8-grams of intervals that no training tune has; NaN for fewer than nine notes.
        passage: Its longest passage, with intervals and durations, that a training tune has.
    """

    novelty: float
    passage: SharedPassage


class NoveltyIndex:
    """Index of the training tunes for comparison with other melodies.

    Attributes:
        melodies: The training tunes, which ``SharedPassage.source`` indexes.
    """

    def __init__(self, melodies: Sequence[Melody]) -> None:
        self.melodies = tuple(melodies)
        self._known = np.unique(_ngrams(self.melodies)[0])
        self._passages = PassageIndex(self.melodies)

    def novelty(self, melodies: Sequence[Melody]) -> FloatArray:
        """Return the fraction of each melody's 8-grams of intervals that no training tune has.

        Formula: ``unknown / all``. Range: 0 to 1. NaN for the empty melody and for fewer than nine sounding notes.
        Shape (number of melodies,).
        """
        codes, tune = _ngrams(melodies)
        if not len(self._known):
            return _mean_by_tune(np.ones(len(codes), dtype=bool), tune, len(melodies))
        # The known ones are sorted: faster than numpy.isin for a few melodies.
        at = np.searchsorted(self._known, codes).clip(max=len(self._known) - 1)
        return _mean_by_tune(self._known[at] != codes, tune, len(melodies))

    def copying(self, melodies: Sequence[Melody]) -> list[Copying]:
        """Return how much each melody shares with the training tunes; much faster for many melodies at once."""
        novelty = self.novelty(melodies)
        passages = self._passages.longest(melodies)
        return [Copying(float(value), passage) for value, passage in zip(novelty, passages, strict=True)]


def most_copied(copying: Sequence[Copying]) -> int:
    """Return the index of the melody with the longest shared passage, the least novel one among equals.

    Raises:
        ValueError: If there is no melody.
    """
    if not copying:
        raise ValueError("most_copied needs at least one melody")
    return min(
        range(len(copying)), key=lambda i: (-copying[i].passage.n_notes, np.nan_to_num(copying[i].novelty, nan=2))
    )


def novelty_among_families(melodies: Sequence[Melody], families: NDArray[np.int64] | None = None) -> FloatArray:
    """Return the novelty of each tune against the tunes of all other families, as a baseline for new tunes.

    Variants of a tune are left out, as they would be if it were held out.

    Args:
        melodies: The tunes.
        families: The family of each tune; by default by ``tune_families``.

    Returns:
        Fractions, shape (number of melodies,); NaN for fewer than nine sounding notes.
    """
    return _unshared(melodies, tune_families(melodies) if families is None else families)


def distinctness(melodies: Sequence[Melody], among: int = DISTINCTNESS_SET) -> FloatArray:
    """Return the fraction of each melody's 8-grams of intervals that no other melody of its part of the set has.

    Formula: ``unshared / all``. Range: 0 to 1; 0 if all melodies are alike. NaN for the empty melody, for fewer than
    nine sounding notes, and in a set of one. Melodies share more in larger sets, so a large set is measured in parts.

    Args:
        melodies: The set.
        among: Approximate size of a part; a set of fewer than 1.5 times as many melodies is one part.

    Returns:
        Fractions, shape (number of melodies,).
    """
    if len(melodies) < 2:
        return np.full(len(melodies), np.nan)
    parts = np.array_split(np.arange(len(melodies)), max(1, round(len(melodies) / among)))
    return np.concatenate([_unshared([melodies[index] for index in part], np.arange(len(part))) for part in parts])


def _unshared(melodies: Sequence[Melody], owners: NDArray[np.int64]) -> FloatArray:
    """Return the fraction of each melody's 8-grams that no other owner has."""
    codes, tune = _ngrams(melodies)
    _, ngram = np.unique(codes, return_inverse=True)
    has_none = np.zeros((0, 2), dtype=np.int64)
    pairs = np.unique(np.stack([ngram, owners[tune]], axis=1), axis=0) if len(ngram) else has_none
    n_owners = np.bincount(pairs[:, 0], minlength=1)
    return _mean_by_tune(n_owners[ngram] == 1, tune, len(melodies))


def _ngrams(melodies: Sequence[Melody]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the 8-grams of all melodies, concatenated, and the index of the melody of each."""
    ngrams = [interval_ngrams(melody, NGRAM_INTERVALS) for melody in melodies]
    tune = np.repeat(np.arange(len(ngrams)), [len(codes) for codes in ngrams])
    return np.concatenate([np.zeros(0, dtype=np.uint64), *ngrams]), tune


def _mean_by_tune(marks: NDArray[np.bool_], tune: NDArray[np.int64], n_tunes: int) -> FloatArray:
    sums = np.bincount(tune, weights=marks, minlength=n_tunes)
    counts = np.bincount(tune, minlength=n_tunes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
