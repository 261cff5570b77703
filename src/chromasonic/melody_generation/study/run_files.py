"""Files of a run that a study writes or reads: ``part.json``, the split and the table of measures by epoch.

``part.json`` lies in every run of a study. It records the origin of the run and the processor time spent on it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.atomic_files import JsonObject, write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.untrusted_files import read_json, read_regular_file

PART_RECORD = "part.json"
_MAX_TABLE_BYTES = 10_000_000


@dataclass(frozen=True)
class PartRecord:
    """The origin of a run, and the processor time spent on it.

    Attributes:
        overrides: The overrides of ``chromasonic train``.
        configuration: The configuration that they compose; None if it is not recorded.
        required_models: Digests of the models that the run begins with, by run directory; None if not recorded.
        training_seconds: Processor time of the training.
        evaluation_seconds: Processor time of the latest evaluation; None before the first.
    """

    overrides: tuple[str, ...] = ()
    configuration: JsonObject | None = None
    required_models: Mapping[str, str] | None = None
    training_seconds: float = 0.0
    evaluation_seconds: float | None = None

    @classmethod
    def read(cls, run: Path) -> PartRecord:
        """Read the record of a run; an empty one if there is none.

        Raises:
            InputError: If the record is damaged.
        """
        values = read_json(run / PART_RECORD, "values", "the run is trained again")
        overrides, configuration = values.get("overrides"), values.get("configuration")
        required_models = values.get("began_with")
        return cls(
            overrides=tuple(map(str, overrides)) if isinstance(overrides, list) else (),
            configuration=configuration if isinstance(configuration, dict) else None,
            required_models=required_models if isinstance(required_models, dict) else None,
            training_seconds=_seconds(values.get("core_seconds")) or 0.0,
            evaluation_seconds=_seconds(values.get("judging_core_seconds")),
        )

    def write(self, run: Path) -> None:
        """Write the record of a run."""
        values: dict[str, object] = {
            "overrides": list(self.overrides),
            "configuration": self.configuration,
            "began_with": self.required_models,
            "core_seconds": self.training_seconds,
            "judging_core_seconds": self.evaluation_seconds,
        }
        write_json(run / PART_RECORD, {key: value for key, value in values.items() if value is not None})

    @property
    def total_seconds(self) -> float:
        """Processor time of training and evaluation."""
        return self.training_seconds + (self.evaluation_seconds or 0.0)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def as_json(values: Mapping[str, object]) -> JsonObject:
    """Return plain values as a JSON file would return them: lists for tuples, text for keys."""
    plain: JsonObject = json.loads(json.dumps(values))
    return plain


@dataclass(frozen=True)
class SplitSummary:
    """The split of a run.

    Attributes:
        n_train: Training tunes.
        n_left_out: Tunes that the guard left out of training.
        test_tunes: Source and title of each test tune, sorted.
    """

    n_train: int
    n_left_out: int
    test_tunes: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, run: Path) -> SplitSummary:
        """Read the split of a run.

        Raises:
            InputError: If its manifest is missing or damaged.
        """
        path = RunLayout(run).split
        values = read_json(path, "split", "train the run again")
        try:
            tunes = sorted((str(tune.get("source")), str(tune.get("title"))) for tune in values.get("test", ()))
            n_left_out = len(values.get("guard", {}).get("left_out", []))
            return cls(int(values["counts"]["train"]), n_left_out, tuple(tunes))
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise InputError(f"{path} is no manifest of a split ({problem!r}): train the run again") from problem


def read_validation_curve(run: Path) -> tuple[list[int], list[float]]:
    """Read the epochs of a run, and bits per note on validation after each.

    Raises:
        InputError: If the table is missing or damaged.
    """
    path = RunLayout(run).metrics
    try:
        text = read_regular_file(path, _MAX_TABLE_BYTES).decode("utf-8")
        lines = list(csv.DictReader(io.StringIO(text, newline="")))
        epochs = [round(float(line["epoch"])) for line in lines]
        return epochs, [float(line["validation/bits_per_note"]) for line in lines]
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except (ArithmeticError, KeyError, TypeError, ValueError, csv.Error) as problem:
        raise InputError(f"{path} is no table of a run's measures ({problem!r})") from problem
