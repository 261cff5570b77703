"""A plan of runs: models, seeds, the runs that each model begins with, and ablations.

The plan is declared in a file (``configs/results_plan.yaml``) as overrides of ``chromasonic train``. A part in braces,
such as ``init_from={folk_pretrain}``, stands for the directory of its run with the same seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, ValidationError

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.notation.titles import file_stem
from chromasonic.melody_generation.runs.command_line import quoted_for_hydra

_REFERENCE = re.compile(r"(?<!\$)\{(\w+)\}")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
Seeds = Annotated[list[NonNegativeInt], Field(min_length=1)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class PartDeclaration(_Declared):
    """A part in the file."""

    title: str
    overrides: list[str]
    seeds: Seeds | None = None


class AblationDeclaration(_Declared):
    """An ablation in the file; a variant is a list of overrides added to those of the base, or the name of a part."""

    title: str
    question: str
    base: Name
    variants: Annotated[dict[str, list[str] | Name], Field(min_length=1)]


class PlanDeclaration(_Declared):
    """The content of the file."""

    seeds: Seeds
    reference: Name
    second_reference: Name | None = None
    pretraining: dict[Name, PartDeclaration] = {}
    rows: Annotated[dict[Name, PartDeclaration], Field(min_length=1)]
    front_page: list[Name] | None = None
    ablations: dict[Name, AblationDeclaration] = {}


@dataclass(frozen=True)
class Part:
    """One model of the plan, trained once for each seed.

    Attributes:
        name: Name of its folder.
        title: Name in tables.
        overrides: Overrides of ``chromasonic train``, with references to other parts.
        seeds: Its seeds, all different.
    """

    name: str
    title: str
    overrides: tuple[str, ...]
    seeds: tuple[int, ...]

    def references(self) -> tuple[str, ...]:
        """Return the names of the parts in its overrides, in their order."""
        return tuple(dict.fromkeys(name for override in self.overrides for name in _REFERENCE.findall(override)))


@dataclass(frozen=True)
class Ablation:
    """A question that is answered by changing one thing.

    Attributes:
        title: Title of its table.
        question: The question, a sentence.
        base: The part that is changed.
        variants: The parts that are compared with it.
    """

    title: str
    question: str
    base: Part
    variants: tuple[Part, ...]


@dataclass(frozen=True)
class PlannedRun:
    """A run of the plan.

    Attributes:
        part: Name of its part.
        seed: Its seed.
        directory: Its run directory.
        overrides: All overrides except that of the directory.
        needs: Directories of the runs that have to be finished before.
    """

    part: str
    seed: int
    directory: Path
    overrides: tuple[str, ...]
    needs: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The name in the lines of the terminal."""
        return f"{self.part}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """Parts to train, and the tables that compare them.

    Attributes:
        pretraining: Parts that others begin with.
        rows: Parts that are evaluated; the rows of the main table.
        ablations: The ablations.
        reference: The row that the margins of the others refer to.
        front_page: The rows of the table in README.md, in any order.
        second_reference: Another row that margins refer to; None for no second margin.
    """

    pretraining: tuple[Part, ...]
    rows: tuple[Part, ...]
    ablations: tuple[Ablation, ...]
    reference: Part
    front_page: tuple[Part, ...]
    second_reference: Part | None = None

    @classmethod
    def of(cls, values: JsonObject, origin: str) -> Plan:
        """Read a plan from plain values.

        Args:
            values: The content of the file.
            origin: Name of the file for the error message.

        Raises:
            InputError: If it is no plan: a value has the wrong type, a part is missing or doubled, or parts need each
                other in a circle.
        """
        try:
            declared = PlanDeclaration.model_validate(values)
        except ValidationError as problem:
            faults = {".".join(map(str, error["loc"])): error["msg"].lower() for error in problem.errors()}
            raise InputError(*(f"{origin}: {key}: {fault}" for key, fault in faults.items())) from problem
        return _PlanBuilder(declared, origin).plan()

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name, the variants of ablations last."""
        variants = (variant for ablation in self.ablations for variant in ablation.variants)
        return {part.name: part for part in (*self.pretraining, *self.rows, *variants)}

    def check_parts(self, names: Iterable[str]) -> None:
        """Check that all names are names of parts.

        Raises:
            InputError: If there is no such part.
        """
        for name in names:
            if name not in self.parts:
                raise InputError(f"there is no part {name}: the plan has {', '.join(self.parts)}")

    def runs(self, folder: Path) -> tuple[PlannedRun, ...]:
        """Return the runs of all parts in the order of the plan, each in ``folder/<part>/<seed>``.

        Raises:
            InputError: If a part refers to another one that has several seeds, but not its own.
        """
        return tuple(self._run(part, seed, folder) for part in self.parts.values() for seed in part.seeds)

    def _run(self, part: Part, seed: int, folder: Path) -> PlannedRun:
        needed = {name: self._directory_of(self.parts[name], part, seed, folder) for name in part.references()}

        def path_of(reference: re.Match[str]) -> str:
            return quoted_for_hydra(str(needed[reference[1]]))

        overrides = [_REFERENCE.sub(path_of, override) for override in part.overrides]
        directory = folder / part.name / str(seed)
        return PlannedRun(part.name, seed, directory, (*overrides, f"seed={seed}"), tuple(needed.values()))

    @staticmethod
    def _directory_of(needed: Part, part: Part, seed: int, folder: Path) -> Path:
        """Return the run of a needed part for the run of ``part`` with a seed."""
        if len(needed.seeds) > 1 and seed not in needed.seeds:
            raise InputError(f"{part.name} is planned with seed {seed}, but {needed.name}, which it needs, is not")
        return folder / needed.name / str(seed if seed in needed.seeds else needed.seeds[0])


@dataclass(frozen=True)
class _PlanBuilder:
    """Builds a plan from the content of a file."""

    declared: PlanDeclaration
    origin: str

    def plan(self) -> Plan:
        pretraining, rows = (self._parts(parts) for parts in (self.declared.pretraining, self.declared.rows))
        parts_by_name = {part.name: part for part in (*pretraining, *rows)}
        self._check_names([part.name for part in (*pretraining, *rows)])
        second = self.declared.second_reference
        for key, name in (("reference", self.declared.reference), ("second_reference", second)):
            if name is not None and name not in {part.name for part in rows}:
                raise InputError(f"{self.origin}: {key}: {name} is none of the rows")
        ablations = tuple(
            self._ablation(name, ablation, parts_by_name) for name, ablation in self.declared.ablations.items()
        )
        plan = Plan(
            pretraining,
            rows,
            ablations,
            parts_by_name[self.declared.reference],
            self._front_page(rows),
            None if second is None else parts_by_name[second],
        )
        variants = [part.name for ablation in ablations for part in ablation.variants if part.name not in parts_by_name]
        self._check_names([*parts_by_name, *variants])
        self._check_references(plan.parts)
        return plan

    def _parts(self, declared: Mapping[str, PartDeclaration]) -> tuple[Part, ...]:
        return tuple(
            Part(name, part.title, tuple(part.overrides), tuple(dict.fromkeys(part.seeds or self.declared.seeds)))
            for name, part in declared.items()
        )

    def _front_page(self, rows: Sequence[Part]) -> tuple[Part, ...]:
        if self.declared.front_page is None:
            return tuple(rows)
        parts_by_name = {part.name: part for part in rows}
        return tuple(self._part_named(name, parts_by_name, "front_page") for name in self.declared.front_page)

    def _ablation(self, name: str, declared: AblationDeclaration, parts_by_name: Mapping[str, Part]) -> Ablation:
        base = self._part_named(declared.base, parts_by_name, f"ablations.{name}.base")
        variants = tuple(self._variants(name, declared, base, parts_by_name))
        return Ablation(declared.title, declared.question, base, variants)

    def _variants(
        self, name: str, declared: AblationDeclaration, base: Part, parts_by_name: Mapping[str, Part]
    ) -> Iterator[Part]:
        for title, variant in declared.variants.items():
            if isinstance(variant, str):
                yield self._part_named(variant, parts_by_name, f"ablations.{name}.variants")
            else:
                stem = f"{name}_{file_stem(title).replace('-', '_')}"
                yield Part(stem, title, (*base.overrides, *variant), base.seeds[:1])

    def _part_named(self, name: str, parts_by_name: Mapping[str, Part], key: str) -> Part:
        if name not in parts_by_name:
            raise InputError(f"{self.origin}: {key}: there is no part {name}")
        return parts_by_name[name]

    def _check_names(self, names: Sequence[str]) -> None:
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise InputError(f"{self.origin}: there are two parts named {doubles[0]}")

    def _check_references(self, parts: Mapping[str, Part]) -> None:
        variants = parts.keys() - {*self.declared.pretraining, *self.declared.rows}
        for part in parts.values():
            for name in part.references():
                if name in variants:  # which may share its run with another part
                    raise InputError(f"{self.origin}: {part.name} refers to {{{name}}}, a variant: make that a row")
                if name not in parts:
                    raise InputError(f"{self.origin}: {part.name} refers to {{{name}}}, and there is no such part")
        try:
            TopologicalSorter({part.name: part.references() for part in parts.values()}).prepare()
        except CycleError as problem:
            raise InputError(f"{self.origin}: parts wait for each other: {' for '.join(problem.args[1])}") from problem
