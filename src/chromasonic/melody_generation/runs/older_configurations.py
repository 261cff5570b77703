"""Configurations saved by earlier versions: moved classes, renamed values and values that were added later.

A run saves its configuration in ``config.yaml``, and with its values resolved in checkpoints and JSON files. Both forms
are upgraded here, and nowhere else is anything supplied that an old configuration lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError

_PACKAGE = "chromasonic.melody_generation."
# Classes and functions that a `_target_` may name: old path -> new path.
_MOVED = {
    _PACKAGE + old: _PACKAGE + new
    for old, new in {
        "mixtures.mixture_of": "training.run_mixture.mixture_of",
        "schedules.Constant": "training.schedules.Constant",
        "schedules.Cosine": "training.schedules.Cosine",
        "schedules.OneCycle": "training.schedules.OneCycle",
        "schedules.ReduceOnPlateau": "training.schedules.ReduceOnPlateau",
        "schedules.Step": "training.schedules.Step",
        "progress.EpochProgress": "training.progress.EpochProgress",
        "audition.Audition": "training.sample_logger.SampleLogger",
        "tensorboard.PairedTensorBoardLogger": "training.tensorboard.PairedTensorBoardLogger",
    }.items()
}
_ADDED = {"train_share": 1.0, "init_from": None, "teacher": None, "distillation_weight": 0.5}
_ADDED_TO_DATASET = {"held_out": 0.1, "pitch": "relative", "transpositions": 1}
_DATASET_TARGET = _PACKAGE + "data_loader.MelodyDataModule"
_REPEATED_IN_DATASET = ("batch_size", "min_melody_length", "max_melody_length", "train_share")

RENAMED = {"teacher_share": "distillation_weight", "callbacks.audition": "callbacks.sample_logger"}


def upgrade_configuration(configuration: JsonObject) -> JsonObject:
    """Return a saved configuration as today's version would have saved it.

    A configuration of today is returned as it is. Values of an unexpected type are left for the validation to refuse.

    Raises:
        InputError: If it is nested too deeply.

    Example:
        >>> upgrade_configuration({"teacher_share": 0.9, "teacher": "outputs/mixture"})["distillation_weight"]
        0.9
    """
    try:
        values = {str(name): _with_moved_targets(value) for name, value in configuration.items()}
    except RecursionError as problem:
        raise InputError("the configuration of the run is nested too deeply") from problem
    for old, new in RENAMED.items():
        _rename(values, old.split("."), new.split("."))
    values = values | {name: value for name, value in _ADDED.items() if name not in values}
    for group in ("dataset", "guard"):
        if isinstance(values.get(group), dict):
            values[group] = _complete_dataset(values[group], values)
    return values


def _with_moved_targets(value: Any) -> Any:
    """Return a copy in which old paths of classes are replaced by their new paths, at any depth."""
    if isinstance(value, list):
        return [_with_moved_targets(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _MOVED.get(item, item) if name == "_target_" and isinstance(item, str) else _with_moved_targets(item)
        for name, item in value.items()
    }


def _rename(values: JsonObject, old: list[str], new: list[str]) -> None:
    """Rename a value within its node, in its position, unless the new name is taken."""
    node: Any = values
    for name in old[:-1]:
        node = node.get(name) if isinstance(node, dict) else None
    if isinstance(node, dict) and old[-1] in node and new[-1] not in node:
        items = [(new[-1] if name == old[-1] else name, value) for name, value in node.items()]
        node.clear()
        node.update(items)


def _complete_dataset(dataset: JsonObject, values: JsonObject) -> JsonObject:
    """Return a dataset with its class and with all of the class's arguments that were added later."""
    repeated = {name: values[name] for name in _REPEATED_IN_DATASET if name in values}
    return {"_target_": _DATASET_TARGET, **repeated, **_ADDED_TO_DATASET, **dataset}
