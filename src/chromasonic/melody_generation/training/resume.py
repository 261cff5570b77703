"""Going on with a run that was stopped: from which epoch, whether that means anything, and what is left to be done."""

from __future__ import annotations

from pathlib import Path

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import Checkpoint, read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.training_record import read_training
from chromasonic.melody_generation.training.schedules import Schedule

# What Lightning goes on from; where it misses one of these it begins anew, and says nothing.
_PARTS: dict[str, type] = {"state_dict": dict, "optimizer_states": list, "callbacks": dict, "loops": dict}


def _latest(files: CheckpointLayout) -> Checkpoint:
    return read_checkpoint(files.latest or files.last)


def planned_epochs(files: CheckpointLayout) -> int:
    """The epochs that a run was last told to reach.

    Raises:
        InputError: If its last checkpoint cannot be read.
    """
    checkpoint = _latest(files)
    n_epochs = checkpoint.metadata.n_epochs
    return checkpoint.epoch if n_epochs is None else n_epochs


def check_resumable(run: Path, files: CheckpointLayout, split_hash: str, n_epochs: int, schedule: Schedule) -> None:
    """Refuse to go on with a run where the result would be none: finished, damaged, other data, another schedule.

    Args:
        run: The run's directory.
        files: The run's files.
        split_hash: Hash of the split of the data as it is read now.
        n_epochs: Epochs to be reached.
        schedule: The run's schedule.

    Raises:
        InputError: Saying which of these it is.
    """
    checkpoint = _latest(files)
    for part, kind in _PARTS.items():
        if not isinstance(checkpoint.training_state.get(part), kind) or not checkpoint.training_state[part]:
            raise InputError(f"{files.latest} cannot be resumed from: it lacks {part}")
    metadata = checkpoint.metadata
    if metadata.split_hash != split_hash:
        raise InputError(
            f"{files.latest} was trained on other data (split {metadata.split_hash}, now {split_hash}): "
            "restore the data, or start a new run"
        )
    if schedule.spans_run and metadata.n_epochs != n_epochs:
        raise InputError(
            f"a {type(schedule).__name__} schedule is laid over all epochs of its run "
            f"({metadata.n_epochs}), so it cannot be resumed with epochs={n_epochs}: leave epochs out, or "
            "start a new run"
        )
    if is_complete(run, files, n_epochs) or checkpoint.epoch > n_epochs:
        raise InputError(
            f"the run is complete after {checkpoint.epoch} of {n_epochs} epochs: there is nothing to resume"
        )


def is_complete(run: Path, files: CheckpointLayout, n_epochs: int) -> bool:
    """Whether a run has come to its end, by its epochs or by early stopping, and has its scores.

    Raises:
        InputError: If its last checkpoint cannot be read.
    """
    checkpoint = _latest(files)
    # A run that was extended has the final checkpoint, and the scores, of its first end beside it.
    is_ended = files.final.exists() and read_checkpoint(files.final).epoch == checkpoint.epoch
    return is_ended and checkpoint.metadata.n_epochs == n_epochs and _scored_epochs(run) == n_epochs


def _scored_epochs(run: Path) -> int | None:
    try:
        training = read_training(run)
    except InputError:  # damaged: they are written anew
        return None
    return training.metadata.n_epochs if training else None
