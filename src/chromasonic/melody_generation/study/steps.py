"""The steps of a plan: each run is trained, and each row of the table is judged.

What made a run is recorded beside it in ``part.json``: its overrides, its configuration, the models that it began
with, and the processor time spent on it, judging apart. A run that was made otherwise than the plan says today is made
anew.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromasonic.melody_generation.atomic_files import read_json, write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.evaluate import SampleSettings
from chromasonic.melody_generation.runs.checkpoint import checkpoint_digest
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration
from chromasonic.melody_generation.runs.trained_model import load_run, read_results
from chromasonic.melody_generation.study.plan import PlannedRun, as_typed
from chromasonic.melody_generation.testing import is_judged
from chromasonic.melody_generation.training.resume import is_complete, planned_epochs

RECORD = "part.json"
_TRAINING, _JUDGING = "core_seconds", "judging_core_seconds"
_NOT_GIVEN = "not given"
_PROGRAM = (sys.executable, "-m", "chromasonic")


@dataclass(frozen=True)
class Training:
    """Trains one run of the plan.

    Attributes:
        run: Of the plan.
        configuration: What its overrides stand for today, as plain values.
        needs: Names of the steps that make what it begins with.
    """

    run: PlannedRun
    configuration: Mapping[str, Any]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The run's."""
        return self.run.name

    @property
    def log(self) -> Path:
        """Within the run."""
        return self.run.directory / "train.log"

    def is_done(self) -> bool:
        """Whether the run stands there complete, made as the plan says."""
        directory = self.run.directory
        if not RunLayout(directory).has_epoch or self._why_anew():
            return False
        files = CheckpointLayout.find(directory)
        return is_complete(directory, files, planned_epochs(files))

    def begin(self) -> tuple[list[str], str]:
        """Go on with the run where it was stopped, or begin it; one that was made otherwise is set aside."""
        directory = self.run.directory
        train = [*_PROGRAM, "train"]
        if RunLayout(directory).has_epoch:
            why = self._why_anew()
            if not why:
                return [*train, f"resume={as_typed(directory)}"], "goes on where it was stopped"
            set_aside(directory)
        else:
            why = ""
        record = {
            "overrides": list(self.run.overrides),
            "configuration": dict(self.configuration),
            "began_with": self._models(),
            _TRAINING: 0.0,
        }
        write_json(directory / RECORD, record)
        return [*train, *self.run.overrides, f"output_dir={as_typed(directory)}"], f"made anew: {why}" if why else ""

    def note_time(self, seconds: float) -> None:
        """Add to what the run has taken so far."""
        record = read_record(self.run.directory)
        write_json(self.run.directory / RECORD, {**record, _TRAINING: core_seconds(record) + seconds})

    def outcome(self) -> str:
        """The score on validation."""
        bits = read_results(self.run.directory).get("validation", {}).get("bits_per_note")
        if not isinstance(bits, float):
            raise InputError(f"{self.run.directory} has no scores: see {self.log}")
        return f"{bits:.3f} bits per note on validation"

    def _why_anew(self) -> str:
        """What differs from how the run was made; empty where nothing does."""
        record = read_record(self.run.directory)
        before = record.get("configuration")
        if not isinstance(before, dict):
            return "what made it is not recorded"
        found = changes(
            upgrade_configuration(before), upgrade_configuration(json.loads(json.dumps(self.configuration)))
        )
        if found:
            return "; ".join(found)
        if record.get("began_with") != self._models():
            return "what it begins with was made anew"
        try:
            planned_epochs(CheckpointLayout.find(self.run.directory))
        except InputError as problem:  # a checkpoint of another version
            return str(problem)
        return ""

    def _models(self) -> dict[str, str]:
        """Hashes of the models that the run begins with, by their directories."""
        return {str(each): _model_hash(each) for each in self.run.needs}


@dataclass(frozen=True)
class Judging:
    """Judges one run of the plan.

    Attributes:
        run: Of the plan.
        settings: How melodies are sampled.
    """

    run: PlannedRun
    settings: SampleSettings

    @property
    def name(self) -> str:
        """The run's, and what is done with it."""
        return f"{self.run.name}, judging"

    @property
    def needs(self) -> tuple[str, ...]:
        """The training."""
        return (self.run.name,)

    @property
    def log(self) -> Path:
        """Within the run."""
        return self.run.directory / "evaluate.log"

    def is_done(self) -> bool:
        """Whether this very model was judged in this way."""
        if not RunLayout(self.run.directory).has_epoch:
            return False
        run = load_run(self.run.directory)
        return is_judged(read_results(self.run.directory), run, self.settings)

    def begin(self) -> tuple[list[str], str]:
        """Judge it."""
        options = {name: getattr(self.settings, name) for name in ("n_samples", "seed", "max_notes")}
        typed = [f"run={self.run.directory}", *(f"{name}={value}" for name, value in options.items())]
        return [*_PROGRAM, "evaluate", *typed], ""

    def note_time(self, seconds: float) -> None:
        """Record it apart: judging is no part of what a run costs."""
        write_json(self.run.directory / RECORD, {**read_record(self.run.directory), _JUDGING: seconds})

    def outcome(self) -> str:
        """The score of its melodies."""
        overall = read_results(self.run.directory).get("overall_score")
        return "overall is not defined" if overall is None else f"{overall:.2f} overall"


def read_record(directory: Path) -> dict[str, Any]:
    """What made a run of a plan; empty where nothing is recorded.

    Raises:
        InputError: If the record is damaged.
    """
    return read_json(directory / RECORD, "values", "the run is made anew")


def core_seconds(record: Mapping[str, Any]) -> float:
    """The processor time that training a run has taken, as recorded."""
    return _seconds(record, _TRAINING)


def core_seconds_in_all(record: Mapping[str, Any]) -> float:
    """The same with judging it, where it was judged."""
    return core_seconds(record) + _seconds(record, _JUDGING)


def _seconds(record: Mapping[str, Any], name: str) -> float:
    seconds = record.get(name, 0.0)
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def set_aside(directory: Path) -> None:
    """Move a run out of the way of a new one, in the place of what was set aside before."""
    aside = directory.with_name(f"{directory.name}.before")
    shutil.rmtree(aside, ignore_errors=True)
    directory.rename(aside)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two configurations.

    Example:
        >>> changes({"epochs": 10, "model": {"memory": True}}, {"epochs": 12, "model": {}, "guard": None})
        ['epochs was 10 and is 12', 'model.memory was True and is not given', 'guard was not given and is None']
    """
    return [f"{place} was {one} and is {other}" for place, one, other in _differing(before, now, "")]


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before, *now]):
        one, other = before.get(name, _NOT_GIVEN), now.get(name, _NOT_GIVEN)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differing(one, other, f"{place}{name}.")
        elif one != other:
            yield f"{place}{name}", one, other


def _model_hash(run: Path) -> str:
    """Digest of a run's best checkpoint; empty where there is none."""
    return checkpoint_digest(CheckpointLayout.find(run).best) if RunLayout(run).has_epoch else ""
