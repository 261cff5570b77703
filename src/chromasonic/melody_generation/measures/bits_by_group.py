"""Where a model's bits go: the tokens of many tunes, divided in one way or another, and what each part costs.

A part's bits per note are those of all of its tokens over its notes and rests, so that parts add up: their bits to
all bits, their notes to all notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import FloatArray, IntArray


@dataclass(frozen=True)
class TokenGroup:
    """A part of all tokens.

    Attributes:
        name: What its tokens have in common.
        bits: Of all of them.
        n_notes: Notes and rests among them.
    """

    name: str
    bits: float
    n_notes: int

    @property
    def bits_per_note(self) -> float:
        """NaN where it has no notes."""
        return self.bits / self.n_notes if self.n_notes else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"name": self.name, "bits_per_note": self.bits_per_note, "bits": self.bits, "notes": self.n_notes}


def group_tokens(
    bits: FloatArray, is_note: NDArray[np.bool_], group: IntArray, names: Sequence[str]
) -> tuple[TokenGroup, ...]:
    """Divide tokens into groups.

    Args:
        bits: How surprising each token was, shape (S,).
        is_note: Whether it is a note or a rest, shape (S,).
        group: To which group it belongs, 0 to one less than the number of names, shape (S,).
        names: What the groups are called.

    Example:
        >>> is_note = np.array([True, True, False])
        >>> group_tokens(np.array([3.0, 1.0, 2.0]), is_note, np.array([0, 1, 1]), ["begin", "end"])
        (TokenGroup(name='begin', bits=3.0, n_notes=1), TokenGroup(name='end', bits=3.0, n_notes=1))
    """
    sums = np.bincount(group, weights=bits, minlength=len(names))
    notes = np.bincount(group[is_note], minlength=len(names))
    return tuple(TokenGroup(name, float(sums[i]), int(notes[i])) for i, name in enumerate(names))


def group_tunes(bits: FloatArray, n_notes: FloatArray, names: Sequence[str]) -> tuple[TokenGroup, ...]:
    """Divide whole tunes by name, the name with most notes first.

    Args:
        bits: Of each tune, shape (N,).
        n_notes: Notes and rests of each tune, shape (N,).
        names: What each belongs to, such as its metre, N of them.
    """
    known, group = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    sums, notes = (np.bincount(group, weights=each, minlength=len(known)) for each in (bits, n_notes))
    order = np.argsort(-notes, kind="stable")
    return tuple(TokenGroup(str(known[i]), float(sums[i]), int(notes[i])) for i in order)


def tune_quarters(is_note: NDArray[np.bool_]) -> IntArray:
    """The quarter of the tune in which each token stands, 0 to 3, by the notes before it.

    Args:
        is_note: Whether each token is a note or a rest, shape (S,).

    Returns:
        Shape (S,); what comes after the last note belongs to the last quarter.

    Example:
        >>> tune_quarters(np.array([True, True, False, True, True, True, False])).tolist()
        [0, 0, 1, 1, 2, 3, 3]
    """
    before: IntArray = np.cumsum(is_note) - is_note
    n_notes = max(1, int(np.count_nonzero(is_note)))
    return np.asarray(np.minimum(3, 4 * before // n_notes), dtype=np.int64)
