"""The one place where the library meets Hydra: configurations are checked here before anything is built.

Hydra itself knows misspelt names. Types and ranges are checked with pydantic, all of them at once, and the
arguments of each group against the signature of what they build. Whatever is wrong ends as one sentence a fault,
without a traceback.
"""

from __future__ import annotations

import difflib
import inspect
import re
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from hydra.errors import CompactHydraException, InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)
from yaml import YAMLError

from chromasonic.melody_generation.errors import InputError

_PLAIN_TYPES = {int, float, str, bool, types.NoneType}


class RunRefused(CompactHydraException):
    """Ends a job with its message alone, exit code 1; in a multirun the other jobs go on.

    Args:
        message: What Hydra prints at the end of all.
        reason: What stopped this job.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class DatasetConfig(BaseModel):
    """A corpus, how it is divided, and how its pitches are counted."""

    model_config = ConfigDict(extra="forbid")

    corpus: dict[str, Any]
    split_seed: NonNegativeInt
    held_out: float = Field(0.1, gt=0, lt=0.5)
    pitch: Literal["relative", "absolute"] = "relative"
    transpositions: int = Field(1, ge=1, le=12, strict=True)


class GuardConfig(DatasetConfig):
    """A corpus and how it is divided; nothing is learned from it, so how its pitches are counted is no choice."""

    pitch: Literal["relative"] = "relative"
    transpositions: Literal[1] = 1


class RunConfig(BaseModel):
    """What may stand at the top of a run's configuration.

    The groups are checked against what they build; ``None`` marks knobs that not every model or dataset has.
    """

    # Strict, since what is checked here is not converted: "10" would stay a text.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    model: dict[str, Any]
    dataset: DatasetConfig
    guard: GuardConfig | None = None
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    trainer: dict[str, Any]
    callbacks: dict[str, Any]
    logger: dict[str, Any]
    choices: dict[str, str] = {}  # the names of what was chosen in the groups, kept for resuming

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    patience: PositiveInt
    min_melody_length: PositiveInt
    max_melody_length: PositiveInt | None
    train_share: float = Field(1.0, gt=0, le=1)
    seed: NonNegativeInt = Field(lt=2**32)
    init_from: str | int | float | None = None
    teacher: str | int | float | None = None
    teacher_share: float = Field(0.5, gt=0, le=1)
    output_dir: str | int | float = "???"  # a folder may be called 2026
    resume: str | int | float = "???"
    repeat: str | int | float = "???"

    hidden_size: PositiveInt | None = None
    num_layers: PositiveInt | None = None
    dropout: float | None = Field(None, ge=0, lt=1)
    num_sequences: PositiveInt | None = None


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be run.

    Raises:
        InputError: With a line for each fault.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as problem:
        raise InputError(str(problem).partition("\n")[0]) from problem
    if not isinstance(plain, dict):
        raise InputError("a configuration is made of names and values")
    faults = _knob_faults(plain)
    # A value that only repeats a knob at fault is no fault of its own.
    repeated = [f"${{{fault.partition('=')[0]}}}" for fault in faults]
    for name, node in plain.items():
        faults += _faults(str(name), node, OmegaConf.to_container(config)[name], repeated)  # type: ignore[index]
    if faults:
        raise InputError("\n".join(faults))


def _knob_faults(plain: dict[Any, Any]) -> list[str]:
    faults = []
    try:
        RunConfig.model_validate(plain)
    except ValidationError as problem:
        faults = _sentences(problem)
    shortest, longest = (plain.get(f"{which}_melody_length") for which in ("min", "max"))
    if isinstance(shortest, int) and isinstance(longest, int) and longest < shortest:
        faults.append(f"max_melody_length={longest} is less than min_melody_length={shortest}: no melody passes both")
    return faults


def _sentences(problem: ValidationError, place: str = "") -> list[str]:
    """One sentence for each fault; a value that fits none of several types has a single one."""
    found: dict[str, str] = {}
    for error in problem.errors():
        name = place or (
            ".".join(map(str, error["loc"])) if error["loc"][0] in {"dataset", "guard"} else str(error["loc"][0])
        )
        message = error["msg"][0].lower() + error["msg"][1:].removeprefix("Value error, ")
        found.setdefault(name, f"{name}={error['input']}: {message}")
    return list(found.values())


def _faults(place: str, node: Any, written: Any, repeated: list[str]) -> list[str]:
    """What is wrong with a node of the configuration and with all below it.

    Args:
        place: The node's dotted name.
        node: The node, resolved.
        written: The node as it is written, with its references to other values.
        repeated: References to values whose faults are known.
    """
    if not isinstance(node, dict):
        return []
    if not isinstance(written, dict):  # it repeats another node as a whole
        written = node
    faults = [
        fault for name, each in node.items() for fault in _faults(f"{place}.{name}", each, written[name], repeated)
    ]
    if "_target_" not in node:
        return faults
    try:
        target = get_object(node["_target_"])
    except Exception:  # a module of the user's can raise anything when it is imported
        return [*faults, f"{place}._target_={node['_target_']}: there is nothing of this name to build"]
    known = inspect.signature(target).parameters
    is_open = any(each.kind is each.VAR_KEYWORD for each in known.values())
    hints = _hints(target)
    for name, value in node.items():
        if not isinstance(name, str):
            faults.append(f"{place}.{name}: {target.__name__} takes nothing but what has a name")
            continue
        if name.startswith("_") or written[name] in repeated:
            continue
        if value == "???":
            faults.append(f"{place}.{name} must be given: {place}.{name}=...")
        elif name not in known and not is_open:
            faults.append(f"{place}.{name}: {target.__name__} takes no {name}{_did_you_mean(name, known)}")
        elif (plain_type := _plain_type(hints.get(name))) is not None:
            try:
                TypeAdapter(plain_type, config=ConfigDict(strict=True)).validate_python(value)
            except ValidationError as problem:
                faults += _sentences(problem, f"{place}.{name}")
    return faults


def _plain_type(hint: Any) -> Any:
    """A type that is made of plain values, so that a value can be checked before anything is built; else None.

    Where a tensor would do as well it is left out, since no configuration holds one.
    """
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        members = [each for each in typing.get_args(hint) if getattr(each, "__name__", "") != "Tensor"]
        return typing.Union[tuple(members)] if all(map(_plain_type, members)) else None  # noqa: UP007
    return hint if hint in _PLAIN_TYPES or typing.get_origin(hint) is typing.Literal else None


def _did_you_mean(name: str, known: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""


Options = typing.TypeVar("Options", bound=BaseModel)


def options(defaults: Path, kind: type[Options], arguments: Sequence[str]) -> Options:
    """The options of a program that composes no groups: a YAML file's values, and what was typed in their place.

    Args:
        defaults: The file.
        kind: What the options may be.
        arguments: ``name=value`` each; values are read as YAML is, so that ``[a, b]`` is a list.

    Raises:
        InputError: With a line for each fault.
    """
    values = OmegaConf.load(defaults)
    known = [str(name) for name in values]
    faults = []
    for each in arguments:
        name, equals, _ = each.partition("=")
        if not equals:
            faults.append(f"{each}: write name=value, such as {known[0]}=...")
        elif name not in known:
            faults.append(f"there is no {name} to set{_did_you_mean(name, known) or ': --help lists all there is'}")
    if faults:
        raise InputError("\n".join(faults))
    try:
        typed = OmegaConf.from_dotlist(list(arguments))
        plain_values = OmegaConf.to_container(OmegaConf.merge(values, typed), resolve=True)
    except (OmegaConfBaseException, YAMLError) as problem:
        raise InputError(f"what was typed cannot be read: {' '.join(str(problem).split())}") from problem
    given = plain_values if isinstance(plain_values, dict) else {}
    lacking = [name for name in known if OmegaConf.is_missing(values, name) and given[name] in ("???", None)]
    if lacking:
        raise InputError("\n".join(f"{name} must be given: {name}=..." for name in map(str, lacking)))
    try:
        return kind.model_validate(plain_values)
    except ValidationError as problem:
        raise InputError("\n".join(_sentences(problem))) from problem


def sentence_of(problem: CompactHydraException) -> str:
    """What Hydra finds wrong with what was typed, in a line."""
    message = str(problem)
    unknown = re.match(r"Could not override '([^']*)'", message)
    if unknown:
        name = unknown[1]
        if name in RunConfig.model_fields:
            return f"{name} is nothing that the chosen model or dataset has: leave it out, or choose another"
        if "." in name:
            return f"there is no {name} to set: --help lists all that there is, and +{name}=... adds an argument"
        return (
            f"there is no {name} to set{_did_you_mean(name, RunConfig.model_fields) or ': --help lists all there is'}"
        )
    missing = re.match(
        r"(?:In '[^']*': )?Could not find '([^']*)/([^'/]*)'.*?Available options[^:]*:\n(.*?)\nConfig", message, re.S
    )
    if missing:
        group, choice, options = missing.groups()
        names = options.split()
        return f"{group}={choice}: choose one of {', '.join(names)}{_did_you_mean(choice, names)}"
    first = message.strip().partition("\n")[0]
    return f"{first}: write name=value" if first.startswith("Error parsing override") else first


def _hints(target: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (NameError, TypeError):  # annotations that only a type checker can resolve
        return {}


def build(node: DictConfig, **extra: Any) -> Any:
    """Build what a node of the configuration describes, from plain values.

    Raises:
        InputError: With the sentence of the constructor that refused its arguments.
    """
    try:
        return instantiate(node, _convert_="all", **extra)
    except InstantiationException as problem:
        cause = problem.__cause__
        name = str(node.get("_target_")).rpartition(".")[2]
        if isinstance(cause, MemoryError | RuntimeError) and ("memory" in str(cause) or isinstance(cause, MemoryError)):
            raise InputError(f"{name}: there is not enough memory for it: reduce its sizes") from problem
        if isinstance(cause, (ValueError, TypeError, ImportError, OverflowError)):
            raise InputError(f"{name}: {cause}") from problem
        raise
