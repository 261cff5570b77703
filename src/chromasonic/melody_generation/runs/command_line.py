"""Commands that repeat a run or generate its melodies again."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import JsonObject

_GROUPS = ("model", "dataset", "optimizer", "scheduler")
# All other options of the trainer decide where it runs and what it shows, not what it learns.
_TRAINER_OPTIONS = ("gradient_clip_val", "precision")
_PLAIN = re.compile(r"[\w.+-][\w./+-]*")


def training_command(configuration: JsonObject) -> str:
    """Return the command that trains a run of this configuration.

    Args:
        configuration: The resolved configuration with its choices, as ``results.json`` has it.

    Example:
        >>> training_command({"choices": {"model": "lstm"}, "epochs": 3, "model": {"_target_": "x", "memory": True}})
        'chromasonic train model=lstm epochs=3 model.memory=true'
    """
    knobs = {name: value for name, value in configuration.items() if not isinstance(value, Mapping)}
    given = {**configuration.get("choices", {}), **knobs}
    for group in _GROUPS:
        if isinstance(configuration.get(group), Mapping):
            given |= dict(_nested(configuration[group], group, knobs))
    trainer = configuration.get("trainer")
    if isinstance(trainer, Mapping):
        given |= {f"trainer.{name}": trainer[name] for name in _TRAINER_OPTIONS if name in trainer}
    given = {name: value for name, value in given.items() if name not in {"output_dir", "resume"}}
    return " ".join(["chromasonic train", *(shlex.quote(f"{key}={_typed(value)}") for key, value in given.items())])


def generating_command(arguments: Sequence[str]) -> str:
    """Return the command that generates the same melodies, without paths of this machine.

    Args:
        arguments: The options as typed, ``name=value`` each.

    Example:
        >>> generating_command(["run=/home/me/outputs/jigs", "seed=7", "output_dir=/tmp/x", "primer=../my tune.abc"])
        "chromasonic generate run=outputs/jigs seed=7 'primer=my tune.abc'"
    """
    shown = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in _PATHS:
            value = _PATHS[name](Path(value))
        if name != "output_dir":
            shown.append(f"{name}{equals}{value}")
    return shlex.join(["chromasonic", "generate", *shown])


def _portable_run_path(path: Path) -> str:
    """Return a run's path from its folder ``outputs`` on; its name outside such a folder."""
    parts = path.absolute().parts
    if "outputs" in parts[:-1]:
        return Path(*parts[len(parts) - 1 - parts[::-1].index("outputs") :]).as_posix()
    return path.absolute().name


_PATHS: dict[str, Callable[[Path], str]] = {"run": _portable_run_path, "primer": lambda path: path.name}


def _nested(node: Mapping[str, object], path: str, knobs: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the values of a group that neither repeat a top-level option nor follow from the choice of the group."""
    for name, value in node.items():
        key = f"{path}.{name}"
        if isinstance(value, Mapping):
            yield from _nested(value, key, knobs)
        elif not (name.startswith("_") or knobs.get(name) == value or key == "optimizer.lr"):
            yield key, value


def _typed(value: object) -> str:
    """Return a value as Hydra reads it."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
