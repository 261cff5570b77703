"""What to type to get a run again: its configuration as a command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
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
        'python scripts/train.py model=lstm epochs=3 model.memory=true'
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
    return " ".join(
        ["python scripts/train.py", *(shlex.quote(f"{key}={_typed(value)}") for key, value in given.items())]
    )


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
