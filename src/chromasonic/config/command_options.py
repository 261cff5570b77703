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

from chromasonic.config.guidance.named_runs import check_runs_exist
from chromasonic.config.guidance.typed_words import Words, unknown_name
from chromasonic.config.location import choices_of, configs_directory
from chromasonic.config.typed_paths import path_of, paths_of
from chromasonic.config.validation import faults_in
from chromasonic.melody_generation.errors import InputError, did_you_mean
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.notation.tempo import check_tempo


class CommandOptions(BaseModel):
    """Options of a command."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    def check(self) -> None:
        """Raise if values that are right by themselves cannot be used together, or lead nowhere.

        Raises:
            InputError: With what to type.
        """


class EvaluateOptions(CommandOptions):
    """Options of ``chromasonic evaluate``."""

    run: str | None
    n_samples: PositiveInt
    seed: NonNegativeInt
    max_notes: PositiveInt
    outline: bool
    surprise: int | list[int] | None
    melodies: str | None
    dataset: str
    output_dir: str | None

    def check(self) -> None:
        """Raise if there is nothing to evaluate, or no such dataset."""
        if self.run and self.melodies:
            raise InputError("give run=... or melodies=..., not both: a run generates its own melodies")
        if not self.run and not self.melodies:
            raise InputError("run must be given: run=..., or melodies=... and output_dir=...")
        if self.melodies and not self.output_dir:
            raise InputError("output_dir must be given with melodies: output_dir=...")
        datasets = choices_of("dataset")
        if self.dataset not in datasets:
            hint = did_you_mean(self.dataset, datasets)
            raise InputError(f"dataset={self.dataset}: choose one of {', '.join(datasets)}{hint}")


class CompareOptions(CommandOptions):
    """Options of ``chromasonic compare``."""

    runs: str | list[str]
    output_dir: str | None
    n_samples: PositiveInt | None
    seed: NonNegativeInt | None
    max_notes: PositiveInt | None
    outline: bool | None


class GenerateCommandOptions(CommandOptions):
    """Options of ``chromasonic generate`` besides those of :class:`GenerationConfig`."""

    run: str
    output_dir: str | None
    primer: str | None
    tempo: float | None
    instrument: str
    formats: str | list[str]
    chords: bool

    def check(self) -> None:
        """Raise if a melody cannot be generated, played or written so."""
        self.generation_config()
        _check_written(self.tempo, self.formats, "generate")

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


class HarmoniseOptions(CommandOptions):
    """Options of ``chromasonic harmonise``."""

    melodies: str
    output_dir: str
    tempo: float | None
    instrument: str
    formats: str | list[str]

    def check(self) -> None:
        """Raise if a melody cannot be played or written so."""
        _check_written(self.tempo, self.formats, "harmonise")


class ListenOptions(CommandOptions):
    """Options of ``chromasonic listen``."""

    runs: str | list[str]
    real: bool
    n_tunes: Annotated[int, Field(ge=2, le=100)]
    output_dir: str
    title: str
    seed: NonNegativeInt
    temperature: float
    top_p: float

    def generation_config(self) -> GenerationConfig:
        """Return the options of generation.

        Raises:
            InputError: If one is out of range.
        """
        return GenerationConfig(seed=self.seed, temperature=self.temperature, top_p=self.top_p)

    def check(self) -> None:
        """Raise if a melody cannot be generated so."""
        self.generation_config()


class JudgeOptions(CommandOptions):
    """Options of ``chromasonic judge``."""

    own_paths: ClassVar[frozenset[str]] = frozenset({"answers", "key"})  # a key of chromasonic generate is no path
    answers: str
    key: str
    output_dir: str | None
    incomplete: bool
    seed: NonNegativeInt


class ResultsOptions(CommandOptions):
    """Options of ``chromasonic results``."""

    plan: str | None
    output_dir: str
    parts: str | list[str] | None
    jobs: PositiveInt | None
    n_samples: PositiveInt
    max_notes: PositiveInt
    page: str | None
    readme: str | None


_PATHS = {"run", "runs", "output_dir", "primer", "melodies", "plan", "page", "readme"}
_RUNS = {"run", "runs"}
_READ = {"primer", "melodies", "plan"}  # files and folders that must be there
# Options with fixed values, all in small letters, which may be typed in any.
_ANY_CASE = {"mode", "kind", "ends_on", "formats", "dataset"}
Options = TypeVar("Options", bound=CommandOptions)


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
    _check_names(arguments, names, defaults.stem)
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
    for name in _ANY_CASE & given.keys():
        given[name] = _in_small_letters(given[name])
    try:
        options = schema.model_validate(given)
    except ValidationError as problem:
        raise InputError(*(fault.sentence for fault in faults_in(problem))) from problem
    options.check()
    return options


def check_paths(options: CommandOptions) -> None:
    """Raise if a run, a file or a folder that is to be read does not exist.

    Raises:
        InputError: With the first one.
    """
    given = dict(options)
    for name in _RUNS & given.keys():
        if (runs := given[name]) is not None:
            check_runs_exist(name, [runs] if isinstance(runs, str) else runs)
    for name in (_READ | getattr(options, "own_paths", frozenset())) & given.keys():
        if given[name] is not None and not Path(str(given[name])).exists():
            raise InputError(f"{name}={given[name]}: there is no such file and no such folder")


def _check_written(tempo: float | None, formats: str | list[str], command: str) -> None:
    """Raise for an unusual tempo or an unknown format; the configuration of a command lists all formats."""
    if tempo is not None:
        check_tempo(tempo)
    known = list(OmegaConf.select(OmegaConf.load(configs_directory() / f"{command}.yaml"), "formats"))
    for name in [formats] if isinstance(formats, str) else formats:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(f"formats={name}: choose from {', '.join(known)}, several as [midi,abc]{hint}")


def _in_small_letters(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_small_letters(item) for item in value]
    return value.lower() if isinstance(value, str) else value


def _typed_paths(arguments: Sequence[str], paths: Set[str]) -> dict[str, str | list[str] | None]:
    """Return the paths among the options by name."""
    typed = [(name, text) for name, _, text in (argument.partition("=") for argument in arguments) if name in paths]
    return {name: paths_of(text) if name == "runs" else path_of(text) for name, text in typed}


def _check_names(arguments: Sequence[str], names: Sequence[str], command: str) -> None:
    """Raise if an argument is not of the form ``name=value``, or its name is unknown."""
    takes_list = "runs" in names
    faults = Words(command, names, names[0], takes_list, may_be_empty={"title"}).faults(arguments)
    typed = [argument.partition("=")[0] for argument in arguments if "=" in argument.lstrip("-=")]
    unknown = [name for name in dict.fromkeys(typed) if name not in names and not name.startswith("-")]
    faults += [unknown_name(name, names) for name in unknown]
    if takes_list and typed.count("runs") > 1:
        listed = ",".join(argument.removeprefix("runs=") for argument in arguments if argument.startswith("runs="))
        faults.append(f"runs is given {typed.count('runs')} times: write runs=[{listed}]")
    if faults:
        raise InputError(*faults)
