"""A counting model of pitch and rhythm: the pinned reference for the bits of a melody.

The interval to a note is predicted in three chains of contexts, and the probabilities are averaged:

* melody: mode, degree of the last note, the interval before it, and the one before that,
* metre: mode, degree of the last note, position in the bar, degree at the last strong beat,
* form: mode, degree of the last note, strength of the beat, number of the bar in its eight (or last, or last but one),
  degree at the last strong beat.

The duration of a note is predicted in two chains, which begin with metre and position: one goes on with the duration
before it, the other with the number of the bar in its eight. Within a chain, the longest
context is interpolated with the next shorter one, with the weight of its number of distinct successors (Witten & Bell
1991, method C, times a factor). Fitting counts once: about a second for a thousand tunes. Sources: Conklin & Witten
(1995) for contexts of several viewpoints; Pearce (2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.measures.reference_model.note_arrays import NoteArrays
from chromasonic.melody_generation.measures.reference_model.packed_numbers import packed_counts, unpacked_counts
from chromasonic.melody_generation.melody import FloatArray, IntArray

_LARGEST_INTERVAL = 12  # semitones; larger ones share a symbol for each direction
_N_INTERVALS = 2 * _LARGEST_INTERVAL + 3
_NONE = _N_INTERVALS  # the interval before the first note
_N_DEGREES = 13  # and none
# A duration belongs to the largest of these that is not longer.
_DURATIONS = np.array(
    [
        *(1, 2, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21, 24, 27, 28, 30, 32, 33, 36, 40, 42, 45, 48, 54, 56, 60, 64, 66),
        *(72, 78, 80, 84, 90, 96, 102, 108, 114, 120, 126, 132, 138, 144, 168, 192, 216, 240),
    ]
)
_N_DURATIONS = len(_DURATIONS) + 1
_N_SLOTS, _SLOT_TICKS = 24, 6
_N_METRES = 8
_N_BARS = 10
_N_POSITIONS = _N_METRES * _N_SLOTS
# Bars of these ticks and beats have positions of their own; all other metres share the first.
_METRES = {(48, 24): 1, (72, 24): 2, (96, 24): 3, (96, 48): 4, (72, 36): 5, (108, 36): 6, (144, 36): 7}
# Contexts from the shortest to the longest: the number of values of each part, and of the symbol that is predicted.
_CHAINS = {
    "melody": (2, _N_DEGREES, _N_INTERVALS + 1, _N_INTERVALS + 1, _N_INTERVALS),
    "metre": (2, _N_DEGREES, _N_POSITIONS, _N_DEGREES, _N_INTERVALS),
    "form": (2, _N_DEGREES, 4, _N_BARS, _N_DEGREES, _N_INTERVALS),
    "rhythm": (_N_POSITIONS, _N_DURATIONS, _N_DURATIONS),
    "rhythm of form": (_N_POSITIONS, _N_BARS, _N_DURATIONS),
}
_PITCH_CHAINS = ("melody", "metre", "form")
_RHYTHM_CHAINS = ("rhythm", "rhythm of form")
# Weight of a shorter context: this many times the number of distinct successors, and a constant.
_WEIGHT, _CONSTANT = 3.0, 1.0
_RHYTHM_WEIGHT = 1.0


@dataclass(frozen=True)
class Bits:
    """Bits of the notes but the first of each version of a melody.

    Attributes:
        pitch: Bits of the interval to each note, shape (V, N - 1).
        rhythm: Bits of its duration, shape (V, N - 1).
    """

    pitch: FloatArray
    rhythm: FloatArray


@dataclass(frozen=True, eq=False)
class CountingModel:
    """Counts of the longest contexts of each chain; those of shorter ones are their sums.

    Attributes:
        cells: Indices of the counts that are not 0 in the table of each chain, ascending.
        counts: These counts.
    """

    cells: dict[str, IntArray]
    counts: dict[str, IntArray]

    @cached_property
    def _tables(self) -> dict[str, NDArray[np.float32]]:
        return {name: self._table(name) for name in _CHAINS}

    @classmethod
    def fit(cls, tunes: Sequence[NoteArrays]) -> CountingModel:
        """Count the contexts of tunes."""
        codes: dict[str, list[IntArray]] = {name: [np.zeros(0, dtype=np.int64)] for name in _CHAINS}
        for tune in tunes:
            for name, chain_codes in _codes(tune).items():
                codes[name].append(chain_codes[0])
        cells, counts = {}, {}
        for name, parts in codes.items():
            cells[name], counts[name] = np.unique(np.concatenate(parts), return_counts=True)
        return cls(cells, counts)

    def _table(self, name: str) -> NDArray[np.float32]:
        """Return the probability of every symbol in every context of a chain, flat."""
        sizes = _CHAINS[name]
        counts = np.zeros(int(np.prod(sizes)), dtype=np.float32)
        counts[self.cells[name]] = self.counts[name]
        counts = counts.reshape(sizes)
        weight = _RHYTHM_WEIGHT if name in _RHYTHM_CHAINS else _WEIGHT
        probabilities = np.full(sizes[-1], 1 / sizes[-1], dtype=np.float32)
        for n_parts in range(len(sizes)):
            of_context = counts.sum(axis=tuple(range(n_parts, len(sizes) - 1)))
            shorter = weight * np.count_nonzero(of_context, axis=-1).astype(np.float32)[..., None] + _CONSTANT
            lower = probabilities if n_parts == 0 else probabilities[..., None, :]
            probabilities = (of_context + shorter * lower) / (of_context.sum(axis=-1)[..., None] + shorter)
        return probabilities.reshape(-1)

    def bits(self, notes: NoteArrays) -> Bits:
        """Return the bits of every note but the first, in every version."""
        codes = _codes(notes)
        probabilities = {name: self._tables[name][codes[name][:, 1:]] for name in _CHAINS}
        pitch, rhythm = (
            np.mean([probabilities[name] for name in names], axis=0) for names in (_PITCH_CHAINS, _RHYTHM_CHAINS)
        )
        return Bits(_bits_of(pitch), _bits_of(rhythm))

    def to_dict(self) -> JsonObject:
        """Return plain values for a checkpoint: the cells as differences, compressed."""
        return {
            name: [packed_counts(np.diff(self.cells[name], prepend=0)), packed_counts(self.counts[name])]
            for name in _CHAINS
        }

    @classmethod
    def from_dict(cls, values: JsonObject) -> CountingModel:
        """Read the values that ``to_dict`` returned.

        Raises:
            KeyError, TypeError, ValueError: If they are damaged.
        """
        cells, counts = {}, {}
        for name, sizes in _CHAINS.items():
            differences, of_cells = values[name]
            n_cells = int(np.prod(sizes))
            cells[name] = np.cumsum(unpacked_counts(differences))
            counts[name] = unpacked_counts(of_cells)
            rising = bool((np.diff(cells[name]) > 0).all() and (counts[name] > 0).all())
            if len(cells[name]) != len(counts[name]) or not rising or (cells[name] >= n_cells).any():
                raise ValueError(f"the counts of {name} do not fit")
        return cls(cells, counts)


def _bits_of(probabilities: NDArray[np.float32]) -> FloatArray:
    return np.asarray(-np.log2(probabilities), dtype=np.float64)


def _codes(notes: NoteArrays) -> dict[str, IntArray]:
    """Return the cell of every note in the table of each chain, each of shape (V, N)."""
    degrees = notes.heights % 12
    largest = _LARGEST_INTERVAL + 1
    interval = _before(np.diff(notes.heights).clip(-largest, largest) + largest, _NONE, fill_to=notes.n_notes)
    strength = beat_strengths(notes)
    metre = _METRES.get((notes.bar_ticks, notes.beat_ticks), 0)
    position = metre * _N_SLOTS + np.minimum(notes.positions // _SLOT_TICKS, _N_SLOTS - 1)
    duration = np.searchsorted(_DURATIONS, notes.durations, side="right")
    degree = _before(degrees, _N_DEGREES - 1)
    strong = _before(_degree_at_last(degrees, strength <= 1), _N_DEGREES - 1)
    # The interval before the first note has no symbol of its own where it is predicted: it is never looked up.
    symbol = np.minimum(interval, _N_INTERVALS - 1)
    parts = {
        "melody": (degree, _before(interval, _NONE), _before(interval, _NONE, 2), symbol),
        "metre": (degree, position, strong, symbol),
        "form": (degree, strength, _bar_in_eight(notes), strong, symbol),
        "rhythm": (position, _before(duration, 0), duration),
        "rhythm of form": (position, _bar_in_eight(notes), duration),
    }
    codes = {}
    for name, sizes in _CHAINS.items():
        code = np.full_like(degrees, int(notes.is_minor)) if name in _PITCH_CHAINS else np.zeros_like(degrees)
        for part, size in zip(parts[name], sizes[-len(parts[name]) :], strict=True):
            code = code * size + part
        codes[name] = code
    return codes


def beat_strengths(notes: NoteArrays) -> IntArray:
    """Return 0 at the beginning of a bar, 1 at a half that is a beat, 2 at other beats, 3 elsewhere, shape (V, N)."""
    half = notes.bar_ticks // 2
    strength = np.where(notes.positions % notes.beat_ticks == 0, 2, 3)
    if notes.bar_ticks % 2 == 0 and half % notes.beat_ticks == 0:
        strength[notes.positions == half] = 1
    strength[notes.positions == 0] = 0
    return strength


def _bar_in_eight(notes: NoteArrays) -> IntArray:
    """Return the number of the bar modulo 8, or 8 for the last and 9 for the last but one."""
    from_end = notes.n_bars - 1 - notes.bars
    return np.where(from_end == 0, 8, np.where(from_end == 1, 9, notes.bars % 8))


def _before(values: IntArray, fill: int, lag: int = 1, fill_to: int | None = None) -> IntArray:
    """Return the value of the note ``lag`` notes earlier, ``fill`` where there is none."""
    n_notes = values.shape[1] if fill_to is None else fill_to
    shifted = np.full((len(values), n_notes), fill, dtype=np.int64)
    shifted[:, lag:] = values[:, : max(0, n_notes - lag)]
    return shifted


def _degree_at_last(degrees: IntArray, is_marked: NDArray[np.bool_]) -> IntArray:
    """Return the degree of the last marked note up to each note, or 12 if there is none, shape (V, N)."""
    index = np.maximum.accumulate(np.where(is_marked, np.arange(degrees.shape[1]), -1), axis=1)
    at_index = np.take_along_axis(degrees, np.maximum(index, 0), axis=1)
    return np.where(index < 0, _N_DEGREES - 1, at_index)
