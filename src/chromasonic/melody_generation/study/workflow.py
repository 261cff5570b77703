"""The runs of a plan and the steps that make them; runs with the same configuration are one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.study.plan import Part, Plan, PlannedRun
from chromasonic.melody_generation.study.steps import EvaluationStep, TrainingStep

# Maps overrides of ``chromasonic train`` to the configuration that they compose.
Compose = Callable[[Sequence[str]], JsonObject]
PlannedStep = TrainingStep | EvaluationStep


@dataclass(frozen=True)
class Workflow:
    """The runs of a plan with their configurations.

    Attributes:
        plan: The plan.
        runs: The runs by part and seed; several may be the same run.
        configurations: The configurations of the runs by directory.
    """

    plan: Plan
    runs: Mapping[tuple[str, int], PlannedRun]
    configurations: Mapping[Path, JsonObject]

    @classmethod
    def of(cls, plan: Plan, folder: Path, compose: Compose) -> Workflow:
        """Compose every run of a plan; a variant of an ablation that is the same as an earlier run is that run.

        Args:
            plan: The plan.
            folder: Folder of the runs.
            compose: Composes the configuration of overrides.

        Raises:
            InputError: If overrides do not compose; the message names the part.
        """
        kept = {part.name for part in (*plan.pretraining, *plan.rows)}
        runs: dict[tuple[str, int], PlannedRun] = {}
        configurations: dict[Path, JsonObject] = {}
        first_runs: dict[str, PlannedRun] = {}  # by configuration
        for run in plan.runs(folder):
            try:
                configuration = compose(run.overrides)
            except InputError as problem:
                raise InputError(f"{run.part}: {problem}") from problem
            same = first_runs.setdefault(json.dumps(configuration, sort_keys=True), run)
            chosen = run if run.part in kept else same
            runs[run.part, run.seed] = chosen
            configurations.setdefault(chosen.directory, configuration)
        return cls(plan, runs, configurations)

    def runs_of(self, part: Part) -> list[PlannedRun]:
        """Return the runs of a part in the order of its seeds."""
        return [self.runs[part.name, seed] for seed in part.seeds]

    def with_needs(self, run: PlannedRun) -> list[PlannedRun]:
        """Return a run and all runs that it needs, directly or not."""
        by_directory = {planned.directory: planned for planned in self.runs.values()}
        needed, unread = {run.directory: run}, [run]
        while unread:
            for directory in unread.pop().needs:
                if directory not in needed:
                    needed[directory] = by_directory[directory]
                    unread.append(by_directory[directory])
        return list(needed.values())

    def steps(self, settings: SampleSettings) -> list[PlannedStep]:
        """Return all steps: every run is trained, and the runs of the main table are evaluated.

        Args:
            settings: Settings of the samples.
        """
        unique = {run.directory: run for run in self.runs.values()}
        trainings = [
            TrainingStep(
                run,
                self.configurations[run.directory],
                tuple(unique[directory].name for directory in run.needs),
            )
            for run in unique.values()
        ]
        evaluations = [EvaluationStep(run, settings) for part in self.plan.rows for run in self.runs_of(part)]
        return [*trainings, *evaluations]

    def steps_of(self, steps: Sequence[PlannedStep], parts: Sequence[str]) -> list[PlannedStep]:
        """Return the steps of some parts, and of all runs that these need.

        Raises:
            InputError: If there is no such part.
        """
        self.plan.check_parts(parts)
        wanted = {
            needed.directory
            for name in parts
            for run in self.runs_of(self.plan.parts[name])
            for needed in self.with_needs(run)
        }
        return [step for step in steps if step.run.directory in wanted]
