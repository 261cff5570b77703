"""Features of how a melody keeps to its key.

Pitch classes are counted from the melody's own tonic, so nothing here changes when a tune is transposed
together with its tonic. Every sounding note counts once, save where a docstring says that it counts by its
duration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.melody import REST, IntArray, Melody

# The twelve diatonic scales, shape (12, 7); the modes of a scale are that scale.
_SCALES = (np.arange(12)[:, None] + np.array([0, 2, 4, 5, 7, 9, 11])) % 12
_WITH_MINOR_THIRD = ("minor", "dorian", "phrygian", "locrian")

# Krumhansl and Kessler 1982, as in Krumhansl, Cognitive Foundations of Musical Pitch (1990), table 2.1.
_PROFILES = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)


def degrees(melody: Melody) -> IntArray:
    """Pitch classes above the tonic, 0 to 11, of the sounding notes, shape (number of sounding notes,)."""
    return np.asarray((sounding_pitches(melody) - melody.tonic) % 12, dtype=np.int64)


def _third(melody: Melody) -> int:
    """0 for a mode with a major third, 1 for one with a minor third."""
    return int(melody.mode in _WITH_MINOR_THIRD)


def scale_consistency(melody: Melody) -> float:
    """The part of the notes that lie in the diatonic scale which holds most of them.

    Formula: ``max over the 12 diatonic scales of #(notes in it) / #notes``. Range 7/12 to 1. NaN where nothing
    sounds, so for the empty melody. Mogren, C-RNN-GAN (2016).

    Example:
        >>> scale_consistency(Melody([60, 62, 64, 66, 67, 65], [24] * 6)) == 5 / 6
        True
    """
    counts = np.bincount(degrees(melody), minlength=12)
    if not counts.sum():
        return float("nan")
    return float(counts[_SCALES].sum(axis=1).max() / counts.sum())


def key_correlation(melody: Melody) -> float:
    """How well the weight of each scale degree fits what listeners expect in the melody's key.

    Formula: Pearson's correlation of the time that each pitch class above the tonic sounds with the key profile
    of Krumhansl and Kessler, the major one or, where the mode has a minor third, the minor one. Range -1 to 1;
    0 where all twelve sound equally long. NaN where nothing sounds, so for the empty melody. Krumhansl (1990).

    Example:
        >>> key_correlation(Melody([60, 64, 67, 60], [24] * 4)) > 0.8
        True
    """
    durations = melody.durations[melody.pitches != REST]
    weights = np.bincount(degrees(melody), weights=durations, minlength=12)
    if not len(durations):
        return float("nan")
    profile = _PROFILES[_third(melody)]
    weights, profile = weights - weights.mean(), profile - profile.mean()
    size = float(np.sqrt((weights @ weights) * (profile @ profile)))
    return float(weights @ profile) / size if size else 0.0


def pitch_class_entropy(melody: Melody) -> float:
    """How evenly a melody spreads its notes over the twelve pitch classes.

    Formula: ``-sum p log2 p`` over the parts p of the notes in each class, in bits. Range 0 to log2(12) = 3.58;
    the middle four fifths of Nottingham's tunes have 2.4 to 2.9. NaN where nothing sounds, so for the empty
    melody. Wu and Yang, The jazz transformer on the front line (2020).

    Example:
        >>> pitch_class_entropy(Melody([60, 62, 72, 74], [24] * 4))
        1.0
    """
    counts = np.bincount(degrees(melody), minlength=12)
    parts = counts[counts > 0] / max(1, counts.sum())
    return float(-(parts * np.log2(parts)).sum()) + 0.0 if len(parts) else float("nan")


def ends_on_tonic(melody: Melody) -> float:
    """Whether the last note that sounds is the tonic: 1 or 0.

    NaN where nothing sounds, so for the empty melody. About three of four real folk tunes end so, and one of
    four that a Markov chain writes; one tune's value says little, a set's mean much.

    Example:
        >>> ends_on_tonic(Melody([62, 67], [24, 24], tonic=7))
        1.0
    """
    found = degrees(melody)
    return float(found[-1] == 0) if len(found) else float("nan")


@dataclass(frozen=True)
class DegreeTransitions:
    """How often each scale degree follows each other in a corpus, in keys with a major and a minor third.

    Attributes:
        log2_probabilities: Of the next degree given the last, shape (2, 12, 12): major or minor third, last
            degree, next degree, as semitones above the tonic.
    """

    log2_probabilities: NDArray[np.float64]

    @classmethod
    def fit(cls, melodies: Iterable[Melody]) -> DegreeTransitions:
        """Count over training tunes, and smooth.

        A corpus may have few tunes in minor, or none. So what follows each degree in keys with either third is
        first given twelve counts, divided as in all keys together, and those begin from one of each.
        """
        counts = np.zeros((2, 12, 12))
        for melody in melodies:
            found = degrees(melody)
            np.add.at(counts[_third(melody)], (found[:-1], found[1:]), 1)
        shared = counts.sum(axis=0) + 1
        counts += 12 * shared / shared.sum(axis=1, keepdims=True)
        return cls(np.log2(counts / counts.sum(axis=2, keepdims=True)))

    def likelihood(self, melody: Melody) -> float:
        """The mean log2-probability of a melody's transitions, in bits.

        Formula: ``mean(log2 p(next degree | last degree))``. Range below 0. NaN for fewer than two sounding
        notes, so for the empty melody. Conklin and Witten, Multiple viewpoint systems for music prediction (1995).
        """
        found = degrees(melody)
        log2_p = self.log2_probabilities[_third(melody)]
        return float(log2_p[found[:-1], found[1:]].mean()) if len(found) > 1 else float("nan")
