"""Melodies that are no music, in eight ways that have fooled scores: what a score must tell from real tunes.

Those that are wrong about pitch keep a real tune's rhythm, bars, metre and key, so that nothing else gives them
away: each note and rest stays where it is and sounds as long, only at another height. The loop repeats the rhythm
of its notes as well. The Markov chain comes both ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from chromasonic.melody_generation.melody import REST, IntArray, Melody

Generator = np.random.Generator
_SCALES = {"minor": (0, 2, 3, 5, 7, 8, 10)}
_MAJOR = (0, 2, 4, 5, 7, 9, 11)


def with_pitches(melody: Melody, pitches: IntArray) -> Melody:
    """The melody with other heights for its sounding notes."""
    found = melody.pitches.copy()
    found[found != REST] = pitches
    return replace(melody, pitches=found)


def sounding(melody: Melody) -> IntArray:
    return np.asarray(melody.pitches[melody.pitches != REST])


def in_scale(melody: Melody) -> IntArray:
    """The notes of the tune's scale within its range."""
    pitches = sounding(melody)
    heights = np.arange(pitches.min(), pitches.max() + 1)
    return heights[np.isin((heights - melody.tonic) % 12, _SCALES.get(melody.mode, _MAJOR))]


def note_shuffled(melody: Melody, rng: Generator) -> Melody:
    return with_pitches(melody, rng.permutation(sounding(melody)))


def constant(melody: Melody, rng: Generator) -> Melody:
    return with_pitches(melody, np.full(len(sounding(melody)), sounding(melody)[0]))


def two_note_alternation(melody: Melody, rng: Generator) -> Melody:
    return with_pitches(melody, np.resize(in_scale(melody)[:2], len(sounding(melody))))


def uniform_chromatic(melody: Melody, rng: Generator) -> Melody:
    pitches = sounding(melody)
    return with_pitches(melody, rng.integers(pitches.min(), pitches.max() + 1, size=len(pitches)))


def uniform_in_scale(melody: Melody, rng: Generator) -> Melody:
    return with_pitches(melody, rng.choice(in_scale(melody), size=len(sounding(melody))))


def diatonic_random_walk(melody: Melody, rng: Generator) -> Melody:
    """One step up or down the scale from each note to the next, turned back at the ends of the tune's range."""
    scale = in_scale(melody)
    walk = np.cumsum(rng.choice([-1, 1], size=len(sounding(melody)))) + int(rng.integers(len(scale)))
    top = len(scale) - 1
    return with_pitches(melody, scale[top - np.abs(top - walk % (2 * top))])


def first_notes_looped(melody: Melody, rng: Generator) -> Melody:
    """The first eight notes and rests over and over, heights and durations, for as many notes."""
    pitches, durations = (np.resize(each[:8], len(melody)) for each in (melody.pitches, melody.durations))
    return replace(melody, pitches=pitches, durations=durations, departures=())


class MarkovOrder2:
    """Each note given the two before it, as they follow in training tunes; with a real tune's rhythm or its own."""

    def __init__(self, tunes: Sequence[Melody], *, own_rhythm: bool) -> None:
        self.own_rhythm = own_rhythm
        self.followers: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)
        for tune in tunes:
            last: tuple[object, ...] = (None, None)
            for note in self._notes(tune):
                self.followers[last].append(note)
                last = (last[1], note)
            self.followers[last].append((-1, -1))

    def _notes(self, tune: Melody) -> list[tuple[int, int]]:
        kept = np.full(len(tune), True) if self.own_rhythm else tune.pitches != REST
        heights = np.where(tune.pitches == REST, -100, tune.pitches - tune.tonic)[kept].tolist()
        return list(zip(heights, tune.durations[kept].tolist() if self.own_rhythm else [0] * len(heights), strict=True))

    def __call__(self, melody: Melody, rng: Generator) -> Melody:
        if not self.own_rhythm:
            heights = [height for height, _ in self._sample(len(sounding(melody)), rng)]
            return with_pitches(melody, np.array(heights) + melody.tonic)
        notes = np.array(self._sample(None, rng))
        pitches = np.where(notes[:, 0] == -100, REST, notes[:, 0] + melody.tonic)
        return replace(melody, pitches=pitches, durations=notes[:, 1], departures=())

    def _sample(self, n_notes: int | None, rng: Generator) -> list[tuple[int, int]]:
        """Notes up to an end, or as many as wanted, beginning anew after each end."""
        found: list[tuple[int, int]] = []
        last: tuple[object, ...] = (None, None)
        while n_notes is None or len(found) < n_notes:
            choices = self.followers[last]
            note = choices[int(rng.integers(len(choices)))]
            if note != (-1, -1):
                found.append(note)
                last = (last[1], note)
            elif n_notes is None:
                break
            else:
                last = (None, None)
        return found


CONTROLS: dict[str, Callable[[Melody, Generator], Melody]] = {
    control.__name__: control
    for control in (
        note_shuffled,
        constant,
        two_note_alternation,
        uniform_chromatic,
        uniform_in_scale,
        diatonic_random_walk,
        first_notes_looped,
    )
}


def swapped(melody: Melody, part: float, rng: Generator) -> Melody:
    """The tune with that part of its sounding notes (in pairs) having changed heights with each other."""
    pitches = sounding(melody).copy()
    chosen = rng.permutation(len(pitches))[: 2 * round(part * len(pitches) / 2)]
    pitches[chosen] = pitches[np.roll(chosen, len(chosen) // 2)]
    return with_pitches(melody, pitches)
