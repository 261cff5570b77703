"""What has to be done for a plan, step by step: runs that would be the same are one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.evaluate import SampleSettings
from chromasonic.melody_generation.study.plan import Part, Plan, PlannedRun
from chromasonic.melody_generation.study.runner import Step
from chromasonic.melody_generation.study.steps import Judging, Training

# Overrides of scripts/train.py -> the configuration that they stand for.
Compose = Callable[[Sequence[str]], Mapping[str, Any]]


@dataclass(frozen=True)
class Workflow:
    """The runs of a plan with their configurations.

    Attributes:
        plan: The plan.
        runs: By part and seed; several may be the same run.
        configurations: Of these runs, by their directories.
    """

    plan: Plan
    runs: Mapping[tuple[str, int], PlannedRun]
    configurations: Mapping[Path, Mapping[str, Any]]

    @classmethod
    def of(cls, plan: Plan, folder: Path, compose: Compose) -> Workflow:
        """Compose every run of a plan; a variant of an ablation that is the same as an earlier run is that run.

        Args:
            plan: The plan.
            folder: Where its runs go.
            compose: How overrides become a configuration.

        Raises:
            InputError: If overrides do not compose; the message names their part.
        """
        kept = {part.name for part in (*plan.pretraining, *plan.rows)}
        runs: dict[tuple[str, int], PlannedRun] = {}
        configurations: dict[Path, Mapping[str, Any]] = {}
        known: dict[str, PlannedRun] = {}
        for run in plan.runs(folder):
            try:
                configuration = compose(run.overrides)
            except InputError as problem:
                raise InputError(f"{run.part}: {problem}") from problem
            same = known.setdefault(json.dumps(configuration, sort_keys=True), run)
            chosen = run if run.part in kept else same
            runs[run.part, run.seed] = chosen
            configurations.setdefault(chosen.directory, configuration)
        return cls(plan, runs, configurations)

    def runs_of(self, part: Part) -> list[PlannedRun]:
        """The runs of a part, by its seeds."""
        return [self.runs[part.name, seed] for seed in part.seeds]

    def with_needs(self, run: PlannedRun) -> list[PlannedRun]:
        """A run and all that it begins with, and what that begins with."""
        by_directory = {each.directory: each for each in self.runs.values()}
        found, left = {run.directory: run}, [run]
        while left:
            for needed in left.pop().needs:
                if needed not in found:
                    found[needed] = by_directory[needed]
                    left.append(by_directory[needed])
        return list(found.values())

    def steps(self, settings: SampleSettings) -> list[Step]:
        """All that has to be done: each run is trained, and those of the rows are judged.

        Args:
            settings: How the melodies are sampled that are judged.
        """
        unique = {run.directory: run for run in self.runs.values()}
        trainings = [
            Training(
                run,
                self.configurations[run.directory],
                tuple(unique[each].name for each in run.needs),
            )
            for run in unique.values()
        ]
        judged = [run for part in self.plan.rows for run in self.runs_of(part)]
        return [*trainings, *(Judging(run, settings) for run in judged)]

    def chosen(self, steps: Sequence[Step], parts: Sequence[str]) -> list[Step]:
        """The steps of some parts, and of all that these begin with.

        Raises:
            InputError: If there is no such part.
        """
        unknown = [name for name in parts if name not in self.plan.parts]
        if unknown:
            raise InputError(f"there is no part {unknown[0]}: the plan has {', '.join(self.plan.parts)}")
        wanted = [
            each for name in parts for run in self.runs_of(self.plan.parts[name]) for each in self.with_needs(run)
        ]
        names = {name for run in wanted for name in (run.name, f"{run.name}, judging")}
        return [step for step in steps if step.name in names]
