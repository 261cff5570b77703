"""Folds of melodies for a two-sample test, so that no real tune is judged by who has learned a variant of it as made.

Melodies may be made from held-out tunes: altered ones, or copies of what a model should not have seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.families import tune_families
from chromasonic.melody_generation.measures.melodic_intervals import interval_ngrams
from chromasonic.melody_generation.measures.real_distance.two_sample import EVERY_FOLD, NO_FOLD, random_folds
from chromasonic.melody_generation.melody import FloatArray, Melody

_N_INTERVALS = 8
_LEAST_SHARE = 0.25
_N_FOLDS = 5


def variant_folds(real: Sequence[Melody], made: Sequence[Melody]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the folds of melodies and of real tunes as ``two_sample_test`` takes them.

    A melody is a variant of a real tune that has its title, or a quarter of its sequences of eight intervals. It has
    the fold of the tune that it shares most with. A tune whose variants are in several folds is judged by none.

    Args:
        real: Held-out tunes.
        made: Melodies.
    """
    shares = _shares(real, made)
    is_variant = shares >= _LEAST_SHARE
    families = tune_families(real)
    of_variants = families[shares.argmax(axis=0)] % _N_FOLDS
    folds = np.where(is_variant.any(axis=0), of_variants, random_folds(len(made)))
    real_folds = np.full(len(real), EVERY_FOLD, dtype=np.int64)
    for index in np.flatnonzero(is_variant.any(axis=1)).tolist():
        found = np.unique(folds[is_variant[index]])
        real_folds[index] = found[0] if len(found) == 1 else NO_FOLD
    if (real_folds == NO_FOLD).all():  # then a test that is too modest is better than none
        return folds, np.full(len(real), EVERY_FOLD, dtype=np.int64)
    return folds, real_folds


def _shares(real: Sequence[Melody], made: Sequence[Melody]) -> FloatArray:
    """Return the fraction of the n-grams of each melody that each tune has; 1 if their titles are equal.

    Shape (number of tunes, number of melodies).
    """
    tunes_with: dict[int, list[int]] = {}
    for index, tune in enumerate(real):
        for code in np.unique(interval_ngrams(tune, _N_INTERVALS)).tolist():
            tunes_with.setdefault(code, []).append(index)
    shares = np.zeros((len(real), len(made)))
    titles = np.array([tune.title.casefold() for tune in real])
    for column, melody in enumerate(made):
        codes = np.unique(interval_ngrams(melody, _N_INTERVALS)).tolist()
        for code in codes:
            shares[tunes_with.get(code, []), column] += 1 / len(codes)
        if melody.title:
            shares[titles == melody.title.casefold(), column] = 1
    return shares
