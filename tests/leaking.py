"""Find variants of held-out tunes, with the measure of the family split and independently of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from chromasonic.melody_generation.data.leakage import leaks
from chromasonic.melody_generation.measures.families import FAMILY_INTERVALS, SHARE
from chromasonic.melody_generation.melody import Melody


def variants_among(
    train: Sequence[Melody], held_out: Sequence[Melody], *, n_intervals: int = FAMILY_INTERVALS, share: float = SHARE
) -> list[int]:
    """Return the indices of training tunes that are variants of a held-out tune."""
    return [leak.index for leak in leaks(train, {"test": held_out}, n_intervals=n_intervals, share=share)]


def grams(melody: Melody) -> set[tuple[int, ...]]:
    """Return all runs of 10 intervals, skipping rests."""
    sounding = [pitch for pitch in melody.pitches.tolist() if pitch >= 0]
    steps = [b - a for a, b in pairwise(sounding)]
    return {tuple(steps[begin : begin + 10]) for begin in range(len(steps) - 9)}


def title_of(melody: Melody) -> str:
    """Return the title in lower case, without its article."""
    title = melody.title.lower().strip()
    return title.removeprefix("the ").removesuffix(", the").strip()
