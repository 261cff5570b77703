"""What the runs of a plan have reached, read from their directories."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromasonic.melody_generation.atomic_files import read_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import check_test_sets
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel, check_complete
from chromasonic.melody_generation.runs.trained_model import read_results
from chromasonic.melody_generation.study.plan import Ablation, Part, PlannedRun
from chromasonic.melody_generation.study.steps import core_seconds, core_seconds_in_all, read_record
from chromasonic.melody_generation.study.workflow import Workflow

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """One number for each seed.

    Attributes:
        mean: Of them.
        deviation: Their standard deviation (of a sample, n - 1); NaN for a single one.

    Example:
        >>> str(Spread.of([2.1, 2.2, 2.3])), str(Spread.of([2.1]))
        ('2.200 ± 0.100', '2.100')
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """Put values together; none, or one that is infinite or not defined (None), gives NaN."""
        known = [math.nan if value is None else float(value) for value in values]
        if not known or not all(map(math.isfinite, known)):
            return cls(math.nan, math.nan)
        return cls(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else math.nan)

    def text(self, digits: int = 3) -> str:
        """Mean and deviation."""
        if math.isnan(self.mean):
            return "not defined"
        spread = "" if math.isnan(self.deviation) else f" ± {self.deviation:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True)
class Model:
    """A part of the plan and what its runs have reached.

    Attributes:
        part: Of the plan.
        runs: One for each seed.
        results: Of each run, as its ``results.json`` holds them.
        core_minutes: Processor time of a run, the mean.
        core_minutes_in_all: The same with all that the run begins with.
    """

    part: Part
    runs: tuple[PlannedRun, ...]
    results: tuple[Results, ...]
    core_minutes: float
    core_minutes_in_all: float

    @classmethod
    def of(cls, part: Part, programme: Workflow) -> Model:
        """Read what there is of a part."""
        runs = programme.runs_of(part)
        return cls(
            part,
            tuple(runs),
            tuple(read_results(run.directory) for run in runs),
            statistics.fmean(map(_core_minutes, runs)),
            statistics.fmean(sum(map(_core_minutes, programme.with_needs(run))) for run in runs),
        )

    def over_seeds(self, read: Callable[[Results], Any], seeds: Sequence[int] = ()) -> Spread:
        """A number of the results, over the seeds.

        Args:
            read: Finds it in the results of a run.
            seeds: Of the runs that count; all by default.

        Raises:
            InputError: If some run's results lack it.
        """
        try:
            return Spread.of(
                read(results)
                for run, results in zip(self.runs, self.results, strict=True)
                if not seeds or run.seed in seeds
            )
        except (KeyError, TypeError, IndexError) as problem:
            raise InputError(
                f"the results of {self.part.name} are incomplete ({problem!r}): make them anew"
            ) from problem

    def bits(self, side: str, seeds: Sequence[int] = ()) -> Spread:
        """Bits per note on ``validation`` or ``test``."""
        return self.over_seeds(lambda results: results[side]["bits_per_note"], seeds)

    def contender(self) -> ComparedModel:
        """The model of a comparison, once it is judged.

        Raises:
            InputError: If it is not.
        """
        for run, results in zip(self.runs, self.results, strict=True):
            check_complete(run.name, results)
        return ComparedModel.of(
            self.part.title, {run.name: each for run, each in zip(self.runs, self.results, strict=True)}
        )

    def curves(self) -> list[tuple[list[int], list[float]]]:
        """Epochs, and bits per note on validation after each, of every run."""
        return [_curve(run.directory / "metrics.csv") for run in self.runs]


def _core_minutes(run: PlannedRun) -> float:
    return core_seconds(read_record(run.directory)) / 60


def _curve(path: Path) -> tuple[list[int], list[float]]:
    try:
        with path.open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        epochs = [round(float(row["epoch"])) for row in rows]
        return epochs, [float(row["validation/bits_per_note"]) for row in rows]
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except (KeyError, TypeError, ValueError) as problem:
        raise InputError(f"{path} is no table of a run's measures ({problem!r})") from problem


@dataclass(frozen=True)
class Numbers:
    """All that the page of results is made of.

    Attributes:
        rows: The models of the main table, the best on validation first.
        reference: One of them, to which margins are given.
        front_page: Some of them, for the table in README.md.
        pretraining: The models that others begin with.
        ablations: Each with its base and its variants.
        n_runs: Of the whole plan.
        core_minutes: Processor time of all these, judging included.
    """

    rows: tuple[Model, ...]
    reference: Model
    front_page: tuple[Model, ...]
    pretraining: tuple[Model, ...]
    ablations: tuple[tuple[Ablation, Model, tuple[Model, ...]], ...]
    n_runs: int
    core_minutes: float

    @classmethod
    def of(cls, programme: Workflow) -> Numbers:
        """Read the runs of a plan.

        Raises:
            InputError: If some are not there or incomplete, or models were scored on different test tunes.
        """
        plan = programme.plan

        def model(part: Part) -> Model:
            return Model.of(part, programme)

        rows = tuple(sorted(map(model, plan.rows), key=lambda each: each.bits("validation").mean))
        ablations = tuple(
            (each, model(each.base), tuple(model(variant) for variant in each.variants)) for each in plan.ablations
        )
        check_test_sets(_by_run(rows))
        for ablation, base, variants in ablations:
            _check_same_tunes(ablation, (base, *variants))
        reference = next(each for each in rows if each.part == plan.reference)
        front_page = tuple(model for model in rows if model.part in plan.front_page)
        runs = set(programme.runs.values())
        minutes = sum(core_seconds_in_all(read_record(run.directory)) for run in runs) / 60
        return cls(rows, reference, front_page, tuple(map(model, plan.pretraining)), ablations, len(runs), minutes)


def _by_run(models: Iterable[Model]) -> dict[str, Results]:
    return {run.name: results for model in models for run, results in zip(model.runs, model.results, strict=True)}


def _check_same_tunes(ablation: Ablation, models: Sequence[Model]) -> None:
    """Refuse to set models beside each other that were scored on different tunes.

    Not by the hash of the test set: that is of tunes as a model sees them, which an ablation may change.
    """
    if len({_test_tunes(run) for model in models for run in model.runs}) > 1:
        raise InputError(f"{ablation.title}: its runs were scored on different test tunes, and cannot be compared")


def _test_tunes(run: PlannedRun) -> tuple[tuple[str, str], ...]:
    """Where the test tunes of a run are from, and their titles."""
    return tuple(sorted((str(tune.get("source")), str(tune.get("title"))) for tune in manifest(run).get("test", ())))


def manifest(run: PlannedRun) -> dict[str, Any]:
    """The split of a run: which tunes, how many, and what its guard left out."""
    return read_json(run.directory / "split.json", "split", "make the run anew")
