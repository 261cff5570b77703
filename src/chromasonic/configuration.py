"""The one place where the library meets Hydra: configurations are checked here before anything is built.

Hydra itself knows misspelt names. Types and ranges are checked with pydantic, all of them at once, and the
arguments of each group against the signature of what they build. Whatever is wrong ends as one sentence a fault,
without a traceback.
"""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any

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
    model_validator,
)

from chromasonic.melody_generation.errors import InputError

PLAIN_TYPES = (int, float, str, bool)


class RunRefused(CompactHydraException):
    """Ends a job with its message alone, exit code 1; in a multirun the other jobs go on."""


class RunConfig(BaseModel):
    """What may stand at the top of a run's configuration.

    The groups are checked against what they build; ``None`` marks knobs that not every model or dataset has.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: dict[str, Any]
    dataset: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    trainer: dict[str, Any]
    callbacks: dict[str, Any]
    logger: dict[str, Any]

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    patience: PositiveInt
    min_melody_length: PositiveInt
    max_melody_length: PositiveInt | None
    seed: NonNegativeInt = Field(lt=2**32)
    output_dir: str = "???"
    resume: str = "???"

    hidden_size: PositiveInt | None = None
    num_layers: PositiveInt | None = None
    dropout: float | None = Field(None, ge=0, lt=1)
    num_sequences: PositiveInt | None = None

    @model_validator(mode="after")
    def _lengths_leave_room(self) -> RunConfig:
        if self.max_melody_length is not None and self.max_melody_length < self.min_melody_length:
            raise ValueError(
                f"max_melody_length={self.max_melody_length} is less than "
                f"min_melody_length={self.min_melody_length}: no melody passes both"
            )
        return self


def check(config: DictConfig) -> None:
    """Refuse a configuration that cannot be run.

    Raises:
        InputError: With a line for each fault.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as problem:
        raise InputError(str(problem).partition("\n")[0]) from problem
    try:
        RunConfig.model_validate(plain)
    except ValidationError as problem:
        raise InputError(_sentences(problem)) from problem
    faults = [fault for name, node in typing.cast("dict[str, Any]", plain).items() for fault in _faults(name, node)]
    if faults:
        raise InputError("\n".join(faults))


def _sentences(problem: ValidationError, within: str = "") -> str:
    lines = []
    for error in problem.errors():
        place = ".".join([*within.split("."), *map(str, error["loc"])]).strip(".")
        message = error["msg"].removeprefix("Value error, ")
        lines.append(f"{place}={error['input']}: {message}" if place else message)
    return "\n".join(lines)


def _faults(place: str, node: Any) -> list[str]:
    """What is wrong with a node of the configuration and with all below it."""
    if not isinstance(node, dict):
        return []
    faults = [fault for name, each in node.items() for fault in _faults(f"{place}.{name}", each)]
    if "_target_" not in node:
        return faults
    try:
        target = get_object(node["_target_"])
    except Exception:  # a module of the user's can raise anything when it is imported
        return [*faults, f"{place}._target_={node['_target_']}: there is nothing of this name to build"]
    known = inspect.signature(target).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in known.values())
    hints = _hints(target)
    for name, value in node.items():
        if name.startswith("_"):
            continue
        if value == "???":
            faults.append(f"{place}.{name} must be given: {place}.{name}=...")
        elif name not in known:
            if not open_ended:
                faults.append(f"{place}.{name}: {target.__name__} takes no {name}")
        elif hints.get(name) in PLAIN_TYPES:
            try:
                TypeAdapter(hints[name]).validate_python(value)
            except ValidationError as problem:
                faults.append(_sentences(problem, f"{place}.{name}"))
    return faults


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
        if isinstance(cause, (ValueError, TypeError, ImportError)):
            name = str(node.get("_target_")).rpartition(".")[2]
            raise InputError(f"{name}: {cause}") from problem
        raise


def restore(directory: Path, typed: DictConfig, overrides: list[str]) -> DictConfig:
    """The configuration that a run was started with, for going on with it.

    Only the number of epochs may be changed.

    Args:
        directory: The run's directory.
        typed: The configuration as composed from what was typed now.
        overrides: What was typed now.

    Raises:
        InputError: If there is no such run, or other overrides were typed beside ``resume``.
    """
    saved = directory / "config.yaml"
    if not saved.is_file():
        raise InputError(f"resume={directory}: there is no run to go on with (no config.yaml in that folder)")
    others = [each for each in overrides if each.split("=")[0] not in ("resume", "epochs")]
    if others:
        raise InputError(
            f"resume={directory} goes on with the run's own configuration and cannot take {' '.join(others)} "
            "as well: leave that out, or start a new run"
        )
    restored = OmegaConf.load(saved)
    if not isinstance(restored, DictConfig):
        raise InputError(f"{saved} is no configuration of a run")
    if any(each.startswith("epochs=") for each in overrides):
        restored.epochs = typed.epochs
    return restored


def refuse_second_run(directory: Path) -> None:
    """Keep a run from being written over.

    Raises:
        InputError: If the directory holds a run already.
    """
    if (directory / "config.yaml").exists():
        raise InputError(
            f"{directory} holds a run already: go on with it by resume={directory}, or name another output_dir"
        )
