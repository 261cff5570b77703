"""The steps of a plan: every run is trained, and the runs of the main table are evaluated.

The origin of a run is recorded beside it in ``part.json``. A run whose origin differs from the plan is trained again.
"""

from __future__ import annotations

import math
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import read_evaluation
from chromasonic.melody_generation.reporting.run_evaluation import is_up_to_date
from chromasonic.melody_generation.runs.checkpoint import checkpoint_digest
from chromasonic.melody_generation.runs.command_line import path_option
from chromasonic.melody_generation.runs.flat_values import changes
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration
from chromasonic.melody_generation.runs.trained_model import load_run
from chromasonic.melody_generation.runs.training_record import read_training
from chromasonic.melody_generation.study.plan import PlannedRun
from chromasonic.melody_generation.study.run_files import PartRecord, as_json
from chromasonic.melody_generation.training.resume import is_complete, planned_epochs

_PROGRAM = (sys.executable, "-m", "chromasonic")


@dataclass(frozen=True)
class TrainingStep:
    """The training of one run.

    Attributes:
        run: The run.
        configuration: The configuration that its overrides compose today, as plain values.
        needs: Names of the steps that have to be done before.
    """

    run: PlannedRun
    configuration: JsonObject
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.run.name

    @property
    def log(self) -> Path:
        """The file for the output of the program."""
        return self.run.directory / "train.log"

    def is_done(self) -> bool:
        """Return whether the run is complete and was made as the plan says."""
        directory = self.run.directory
        if not RunLayout(directory).has_epoch or self._why_outdated():
            return False
        checkpoints = CheckpointLayout.find(directory)
        return is_complete(directory, checkpoints, planned_epochs(checkpoints))

    def prepare(self) -> tuple[list[str], str]:
        """Return the command that begins or resumes the run, and a remark; an outdated run is moved out of the way."""
        directory = self.run.directory
        remark = ""
        if RunLayout(directory).has_epoch:
            reason = self._why_outdated()
            if not reason:
                return [*_PROGRAM, "train", path_option("resume", directory)], "resumed"
            set_aside(directory)
            remark = f"trained again: {reason}"
        PartRecord(self.run.overrides, self.configuration, self._required_models()).write(directory)
        return [*_PROGRAM, "train", *self.run.overrides, path_option("output_dir", directory)], remark

    def record_time(self, seconds: float) -> None:
        """Add to the processor time of the run."""
        record = PartRecord.read(self.run.directory)
        replace(record, training_seconds=record.training_seconds + seconds).write(self.run.directory)

    def outcome(self) -> str:
        """Return the score on validation.

        Raises:
            InputError: If there is none.
        """
        training = read_training(self.run.directory)
        if training is None or training.validation is None:
            raise InputError(f"{self.run.directory} has no scores: see {self.log}")
        return f"{training.validation.bits_per_note:.3f} bits per note on validation"

    def _why_outdated(self) -> str:
        """Return the difference between the run and the plan; empty without one."""
        record = PartRecord.read(self.run.directory)
        if record.configuration is None:
            return "its origin is not recorded"
        recorded = upgrade_configuration(record.configuration)
        if differing := changes(recorded, upgrade_configuration(as_json(self.configuration))):
            return "; ".join(differing)
        if record.required_models != self._required_models():
            return "a model that it begins with was trained again"
        try:
            planned_epochs(CheckpointLayout.find(self.run.directory))
        except InputError as problem:  # a checkpoint of another version
            return str(problem)
        return ""

    def _required_models(self) -> dict[str, str]:
        """Return the digests of the models that the run begins with, by directory."""
        return {str(directory): _best_digest(directory) for directory in self.run.needs}


@dataclass(frozen=True)
class EvaluationStep:
    """The evaluation of one run.

    Attributes:
        run: The run.
        settings: Settings of the samples.
    """

    run: PlannedRun
    settings: SampleSettings

    @property
    def name(self) -> str:
        """The name of the run and of the step."""
        return f"{self.run.name}, evaluation"

    @property
    def needs(self) -> tuple[str, ...]:
        """The name of the training."""
        return (self.run.name,)

    @property
    def log(self) -> Path:
        """The file for the output of the program."""
        return self.run.directory / "evaluate.log"

    def is_done(self) -> bool:
        """Return whether the run has an evaluation of its best model with these settings."""
        directory = self.run.directory
        if not RunLayout(directory).has_epoch:
            return False
        model = load_run(directory)
        try:
            record = read_evaluation(directory)
        except InputError:  # of another version
            return False
        return record is not None and is_up_to_date(record, model, self.settings)

    def prepare(self) -> tuple[list[str], str]:
        """Return the command that evaluates the run, and no remark."""
        return [*_PROGRAM, "evaluate", path_option("run", self.run.directory), *self.settings.options()], ""

    def record_time(self, seconds: float) -> None:
        """Record the processor time of the evaluation, apart from that of the training."""
        record = PartRecord.read(self.run.directory)
        replace(record, evaluation_seconds=seconds).write(self.run.directory)

    def outcome(self) -> str:
        """Return the overall score.

        Raises:
            InputError: If there is none.
        """
        record = read_evaluation(self.run.directory)
        if record is None:
            raise InputError(f"{self.run.directory} has no scores: see {self.log}")
        overall = record.scores["overall_score"].value
        return "overall is not defined" if math.isnan(overall) else f"{overall:.2f} overall"


def set_aside(directory: Path) -> None:
    """Rename a run directory to ``<name>.before``, and replace an earlier one of that name."""
    aside = directory.with_name(f"{directory.name}.before")
    shutil.rmtree(aside, ignore_errors=True)
    directory.rename(aside)


def _best_digest(run: Path) -> str:
    """Return the digest of a run's best checkpoint; empty without one."""
    return checkpoint_digest(CheckpointLayout.find(run).best) if RunLayout(run).has_epoch else ""
