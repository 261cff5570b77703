"""Surprise of the beginning, the closes, the ending and the number of bars, against the training tunes.

Each value, such as the scale degree that sounds in the middle of bar 8, has the bits ``-log2 p`` by its frequency in
the training tunes; counts start at one half. So the surprise is high for what few tunes have, whatever it is. A
feature is the mean over its values. The range is 0 to about 12 bits; NaN for the empty melody, for fewer than two
sounding notes, and where the melody has none of the values.

| feature | values |
|---|---|
| ``bar_count`` | number of bars modulo 8 (or no whole number), number of bars |
| ``opening`` | degree of the first note, and those that sound at the beginning and the middle of bar 1 |
| ``half_close`` | degrees at the beginning and the middle of bars 4, 12, 20, ... but the last |
| ``full_close`` | the same of bars 8, 16, 24, ... but the last |
| ``final_degree`` | degree of the last note |
| ``final_height`` | height of the last note above the tonic next to middle C |
| ``final_note`` | its degree, duration, position in the bar, and the interval to it |

Degrees are counted apart for modes with a major and with a minor third. Source: cadences as in Temperley, The
Cognition of Basic Musical Structures (2001); surprise as in Pearce (2005).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chromasonic.melody_generation.measures.reference_model.note_arrays import NoteArrays
from chromasonic.melody_generation.measures.structure.bar_grid import SILENT, BarGrid, bar_grid
from chromasonic.melody_generation.melody import FloatArray, IntArray, Melody

# The number of values of each question; one question is asked for each mode.
_VALUES = {
    **{"bars_modulo": 9, "bars": 81, "first_degree": 12, "opening_begin": 13, "opening_middle": 13},
    **{"half_begin": 13, "half_middle": 13, "full_begin": 13, "full_middle": 13},
    **{"final_degree": 12, "final_height": 64, "final_duration": 65, "final_position": 65, "final_interval": 27},
}
_QUESTIONS = tuple(_VALUES)
ENDING_FEATURES = {
    "bar_count": ("bars_modulo", "bars"),
    "opening": ("first_degree", "opening_begin", "opening_middle"),
    "half_close": ("half_begin", "half_middle"),
    "full_close": ("full_begin", "full_middle"),
    "final_degree": ("final_degree",),
    "final_height": ("final_height",),
    "final_note": ("final_degree", "final_duration", "final_position", "final_interval"),
}
_WIDTH = max(_VALUES.values())
_PRIOR = 0.5
_OTHER_MODES = 12
_PART, _PHRASE = 8, 4
_NO_DEGREE = 12
_DURATION_TICKS, _POSITION_TICKS = 6, 6


@dataclass(frozen=True, eq=False)
class EndingCounts:
    """Counts of the values of all questions in training tunes.

    Attributes:
        counts: Shape (2, number of questions, largest number of values): major or minor third, question, value.
    """

    counts: IntArray

    @classmethod
    def fit(cls, melodies: Sequence[Melody]) -> EndingCounts:
        """Count the values of training tunes."""
        counts = np.zeros((2, len(_QUESTIONS), _WIDTH), dtype=np.int64)
        for melody in melodies:
            notes = NoteArrays.of(melody)
            for question, value in _answers(melody, notes):
                counts[int(notes.is_minor), _QUESTIONS.index(question), value] += 1
        return cls(counts)

    def features(self, melodies: Sequence[Melody]) -> dict[str, FloatArray]:
        """Return the features of ``ENDING_FEATURES`` of each melody, by name, each of shape (number of melodies,)."""
        values = np.full((len(ENDING_FEATURES), len(melodies)), np.nan)
        for column, melody in enumerate(melodies):
            notes = NoteArrays.of(melody)
            surprise: dict[str, list[float]] = {}
            for question, value in _answers(melody, notes):
                surprise.setdefault(question, []).append(self._bits[notes.is_minor][question][value])
            for row, questions in enumerate(ENDING_FEATURES.values()):
                answers = [bit for question in questions for bit in surprise.get(question, [])]
                values[row, column] = sum(answers) / len(answers) if answers else np.nan
        return dict(zip(ENDING_FEATURES, values, strict=True))

    @cached_property
    def _bits(self) -> dict[bool, dict[str, list[float]]]:
        """The bits of every value. Modes of the other third count as twelve tunes more, as tunes may be few."""
        sizes = np.array(list(_VALUES.values()))[:, None]
        both = self.counts.sum(axis=0) + _PRIOR * (np.arange(_WIDTH) < sizes)
        counts = self.counts + _OTHER_MODES * both / both.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):  # where a question has fewer values
            bits = -np.log2(counts / counts.sum(axis=2, keepdims=True))
        return {bool(third): dict(zip(_QUESTIONS, bits[third].tolist(), strict=True)) for third in range(2)}


def _answers(melody: Melody, notes: NoteArrays) -> Iterator[tuple[str, int]]:
    """Yield each question and its value; some are asked of several bars."""
    if notes.n_notes < 2:
        return
    heights, grid = notes.heights[0], bar_grid(melody)
    if melody.metre.beats:
        is_whole = melody.ticks % notes.bar_ticks == 0
        yield "bars_modulo", (melody.ticks // notes.bar_ticks) % _PART if is_whole else _PART
        yield "bars", min(notes.n_bars, _VALUES["bars"] - 1)
    yield "first_degree", int(heights[0] % 12)
    yield from _degrees_of_bar("opening", grid, 0)
    for bar in range(_PHRASE - 1, grid.n_bars - 1, _PART):
        yield from _degrees_of_bar("half", grid, bar)
    for bar in range(_PART - 1, grid.n_bars - 1, _PART):
        yield from _degrees_of_bar("full", grid, bar)
    yield "final_degree", int(heights[-1] % 12)
    yield "final_height", int(heights[-1].clip(-24, 39)) + 24
    yield "final_duration", int(min(notes.durations[0, -1] // _DURATION_TICKS, _VALUES["final_duration"] - 1))
    yield "final_position", int(min(notes.positions[0, -1] // _POSITION_TICKS, _VALUES["final_position"] - 1))
    yield "final_interval", int((heights[-1] - heights[-2]).clip(-13, 13)) + 13


def _degrees_of_bar(name: str, grid: BarGrid, bar: int) -> Iterator[tuple[str, int]]:
    if bar < grid.n_bars:
        for where, slot in (("begin", 0), ("middle", grid.heights.shape[1] // 2)):
            height = int(grid.heights[bar, slot])
            yield f"{name}_{where}", _NO_DEGREE if height == SILENT else height % 12
