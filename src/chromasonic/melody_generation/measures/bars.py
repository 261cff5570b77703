"""Features of a melody's bars: whether neighbours move alike, whether bars and phrases come back.

A note belongs to the bar in which it begins. In free metre, where only written bar lines count, and in a tune of
one bar these are not defined.
"""

from __future__ import annotations

import zlib

import numpy as np

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, IntArray, Melody

# A grid of 24 to the quarter has mostly empty places, on which all bars agree: even noise gets over 0.96 there.
_SLOT_TICKS = TICKS_PER_QUARTER // 4
# Bars after which phrases, halves and parts of a tune begin again.
_LAGS = (1, 2, 4, 8, 16)


def _bar_begins(melody: Melody) -> IntArray:
    """Ticks at which bars begin, an upbeat before the first bar line being one, then the end of the melody."""
    lines = melody.bar_lines
    upbeat = [0] if len(melody) and (not len(lines) or lines[0] > 0) else []
    return np.concatenate([np.array(upbeat, dtype=np.int64), lines, [melody.ticks]]).astype(np.int64)


def onset_agreement(melody: Melody) -> float:
    """How far neighbouring bars have their notes at the same places.

    Formula: for each pair of neighbouring bars of the same length, the part of the bar's sixteenth-note slots in
    which either both or neither has a note beginning; the mean over pairs. Range 0 to 1. NaN where no two
    neighbouring bars have the same length or nothing sounds, so for the empty melody. Wu and Yang (2020): grooving
    pattern similarity, on a coarser grid.

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
    """The part of a melody's bars that are the same as an earlier one, note for note.

    Formula: ``1 - distinct / all`` over the bars in which a note begins; bars are the same where pitches, places in the
    bar and durations are. Range 0 to (nearly) 1. NaN for fewer than two such bars, so for the empty melody.
    After Dai et al. (2022).

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
    bars = [each.tobytes() for each in np.split(notes, firsts[1:])]
    return 1 - len(set(bars)) / len(bars)


def phrase_agreement(melody: Melody) -> float:
    """How much of a melody is as it was a phrase before.

    Formula: the part of the notes that have the same pitch as a note at the same place of the bar some bars before;
    the largest such part for 1, 2, 4, 8 or 16 bars, up to half the tune's bars, among the notes that have so many
    bars before them. Range 0 to 1. Unlike ``bar_repetition`` it sees phrases that come back varied. NaN for fewer
    than two bars, so for the empty melody. After the repetition of sections in Dai et al. (2022).

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
    places = bar * longest + onsets - begins[bar]  # rising, since notes do not overlap
    found = 0.0
    for lag in (lag for lag in _LAGS if 2 * lag <= n_bars):
        late = bar >= lag
        wanted = places[late] - lag * longest
        partner = np.searchsorted(places, wanted).clip(max=len(places) - 1)
        agrees = (places[partner] == wanted) & (pitches[partner] == pitches[late])
        found = max(found, float(agrees.mean()) if len(agrees) else 0.0)
    return found


def compressed_size(melody: Melody) -> float:
    """How many bytes a melody takes for each note when what repeats is written once.

    Formula: the size of the melody compressed by DEFLATE, divided by its notes and rests; a note is two bytes,
    its height above the lowest note and its duration. Range above 0. NaN for the empty melody. It grows with
    surprise and falls with repetition of any length: an upper bound on Kolmogorov complexity, as in Cilibrasi,
    Vitanyi and de Wolf, Algorithmic clustering of music (2004).

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
