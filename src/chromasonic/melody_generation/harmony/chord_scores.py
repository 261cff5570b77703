"""Accuracy of chords: the share of time in which two tunes have the same root, and the same root and quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.chord_features import LABEL_QUALITIES, UNLABELLED, label_of
from chromasonic.melody_generation.melody import IntArray, Melody


@dataclass(frozen=True)
class ChordAgreement:
    """Agreement of chords with the written ones of a tune.

    Attributes:
        ticks: Ticks in which a written chord sounds.
        same_root: Ticks of these in which the roots are the same.
        same_chord: Ticks of these in which root and quality (one of ``LABEL_QUALITIES``) are the same.
    """

    ticks: int
    same_root: int
    same_chord: int


def chord_agreement(melody: Melody, chords: Sequence[Chord]) -> ChordAgreement:
    """Compare chords with the written ones of a melody, by the time for which they sound; basses are ignored.

    Example:
        >>> melody = Melody([60], [96], chords=[Chord(0, 0, "major", 0), Chord(48, 7, "7", 7)])
        >>> chord_agreement(melody, [Chord(0, 0, "major", 0), Chord(72, 7, "major", 7)])
        ChordAgreement(ticks=96, same_root=72, same_chord=48)
    """
    edges = np.unique([*(chord.onset for chord in (*melody.chords, *chords)), melody.ticks])
    edges = edges[edges <= melody.ticks]
    ticks = np.diff(edges)
    written, other = (_labels_at(edges[:-1], each) for each in (melody.chords, chords))
    is_written = written != UNLABELLED
    n_qualities = len(LABEL_QUALITIES)
    same_root = is_written & (other != UNLABELLED) & (written // n_qualities == other // n_qualities)
    return ChordAgreement(
        int(ticks[is_written].sum()), int(ticks[same_root].sum()), int(ticks[is_written & (written == other)].sum())
    )


def _labels_at(ticks: IntArray, chords: Sequence[Chord]) -> IntArray:
    """Return the label of the chord at each tick, ``UNLABELLED`` before the first one."""
    labels = np.array([UNLABELLED, *(label_of(chord, 0) for chord in chords)])
    onsets = np.array([chord.onset for chord in chords], dtype=np.int64)
    return np.asarray(labels[np.searchsorted(onsets, ticks, side="right")])
