"""The sounding notes of a melody, and altered versions of them, as arrays that the counting model reads.

Rests are left out: the duration of a note is the time to the onset of the next one. Heights are semitones above the
tonic in the octave of middle C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chromasonic.melody_generation.measures.tonality import has_minor_third
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, IntArray, Melody

_MIDDLE_C = 60
_MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])
_MINOR = np.array([0, 2, 3, 5, 7, 8, 10])
PHRASE_BARS = 4


@dataclass(frozen=True)
class NoteArrays:
    """Sounding notes of one melody in V versions.

    Attributes:
        heights: Semitones above the tonic, shape (V, N).
        positions: Ticks from the bar line, shape (V, N).
        durations: Ticks to the next onset, or to the end of the melody, shape (V, N).
        bars: Number of the bar, 0 for the first whole one and -1 for an upbeat, shape (V, N).
        n_bars: Number of bar lines.
        bar_ticks: Length of a bar.
        beat_ticks: Length of a beat, a dotted one in compound metres.
        is_minor: Whether the mode has a minor third.
    """

    heights: IntArray
    positions: IntArray
    durations: IntArray
    bars: IntArray
    n_bars: int
    bar_ticks: int
    beat_ticks: int
    is_minor: bool

    @classmethod
    def of(cls, melody: Melody) -> NoteArrays:
        """Return the sounding notes of a melody as one version."""
        sounding = melody.pitches != REST
        onsets = melody.onsets[sounding]
        lines = melody.bar_lines
        return cls(
            (melody.pitches[sounding] - _MIDDLE_C - melody.tonic)[None],
            melody.positions[sounding][None],
            np.diff(onsets, append=melody.ticks)[None],
            (np.searchsorted(lines, onsets, side="right") - 1)[None],
            len(lines),
            melody.metre.bar_ticks,
            _beat_ticks(melody),
            has_minor_third(melody),
        )

    @property
    def n_notes(self) -> int:
        """Number of sounding notes."""
        return int(self.heights.shape[1])


def _beat_ticks(melody: Melody) -> int:
    """Return the length of a beat in ticks: three units in compound metres, such as 6/8, else one unit."""
    metre = melody.metre
    unit = 4 * TICKS_PER_QUARTER // metre.unit
    return 3 * unit if metre.unit >= 8 and metre.beats % 3 == 0 and metre.beats > 3 else unit


ALTERATIONS = (
    *("none", "reversed", "pitches_reversed", "half_bar_later", "beat_later", "phrases_reversed"),
    *("bars_reversed", "bars_2_later", "bars_4_later", "rotated_forwards", "rotated_backwards"),
    *(f"moved_by_{steps}" for steps in (-3, -2, -1, 1, 2, 3)),
    *(f"inverted_and_moved_by_{steps}" for steps in range(-3, 4)),
)
_MODE_SHIFTS, _INVERSION_SHIFTS = (-3, -2, -1, 1, 2, 3), range(-3, 4)


def altered(notes: NoteArrays) -> NoteArrays:
    """Return a melody in the versions of ``ALTERATIONS``, shape (V, N) each, the melody itself first.

    Args:
        notes: One version.
    """
    heights, positions, durations, bars = (
        array[0] for array in (notes.heights, notes.positions, notes.durations, notes.bars)
    )
    scale = _MINOR if notes.is_minor else _MAJOR
    degree = np.searchsorted(scale, heights % 12, side="right") - 1
    steps, left = 7 * (heights // 12) + degree, heights % 12 - scale[degree]

    def of_steps(steps: IntArray) -> IntArray:
        return np.asarray(scale[steps % 7] + 12 * (steps // 7))

    by_phrase, by_bar = (np.argsort(-(bars // n_together), kind="stable") for n_together in (PHRASE_BARS, 1))
    axis = int(np.median(steps)) if len(steps) else 0
    backwards = (-(positions + durations) % notes.bar_ticks)[::-1]
    same = heights, positions, durations, bars
    versions = [
        same,
        (heights[::-1], backwards, durations[::-1], (notes.n_bars - 1 - bars)[::-1]),
        (heights[::-1], *same[1:]),
        (heights, (positions + notes.bar_ticks // 2) % notes.bar_ticks, durations, bars),
        (heights, (positions + notes.beat_ticks) % notes.bar_ticks, durations, bars),
        *(
            (heights[order], positions[order], durations[order], _renumbered(bars[order]))
            for order in (by_phrase, by_bar)
        ),
        *((heights, positions, durations, bars + later) for later in (2, 4)),
        (np.roll(heights, 1), *same[1:]),
        (np.roll(heights, -1), *same[1:]),
        *((of_steps(steps + shift) + left, *same[1:]) for shift in _MODE_SHIFTS),
        *((of_steps(2 * axis - steps + shift), *same[1:]) for shift in _INVERSION_SHIFTS),
    ]
    of_heights, of_positions, of_durations, of_bars = (np.stack(arrays) for arrays in zip(*versions, strict=True))
    return replace(notes, heights=of_heights, positions=of_positions, durations=of_durations, bars=of_bars)


def _renumbered(bars: IntArray) -> IntArray:
    """Return the number of each note's bar where bars have another order."""
    return np.cumsum(np.diff(bars, prepend=bars[:1]) != 0)
