"""Features of contour, register, and of the two halves of a melody.

Heights are semitones, and a register is measured from the last note, so that no feature changes under transposition.
All features are NaN for the empty melody and for fewer than two sounding notes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from chromasonic.melody_generation.measures.melodic_intervals import sounding_pitches
from chromasonic.melody_generation.melody import REST, IntArray, Melody

_PHRASE = 4
_MIN_HALF = 5  # notes
_MIN_PHRASE = 6  # notes
_NAN = float("nan")


def climax_position(melody: Melody) -> float:
    """Return the position of the first of the highest notes among all notes. Range: 0 (first note) to 1 (last note).

    Source: the melodic peak of Eitan, Highpoints (1997).

    Example:
        >>> climax_position(Melody([60, 67, 64, 62, 60], [24] * 5))
        0.25
    """
    pitches = sounding_pitches(melody)
    return float(pitches.argmax() / (len(pitches) - 1)) if len(pitches) > 1 else _NAN


def highest_above_last(melody: Melody) -> float:
    """Return the semitones from the last note up to the highest. Range: 0 to 127."""
    pitches = sounding_pitches(melody)
    return float(pitches.max() - pitches[-1]) if len(pitches) > 1 else _NAN


def lowest_above_last(melody: Melody) -> float:
    """Return the semitones from the last note down to the lowest, as a negative number. Range: -127 to 0."""
    pitches = sounding_pitches(melody)
    return float(pitches.min() - pitches[-1]) if len(pitches) > 1 else _NAN


def tune_arch(melody: Melody) -> float:
    """Return how much higher the middle half of the notes is than the outer quarters, in semitones.

    Formula: the mean of the second and the third quarter less that of the first and the fourth. Range: -127 to 127. NaN
    for fewer than four notes. Source: Huron, The melodic arch in Western folksongs (1996).

    Example:
        >>> tune_arch(Melody([60, 64, 64, 60], [24] * 4))
        4.0
    """
    quarters = _parts(sounding_pitches(melody), 4)
    return (quarters[1] + quarters[2] - quarters[0] - quarters[3]) / 2 if quarters else _NAN


def tune_slope(melody: Melody) -> float:
    """Return how much higher the last quarter of the notes is than the first, in semitones. Range: -127 to 127.

    NaN for fewer than four notes.
    """
    quarters = _parts(sounding_pitches(melody), 4)
    return quarters[3] - quarters[0] if quarters else _NAN


def _parts(pitches: IntArray, n: int) -> list[float]:
    """Return the mean pitch of n equal parts; nothing for fewer notes."""
    return [float(part.mean()) for part in np.array_split(pitches, n)] if len(pitches) >= n else []


def phrase_arch(melody: Melody) -> float:
    """Return how much higher the middle thirds of phrases of four bars are than their outer thirds, in semitones.

    Formula: the mean over phrases of six notes or more. Range: -127 to 127. NaN without such a phrase, and in free
    metre. Source: Huron (1996).
    """
    pitches, bars = sounding_pitches(melody), _bars(melody)
    if not len(pitches) or not melody.metre.beats:
        return _NAN
    firsts = np.flatnonzero(np.diff(np.maximum(bars, 0) // _PHRASE, prepend=-1))
    arches = []
    for begin, end in zip(firsts, [*firsts[1:], len(pitches)], strict=True):
        third = (end - begin) // 3
        if end - begin >= _MIN_PHRASE:
            phrase = pitches[begin:end]
            arches.append(phrase[third:-third].mean() - (phrase[:third].mean() + phrase[-third:].mean()) / 2)
    return float(np.mean(arches)) if arches else _NAN


def _bars(melody: Melody) -> IntArray:
    onsets = melody.onsets[melody.pitches != REST]
    return np.asarray(np.searchsorted(melody.bar_lines, onsets, side="right") - 1, dtype=np.int64)


@lru_cache(maxsize=4)
def _halves(melody: Melody) -> tuple[IntArray, IntArray, IntArray, IntArray, int] | None:
    """Return the pitches and the durations of both halves by bars, and the number of bars; None if one is too short."""
    bars, n_bars = _bars(melody), len(melody.bar_lines)
    split = int(np.searchsorted(bars, n_bars // 2))
    pitches = sounding_pitches(melody)
    if min(split, len(pitches) - split) < _MIN_HALF or n_bars < 2 or not melody.metre.beats:
        return None
    durations = melody.durations[melody.pitches != REST]
    return pitches[:split], pitches[split:], durations[:split], durations[split:], n_bars


def half_rise(melody: Melody) -> float:
    """Return how much higher the second half is than the first, by mean pitch, in semitones. Range: -127 to 127.

    Halves are divided at a bar line; NaN if one has fewer than five notes, and in free metre.
    """
    halves = _halves(melody)
    return float(halves[1].mean() - halves[0].mean()) if halves else _NAN


def half_high_rise(melody: Melody) -> float:
    """Return how much higher the highest note of the second half is than that of the first. Range: -127 to 127.

    NaN as for ``half_rise``.
    """
    halves = _halves(melody)
    return float(halves[1].max() - halves[0].max()) if halves else _NAN


def half_low_rise(melody: Melody) -> float:
    """Return how much higher the lowest note of the second half is than that of the first. Range: -127 to 127.

    NaN as for ``half_rise``.
    """
    halves = _halves(melody)
    return float(halves[1].min() - halves[0].min()) if halves else _NAN


def half_density(melody: Melody) -> float:
    """Return how many notes a bar more the second half has than the first. Unbounded. NaN as for ``half_rise``."""
    halves = _halves(melody)
    if not halves:
        return _NAN
    n_first = halves[4] // 2
    return len(halves[1]) / (halves[4] - n_first) - len(halves[0]) / n_first


def half_durations(melody: Melody) -> float:
    """Return how far the halves differ in their durations. Range: 0 (the same fractions) to 1 (none in common).

    Formula: half the sum of the absolute differences of the fraction of notes of each duration. NaN as for
    ``half_rise``.
    """
    halves = _halves(melody)
    if not halves:
        return _NAN
    values, index = np.unique(np.concatenate([halves[2], halves[3]]), return_inverse=True)
    first, second = index[: len(halves[2])], index[len(halves[2]) :]
    fractions = (np.bincount(part, minlength=len(values)) / len(part) for part in (first, second))
    return float(np.abs(np.subtract(*fractions)).sum() / 2)


def half_motifs(melody: Melody) -> float:
    """Return the fraction of 3-grams of intervals in the second half that the first half has too. Range: 0 to 1.

    NaN as for ``half_rise``. It falls if the second half is of another tune.
    """
    halves = _halves(melody)
    if not halves:
        return _NAN
    first, second = (_trigrams(half) for half in halves[:2])
    known = set(first)
    return float(np.mean([trigram in known for trigram in second]))


def _trigrams(pitches: IntArray) -> list[int]:
    steps = np.diff(pitches) + 128
    return ((steps[:-2] * 256 + steps[1:-1]) * 256 + steps[2:]).tolist()  # type: ignore[no-any-return]
