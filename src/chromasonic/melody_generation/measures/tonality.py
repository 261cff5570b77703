"""Features of a melody's tonality.

Pitch classes are counted from the melody's own tonic, so the features do not change if a tune is transposed together
with its tonic. Every sounding note counts once, unless a docstring says that it counts by its duration.
"""

from __future__ import annotations

import numpy as np

from chromasonic.melody_generation.measures.key_estimation import PROFILES
from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.melody import REST, IntArray, Melody

# The twelve diatonic scales, shape (12, 7); all modes of a scale have the same pitch classes.
_SCALES = (np.arange(12)[:, None] + np.array([0, 2, 4, 5, 7, 9, 11])) % 12
_WITH_MINOR_THIRD = ("minor", "dorian", "phrygian", "locrian")


def degrees(melody: Melody) -> IntArray:
    """Return the pitch classes of the sounding notes above the tonic, 0 to 11, shape (number of sounding notes,)."""
    return np.asarray((sounding_pitches(melody) - melody.tonic) % 12, dtype=np.int64)


def has_minor_third(melody: Melody) -> bool:
    """Return whether the mode has a minor third."""
    return melody.mode in _WITH_MINOR_THIRD


def scale_consistency(melody: Melody) -> float:
    """Return the fraction of notes in the diatonic scale that holds most of them.

    Formula: ``max over the 12 diatonic scales of #(notes in it) / #notes``. Range: 7/12 to 1. NaN for the empty melody
    and if nothing sounds. Source: Mogren, C-RNN-GAN (2016).

    Example:
        >>> scale_consistency(Melody([60, 62, 64, 66, 67, 65], [24] * 6)) == 5 / 6
        True
    """
    counts = np.bincount(degrees(melody), minlength=12)
    if not counts.sum():
        return float("nan")
    return float(counts[_SCALES].sum(axis=1).max() / counts.sum())


def key_correlation(melody: Melody) -> float:
    """Return the correlation of a melody's scale degrees, weighted by duration, with the profile of its key.

    Formula: Pearson correlation of the time for which each pitch class above the tonic sounds with the key profile of
    Krumhansl & Kessler, the minor one if the mode has a minor third. Range: -1 to 1; 0 if all twelve sound equally
    long. NaN for the empty melody and if nothing sounds. Source: Krumhansl (1990).

    Example:
        >>> key_correlation(Melody([60, 64, 67, 60], [24] * 4)) > 0.8
        True
    """
    durations = melody.durations[melody.pitches != REST]
    weights = np.bincount(degrees(melody), weights=durations, minlength=12)
    if not len(durations):
        return float("nan")
    profile = np.array(PROFILES["minor" if has_minor_third(melody) else "major"])
    weights, profile = weights - weights.mean(), profile - profile.mean()
    size = float(np.sqrt((weights @ weights) * (profile @ profile)))
    return float(weights @ profile) / size if size else 0.0


def pitch_class_entropy(melody: Melody) -> float:
    """Return the entropy of the distribution of notes over pitch classes, in bits.

    Formula: ``-sum p log2 p`` over the fractions p of notes in each class. Range: 0 to log2(12) = 3.58; 2.4 to 2.9
    for the middle 80 % of Nottingham's tunes. NaN for the empty melody and if nothing sounds. Source: Wu & Yang, The
    jazz transformer on the front line (2020).

    Example:
        >>> pitch_class_entropy(Melody([60, 62, 72, 74], [24] * 4))
        1.0
    """
    counts = np.bincount(degrees(melody), minlength=12)
    parts = counts[counts > 0] / max(1, counts.sum())
    return float(-(parts * np.log2(parts)).sum()) + 0.0 if len(parts) else float("nan")


def ends_on_tonic(melody: Melody) -> float:
    """Return 1 if the last sounding note is the tonic, else 0.

    NaN for the empty melody and if nothing sounds. The mean is about 0.75 over real folk tunes and 0.25 over those of a
    Markov chain; the value of a single tune says little.

    Example:
        >>> ends_on_tonic(Melody([62, 67], [24, 24], tonic=7))
        1.0
    """
    melody_degrees = degrees(melody)
    return float(melody_degrees[-1] == 0) if len(melody_degrees) else float("nan")
