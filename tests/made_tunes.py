"""Tunes made of random walks on the scale, and variants of them as folk tunes have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chromasonic.melody_generation.melody import Melody, Metre

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
JIG, REEL, WALTZ = Metre(6, 8), Metre(4, 4), Metre(3, 4)


def walking_tune(seed: int, metre: Metre = REEL, n_bars: int = 24, title: str = "") -> Melody:
    """Return a tune in C major of eighth and quarter notes, the first and last note of each beat at random."""
    rng = np.random.default_rng(seed)
    beat = 36 if metre.unit == 8 else 24
    rhythms = [(12, 12, 12), (24, 12)] if beat == 36 else [(12, 12), (12, 12), (24,)]
    durations = np.concatenate([rhythms[rng.integers(len(rhythms))] for _ in range(n_bars * metre.bar_ticks // beat)])
    steps = rng.choice([-3, -2, -1, -1, 1, 1, 2, 3], size=len(durations))
    return Melody(on_scale(np.cumsum(steps), MAJOR), durations, metre, title=title, source=f"walks:{seed}")


def on_scale(steps: Sequence[int] | np.ndarray, scale: Sequence[int]) -> list[int]:
    """Return pitches of steps of a scale above C, folded into two octaves around it."""
    return [60 + scale[step % 7] + 12 * (step // 7 % 2) for step in map(int, steps)]


def slower(tune: Melody) -> Melody:
    """Return the tune at half speed."""
    return replace(tune, durations=tune.durations * 2, start=tune.start * 2 % tune.metre.bar_ticks)


def in_minor(tune: Melody) -> Melody:
    """Return the tune with the third, sixth and seventh degree of minor."""
    lowered = np.isin((tune.pitches - tune.tonic) % 12, (4, 9, 11))
    return replace(tune, pitches=tune.pitches - lowered, mode="minor")


def with_tonic(tune: Melody, step: int) -> Melody:
    """Return the same notes as if another step of the major scale were the tonic."""
    return replace(tune, tonic=(tune.tonic + MAJOR[step]) % 12)


def ornamented(tune: Melody, seed: int, share: float = 0.4) -> Melody:
    """Return the tune with a share of its notes written out as note, upper neighbour, note."""
    rng = np.random.default_rng(seed)
    pitches, durations = list[int](), list[int]()
    for pitch, duration in zip(tune.pitches.tolist(), tune.durations.tolist(), strict=True):
        if rng.random() < share:
            pitches += [pitch, pitch + 2, pitch]
            durations += [duration // 2, duration // 4, duration // 4]
        else:
            pitches.append(pitch)
            durations.append(duration)
    return replace(tune, pitches=np.array(pitches), durations=np.array(durations))


def joined(*tunes: Melody) -> Melody:
    """Return the notes of tunes in one metre, one tune after the other."""
    return replace(
        tunes[0],
        pitches=np.concatenate([tune.pitches for tune in tunes]),
        durations=np.concatenate([tune.durations for tune in tunes]),
    )
