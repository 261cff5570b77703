"""The results of a study, read from the directories of its runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import check_test_sets
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.evaluation.records import EvaluationRecord, read_evaluation
from chromasonic.melody_generation.runs.training_record import TrainingRecord, read_training
from chromasonic.melody_generation.study.plan import Ablation, Part, PlannedRun
from chromasonic.melody_generation.study.run_files import PartRecord, SplitSummary, read_validation_curve
from chromasonic.melody_generation.study.workflow import Workflow


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a number over seeds.

    Attributes:
        mean: The mean.
        deviation: The standard deviation of a sample (n - 1); NaN for a single value.

    Example:
        >>> str(Spread.of([2.1, 2.2, 2.3])), str(Spread.of([2.1]))
        ('2.200 ± 0.100', '2.100')
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Return the spread of values; NaN if there is none, or one is NaN or infinite."""
        numbers = list(values)
        if not numbers or not all(map(math.isfinite, numbers)):
            return cls(math.nan, math.nan)
        return cls(statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else math.nan)

    def text(self, digits: int = 3) -> str:
        """Return mean and deviation as text."""
        if math.isnan(self.mean):
            return "not defined"
        spread = "" if math.isnan(self.deviation) else f" ± {self.deviation:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True)
class PartResults:
    """The results of a part of the plan.

    Attributes:
        part: The part.
        runs: Its runs, one for each seed.
        trainings: What the training of each run wrote.
        evaluations: The evaluation of each run; empty if not all runs are evaluated.
        core_minutes: Processor time of a run in minutes, the mean over the runs.
        core_minutes_in_all: The same with all runs that a run requires.
    """

    part: Part
    runs: tuple[PlannedRun, ...]
    trainings: tuple[TrainingRecord, ...]
    evaluations: tuple[EvaluationRecord, ...]
    core_minutes: float
    core_minutes_in_all: float

    @classmethod
    def read(cls, part: Part, workflow: Workflow) -> PartResults:
        """Read the results of a part.

        Raises:
            InputError: If a run has no results, or they are damaged.
        """
        runs = workflow.runs_of(part)
        evaluations = [read_evaluation(run.directory) for run in runs]
        return cls(
            part,
            tuple(runs),
            tuple(map(_training, runs)),
            tuple(record for record in evaluations if record) if all(evaluations) else (),
            statistics.fmean(map(_core_minutes, runs)),
            statistics.fmean(sum(map(_core_minutes, workflow.with_needs(run))) for run in runs),
        )

    @property
    def first(self) -> EvaluationRecord:
        """The evaluation of the first run.

        Raises:
            InputError: If the runs are not evaluated.
        """
        return self._evaluated()[0]

    def _evaluated(self) -> tuple[EvaluationRecord, ...]:
        if not self.evaluations:
            raise InputError(f"the results of {self.part.name} are incomplete: evaluate its runs")
        return self.evaluations

    def over_seeds(self, read: Callable[[EvaluationRecord], float]) -> Spread:
        """Return the spread of a number that ``read`` returns for an evaluation.

        Raises:
            InputError: If the runs are not evaluated.
        """
        return Spread.of(map(read, self._evaluated()))

    def bits(self, side: str, seeds: Sequence[int] = ()) -> Spread:
        """Return bits per note.

        Args:
            side: ``validation`` or ``test``.
            seeds: Seeds of the runs that count; all by default.

        Raises:
            InputError: If a run has no such score.
        """
        chosen = [
            training for run, training in zip(self.runs, self.trainings, strict=True) if not seeds or run.seed in seeds
        ]
        measures = [training.validation if side == "validation" else training.test for training in chosen]
        if not all(measures):
            raise InputError(
                f"the results of {self.part.name} are incomplete: a run has no {side} scores, train it again"
            )
        return Spread.of(of_run.bits_per_note for of_run in measures if of_run)

    def compared_model(self) -> ComparedModel:
        """Return the part as a model of a comparison.

        Raises:
            InputError: If the runs are not evaluated.
        """
        names = [run.name for run in self.runs]
        return ComparedModel.of(self.part.title, dict(zip(names, self._evaluated(), strict=True)))

    def curves(self) -> list[tuple[list[int], list[float]]]:
        """Return epochs and bits per note on validation of every run."""
        return [read_validation_curve(run.directory) for run in self.runs]


def _training(run: PlannedRun) -> TrainingRecord:
    training = read_training(run.directory)
    if training is None:
        raise InputError(f"{run.directory} has no results: train the run again")
    return training


def _core_minutes(run: PlannedRun) -> float:
    return PartRecord.read(run.directory).training_seconds / 60


@dataclass(frozen=True)
class StudyResults:
    """The content of the page of results.

    Attributes:
        rows: The rows of the main table, the best on validation first.
        reference: The row that margins refer to.
        front_page: The rows of the table in README.md.
        pretraining: The pretrained models.
        ablations: Each ablation with its base and its variants.
        n_runs: Number of runs.
        core_minutes: Processor time of all runs in minutes, with their evaluation.
        second_reference: Another row that margins refer to, if there is one.
    """

    rows: tuple[PartResults, ...]
    reference: PartResults
    front_page: tuple[PartResults, ...]
    pretraining: tuple[PartResults, ...]
    ablations: tuple[tuple[Ablation, PartResults, tuple[PartResults, ...]], ...]
    n_runs: int
    core_minutes: float
    second_reference: PartResults | None = None

    @property
    def references(self) -> tuple[PartResults, ...]:
        """The rows that margins refer to, the first reference first."""
        return (self.reference, *((self.second_reference,) if self.second_reference else ()))

    @classmethod
    def read(cls, workflow: Workflow) -> StudyResults:
        """Read the results of all runs.

        Raises:
            InputError: If results are missing or incomplete, or models were scored on different test tunes.
        """
        plan = workflow.plan

        def results(part: Part) -> PartResults:
            return PartResults.read(part, workflow)

        rows = tuple(sorted(map(results, plan.rows), key=lambda row: row.bits("validation").mean))
        ablations = tuple(
            (ablation, results(ablation.base), tuple(map(results, ablation.variants))) for ablation in plan.ablations
        )
        check_test_sets(
            {run.name: evaluation for row in rows for run, evaluation in zip(row.runs, row._evaluated(), strict=True)}
        )
        for ablation, base, variants in ablations:
            _check_same_tunes(ablation, (base, *variants))
        runs = set(workflow.runs.values())
        return cls(
            rows=rows,
            reference=next(row for row in rows if row.part == plan.reference),
            second_reference=next((row for row in rows if row.part == plan.second_reference), None),
            front_page=tuple(row for row in rows if row.part in plan.front_page),
            pretraining=tuple(map(results, plan.pretraining)),
            ablations=ablations,
            n_runs=len(runs),
            core_minutes=sum(PartRecord.read(run.directory).total_seconds for run in runs) / 60,
        )


def _check_same_tunes(ablation: Ablation, parts: Sequence[PartResults]) -> None:
    """Raise an error if the runs of an ablation were scored on different tunes.

    The hash of the test set does not tell: it is of encoded tunes, and an ablation may change their encoding.
    """
    if len({SplitSummary.read(run.directory).test_tunes for part in parts for run in part.runs}) > 1:
        raise InputError(f"{ablation.title}: its runs were scored on different test tunes, and cannot be compared")
