"""The results that a training writes to ``evaluation/results.json``.

An evaluation adds its own results to the file (:mod:`~chromasonic.melody_generation.evaluation.records`). The keys of a
model's metadata are those of its checkpoint (:mod:`~chromasonic.melody_generation.runs.model_metadata`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.runs.json_records import Amount, nan_for_null, null_for_nan, validated
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.untrusted_files import read_json


@dataclass(frozen=True)
class TokenMeasures:
    """Measures of prediction over a set of tunes, as ``training.metrics.MEASURE_RATIOS`` defines them.

    Attributes:
        loss: Nats per scored token.
        bits_per_note: Bits of all scored tokens over notes and rests.
        note_bits: Bits of notes and rests alone, per note.
        accuracy: Share of notes that the most probable token names.
        pitch_accuracy: Share of notes of which it has the pitch.
        duration_accuracy: Share of notes of which it has the duration.
    """

    loss: float = math.nan
    bits_per_note: float = math.nan
    note_bits: float = math.nan
    accuracy: float = math.nan
    pitch_accuracy: float = math.nan
    duration_accuracy: float = math.nan


@dataclass(frozen=True)
class TrainingRecord:
    """The results that a training writes at its end.

    Attributes:
        metadata: Model, data, configuration and lineage.
        validation: Measures on validation at the best epoch; None if they are not known.
        test: Measures on test at the best epoch; None if they are not known.
        best_epoch: The epoch of lowest validation loss, counted from 1.
        minutes: Duration of the training.
    """

    metadata: ModelMetadata
    validation: TokenMeasures | None = None
    test: TokenMeasures | None = None
    best_epoch: int | None = None
    minutes: float | None = None

    @classmethod
    def of(
        cls, metadata: ModelMetadata, scores: Mapping[str, Mapping[str, float]], best_epoch: int | None, minutes: float
    ) -> TrainingRecord:
        """Return the record of a training with the measures of ``validation`` and ``test``, each by name."""
        measures = {side: TokenMeasures(**of_side) for side, of_side in scores.items()}
        return cls(metadata, measures.get("validation"), measures.get("test"), best_epoch, minutes)

    def to_json(self) -> JsonObject:
        """Return plain values by the keys of the file."""
        measures = {"validation": self.validation, "test": self.test}
        numbers = {"best_epoch": self.best_epoch, "minutes": self.minutes}
        return (
            {side: null_for_nan(_MEASURES.dump_python(of_side)) for side, of_side in measures.items() if of_side}
            | {name: value for name, value in numbers.items() if value is not None}
            | self.metadata.to_results()
        )

    @classmethod
    def from_json(cls, values: JsonObject, name: str) -> TrainingRecord:
        """Read the content of a file.

        Args:
            values: Plain values by the keys of the file.
            name: Name of the run for the error message.

        Raises:
            InputError: If a value has the wrong type.
        """
        return cls(
            metadata=ModelMetadata.from_checkpoint(values),
            validation=_measures(values, "validation", name),
            test=_measures(values, "test", name),
            best_epoch=validated(_EPOCH, values.get("best_epoch"), name),
            minutes=validated(_MINUTES, values.get("minutes"), name),
        )


_EPOCH: TypeAdapter[int | None] = TypeAdapter(int | None)
_MINUTES: TypeAdapter[float | None] = TypeAdapter(Amount | None)
_MEASURES = TypeAdapter(TokenMeasures)


def read_results(run: Path) -> JsonObject:
    """Read the file of results of a run; empty if there is none.

    Raises:
        InputError: If the file is damaged.
    """
    return read_json(RunLayout(run).results, "results", "evaluate the run again")


def read_training(run: Path) -> TrainingRecord | None:
    """Read what the training of a run has written; None if it has written nothing yet.

    Raises:
        InputError: If the file is damaged.
    """
    values = read_results(run)
    return TrainingRecord.from_json(values, run.name) if values else None


def _measures(values: JsonObject, side: str, name: str) -> TokenMeasures | None:
    return validated(_MEASURES, nan_for_null(values[side]), name) if values.get(side) is not None else None
