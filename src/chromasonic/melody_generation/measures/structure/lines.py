"""Features of the line against the key and the metre: foreign notes, leaps, and where they stand."""

from __future__ import annotations

import numpy as np

from chromasonic.melody_generation.measures.melodic_intervals import interval_ngrams, intervals
from chromasonic.melody_generation.measures.structure.bar_grid import bar_grid
from chromasonic.melody_generation.measures.tonality import degrees, has_minor_third
from chromasonic.melody_generation.melody import REST, Melody

_LARGE_LEAP = 9
_PHRASE = 4
_MOTIF = 4
# The sixth and the seventh degree of modes with a minor third may be raised.
_OWN_SCALE = {False: (0, 2, 4, 5, 7, 9, 11), True: (0, 2, 3, 5, 7, 8, 9, 10, 11)}
_STABLE = {False: (0, 4, 7), True: (0, 3, 7)}
_NAN = float("nan")


def foreign_notes(melody: Melody) -> float:
    """Return the fraction of notes outside the scale of the melody's own tonic and mode.

    The scale is major, or minor with both sixths and sevenths. Range: 0 to 1. NaN for the empty melody and if nothing
    sounds.

    Example:
        >>> foreign_notes(Melody([60, 61, 64, 67], [24] * 4))
        0.25
    """
    melody_degrees = degrees(melody)
    if not len(melody_degrees):
        return _NAN
    return float(1 - np.isin(melody_degrees, _OWN_SCALE[has_minor_third(melody)]).mean())


def stable_time(melody: Melody) -> float:
    """Return how much more of the time than of the notes belongs to the tonic triad. Range: -1 to 1.

    Formula: the fraction of the sounding time on its degrees less the fraction of the notes. Above 0 if long notes are
    stable. NaN for the empty melody and if nothing sounds. Source: after the agreement of duration and tonal stability
    in Krumhansl (1990).
    """
    is_stable = np.isin(degrees(melody), _STABLE[has_minor_third(melody)])
    durations = melody.durations[melody.pitches != REST]
    return float(durations[is_stable].sum() / durations.sum() - is_stable.mean()) if len(durations) else _NAN


def large_leaps(melody: Melody) -> float:
    """Return the fraction of intervals of nine semitones or more. Range: 0 to 1. NaN for fewer than two notes."""
    sizes = np.abs(intervals(melody))
    return float((sizes >= _LARGE_LEAP).mean()) if len(sizes) else _NAN


def leaps_on_beats(melody: Melody) -> float:
    """Return how much larger intervals to the beginning or the middle of a bar are than others, in semitones.

    Formula: the mean size of the former less that of the latter. Range: -127 to 127. NaN if there are none of one kind.
    """
    sizes = np.abs(intervals(melody))
    positions = melody.positions[melody.pitches != REST][1:]
    is_strong = positions % max(1, melody.metre.bar_ticks // 2) == 0
    if not is_strong.any() or is_strong.all():
        return _NAN
    return float(sizes[is_strong].mean() - sizes[~is_strong].mean())


def motif_rhythm(melody: Melody) -> float:
    """Return how many of the motifs that come back do so in their rhythm.

    Formula: of 4-grams of intervals, the number that occurred before with the same durations over the number that
    occurred before. Range: 0 to 1; low for pitches on a rhythm that is not theirs. NaN if none comes back, and for
    fewer than five sounding notes. Source: joint viewpoints, as in Conklin & Witten (1995).

    Example:
        >>> motif_rhythm(Melody([60, 62, 64, 65, 67] * 2, [24, 12, 12, 24, 24, 24, 12, 12, 24, 48]))
        1.0
    """
    motifs = interval_ngrams(melody, _MOTIF).tolist()
    durations = melody.durations[melody.pitches != REST].tolist()
    joint = {(motif, *durations[i : i + _MOTIF]) for i, motif in enumerate(motifs)}
    n_back = len(motifs) - len(set(motifs))
    return (len(motifs) - len(joint)) / n_back if n_back else _NAN


def phrase_end_notes(melody: Melody) -> float:
    """Return how many notes more the last bars of phrases of four bars have than other bars.

    Below 0 if phrases end on long notes. Unbounded. NaN for fewer than four bars. Source: phrase-final lengthening, as
    in Cambouropoulos, The local boundary detection model (2001).

    Example:
        >>> phrase_end_notes(Melody([60, 62, 64, 65, 67, 65, 64], [48, 48, 48, 48, 48, 48, 96]))
        -1.0
    """
    counts = bar_grid(melody).n_onsets
    is_end = np.arange(len(counts)) % _PHRASE == _PHRASE - 1
    return float(counts[is_end].mean() - counts[~is_end].mean()) if is_end.any() else _NAN


def part_end_notes(melody: Melody) -> float:
    """Return how many notes more the last bars of parts of eight bars have than all bars; NaN for fewer than eight."""
    counts = bar_grid(melody).n_onsets
    ends = counts[2 * _PHRASE - 1 :: 2 * _PHRASE]
    return float(ends.mean() - counts.mean()) if len(ends) else _NAN


def last_bar_notes(melody: Melody) -> float:
    """Return how many notes more the last bar has than all bars; NaN for the empty melody and without bars."""
    counts = bar_grid(melody).n_onsets
    return float(counts[-1] - counts.mean()) if len(counts) else _NAN
