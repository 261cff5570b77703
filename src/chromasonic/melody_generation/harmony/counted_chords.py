"""Models of chords by counting, as references for the conditional random field.

* The tonic throughout.
* For each unit of harmony, the most frequent chord of units with the same notes.
* A hidden Markov model: chords follow each other by counted transitions, and notes follow from the chord.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.chord_features import (
    LABEL_QUALITIES,
    N_FEATURES,
    N_LABELS,
    N_TRANSITIONS,
    UNLABELLED,
    chords_of_labels,
    home_of,
    is_minor,
    sounding_degrees,
    transition_kinds,
    unit_labels,
)
from chromasonic.melody_generation.harmony.chord_model import ChordModel
from chromasonic.melody_generation.harmony.chord_units import ChordUnits, chord_units
from chromasonic.melody_generation.melody import FloatArray, Melody

_PRIOR = 2.0  # weight of the chords of all units, in units
_SMALLEST = 0.1  # count of every label
_NOTE_POWER = 3.0  # notes of a unit as evidence for its chord; chosen on validation tunes among 1, 2, 3, 4 and 6
_SHARED_NOTES = 20.0  # weight of the notes of all chords of the same quality
_SHARED_TRANSITIONS = (5.0, 10.0)  # weights of the chords, and of the transitions of all kinds


def tonic_chords(melody: Melody) -> tuple[Chord, ...]:
    """Return the chord of the tonic, major or minor, from the first unit on."""
    units = chord_units(melody)
    quality = "minor" if is_minor(melody) else "major"
    return (Chord(int(units.begins[0]), melody.tonic, quality, melody.tonic),) if len(units) else ()


@dataclass(frozen=True)
class ChordsOfNotes:
    """The frequency of chords by the set of degrees that sound in a unit.

    Attributes:
        counts: Count of each label by notes and mode, shape (N_LABELS,) each.
        of_mode: Smoothed probability of each label by mode, shape (N_LABELS,) each.
    """

    counts: dict[Hashable, FloatArray]
    of_mode: dict[bool, FloatArray]

    @classmethod
    def fit(cls, melodies: Sequence[Melody]) -> ChordsOfNotes:
        """Count the chords of tunes."""
        by_notes: dict[Hashable, Counter[int]] = defaultdict(Counter)
        by_mode: dict[bool, Counter[int]] = {False: Counter(), True: Counter()}
        for melody in melodies:
            units = chord_units(melody)
            for notes, label in zip(_notes(melody, units), unit_labels(melody, units).tolist(), strict=True):
                if label != UNLABELLED:
                    by_notes[notes][label] += 1
                    by_mode[is_minor(melody)][label] += 1
        of_mode = {mode: _array(counts) + _SMALLEST for mode, counts in by_mode.items()}
        return cls(
            {notes: _array(counts) for notes, counts in by_notes.items()},
            {mode: counts / counts.sum() for mode, counts in of_mode.items()},
        )

    def chords(self, melody: Melody) -> tuple[Chord, ...]:
        """Return the most frequent chord of each unit's notes."""
        units = chord_units(melody)
        labels = self._probabilities(melody, units).argmax(axis=1)
        return chords_of_labels(labels, units, home_of(melody))

    def surprisal(self, melody: Melody) -> tuple[float, int]:
        """Return the bits of the written chords, and the number of units that have one."""
        units = chord_units(melody)
        labels = unit_labels(melody, units)
        labelled = np.flatnonzero(labels != UNLABELLED)
        probabilities = self._probabilities(melody, units)[labelled, labels[labelled]]
        return float(-np.log2(probabilities).sum()), len(labelled)

    def _probabilities(self, melody: Melody, units: ChordUnits) -> FloatArray:
        """Return the smoothed probability of each label in each unit, shape (U, N_LABELS)."""
        prior = _PRIOR * self.of_mode[is_minor(melody)]
        none = np.zeros(N_LABELS)
        rows = [self.counts.get(notes, none) + prior for notes in _notes(melody, units)]
        table = np.array(rows).reshape(-1, N_LABELS)
        return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)


def fit_hidden_markov(melodies: Sequence[Melody], note_power: float = _NOTE_POWER) -> ChordModel:
    """Fit a hidden Markov model by counting; it has the form of a conditional random field without most features.

    Args:
        melodies: Tunes with chords.
        note_power: Exponent of the probability of a unit's notes.
    """
    notes, shared = np.zeros((N_LABELS, 12)), np.full((len(LABEL_QUALITIES), 12), _SMALLEST)
    follows = np.zeros((N_TRANSITIONS, N_LABELS, N_LABELS))
    roots, qualities = np.divmod(np.arange(N_LABELS), len(LABEL_QUALITIES))
    for melody in melodies:
        units = chord_units(melody)
        labels, degrees = unit_labels(melody, units), sounding_degrees(melody, units)
        labelled = np.flatnonzero(labels != UNLABELLED)
        np.add.at(notes, labels[labelled], degrees[labelled])
        later = labelled[1:]
        np.add.at(follows, (transition_kinds(units)[later], labels[later - 1], labels[later]), 1)
    above_root = (np.arange(12)[None] - roots[:, None]) % 12  # (N_LABELS, 12)
    np.add.at(shared, (qualities[:, None], above_root), notes)
    notes += _SHARED_NOTES * _normalised(shared)[qualities[:, None], above_root]
    of_label, of_any_kind = _SHARED_TRANSITIONS
    smooth = _normalised(follows.sum(axis=0) + of_label * _normalised(follows.sum(axis=(0, 1)) + _SMALLEST))
    weights = np.zeros((N_LABELS, N_FEATURES))
    # The share of a unit in which a degree sounds is the mean of the shares of its halves.
    weights[:, :24] = note_power / 2 * np.tile(np.log(_normalised(notes)), 2)
    return ChordModel(weights, np.log(_normalised(follows + of_any_kind * smooth)))


def _notes(melody: Melody, units: ChordUnits) -> list[Hashable]:
    """Return the degrees that sound in each unit, and whether the mode is minor."""
    sounding = sounding_degrees(melody, units) > 0
    return [(row.tobytes(), is_minor(melody)) for row in sounding]


def _array(counts: Counter[int]) -> FloatArray:
    return np.array([counts[label] for label in range(N_LABELS)], dtype=np.float64)


def _normalised(values: FloatArray) -> FloatArray:
    return np.asarray(values / values.sum(axis=-1, keepdims=True), dtype=np.float64)
