"""Variants of held-out tunes: by the measure by which a split keeps families together, and by plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from chromasonic.melody_generation.data.leakage import leaks
from chromasonic.melody_generation.measures.families import FAMILY_INTERVALS, SHARE
from chromasonic.melody_generation.melody import Melody


def variants_among(
    train: Sequence[Melody], held_out: Sequence[Melody], *, n_intervals: int = FAMILY_INTERVALS, share: float = SHARE
) -> list[int]:
    """Which of the first are variants of one of the others."""
    return [leak.place for leak in leaks(train, {"test": held_out}, n_intervals=n_intervals, share=share)]


def grams(melody: Melody) -> set[tuple[int, ...]]:
    """All runs of 10 intervals, rests skipped, by plain Python."""
    sounding = [pitch for pitch in melody.pitches.tolist() if pitch >= 0]
    steps = [b - a for a, b in pairwise(sounding)]
    return {tuple(steps[begin : begin + 10]) for begin in range(len(steps) - 9)}


def title_of(melody: Melody) -> str:
    """Without case and article, by plain Python."""
    title = melody.title.lower().strip()
    return title.removeprefix("the ").removesuffix(", the").strip()
