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

    @property
    def name(self) -> str:
        """The key in words, such as ``D minor``, with sharps or flats as in its usual signature."""
        return f"{_TONIC_NAMES[self.tonic]} {self.mode}"


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


def contradicted_key(key: Key, pitches: ArrayLike, durations: ArrayLike) -> Key | None:
    """Return the estimated key if the notes contradict a written key, and None if they do not.

    They do if there are eight or more, those outside its scale have more than 15 % of the time, and at most half of
    that time is outside the scale of the estimated key.

    Args:
        key: The written key.
        pitches: MIDI numbers, ``REST`` for a rest, shape (N,).
        durations: Durations in any unit, shape (N,).

    Example:
        >>> d_major = [62, 64, 66, 67, 69, 71, 73, 74]
        >>> contradicted_key(Key(0, "major"), d_major, [1, 1, 1, 1, 2, 1, 1, 4])
        Key(tonic=2, mode='major')
        >>> contradicted_key(Key(11, "minor"), d_major, [1, 1, 1, 1, 2, 1, 1, 4]) is None
        True
    """
    outside = _share_outside(key, pitches, durations)
    if outside <= _MAX_SHARE_OUTSIDE or np.count_nonzero(np.asarray(pitches) != REST) < _MIN_NOTES:
        return None
    better = estimated_key(pitches, durations)
    return better if 2 * _share_outside(better, pitches, durations) <= outside else None


def _share_outside(key: Key, pitches: ArrayLike, durations: ArrayLike) -> float:
    """Return the share of the sounding time that notes outside the scale of a key have.

    The sixth and seventh degrees of minor, and the seventh of dorian, may be raised.
    """
    midi_numbers = np.asarray(pitches, dtype=np.int64).reshape(-1)
    weights = np.asarray(durations, dtype=np.float64).reshape(-1) * (midi_numbers != REST)
    total = float(weights.sum())
    inside = np.isin((midi_numbers - key.tonic) % 12, (*_SCALES[key.mode], *_RAISED_DEGREES.get(key.mode, ())))
    return float(weights[~inside].sum()) / total if total else 0.0


def estimated_mode(pitches: ArrayLike, durations: ArrayLike, tonic: int) -> str:
    """Return the mode on a tonic whose scale has most of the time; of equal ones the first of ``_DANCE_MODES``.

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
    return max(_DANCE_MODES, key=lambda mode: float(by_degree[list(_SCALES[mode])].sum()))


_MIN_NOTES = 8
_MAX_SHARE_OUTSIDE = 0.15
_TONIC_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# The modes of British, Irish and Nordic dance music, the most frequent first.
_DANCE_MODES = ("major", "minor", "dorian", "mixolydian")
# Semitones above the tonic.
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
_RAISED_DEGREES = {"minor": (9, 11), "dorian": (11,), "phrygian": (4, 11)}
