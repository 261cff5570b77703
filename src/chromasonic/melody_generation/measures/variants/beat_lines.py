"""Degrees of the scale on the beats: what variants of a tune have in common at any speed, in any key and mode.

A *line* is a tune sampled at regular times: on its beats and, within them, on the subdivisions. Two tunes of the same
speed agree on the lines of their beats. If one is twice as slow, its beats agree with the half beats of the other; in
compound metre, where half a beat falls between notes, its double beats agree with the beats of the other. A beat is a
quarter note (three eighths in compound metre), or half or twice that in tunes of short or long notes.

Degrees are the seven steps of the scale without accidentals or octaves: a tune in major and its copy in minor have the
same degrees, and a copy in another key, or with another tonic stated, has degrees shifted by a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import REST, IntArray, Melody

N_DEGREES = 7
N_SUBDIVISIONS = 3  # of a beat in compound metre; the third one is empty in simple metre

_BEATS = {False: (12, 24, 48), True: (18, 36, 72)}  # in ticks, simple and compound, for short, middle and long notes
_PACES = (9, 36)  # mean ticks of a note from which its beats are middle and long
_MAX_BEATS = 1_000_000  # of a tune; notes may last for billions of ticks
_PATTERN = 3  # beats that must recur to count as a repetition
# The step of the scale for each semitone above the tonic; the five between major and minor go to the likelier one.
_STEP = np.array([0, 0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6], dtype=np.int8)


@dataclass(frozen=True)
class BeatLines:
    """The lines of all tunes one after the other, S samples in L lines, two for each tune.

    Attributes:
        degrees: The degree that sounds at each subdivision, or sounded last, 0 to 6; -1 for none, shape (S, 3).
        begun: Whether a note has begun since the subdivision before, shape (S, 3).
        line: Index of the line of each sample, shape (S,).
        begins: First sample of each line, shape (L,).
        ends: The sample after the last of each line, shape (L,).
        tunes: Index of the tune of each line, shape (L,).
        ticks: Ticks between samples, shape (L,).
        is_beat: Whether the samples are the tune's beats, not half or double beats, shape (L,).
        is_compound: Whether a beat has three subdivisions, shape (L,).
        upbeats: Samples before the first bar line, shape (L,).
        bars: Samples in a bar, shape (L,).
    """

    degrees: NDArray[np.int8]
    begun: NDArray[np.bool_]
    line: IntArray
    begins: IntArray
    ends: IntArray
    tunes: IntArray
    ticks: IntArray
    is_beat: NDArray[np.bool_]
    is_compound: NDArray[np.bool_]
    upbeats: IntArray
    bars: IntArray

    @cached_property
    def repeats(self) -> NDArray[np.bool_]:
        """Mask of the degrees that are those of the subdivision before, shape (S, 3)."""
        return np.equal(self.degrees, self._before(1))

    @cached_property
    def returns(self) -> NDArray[np.bool_]:
        """Mask of the degrees that are those of two subdivisions before, as in a broken chord, shape (S, 3)."""
        return np.equal(self.degrees, self._before(2))

    def _before(self, n: int) -> NDArray[np.int8]:
        """Return the degree ``n`` subdivisions before, 1 or 2; -9 across the beginning of a line, shape (S, 3)."""
        n_parts = np.where(self.is_compound, N_SUBDIVISIONS, N_SUBDIVISIONS - 1)[self.line]
        before = np.full(self.degrees.shape, -9, dtype=np.int8)
        rows = np.arange(len(self.line))
        for part in range(N_SUBDIVISIONS):
            row, source = rows - (part < n), (part - n) % n_parts
            inside = (row >= self.begins[self.line]) & (part < n_parts)
            before[inside, part] = self.degrees[row[inside], source[inside]]
        return before

    @cached_property
    def earlier(self) -> IntArray:
        """Index of the sample at which the last three beats occurred before in the line; -1 for none, shape (S,)."""
        codes = ((self.degrees.astype(np.int64) + 1) * np.array([64, 8, 1])).sum(axis=1)
        patterns, n = codes.copy(), len(codes)
        for back in range(1, _PATTERN):
            patterns[back:] = patterns[back:] * 512 + codes[: n - back]
        samples = np.arange(n)
        too_early = samples - self.begins[self.line] < _PATTERN - 1
        patterns[too_early] = -1 - samples[too_early]  # equal to no other
        order = np.lexsort((samples, patterns, self.line))
        same = (np.diff(patterns[order]) == 0) & (np.diff(self.line[order]) == 0)
        earlier = np.full(n, -1, dtype=np.int64)
        earlier[order[1:][same]] = order[:-1][same]
        return earlier


def beat_lines(melodies: Sequence[Melody]) -> BeatLines:
    """Return the lines of melodies, two for each that has a note and at most a million beats."""
    samples, rows = [], []
    for tune, melody in enumerate(melodies):
        if not (melody.pitches != REST).any():
            continue
        beat, is_compound = _beat_of(melody)
        if melody.ticks > _MAX_BEATS * beat:
            continue
        for ticks in (beat, 2 * beat) if is_compound else (beat // 2, beat):
            degrees, begun = _sampled(melody, ticks, N_SUBDIVISIONS if is_compound else N_SUBDIVISIONS - 1)
            to_bar_line = -melody.start % melody.metre.bar_ticks
            bar = melody.metre.bar_ticks // ticks if melody.metre.beats else 0
            samples.append((degrees, begun))
            rows.append((len(degrees), tune, ticks, ticks == beat, is_compound, to_bar_line // ticks, bar))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 7).T
    ends = np.cumsum(columns[0])
    return BeatLines(
        degrees=np.concatenate([np.zeros((0, N_SUBDIVISIONS), dtype=np.int8), *(each for each, _ in samples)]),
        begun=np.concatenate([np.zeros((0, N_SUBDIVISIONS), dtype=bool), *(each for _, each in samples)]),
        line=np.repeat(np.arange(len(ends)), columns[0]),
        begins=ends - columns[0],
        ends=ends,
        tunes=columns[1],
        ticks=columns[2],
        is_beat=columns[3].astype(bool),
        is_compound=columns[4].astype(bool),
        upbeats=columns[5],
        bars=columns[6],
    )


def _beat_of(melody: Melody) -> tuple[int, bool]:
    """Return the ticks of a beat, and whether it has three parts."""
    beats, bar = melody.metre.beats, melody.metre.bar_ticks
    is_compound = beats > 3 and beats % 3 == 0
    mean = melody.ticks / np.count_nonzero(melody.pitches != REST)
    pace = int(np.searchsorted(_PACES, mean, side="right"))
    while beats and pace and bar % _BEATS[is_compound][pace]:
        pace -= 1
    return _BEATS[is_compound][pace], is_compound


def _sampled(melody: Melody, ticks: int, n_parts: int) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return degrees and beginnings of notes every so many ticks of the bar, at ``n_parts`` subdivisions each."""
    times = [
        _moments(
            int(melody.onsets[begin]) + -position % ticks,
            int(melody.onsets[end - 1] + melody.durations[end - 1]),
            ticks,
            n_parts,
        )
        for begin, end, _, position in melody.segments
        if begin < end
    ]
    moments = np.concatenate(times)  # (S, n_parts)
    note = np.searchsorted(melody.onsets, moments, side="right") - 1
    # A rest prolongs the note before it.
    held = np.maximum.accumulate(np.where(melody.pitches != REST, np.arange(len(melody)), -1))
    steps = np.where(held < 0, -1, _STEP[(melody.pitches[held] - melody.tonic) % 12])
    degrees = np.full((len(note), N_SUBDIVISIONS), -1, dtype=np.int8)
    begun = np.zeros(degrees.shape, dtype=bool)
    degrees[:, :n_parts] = steps[note]
    sounding = held[note].ravel()
    changed = np.diff(sounding, prepend=-1) != 0
    begun[:, :n_parts] = (changed & (sounding >= 0)).reshape(note.shape)
    return degrees, begun


def _moments(begin: int, end: int, ticks: int, n_parts: int) -> IntArray:
    """Return the times of samples and their subdivisions, none of them past the end, shape (S, n_parts)."""
    times = np.arange(begin, end, ticks)[:, None] + np.arange(n_parts) * (ticks // n_parts)
    return np.asarray(np.minimum(times, end - 1), dtype=np.int64)
