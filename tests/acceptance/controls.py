"""Control melodies: eight kinds of non-music that have fooled scores, which a score must tell from real tunes.

Controls with wrong pitches keep the rhythm, bars, metre and key of a real tune, so that only the pitches differ. The
loop also repeats the rhythm of its notes. The Markov chain exists with either rhythm.
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
    """Return the melody with other pitches for its sounding notes."""
    replaced = melody.pitches.copy()
    replaced[replaced != REST] = pitches
    return replace(melody, pitches=replaced)


def sounding(melody: Melody) -> IntArray:
    return np.asarray(melody.pitches[melody.pitches != REST])


def in_scale(melody: Melody) -> IntArray:
    """Return the pitches of the tune's scale within its range."""
    pitches = sounding(melody)
    chromatic = np.arange(pitches.min(), pitches.max() + 1)
    return chromatic[np.isin((chromatic - melody.tonic) % 12, _SCALES.get(melody.mode, _MAJOR))]


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
    """Move one scale step up or down at each note, and turn back at the ends of the tune's range."""
    scale = in_scale(melody)
    walk = np.cumsum(rng.choice([-1, 1], size=len(sounding(melody)))) + int(rng.integers(len(scale)))
    top = len(scale) - 1
    return with_pitches(melody, scale[top - np.abs(top - walk % (2 * top))])


def first_notes_looped(melody: Melody, rng: Generator) -> Melody:
    """Repeat the first eight notes and rests to the length of the melody."""
    pitches, durations = (np.resize(values[:8], len(melody)) for values in (melody.pitches, melody.durations))
    return replace(melody, pitches=pitches, durations=durations, departures=())


class MarkovOrder2:
    """A Markov chain of order 2 over training tunes, with the rhythm of a real tune or its own."""

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
        degrees = np.where(tune.pitches == REST, -100, tune.pitches - tune.tonic)[kept].tolist()
        return list(zip(degrees, tune.durations[kept].tolist() if self.own_rhythm else [0] * len(degrees), strict=True))

    def __call__(self, melody: Melody, rng: Generator) -> Melody:
        if not self.own_rhythm:
            return with_pitches(melody, self.degrees(len(sounding(melody)), rng) + melody.tonic)
        notes = np.array(self._sample(None, rng))
        pitches = np.where(notes[:, 0] == -100, REST, notes[:, 0] + melody.tonic)
        return replace(melody, pitches=pitches, durations=notes[:, 1], departures=())

    def degrees(self, n_notes: int, rng: Generator) -> IntArray:
        """Sample semitones above the tonic, as MIDI numbers."""
        return np.array([degree for degree, _ in self._sample(n_notes, rng)])

    def _sample(self, n_notes: int | None, rng: Generator) -> list[tuple[int, int]]:
        """Sample notes up to the end of a tune, or ``n_notes`` notes of one tune after another."""
        notes: list[tuple[int, int]] = []
        last: tuple[object, ...] = (None, None)
        while n_notes is None or len(notes) < n_notes:
            choices = self.followers[last]
            note = choices[int(rng.integers(len(choices)))]
            if note != (-1, -1):
                notes.append(note)
                last = (last[1], note)
            elif n_notes is None:
                break
            else:
                last = (None, None)
        return notes


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
    """Permute the pitches of a part (0 to 1) of the sounding notes."""
    pitches = sounding(melody).copy()
    chosen = rng.permutation(len(pitches))[: 2 * round(part * len(pitches) / 2)]
    pitches[chosen] = pitches[np.roll(chosen, len(chosen) // 2)]
    return with_pitches(melody, pitches)
