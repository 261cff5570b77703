"""A plan of runs: which models, with which seeds, what each begins with, and which questions are asked of them.

The plan is declared in a file (``configs/results_plan.yaml``) as overrides of ``scripts/train.py``. Where these name
another part in braces, such as ``init_from={folk_pretrain}``, they mean the directory of its run with the same seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints, ValidationError

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.notation.titles import file_stem

_REFERENCE = re.compile(r"(?<!\$)\{(\w+)\}")
_PLAIN = re.compile(r"[\w./+-]+")  # of a path: what Hydra reads as it stands

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
Seeds = Annotated[list[NonNegativeInt], Field(min_length=1)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class PartDeclaration(_Declared):
    """A part as it is declared."""

    title: str
    overrides: list[str]
    seeds: Seeds | None = None


class AblationDeclaration(_Declared):
    """An ablation as it is declared; a variant is a list of overrides beside those of the base, or a part's name."""

    title: str
    question: str
    base: Name
    variants: Annotated[dict[str, list[str] | Name], Field(min_length=1)]


class PlanDeclaration(_Declared):
    """A plan as it is declared."""

    seeds: Seeds
    reference: Name
    pretraining: dict[Name, PartDeclaration] = {}
    rows: Annotated[dict[Name, PartDeclaration], Field(min_length=1)]
    front_page: list[Name] | None = None
    ablations: dict[Name, AblationDeclaration] = {}


@dataclass(frozen=True)
class Part:
    """One model of the plan, trained once for each seed.

    Attributes:
        name: Of its folder.
        title: What tables call it.
        overrides: Of ``scripts/train.py``, with references to other parts.
        seeds: Different from each other.
    """

    name: str
    title: str
    overrides: tuple[str, ...]
    seeds: tuple[int, ...]

    def references(self) -> tuple[str, ...]:
        """The parts that it begins with, or is made of, in the order in which they are named."""
        return tuple(dict.fromkeys(name for each in self.overrides for name in _REFERENCE.findall(each)))


@dataclass(frozen=True)
class Ablation:
    """A question that is answered by varying one thing.

    Attributes:
        title: Of its table.
        question: A sentence.
        base: The part that is varied.
        variants: The parts that are set beside it.
    """

    title: str
    question: str
    base: Part
    variants: tuple[Part, ...]


@dataclass(frozen=True)
class PlannedRun:
    """A run of the plan.

    Attributes:
        part: Its part's name.
        seed: Of the run.
        directory: Where it goes.
        overrides: All that is typed for it, save where it goes.
        needs: Directories of the runs that have to be finished before.
    """

    part: str
    seed: int
    directory: Path
    overrides: tuple[str, ...]
    needs: tuple[Path, ...]

    @property
    def name(self) -> str:
        """What lines on the terminal call it."""
        return f"{self.part}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """What is to be run, and what is asked of it.

    Attributes:
        pretraining: Parts that others begin with.
        rows: Parts that are judged and set beside each other.
        ablations: Questions.
        reference: The row to which the margins of the others are given.
        front_page: The rows of the table in README.md, in any order.
    """

    pretraining: tuple[Part, ...]
    rows: tuple[Part, ...]
    ablations: tuple[Ablation, ...]
    reference: Part
    front_page: tuple[Part, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any], origin: str) -> Plan:
        """Read a plan from plain values.

        Args:
            values: As the file holds them.
            origin: The file, for errors.

        Raises:
            InputError: If they are no plan: a value is of another kind, a part is not there or is there twice, or parts
                wait for each other in a circle.
        """
        try:
            declared = PlanDeclaration.model_validate(values)
        except ValidationError as problem:
            faults = {".".join(map(str, error["loc"])): error["msg"].lower() for error in problem.errors()}
            raise InputError("\n".join(f"{origin}: {place}: {said}" for place, said in faults.items())) from problem
        return _Reader(declared, origin).plan()

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name, those of ablations last."""
        variants = (variant for ablation in self.ablations for variant in ablation.variants)
        return {part.name: part for part in (*self.pretraining, *self.rows, *variants)}

    def runs(self, folder: Path) -> tuple[PlannedRun, ...]:
        """The runs of all parts, in the plan's order, each in ``folder/<part>/<seed>``.

        Raises:
            InputError: If a part refers to another that has several seeds, none of them its own.
        """
        return tuple(self._run(part, seed, folder) for part in self.parts.values() for seed in part.seeds)

    def _run(self, part: Part, seed: int, folder: Path) -> PlannedRun:
        places = {name: self._place(part, seed, self.parts[name], folder) for name in part.references()}
        overrides = [_REFERENCE.sub(lambda found: as_typed(places[found[1]]), each) for each in part.overrides]
        directory = folder / part.name / str(seed)
        return PlannedRun(part.name, seed, directory, (*overrides, f"seed={seed}"), tuple(places.values()))

    @staticmethod
    def _place(part: Part, seed: int, other: Part, folder: Path) -> Path:
        if len(other.seeds) > 1 and seed not in other.seeds:
            raise InputError(f"{part.name} is planned with seed {seed}, but {other.name}, which it needs, is not")
        return folder / other.name / str(seed if seed in other.seeds else other.seeds[0])


def as_typed(path: Path) -> str:
    """A path as Hydra reads it."""
    text = str(path)
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True)
class _Reader:
    """Makes a plan of what was declared."""

    declared: PlanDeclaration
    origin: str

    def plan(self) -> Plan:
        pretraining, rows = (self._parts(each) for each in (self.declared.pretraining, self.declared.rows))
        known = {part.name: part for part in (*pretraining, *rows)}
        self._refuse_doubles([part.name for part in (*pretraining, *rows)])
        if self.declared.reference not in {part.name for part in rows}:
            raise InputError(f"{self.origin}: reference: {self.declared.reference} is none of the rows")
        ablations = tuple(self._ablation(name, each, known) for name, each in self.declared.ablations.items())
        plan = Plan(pretraining, rows, ablations, known[self.declared.reference], self._front_page(rows))
        varied = [each.name for ablation in ablations for each in ablation.variants if each.name not in known]
        self._refuse_doubles([*known, *varied])
        self._check_references(plan.parts)
        return plan

    def _parts(self, declared: Mapping[str, PartDeclaration]) -> tuple[Part, ...]:
        return tuple(
            Part(name, each.title, tuple(each.overrides), tuple(dict.fromkeys(each.seeds or self.declared.seeds)))
            for name, each in declared.items()
        )

    def _front_page(self, rows: Sequence[Part]) -> tuple[Part, ...]:
        if self.declared.front_page is None:
            return tuple(rows)
        known = {part.name: part for part in rows}
        return tuple(self._known(name, known, "front_page") for name in self.declared.front_page)

    def _ablation(self, name: str, declared: AblationDeclaration, known: Mapping[str, Part]) -> Ablation:
        base = self._known(declared.base, known, f"ablations.{name}.base")
        variants = tuple(self._variants(name, declared, base, known))
        return Ablation(declared.title, declared.question, base, variants)

    def _variants(
        self, name: str, declared: AblationDeclaration, base: Part, known: Mapping[str, Part]
    ) -> Iterator[Part]:
        for title, variant in declared.variants.items():
            if isinstance(variant, str):
                yield self._known(variant, known, f"ablations.{name}.variants")
            else:
                stem = f"{name}_{file_stem(title).replace('-', '_')}"
                yield Part(stem, title, (*base.overrides, *variant), base.seeds[:1])

    def _known(self, name: str, known: Mapping[str, Part], place: str) -> Part:
        if name not in known:
            raise InputError(f"{self.origin}: {place}: there is no part {name}")
        return known[name]

    def _refuse_doubles(self, names: Sequence[str]) -> None:
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise InputError(f"{self.origin}: there are two parts named {doubles[0]}")

    def _check_references(self, parts: Mapping[str, Part]) -> None:
        variants = parts.keys() - {*self.declared.pretraining, *self.declared.rows}
        for part in parts.values():
            for name in part.references():
                if name in variants:  # it may be no run of its own
                    raise InputError(f"{self.origin}: {part.name} refers to {{{name}}}, a variant: make that a row")
                if name not in parts:
                    raise InputError(f"{self.origin}: {part.name} refers to {{{name}}}, and there is no such part")
        try:
            TopologicalSorter({part.name: part.references() for part in parts.values()}).prepare()
        except CycleError as problem:
            raise InputError(f"{self.origin}: parts wait for each other: {' for '.join(problem.args[1])}") from problem
