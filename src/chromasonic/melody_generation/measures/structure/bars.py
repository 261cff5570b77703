"""Features of a melody's bars and phrases: shared rhythm, repetition, compressed size.

A note belongs to the bar in which it begins. The features of bars are not defined for tunes of one bar, nor in free
metre without written bar lines.
"""

from __future__ import annotations

import zlib

import numpy as np

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, IntArray, Melody

# On a grid of ticks most slots are empty in all bars, and even random onsets agree on over 0.96 of them.
_SLOT_TICKS = TICKS_PER_QUARTER // 4
# Distances in bars after which phrases, halves and parts of a tune begin again.
_LAGS = (1, 2, 4, 8, 16)


def _bar_begins(melody: Melody) -> IntArray:
    """Return the ticks at which bars begin, the upbeat included, and the end of the melody."""
    lines = melody.bar_lines
    upbeat = [0] if len(melody) and (not len(lines) or lines[0] > 0) else []
    return np.concatenate([np.array(upbeat, dtype=np.int64), lines, [melody.ticks]]).astype(np.int64)


def onset_agreement(melody: Melody) -> float:
    """Return how far neighbouring bars agree in their onsets.

    Formula: the mean, over pairs of neighbouring bars of the same length, of the fraction of sixteenth-note slots in
    which both bars or neither have an onset. Range: 0 to 1. NaN for the empty melody, and where no two neighbouring
    bars have the same length or nothing sounds. Source: grooving pattern similarity (Wu & Yang 2020), on a coarser
    grid.

    Example:
        >>> onset_agreement(Melody([60] * 6, [24, 24, 24, 24, 48, 48]))
        0.875
    """
    begins = _bar_begins(melody)
    lengths = np.diff(begins)
    pairs = np.flatnonzero(lengths[1:] == lengths[:-1])
    onsets = melody.onsets[melody.pitches != REST]
    if not len(pairs) or not len(onsets):
        return float("nan")
    bar = np.searchsorted(begins, onsets, side="right") - 1
    n_slots = -(-lengths // _SLOT_TICKS)
    filled = np.zeros((len(lengths), n_slots.max()), dtype=bool)
    filled[bar, (onsets - begins[bar]) // _SLOT_TICKS] = True
    n_differing = (filled[pairs] != filled[pairs + 1]).sum(axis=1)
    return float(1 - (n_differing / n_slots[pairs]).mean())


def bar_repetition(melody: Melody) -> float:
    """Return the fraction of bars that equal an earlier bar.

    Formula: ``1 - distinct / all`` over the bars in which a note begins; bars are equal if the pitches, positions and
    durations of their notes are. Range: 0 to below 1. NaN for the empty melody and for fewer than two such bars.
    Source: after the repetition measures of Dai et al. (2022).

    Example:
        >>> bar_repetition(Melody([60, 62, 60, 62], [48, 48, 48, 48]))
        0.5
    """
    begins = _bar_begins(melody)
    bar = np.searchsorted(begins, melody.onsets, side="right") - 1
    sounding = melody.pitches != REST
    notes = np.stack([melody.pitches, melody.onsets - begins[bar], melody.durations], axis=1)[sounding]
    firsts = np.flatnonzero(np.diff(bar[sounding], prepend=-1))
    if len(firsts) < 2:
        return float("nan")
    bars = [bar_notes.tobytes() for bar_notes in np.split(notes, firsts[1:])]
    return 1 - len(set(bars)) / len(bars)


def phrase_agreement(melody: Melody) -> float:
    """Return the fraction of notes that agree with the note one phrase earlier.

    Formula: for a distance of 1, 2, 4, 8 or 16 bars, up to half of the tune, the fraction of notes with the same
    pitch as a note at the same position in the bar at that distance before, among notes with as many bars before
    them; the maximum over the distances. Range: 0 to 1. Unlike ``bar_repetition`` it finds phrases that return
    varied. NaN for the empty melody and for fewer than two bars. Source: after the repetition of sections in Dai et
    al. (2022).

    Example:
        >>> phrase_agreement(Melody([60, 62, 60, 64, 60, 62, 60, 65], [48] * 8))
        0.75
    """
    begins = _bar_begins(melody)
    n_bars = len(begins) - 1
    sounding = melody.pitches != REST
    onsets, pitches = melody.onsets[sounding], melody.pitches[sounding]
    if n_bars < 2 or not len(onsets):
        return float("nan")
    bar = np.searchsorted(begins, onsets, side="right") - 1
    longest = int(np.diff(begins).max())
    positions = bar * longest + onsets - begins[bar]  # ascending, since notes do not overlap
    highest = 0.0
    for lag in (lag for lag in _LAGS if 2 * lag <= n_bars):
        is_late = bar >= lag
        earlier = positions[is_late] - lag * longest
        partner = np.searchsorted(positions, earlier).clip(max=len(positions) - 1)
        agrees = (positions[partner] == earlier) & (pitches[partner] == pitches[is_late])
        highest = max(highest, float(agrees.mean()) if len(agrees) else 0.0)
    return highest


def compressed_size(melody: Melody) -> float:
    """Return the size of a melody compressed by DEFLATE, in bytes per note.

    Formula: compressed bytes divided by the number of notes and rests; before compression a note takes two bytes, its
    height above the lowest note and its duration. Range: above 0. NaN for the empty melody. Repetition of any length
    lowers it. Source: an upper bound on Kolmogorov complexity, as in Cilibrasi, Vitanyi & de Wolf, Algorithmic
    clustering of music (2004).

    Example:
        >>> compressed_size(Melody([60] * 90, [24] * 90)) < 0.2
        True
    """
    if not len(melody):
        return float("nan")
    sounding = melody.pitches != REST
    lowest = melody.pitches[sounding].min() if sounding.any() else 0
    heights = np.where(sounding, melody.pitches - lowest + 1, 0)
    notes = np.stack([heights, np.minimum(melody.durations, 255)], axis=1).astype(np.uint8)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)  # without header and checksum
    return (len(compressor.compress(notes.tobytes())) + len(compressor.flush())) / len(melody)
