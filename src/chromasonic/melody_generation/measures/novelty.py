"""Is it copied? What a melody shares with the tunes that a model was trained on, and with its own set.

Intervals go from one sounding note to the next, so a copy in another key is still one. Two measures, since a model
can piece a tune together out of known turns without copying any tune for long:

* novelty: the part of a melody's runs of eight intervals that no training tune has. Real tunes share turns too:
  the baseline is what held-out tunes get (about 0.8), not 1.
* the longest shared run: how many notes in a row, intervals and durations, some training tune has as well.

After the originality report of Yin et al., Measuring when a music generation algorithm copies too much (2022).
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
N_OTHERS = 100


@dataclass(frozen=True)
class Copying:
    """What one melody shares with the training tunes.

    Attributes:
        novelty: The part of its 8-grams of intervals that no training tune has; NaN for fewer than nine notes.
        passage: The longest passage of notes, intervals and durations, that a training tune has as well.
    """

    novelty: float
    passage: SharedPassage


class NoveltyIndex:
    """Training tunes, ready to be compared with.

    Attributes:
        melodies: The training tunes, to whose places ``Copying.passage.source`` points.
    """

    def __init__(self, melodies: Sequence[Melody]) -> None:
        self.melodies = tuple(melodies)
        self._known = np.unique(_ngrams(self.melodies)[0])
        self._passages = PassageIndex(self.melodies)

    def novelty(self, melodies: Sequence[Melody]) -> FloatArray:
        """The part of each melody's 8-grams of intervals that no training tune has, shape (number of melodies,).

        Range 0 to 1. NaN for fewer than nine sounding notes, so for the empty melody.
        """
        codes, tune = _ngrams(melodies)
        return _mean_by_tune(~np.isin(codes, self._known), tune, len(melodies))

    def copying(self, melodies: Sequence[Melody]) -> list[Copying]:
        """What each melody shares with the training tunes; much faster for many melodies at once."""
        novelty = self.novelty(melodies)
        passages = self._passages.longest(melodies)
        return [Copying(float(part), passage) for part, passage in zip(novelty, passages, strict=True)]


def most_copied(copying: Sequence[Copying]) -> int:
    """The place of the melody with the longest shared run, the least novel one among equals.

    Raises:
        ValueError: If there is none.
    """
    if not copying:
        raise ValueError("the most copied of no melodies cannot be told")
    return min(
        range(len(copying)), key=lambda i: (-copying[i].passage.n_notes, np.nan_to_num(copying[i].novelty, nan=2))
    )


def novelty_among_families(melodies: Sequence[Melody]) -> FloatArray:
    """The novelty of each tune against those of all other families: what to expect of a new tune.

    Variants of a tune are left out, as they would be if it were held out.

    Returns:
        Shape (number of melodies,); NaN for fewer than nine sounding notes.
    """
    return _unshared(melodies, tune_families(melodies))


def distinctness(melodies: Sequence[Melody], among: int = N_OTHERS) -> FloatArray:
    """The part of each melody's 8-grams of intervals that no other melody beside it has.

    Range 0 to 1: 0 where all are alike. NaN for fewer than nine sounding notes, and in a set of one. The more
    melodies there are, the more do some of them share: so a large set is judged in parts, one after the other.

    Args:
        melodies: The set.
        among: About how many melodies are set beside each other; a set of fewer than 1.5 times as many is one part.

    Returns:
        Shape (number of melodies,).
    """
    if len(melodies) < 2:
        return np.full(len(melodies), np.nan)
    parts = np.array_split(np.arange(len(melodies)), max(1, round(len(melodies) / among)))
    found = [_unshared([melodies[place] for place in part], np.arange(len(part))) for part in parts]
    return np.concatenate(found)


def _unshared(melodies: Sequence[Melody], owners: NDArray[np.int64]) -> FloatArray:
    """The part of each melody's 8-grams that is had by no other owner."""
    codes, tune = _ngrams(melodies)
    _, gram = np.unique(codes, return_inverse=True)
    pairs = np.unique(np.stack([gram, owners[tune]], axis=1), axis=0) if len(gram) else np.zeros((0, 2), dtype=np.int64)
    n_owners = np.bincount(pairs[:, 0], minlength=1)
    return _mean_by_tune(n_owners[gram] == 1, tune, len(melodies))


def _ngrams(melodies: Sequence[Melody]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The 8-grams of all melodies in one row, and the melody that each is from."""
    grams = [interval_ngrams(melody, NGRAM_INTERVALS) for melody in melodies]
    tune = np.repeat(np.arange(len(grams)), [len(each) for each in grams])
    return np.concatenate([np.zeros(0, dtype=np.uint64), *grams]), tune


def _mean_by_tune(marks: NDArray[np.bool_], tune: NDArray[np.int64], n_tunes: int) -> FloatArray:
    sums = np.bincount(tune, weights=marks, minlength=n_tunes)
    counts = np.bincount(tune, minlength=n_tunes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
