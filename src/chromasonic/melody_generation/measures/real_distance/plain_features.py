"""Features of a melody that are counted rather than judged: how long it is, and what notes and rests it has.

The features of a calibration are odd if they are far out. These tell people in plain words what is different. Bars are
counted as they are written; repeats are not played.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chromasonic.melody_generation.measures.features import Feature
from chromasonic.melody_generation.measures.melodic_intervals import intervals, sounding_pitches
from chromasonic.melody_generation.measures.structure.bar_grid import SILENT, bar_grid
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, FloatArray, Melody

_PART = 8  # bars
_NAN = float("nan")


def bars_long(melody: Melody) -> float:
    """Return the length of a melody in bars. NaN for the empty melody and in free metre.

    Example:
        >>> bars_long(Melody([60, 62, 64], [96, 48, 96]))
        2.5
    """
    return melody.ticks / melody.metre.bar_ticks if len(melody) and melody.metre.beats else _NAN


def eight_bar_parts(melody: Melody) -> float:
    """Return 1 if the length is a multiple of eight bars, else 0. NaN for the empty melody and in free metre.

    Example:
        >>> eight_bar_parts(Melody([60] * 16, [96] * 16)), eight_bar_parts(Melody([60] * 12, [96] * 12))
        (1.0, 0.0)
    """
    length = bars_long(melody)
    return float(length % _PART == 0) if not np.isnan(length) else _NAN


def notes_per_bar(melody: Melody) -> float:
    """Return the number of notes and rests over the length in bars. NaN for the empty melody and in free metre."""
    length = bars_long(melody)
    return len(melody) / length if not np.isnan(length) else _NAN


def rest_share(melody: Melody) -> float:
    """Return the fraction of rests among notes and rests. Range: 0 to 1. NaN for the empty melody."""
    return float((melody.pitches == REST).mean()) if len(melody) else _NAN


def different_durations(melody: Melody) -> float:
    """Return the number of different durations. NaN for the empty melody."""
    return float(len(np.unique(melody.durations))) if len(melody) else _NAN


def shortest_note(melody: Melody) -> float:
    """Return the shortest duration in quarter notes. NaN for the empty melody."""
    return float(melody.durations.min() / TICKS_PER_QUARTER) if len(melody) else _NAN


def longest_note(melody: Melody) -> float:
    """Return the longest duration in quarter notes. NaN for the empty melody."""
    return float(melody.durations.max() / TICKS_PER_QUARTER) if len(melody) else _NAN


def offbeat_long_notes(melody: Melody) -> float:
    """Return the fraction of notes that begin off the quarter grid of the bar and are longer than a quarter note.

    Range: 0 to 1. NaN for the empty melody.
    """
    is_off = melody.positions % TICKS_PER_QUARTER != 0
    return float((is_off & (melody.durations > TICKS_PER_QUARTER)).mean()) if len(melody) else _NAN


def repeated_notes(melody: Melody) -> float:
    """Return the fraction of intervals that are 0. Range: 0 to 1. NaN for fewer than two sounding notes."""
    steps = intervals(melody)
    return float((steps == 0).mean()) if len(steps) else _NAN


def highest_note(melody: Melody) -> float:
    """Return the semitones of the highest note above the tonic in the octave of middle C. NaN if nothing sounds."""
    pitches = sounding_pitches(melody)
    return float(pitches.max() - 60 - melody.tonic) if len(pitches) else _NAN


def lowest_note(melody: Melody) -> float:
    """Return the lowest note on the scale of ``highest_note``. NaN if nothing sounds."""
    pitches = sounding_pitches(melody)
    return float(pitches.min() - 60 - melody.tonic) if len(pitches) else _NAN


def rests_on_tonic(melody: Melody) -> float:
    """Return the fraction of bars 8, 16, 24, ... in whose middle the tonic sounds.

    Range: 0 to 1. NaN for fewer than eight bars.
    """
    heights = bar_grid(melody).heights[_PART - 1 :: _PART]
    if not len(heights):
        return _NAN
    middle = heights[:, heights.shape[1] // 2]
    return float(((middle % 12 == 0) & (middle != SILENT)).mean())


PLAIN_FEATURES = {
    feature.name: feature
    for feature in (
        Feature("bars_long", "length", "bars", function=bars_long),
        Feature("eight_bar_parts", "a multiple of eight bars", function=eight_bar_parts),
        Feature("rests_on_tonic", "tonic in bars 8, 16, ...", function=rests_on_tonic),
        Feature("notes_per_bar", "notes in a bar", "notes", function=notes_per_bar),
        Feature("rest_share", "rests", function=rest_share),
        Feature("different_durations", "different durations", "durations", function=different_durations),
        Feature("shortest_note", "shortest note", "quarter notes", function=shortest_note),
        Feature("longest_note", "longest note", "quarter notes", function=longest_note),
        Feature("offbeat_long_notes", "long notes off the beat", function=offbeat_long_notes),
        Feature("repeated_notes", "repeated notes", function=repeated_notes),
        Feature("highest_note", "highest note above the tonic", "semitones", function=highest_note),
        Feature("lowest_note", "lowest note above the tonic", "semitones", function=lowest_note),
    )
}


def measure_plain_features(melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    """Return the features of ``PLAIN_FEATURES``, by name, each of shape (number of melodies,)."""
    return {
        name: np.array([feature.function(melody) for melody in melodies], dtype=np.float64)
        for name, feature in PLAIN_FEATURES.items()
        if feature.function is not None
    }
