"""The leverage of single tunes: how much of a difference between two models comes from a few of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.melody import FloatArray

MAX_TUNES = 3


@dataclass(frozen=True)
class Leverage:
    """The part of a difference that a few tunes account for, those that speak most for it.

    Attributes:
        tunes: Indices of the tunes whose gaps in bits are the largest in the direction of the difference, the largest
            first; up to three.
        share: Their part of the sum of all gaps; above 1 if all others together speak against it. NaN for no
            difference.
        share_of_notes: Their part of all notes.
        without: The difference in bits per note over all other tunes; NaN if there are none.
    """

    tunes: tuple[int, ...]
    share: float
    share_of_notes: float
    without: float

    @classmethod
    def of(cls, gap: FloatArray, n_notes: FloatArray, n_tunes: int = MAX_TUNES) -> Leverage:
        """Return the leverage of ``n_tunes`` tunes.

        Args:
            gap: Bits of the first model minus bits of the second for each tune, finite, shape (N,).
            n_notes: Notes of each tune, shape (N,).
            n_tunes: Number of tunes, at most N.

        Example:
            >>> leverage = Leverage.of(np.array([-60.0, -10.0, 10.0, -20.0]), np.full(4, 50.0), n_tunes=1)
            >>> leverage.tunes, leverage.share, leverage.share_of_notes, round(leverage.without, 3)
            ((0,), 0.75, 0.25, -0.133)
        """
        total = gap.sum()
        chosen = np.argsort(-np.sign(total) * gap, kind="stable")[:n_tunes]
        rest_bits, rest_notes = total - gap[chosen].sum(), n_notes.sum() - n_notes[chosen].sum()
        return cls(
            tunes=tuple(map(int, chosen)),
            share=float(gap[chosen].sum() / total) if total else float("nan"),
            share_of_notes=float(n_notes[chosen].sum() / n_notes.sum()),
            without=float(rest_bits / rest_notes) if rest_notes else float("nan"),
        )
