"""The whole bars of a melody on a grid of eighth triplets and sixteenths: what sounds, and what begins, in each slot.

Bars are counted from the first bar line on, so that an upbeat is left out, and up to 128 of them. A slot is an eighth
note; a note that begins within it belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, IntArray, Melody

SILENT = 1000
_SLOT_TICKS = TICKS_PER_QUARTER // 2
_MAX_BARS = 128
_MAX_SLOTS = 32


@dataclass(frozen=True, eq=False)
class BarGrid:
    """Bars of a melody as slots.

    Attributes:
        heights: Semitones above the tonic (MIDI number less that of the tonic) that sound at the beginning of each
            slot; ``SILENT`` before the first note and after the end, shape (number of bars, slots).
        has_onset: Whether a note begins at the beginning of a slot, shape (number of bars, slots).
        n_onsets: Number of notes that begin in each bar, shape (number of bars,).
    """

    heights: IntArray
    has_onset: NDArray[np.bool_]
    n_onsets: IntArray

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.heights)

    @cached_property
    def likeness(self) -> NDArray[np.float64]:
        """Fraction of slots in which two bars sound the same pitch, shape (number of bars, number of bars)."""
        known = self.heights != SILENT
        return np.asarray(((self.heights[:, None] == self.heights) & known).mean(axis=2))

    def agreement(self, lag: int) -> float:
        """Return the mean likeness of bars that are ``lag`` bars apart; NaN if there are none."""
        return float(np.diagonal(self.likeness, lag).mean()) if self.n_bars > lag else float("nan")

    def rhythm_agreement(self, lag: int) -> float:
        """Return the fraction of slots in which both of two bars ``lag`` bars apart, or neither, have an onset."""
        return float((self.has_onset[lag:] == self.has_onset[:-lag]).mean()) if self.n_bars > lag else float("nan")


@lru_cache(maxsize=4)
def bar_grid(melody: Melody) -> BarGrid:
    """Return the bars of a melody as slots; without bars in free metre, or if nothing sounds."""
    sounding = melody.pitches != REST
    lines = melody.bar_lines[:_MAX_BARS]
    if not melody.metre.beats or not sounding.any():
        lines = lines[:0]
    onsets = melody.onsets[sounding]
    n_slots = min(_MAX_SLOTS, max(1, melody.metre.bar_ticks // _SLOT_TICKS)) if len(lines) else 1
    ticks = lines[:, None] + np.arange(n_slots) * _SLOT_TICKS
    index = np.searchsorted(onsets, ticks, side="right") - 1
    is_inside = (ticks < melody.ticks) & (index >= 0)
    heights = (melody.pitches[sounding] - melody.tonic)[index] if len(onsets) else index
    has_onset = is_inside & (onsets[index] == ticks) if len(onsets) else is_inside
    bars = np.searchsorted(lines, onsets, side="right") - 1
    n_onsets = np.bincount(bars[(bars >= 0)], minlength=len(lines))[: len(lines)]
    return BarGrid(np.where(is_inside, heights, SILENT), has_onset, n_onsets)
