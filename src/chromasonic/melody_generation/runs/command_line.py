"""What to type to get a run again: its configuration as a command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_GROUPS = ("model", "dataset", "optimizer", "scheduler")
_OF_THE_TRAINER = (
    "gradient_clip_val",
    "precision",
)  # the rest decides where and how a run is shown, not what it learns
_PLAIN = re.compile(r"[\w.+-][\w./+-]*")


def training_command(configuration: Mapping[str, Any]) -> str:
    """The command that trains a run of this configuration.

    Args:
        configuration: As a run's ``results.json`` holds it: resolved, with the names of what was chosen.

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
        given |= {f"trainer.{name}": trainer[name] for name in _OF_THE_TRAINER if name in trainer}
    given = {name: value for name, value in given.items() if name not in {"output_dir", "resume"}}
    return " ".join(["chromasonic train", *(shlex.quote(f"{key}={_typed(value)}") for key, value in given.items())])


def generating_command(arguments: Sequence[str]) -> str:
    """The command that makes the same melodies, as one may send it to a friend: without where things lie here.

    Args:
        arguments: What was typed, as ``name=value``.

    Example:
        >>> generating_command(["run=/home/me/outputs/jigs", "seed=7", "output_dir=/tmp/x", "primer=../my tune.abc"])
        "chromasonic generate run=outputs/jigs seed=7 'primer=my tune.abc'"
    """
    shown = []
    for each in arguments:
        name, equals, value = each.partition("=")
        if name in _PATHS:
            value = _PATHS[name](Path(value))
        if name != "output_dir":
            shown.append(f"{name}{equals}{value}")
    return shlex.join(["chromasonic", "generate", *shown])


def _run_place(path: Path) -> str:
    """From its folder ``outputs`` on if it lies in one, or else its name."""
    parts = path.absolute().parts
    if "outputs" in parts[:-1]:
        return Path(*parts[len(parts) - 1 - parts[::-1].index("outputs") :]).as_posix()
    return path.absolute().name


_PATHS: dict[str, Callable[[Path], str]] = {"run": _run_place, "primer": lambda path: path.name}


def _nested(node: Mapping[str, Any], place: str, knobs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a group says by itself, not by handing on a knob or by being chosen."""
    for name, value in node.items():
        key = f"{place}.{name}"
        if isinstance(value, Mapping):
            yield from _nested(value, key, knobs)
        elif not (name.startswith("_") or knobs.get(name) == value or key == "optimizer.lr"):
            yield key, value


def _typed(value: Any) -> str:
    """A value as Hydra reads it."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
