"""Conditions for resuming a run: its epochs, its data, its schedule, and the parts of its checkpoint."""

from __future__ import annotations

from pathlib import Path

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import Checkpoint, read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.training_record import read_training
from chromasonic.melody_generation.training.schedules import Schedule

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
