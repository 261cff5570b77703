"""Options of the commands that compose no groups; their defaults, with explanations, are in ``configs/``."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, create_model
from yaml import YAMLError

from chromasonic.config.typed_paths import path_of, paths_of
from chromasonic.config.validation import faults_in
from chromasonic.melody_generation.errors import InputError, did_you_mean
from chromasonic.melody_generation.generation.generation_config import GenerationConfig


class EvaluateOptions(BaseModel):
    """Options of ``chromasonic evaluate``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    run: str | None
    n_samples: PositiveInt
    seed: NonNegativeInt
    max_notes: PositiveInt
    outline: bool
    surprise: int | list[int] | None
    melodies: str | None
    dataset: str
    output_dir: str | None


class CompareOptions(BaseModel):
    """Options of ``chromasonic compare``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    runs: str | list[str]
    output_dir: str | None
    n_samples: PositiveInt | None
    seed: NonNegativeInt | None
    max_notes: PositiveInt | None
    outline: bool | None


class GenerateCommandOptions(BaseModel):
    """Options of ``chromasonic generate`` besides those of :class:`GenerationConfig`."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    run: str
    output_dir: str | None
    primer: str | None
    tempo: float | None
    formats: str | list[str]
    chords: bool

    def generation_config(self) -> GenerationConfig:
        """Return the options of generation.

        Raises:
            InputError: If one is out of range.
        """
        return GenerationConfig(**{option.name: getattr(self, option.name) for option in fields(GenerationConfig)})


# Of the options of generation only the types are checked here, so that they are defined once.
_TYPES: dict[str, Any] = {
    name: (kind, ...)
    for name, kind in get_type_hints(GenerationConfig).items()
    if name in {option.name for option in fields(GenerationConfig)}
}
GenerateOptions = create_model("GenerateOptions", __base__=GenerateCommandOptions, **_TYPES)


class HarmoniseOptions(BaseModel):
    """Options of ``chromasonic harmonise``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    melodies: str
    output_dir: str
    tempo: float | None
    formats: str | list[str]


class ListenOptions(BaseModel):
    """Options of ``chromasonic listen``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    runs: str | list[str]
    real: bool
    n_tunes: Annotated[int, Field(ge=2, le=100)]
    output_dir: str
    title: str
    seed: NonNegativeInt
    temperature: float
    top_p: float


class JudgeOptions(BaseModel):
    """Options of ``chromasonic judge``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    own_paths: ClassVar[frozenset[str]] = frozenset({"answers", "key"})  # a key of chromasonic generate is no path
    answers: str
    key: str
    output_dir: str | None
    incomplete: bool
    seed: NonNegativeInt


class ResultsOptions(BaseModel):
    """Options of ``chromasonic results``."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    plan: str | None
    output_dir: str
    parts: str | list[str] | None
    jobs: PositiveInt | None
    n_samples: PositiveInt
    max_notes: PositiveInt
    page: str | None
    readme: str | None


_PATHS = {"run", "runs", "output_dir", "primer", "melodies", "plan", "page", "readme"}
Options = TypeVar("Options", bound=BaseModel)


def read_options(defaults: Path, schema: type[Options], arguments: Sequence[str]) -> Options:
    """Return the options of a command: the values of a YAML file, replaced where others were typed.

    Args:
        defaults: The file.
        schema: The options that there are.
        arguments: ``name=value`` each. Paths are taken as they are typed. Other values are read as YAML, so that
            ``[a, b]`` is a list.

    Raises:
        InputError: With a line for each fault.
    """
    values = OmegaConf.load(defaults)
    names = [str(name) for name in values]
    _check_names(arguments, names)
    paths = _PATHS | getattr(schema, "own_paths", frozenset())
    others = [argument for argument in arguments if argument.partition("=")[0] not in paths]
    try:
        merged = OmegaConf.to_container(OmegaConf.merge(values, OmegaConf.from_dotlist(others)), resolve=True)
    except (OmegaConfBaseException, YAMLError) as problem:
        raise InputError(f"the options cannot be read: {' '.join(str(problem).split())}") from problem
    given = (merged if isinstance(merged, dict) else {}) | _typed_paths(arguments, paths)
    missing = [name for name in names if OmegaConf.is_missing(values, name) and given[name] in ("???", None)]
    if missing:
        raise InputError(*(f"{name} must be given: {name}=..." for name in missing))
    try:
        return schema.model_validate(given)
    except ValidationError as problem:
        raise InputError(*(fault.sentence for fault in faults_in(problem))) from problem


def _typed_paths(arguments: Sequence[str], paths: Set[str]) -> dict[str, str | list[str] | None]:
    """Return the paths among the options by name."""
    typed = [(name, text) for name, _, text in (argument.partition("=") for argument in arguments) if name in paths]
    return {name: paths_of(text) if name == "runs" else path_of(text) for name, text in typed}


def _check_names(arguments: Sequence[str], names: Sequence[str]) -> None:
    """Raise if an argument is not of the form ``name=value``, or its name is unknown."""
    faults = []
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if not equals:
            faults.append(f"{argument}: write name=value, such as {names[0]}=...")
        elif name not in names:
            faults.append(f"there is no {name} to set{did_you_mean(name, names) or ': --help lists all options'}")
    if faults:
        raise InputError(*faults)
