"""Bits by group: the bits that a model needs for groups of tokens or tunes.

The bits of all groups add up to all bits, and their notes to all notes. The bits per note of a group are the bits of
all its tokens over its notes and rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.melody import FloatArray, IntArray


@dataclass(frozen=True)
class TokenGroup:
    """A group of tokens.

    Attributes:
        name: Name of the group.
        bits: Sum of the bits of its tokens.
        n_notes: Number of notes and rests among them.
    """

    name: str
    bits: float
    n_notes: int

    @property
    def bits_per_note(self) -> float:
        """Bits over notes; NaN without notes."""
        return self.bits / self.n_notes if self.n_notes else float("nan")


def group_tokens(
    bits: FloatArray, is_note: NDArray[np.bool_], group: IntArray, names: Sequence[str]
) -> tuple[TokenGroup, ...]:
    """Sum the bits and count the notes of groups of tokens.

    Args:
        bits: Bits of each token, shape (S,).
        is_note: Mask of notes and rests, shape (S,).
        group: Index of the group of each token, shape (S,).
        names: Names of the groups.

    Example:
        >>> is_note = np.array([True, True, False])
        >>> group_tokens(np.array([3.0, 1.0, 2.0]), is_note, np.array([0, 1, 1]), ["begin", "end"])
        (TokenGroup(name='begin', bits=3.0, n_notes=1), TokenGroup(name='end', bits=3.0, n_notes=1))
    """
    sums = np.bincount(group, weights=bits, minlength=len(names))
    notes = np.bincount(group[is_note], minlength=len(names))
    return tuple(TokenGroup(name, float(sums[i]), int(notes[i])) for i, name in enumerate(names))


def group_tunes(bits: FloatArray, n_notes: FloatArray, names: Sequence[str]) -> tuple[TokenGroup, ...]:
    """Sum the bits and count the notes of groups of tunes, the group with most notes first.

    Args:
        bits: Bits of each tune, shape (number of tunes,).
        n_notes: Number of notes and rests of each tune, shape (number of tunes,).
        names: Name of the group of each tune, such as its metre.
    """
    group_names, group = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    sums, notes = (np.bincount(group, weights=values, minlength=len(group_names)) for values in (bits, n_notes))
    order = np.argsort(-notes, kind="stable")
    return tuple(TokenGroup(str(group_names[i]), float(sums[i]), int(notes[i])) for i in order)


def tune_quarters(is_note: NDArray[np.bool_]) -> IntArray:
    """Return the quarter of the tune to which each token belongs, 0 to 3, by the number of notes before it.

    Args:
        is_note: Mask of notes and rests, shape (S,).

    Returns:
        Shape (S,); tokens after the last note belong to the last quarter.

    Example:
        >>> tune_quarters(np.array([True, True, False, True, True, True, False])).tolist()
        [0, 0, 1, 1, 2, 3, 3]
    """
    before: IntArray = np.cumsum(is_note) - is_note
    n_notes = max(1, int(np.count_nonzero(is_note)))
    return np.asarray(np.minimum(3, 4 * before // n_notes), dtype=np.int64)
