"""The model of chords: weights of a conditional random field, where they are from, and their file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.chord_chain import ChainBatch, best_labels
from chromasonic.melody_generation.harmony.chord_features import (
    N_FEATURES,
    N_LABELS,
    N_TRANSITIONS,
    UNLABELLED,
    chords_of_labels,
    home_of,
    transition_kinds,
    unit_features,
    unit_labels,
)
from chromasonic.melody_generation.harmony.chord_units import ChordUnits, chord_units
from chromasonic.melody_generation.melody import REST, FloatArray, Melody

_VERSION = 1
_SHIPPED = "chord_model.json"
_DECIMALS = 3  # of the weights in a file


@dataclass(frozen=True, eq=False)
class ChordModel:
    """A conditional random field over the units of harmony of a melody (Lafferty et al. 2001).

    Attributes:
        weights: Score of each label for each feature, shape (N_LABELS, N_FEATURES).
        transitions: Score of each label after another one, by kind, shape (N_TRANSITIONS, N_LABELS, N_LABELS).
        sources: The collections that it has learned from.
        note: Remarks on the file, such as which tunes it was fitted to.

    Raises:
        ValueError: If a shape is wrong, or a weight is not finite.
    """

    weights: FloatArray
    transitions: FloatArray
    sources: tuple[SourceCollection, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        shapes = (self.weights.shape, self.transitions.shape)
        expected = ((N_LABELS, N_FEATURES), (N_TRANSITIONS, N_LABELS, N_LABELS))
        if shapes != expected:
            raise ValueError(f"a model of chords has weights of the shapes {expected}, got {shapes}")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.transitions).all()):
            raise ValueError("the weights of a model of chords are finite numbers")

    def chords(self, melody: Melody) -> tuple[Chord, ...]:
        """Return the most probable chords, one where the harmony changes or a part begins; none if no note sounds."""
        units = chord_units(melody)
        if not len(units) or not (melody.pitches != REST).any():
            return ()
        labels = best_labels(self._emissions(melody, units), self.transitions, transition_kinds(units))
        return chords_of_labels(labels, units, home_of(melody))

    def surprisal(self, melody: Melody) -> tuple[float, int]:
        """Return the bits of the written chords given the notes, and the number of units that have a chord.

        Units before the first written chord are left out.
        """
        units = chord_units(melody)
        labels = unit_labels(melody, units)
        labelled = labels != UNLABELLED
        if not labelled.any():
            return 0.0, 0
        emissions = self._emissions(melody, units)[labelled]
        batch = ChainBatch([transition_kinds(units)[labelled]])
        log_sum = batch.sums(emissions, self.transitions).log_sums[0]
        score = batch.scores(labels[labelled], emissions, self.transitions)[0]
        return float(log_sum - score) / math.log(2), int(labelled.sum())

    def _emissions(self, melody: Melody, units: ChordUnits) -> FloatArray:
        """Return the score of each label in each unit, shape (U, N_LABELS)."""
        return np.asarray(unit_features(melody, units) @ self.weights.T, dtype=np.float64)

    def to_values(self) -> JsonObject:
        """Return plain values for JSON, with rounded weights."""
        return {
            "version": _VERSION,
            "note": self.note,
            "sources": [source.to_values() for source in self.sources],
            "weights": _rounded(self.weights),
            "transitions": _rounded(self.transitions),
        }

    @classmethod
    def from_values(cls, values: JsonObject) -> ChordModel:
        """Read the values that ``to_values`` wrote.

        Raises:
            ValueError: If they are of another version, or weights are missing or wrong.
        """
        if values.get("version") != _VERSION:
            raise ValueError(f"expected a model of chords of version {_VERSION}, got {values.get('version')!r}")
        return cls(
            np.array(values["weights"], dtype=np.float64),
            np.array(values["transitions"], dtype=np.float64),
            tuple(map(SourceCollection.from_values, values["sources"])),
            str(values["note"]),
        )


@cache
def shipped_chord_model() -> ChordModel:
    """Return the model of the package, fitted to the training tunes of Nottingham."""
    return ChordModel.from_values(json.loads(resources.files(__package__).joinpath(_SHIPPED).read_text("utf-8")))


def _rounded(values: FloatArray) -> Sequence[object]:
    rounded: Sequence[object] = (values.round(_DECIMALS) + 0.0).tolist()  # no negative zeros
    return rounded
