"""Variants of held-out tunes, by the measure by which a split keeps families together."""

from __future__ import annotations

from collections.abc import Sequence

from chromasonic.melody_generation.families import N_INTERVALS, SHARE
from chromasonic.melody_generation.leaks import leaks
from chromasonic.melody_generation.melody import Melody


def variants_among(
    train: Sequence[Melody], held_out: Sequence[Melody], *, n_intervals: int = N_INTERVALS, share: float = SHARE
) -> list[int]:
    """Which of the first are variants of one of the others."""
    return [leak.place for leak in leaks(train, {"test": held_out}, n_intervals=n_intervals, share=share)]
