"""Counts of training tunes by which melodies are measured: notes in their contexts, and how tunes begin and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.measures.reference_model.counting_model import CountingModel
from chromasonic.melody_generation.measures.reference_model.likelihood_features import likelihood_features
from chromasonic.melody_generation.measures.reference_model.note_arrays import NoteArrays
from chromasonic.melody_generation.measures.structure.endings import EndingCounts
from chromasonic.melody_generation.melody import FloatArray, Melody


@dataclass(frozen=True, eq=False)
class TuneModel:
    """Counts of training tunes.

    Attributes:
        notes: Of notes in their contexts.
        endings: Of beginnings, closes and endings.
    """

    notes: CountingModel
    endings: EndingCounts

    @classmethod
    def fit(cls, melodies: Sequence[Melody]) -> TuneModel:
        """Count training tunes."""
        return cls(CountingModel.fit([NoteArrays.of(melody) for melody in melodies]), EndingCounts.fit(melodies))

    def features(self, melodies: Sequence[Melody]) -> dict[str, FloatArray]:
        """Return the features that need the model, by name, each of shape (number of melodies,)."""
        of_notes = likelihood_features(self.notes, [NoteArrays.of(melody) for melody in melodies])
        return of_notes | self.endings.features(melodies)

    def to_dict(self) -> JsonObject:
        """Return plain values for a checkpoint."""
        return {"notes": self.notes.to_dict(), "endings": self.endings.counts.tolist()}

    @classmethod
    def from_dict(cls, values: JsonObject) -> TuneModel:
        """Read the values that ``to_dict`` returned.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: If they are damaged.
        """
        endings = EndingCounts.fit([])
        counts = np.array(values["endings"], dtype=np.int64).reshape(endings.counts.shape)
        if (counts < 0).any():
            raise ValueError("a count is below 0")
        return cls(CountingModel.from_dict(values["notes"]), EndingCounts(counts))
