"""Tempo in quarter notes per minute, and the beat that a listener would tap."""

from __future__ import annotations

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, FloatArray, Melody, Metre
from chromasonic.melody_generation.notation.note_values import PLAIN_VALUES, NoteValue

DEFAULT_TEMPO = 120.0  # quarter notes per minute, where the metre suggests nothing else
SLOWEST, FASTEST = 10.0, 1000.0

# Usual beats per minute of dances and songs, by the length of the beat in ticks.
_USUAL_BEATS = {12: 200.0, 18: 80.0, 24: DEFAULT_TEMPO, 36: 104.0, 48: 90.0, 72: 60.0, 96: 60.0}


_ACCENTS = {"bar": 1.0, "beat": 0.85, "other": 0.7}


def accents(melody: Melody) -> FloatArray:
    """Return the loudness of each note by its position in the metre, shape (N,): first beat, other beats, the rest.

    Example:
        >>> accents(Melody([60, 62, 64], [24, 12, 60])).tolist()
        [1.0, 0.85, 0.7]
    """
    loudness = np.full(len(melody), _ACCENTS["other"])
    for begin, end, metre, _ in melody.segments:
        positions = melody.positions[begin:end]
        if not metre.beats:
            loudness[begin:end] = _ACCENTS["beat"]
            continue
        loudness[begin:end][positions % beat_ticks(metre) == 0] = _ACCENTS["beat"]
        loudness[begin:end][positions == 0] = _ACCENTS["bar"]
    return loudness


def is_compound(metre: Metre) -> bool:
    """Return whether three units make a beat, as in 6/8, 9/8, 12/8 and 6/4."""
    return metre.beats > 3 and metre.beats % 3 == 0 and metre.unit >= 4


def beat_ticks(metre: Metre) -> int:
    """Return the length of the beat in ticks: a dotted quarter in 6/8, a half in 3/2, a quarter in free metre.

    Example:
        >>> beat_ticks(Metre(6, 8)), beat_ticks(Metre(2, 2)), beat_ticks(Metre(3, 4)), beat_ticks(Metre(3, 8))
        (36, 48, 24, 36)
    """
    unit = 4 * TICKS_PER_QUARTER // metre.unit
    if is_compound(metre) or (metre.beats == 3 and metre.unit >= 8):
        return 3 * unit
    # In irregular metres such as 5/8 the unit itself is the beat.
    return unit if metre.beats else TICKS_PER_QUARTER


def usual_tempo(melody: Melody) -> float:
    """Return the usual tempo of the melody's metre, in quarter notes per minute.

    Example:
        >>> usual_tempo(Melody([60], [24])), usual_tempo(Melody([60], [24], metre=Metre(6, 8)))
        (120.0, 156.0)
    """
    beat = beat_ticks(melody.metre)
    return _USUAL_BEATS[beat] * beat / TICKS_PER_QUARTER if beat in _USUAL_BEATS else DEFAULT_TEMPO


def beat_value(metre: Metre) -> NoteValue:
    """Return the note value of the beat.

    Example:
        >>> beat_value(Metre(9, 8))
        NoteValue(name='quarter', dots=1, is_triplet=False)
    """
    return PLAIN_VALUES[beat_ticks(metre)]


def beats_per_minute(metre: Metre, tempo: float) -> float:
    """Convert a tempo in quarter notes per minute to beats of a metre per minute.

    Example:
        >>> beats_per_minute(Metre(6, 8), 156)
        104.0
    """
    return tempo * TICKS_PER_QUARTER / beat_ticks(metre)


def check_tempo(tempo: float) -> None:
    """Raise an error for a tempo out of range.

    Raises:
        InputError: If the tempo is not within 10 to 1000 quarter notes per minute.
    """
    if not SLOWEST <= tempo <= FASTEST:
        raise InputError(f"tempo is quarter notes per minute, {SLOWEST:g} to {FASTEST:g}, got {tempo:g}")
