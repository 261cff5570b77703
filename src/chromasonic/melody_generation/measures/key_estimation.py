"""Key estimation from the durations of pitch classes, for melodies whose source names no key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from chromasonic.melody_generation.melody import REST

# Ratings of how well each pitch class, counted from the tonic, fits a key: the probe-tone experiments of Krumhansl &
# Kessler (1982), as printed in Krumhansl, Cognitive Foundations of Musical Pitch (1990), table 2.1.
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


@dataclass(frozen=True)
class Key:
    """A key: the pitch class of its tonic, 0 (C) to 11 (B), and its mode."""

    tonic: int
    mode: str


def estimated_key(pitches: ArrayLike, durations: ArrayLike, sharps: int | None = None) -> Key:
    """Return the key whose profile correlates best with the duration of each pitch class.

    This is the algorithm of Krumhansl & Schmuckler (Krumhansl 1990, chapter 4) over the 12 major and 12 minor keys.

    Args:
        pitches: MIDI numbers, ``REST`` for a rest, shape (N,).
        durations: Durations in any unit, shape (N,).
        sharps: Number of sharps of a key signature, negative for flats. If given, only its major and its minor key are
            compared.

    Returns:
        The key; C major, or the major key of the signature, if all pitch classes sound equally long or none sounds.

    Example:
        >>> estimated_key([62, 64, 66, 67, 69, 71, 73, 74], [1, 1, 1, 1, 2, 1, 1, 4])
        Key(tonic=2, mode='major')
    """
    midi_numbers = np.asarray(pitches, dtype=np.int64).reshape(-1)
    weights = np.asarray(durations, dtype=np.float64).reshape(-1)
    is_sounding = midi_numbers != REST
    class_durations = np.bincount(midi_numbers[is_sounding] % 12, weights=weights[is_sounding], minlength=12)
    keys = [Key(tonic, mode) for tonic in range(12) for mode in PROFILES]
    if sharps is not None:
        tonic = 7 * sharps % 12
        keys = [Key(tonic, "major"), Key((tonic + 9) % 12, "minor")]
    if np.ptp(class_durations) == 0:
        return keys[0]
    correlations = [np.corrcoef(np.roll(class_durations, -key.tonic), PROFILES[key.mode])[0, 1] for key in keys]
    return keys[int(np.argmax(correlations))]


def estimated_mode(pitches: ArrayLike, durations: ArrayLike, tonic: int) -> str:
    """Return the mode on a tonic whose scale has most of the time; of equal ones the first of ``_SCALES``.

    Args:
        pitches: MIDI numbers, ``REST`` for a rest, shape (N,).
        durations: Durations in any unit, shape (N,).
        tonic: Pitch class of the tonic.

    Example:
        >>> estimated_mode([62, 64, 66, 67, 69, 71, 72, 74], [1, 1, 1, 1, 1, 1, 1, 1], 2)
        'mixolydian'
    """
    midi_numbers = np.asarray(pitches, dtype=np.int64).reshape(-1)
    weights = np.asarray(durations, dtype=np.float64).reshape(-1)
    is_sounding = midi_numbers != REST
    degrees = (midi_numbers[is_sounding] - tonic) % 12
    by_degree = np.bincount(degrees, weights=weights[is_sounding], minlength=12)
    return max(_SCALES, key=lambda mode: float(by_degree[list(_SCALES[mode])].sum()))


# Semitones above the tonic: the modes of British, Irish and Nordic dance music, the most frequent first.
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
