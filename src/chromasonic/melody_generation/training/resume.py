"""Conditions for resuming a run: its epochs, its data, its schedule, and the parts of its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import Checkpoint, read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.training_record import read_training
from chromasonic.melody_generation.training.schedules import Schedule

# Without these states a run would begin again, beside the epochs that it has.
_NEEDED_CALLBACKS = ("HistoryRecorder", "RandomState", "RunCheckpoints")
# Values of schedulers and of groups of an optimizer that change in training. The configuration decides all others.
_CHANGING = {
    *("lr", "_last_lr", "last_epoch", "_step_count", "best", "num_bad_epochs", "cooldown_counter"),
    *("_get_lr_called_within_step", "_is_initial"),
}
_COUNTS_OF_EPOCHS = {"num_bad_epochs", "wait_count", "stopped_epoch", "latest_update_epoch"}
_MAX_COUNT = 10**12

# Parts that Lightning resumes from; if one is missing, it silently starts from the beginning.
_PARTS: dict[str, type] = {"state_dict": dict, "optimizer_states": list, "callbacks": dict, "loops": dict}


def planned_epochs(checkpoints: CheckpointLayout) -> int:
    """Return the number of epochs that a run was last told to reach.

    Raises:
        InputError: If its last checkpoint cannot be read.
    """
    checkpoint = _latest(checkpoints)
    n_epochs = checkpoint.metadata.n_epochs
    return checkpoint.epoch if n_epochs is None else n_epochs


def check_resumable(
    run: Path, checkpoints: CheckpointLayout, split_hash: str, n_epochs: int, schedule: Schedule
) -> None:
    """Raise if a run cannot be resumed: it is complete or damaged, or has other data or another schedule.

    Args:
        run: The run directory.
        checkpoints: The paths of the run's checkpoints.
        split_hash: Hash of the split of the data as read now.
        n_epochs: Epochs to be reached.
        schedule: The run's schedule.

    Raises:
        InputError: With the reason.
    """
    checkpoint = _latest(checkpoints)
    for part, kind in _PARTS.items():
        if not isinstance(checkpoint.training_state.get(part), kind) or not checkpoint.training_state[part]:
            raise InputError(f"{checkpoint.path} cannot be resumed from: it lacks {part}")
    metadata = checkpoint.metadata
    if metadata.split_hash != split_hash:
        raise InputError(
            f"{checkpoint.path} was trained on other data (split {metadata.split_hash}, now {split_hash}): "
            "restore the data, or start a new run"
        )
    if schedule.spans_run and metadata.n_epochs != n_epochs:
        raise InputError(
            f"a {type(schedule).__name__} schedule depends on the number of epochs of its run ({metadata.n_epochs}), "
            f"so it cannot be resumed with epochs={n_epochs}: leave epochs out, or start a new run"
        )
    if is_complete(run, checkpoints, n_epochs) or checkpoint.epoch > n_epochs:
        raise InputError(
            f"the run is complete after {checkpoint.epoch} of {n_epochs} epochs: there is nothing to resume"
        )


def is_complete(run: Path, checkpoints: CheckpointLayout, n_epochs: int) -> bool:
    """Return whether a run has ended, by its epochs or by early stopping, and has its scores.

    Raises:
        InputError: If its last checkpoint cannot be read.
    """
    checkpoint = _latest(checkpoints)
    # A run that was resumed with more epochs still has the final checkpoint, and the scores, of its first end.
    is_ended = checkpoints.final.exists() and read_checkpoint(checkpoints.final).epoch == checkpoint.epoch
    return is_ended and checkpoint.metadata.n_epochs == n_epochs and _scored_epochs(run) == n_epochs


def _latest(checkpoints: CheckpointLayout) -> Checkpoint:
    return read_checkpoint(checkpoints.latest or checkpoints.last)


def _scored_epochs(run: Path) -> int | None:
    try:
        training = read_training(run)
    except InputError:  # damaged: they are replaced
        return None
    return training.metadata.n_epochs if training else None


@dataclass(frozen=True)
class StateCheck:
    """A comparison of the states in a checkpoint with the fresh states of the same objects.

    A saved state has the keys and types of the fresh one, and its numbers are in range: Lightning and torch take over
    every value as it is, and an error would appear epochs later. A dictionary or list that is empty at first, and None,
    may become anything.

    Args:
        checkpoint: The checkpoint to resume from.
        lightning: This version of Lightning.

    All methods raise a ValueError that names the first value that does not fit.
    """

    checkpoint: Checkpoint
    lightning: str

    def check_callbacks(self, fresh: Mapping[str, object]) -> None:
        """Check the states of callbacks, by their keys."""
        saved = self.checkpoint.training_state["callbacks"]
        if missing := [name for name in _NEEDED_CALLBACKS if name in fresh and not saved.get(name)]:
            raise ValueError(f"it lacks the state of {missing[0]}")
        for name, state in fresh.items():
            if name in saved:
                self._check(name, state, saved[name])

    def check_loops(self, fresh: object) -> None:
        """Check the progress of the training loop."""
        saved = self._part("loops", dict).get("fit_loop")
        self._check("fit_loop", fresh, saved)
        epochs: Any = saved["epoch_progress"]["current"]
        epoch = self.checkpoint.epoch
        if (epochs["processed"], epochs["completed"]) != (epoch, epoch - 1):
            _refuse("fit_loop.epoch_progress", epochs["processed"], f"at epoch {epoch}, which its checkpoint has")

    def check_optimizers(self, fresh: Sequence[Mapping[str, Any]]) -> None:
        """Check the states of optimizers: their groups, and finite numbers for their parameters."""
        for index, (own, state) in enumerate(self._pairs("optimizer_states", fresh)):
            name = f"optimizer_states.{index}"
            self._check(name, dict.fromkeys(own), state)
            groups = state.get("param_groups")
            if not isinstance(groups, list) or len(groups) != len(own["param_groups"]):
                _refuse(f"{name}.param_groups", groups, f"{len(own['param_groups'])} groups")
            for group, saved_group in zip(own["param_groups"], groups, strict=True):
                self._check_settings(f"{name}.param_groups", group, saved_group)
            if not isinstance(state.get("state"), dict):
                _refuse(f"{name}.state", state.get("state"), "a state for each parameter")
            parameters = {parameter for group in own["param_groups"] for parameter in group["params"]}
            for parameter, values in state["state"].items():
                if parameter not in parameters or not isinstance(values, dict):
                    _refuse(f"{name}.state.{parameter}", values, "the state of a parameter of the network")
                for key, value in values.items():
                    _check_finite(f"{name}.state.{parameter}.{key}", value, least=0 if key == "step" else -math.inf)

    def check_schedulers(self, fresh: Sequence[object]) -> None:
        """Check the states of schedulers of the learning rate."""
        for index, (own, state) in enumerate(self._pairs("lr_schedulers", fresh)):
            self._check_settings(f"lr_schedulers.{index}", own, state)

    def _part(self, name: str, kind: type) -> Any:
        part = self.checkpoint.training_state.get(name)
        if not isinstance(part, kind):
            raise ValueError(f"it lacks {name}")
        return part

    def _pairs(self, name: str, fresh: Sequence[Any]) -> list[tuple[Any, Any]]:
        saved = self._part(name, list)
        if len(saved) != len(fresh):
            _refuse(name, saved, f"{len(fresh)} states")
        return list(zip(fresh, saved, strict=True))

    def _check_settings(self, name: str, fresh: Any, saved: Any) -> None:
        """Check a dictionary whose values, but for some numbers, the configuration decides."""
        self._check(name, {key: value if key in _CHANGING else None for key, value in fresh.items()}, saved)
        for key in saved.keys() - _CHANGING:
            if type(saved[key]) is not type(fresh[key]) or saved[key] != fresh[key]:
                _refuse(f"{name}.{key}", saved[key], f"{fresh[key]!r:.40} by the run's configuration")

    def _check(self, name: str, fresh: object, saved: object) -> None:
        if isinstance(fresh, dict):
            self._check_names(name, fresh, saved)
            for key, value in saved.items() if fresh and isinstance(saved, dict) else ():
                self._check(f"{name}.{key}", fresh[key], value)
        elif isinstance(fresh, list | tuple):
            is_one_per_device = all(isinstance(value, Tensor) for value in fresh)
            if not isinstance(saved, list | tuple) or not (is_one_per_device or len(saved) == len(fresh)):
                _refuse(name, saved, f"a list of {len(fresh) or 'any number of'} values")
            for index, value in enumerate(saved) if fresh else ():
                self._check(f"{name}.{index}", fresh[min(index, len(fresh) - 1)], value)
        elif isinstance(fresh, Tensor):
            is_alike = isinstance(saved, Tensor) and saved.shape == fresh.shape
            if not is_alike or saved.is_floating_point() != fresh.is_floating_point():  # type: ignore[attr-defined]
                _refuse(name, saved, f"a tensor of shape {tuple(fresh.shape)}")
            if fresh.is_floating_point() and fresh.isfinite().all():
                _check_finite(name, saved)
        elif isinstance(fresh, str | bool):
            if type(saved) is not type(fresh) or (isinstance(fresh, str) and saved != fresh):
                _refuse(name, saved, f"{fresh!r}" if isinstance(fresh, str) else "true or false")
        elif isinstance(fresh, int | float):
            # A timer begins at the whole number 0, and counts fractions of seconds.
            is_whole = isinstance(fresh, int) and ".time_elapsed." not in name
            self._check_number(name, fresh, saved, is_whole=is_whole)

    def _check_names(self, name: str, fresh: dict[Any, Any], saved: object) -> None:
        if not isinstance(saved, dict):
            _refuse(name, saved, "values by name")
        if not fresh:
            return
        if unknown := saved.keys() - fresh.keys():
            raise ValueError(f"{name} has a value {str(min(map(str, unknown)))[:40]!r}, which it does not know")
        if (lacking := fresh.keys() - saved.keys()) and not (saved and self._is_of_other_versions):
            raise ValueError(f"{name} lacks {min(map(str, lacking))}")

    @property
    def _is_of_other_versions(self) -> bool:
        """True if other versions of torch or Lightning wrote the checkpoint, which had fewer settings."""
        provenance = self.checkpoint.training_state.get("provenance")
        torch_version = provenance.get("torch") if isinstance(provenance, dict) else None
        lightning = self.checkpoint.training_state.get("pytorch-lightning_version")
        return (torch_version, lightning) != (str(torch.__version__), self.lightning)

    def _check_number(self, name: str, fresh: float, saved: object, *, is_whole: bool) -> None:
        if isinstance(saved, bool) or not isinstance(saved, int if is_whole else int | float):
            _refuse(name, saved, "a whole number" if is_whole else "a number")
        most = self.checkpoint.epoch if name.rpartition(".")[2] in _COUNTS_OF_EPOCHS else _MAX_COUNT
        if math.isnan(saved) or (math.isinf(saved) and not math.isinf(fresh)):
            _refuse(name, saved, "a finite number")
        if saved < min(fresh, 0) or (is_whole and saved > most):
            _refuse(name, saved, f"from {min(fresh, 0)} to {most}")


def _check_finite(name: str, value: object, least: float = -math.inf) -> None:
    """Check a tensor or plain value of which only the numbers are known to be finite."""
    if isinstance(value, Tensor):
        is_in_range = not value.is_floating_point() or bool(value.isfinite().all() and (value >= least).all())
    else:
        is_in_range = not isinstance(value, float) or (math.isfinite(value) and value >= least)
    if not is_in_range:
        _refuse(name, value, "finite numbers" if least < 0 else "a finite number of 0 or more")


def _refuse(name: str, saved: object, expected: str) -> NoReturn:
    shown = type(saved).__name__ if isinstance(saved, Tensor | dict | list | tuple) else f"{saved!r:.40}"
    raise ValueError(f"{name} should be {expected}, got {shown}")
