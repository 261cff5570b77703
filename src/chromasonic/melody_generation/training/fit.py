"""Fit a module with a Lightning trainer, restore the best epoch and test it."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.training.callbacks import (
    DivergenceGuard,
    HistoryRecorder,
    RandomState,
    RunCheckpoints,
)
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.lightning_module import MelodyModule


@dataclass(frozen=True)
class TrainedRun:
    """What came of a run.

    Attributes:
        history: All epochs.
        files: Where checkpoints, history and curves lie.
        minutes: Time spent in all epochs, those before it was resumed included.
        scores: Measures at the best epoch by side (``validation``, and ``test`` where there is one).
    """

    history: TrainingHistory
    files: CheckpointLayout
    minutes: float
    scores: dict[str, dict[str, float]]


def run_callbacks(
    files: CheckpointLayout, metadata: ModelMetadata | None = None, table: Path | None = None
) -> list[Callback]:
    """The callbacks that every run has: they write what reads a run back.

    Args:
        files: Where checkpoints, history and curves go.
        metadata: What every checkpoint says of its model; None for nothing.
        table: Where the CSV of all measures goes; None for none.
    """
    return [DivergenceGuard(), HistoryRecorder(files, table), RandomState(), RunCheckpoints(files, metadata=metadata)]


def fit(
    module: MelodyModule,
    data: MelodyDataModule,
    trainer: L.Trainer,
    files: CheckpointLayout,
    resume_from: Path | None = None,
) -> TrainedRun:
    """Train, go back to the best epoch's weights, and test them.

    Args:
        module: The network with its optimizer and schedule; afterwards it holds the best weights.
        data: What to train, validate and test on.
        trainer: Lightning's trainer, with ``run_callbacks`` among its callbacks.
        files: Where those callbacks write.
        resume_from: The checkpoint to go on from.

    Raises:
        InputError: If the network's logits do not have the shape of the contract, the loss becomes infinite, or
            memory does not suffice.
        KeyboardInterrupt: If that is how it was ended.
    """
    data.setup()
    try:
        module.eval()
        module.check_contract(next(iter(data.val_dataloader())))
    except ValueError as problem:
        raise InputError(str(problem)) from problem
    recorder = next(each for each in trainer.callbacks if isinstance(each, HistoryRecorder))  # type: ignore[attr-defined]
    module.train()
    with without_lightning_notes(), _readable_endings():
        with _restoring(trainer, resume_from):
            trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
            trainer.strategy.barrier()  # the first process of a group renames its files after Lightning's own barrier
            if resume_from is not None and not files.last.exists():  # training was over after its first epoch
                _copy(resume_from, files.last)
            if not files.last.exists():
                raise InputError("not a single epoch was trained: leave the limits of the trainer alone")
            # From the file: processes that Lightning spawned have kept their callbacks to themselves.
            recorder.load_state_dict(read_checkpoint(files.last).training_state["callbacks"][recorder.state_key])
        if trainer.is_global_zero:
            recorder.draw()
            _copy(files.last, files.final)
        module.network.load_state_dict(read_checkpoint(files.best).weights)
        scores = {"validation": recorder.best_scores("validation")}
        if data.melodies["test"]:
            measured = trainer.test(module, datamodule=data, verbose=False)[0]
            scores["test"] = {name.removeprefix("test/"): value for name, value in measured.items()}
    return TrainedRun(recorder.history, files, recorder.seconds / 60, scores)


def _copy(source: Path, target: Path) -> None:
    with atomic_file(target) as unfinished:
        shutil.copyfile(source, unfinished)


@contextmanager
def _restoring(trainer: L.Trainer, resume_from: Path | None) -> Iterator[None]:
    """Refuse a checkpoint whose parts do not fit the run; once a batch has been learned, all of it did."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as problem:
        checkpoints = (each for each in trainer.callbacks if isinstance(each, RunCheckpoints))  # type: ignore[attr-defined]
        is_other = isinstance(problem, InputError) or _is_lack_of_memory(problem)
        if resume_from is None or is_other or any(each.has_begun for each in checkpoints):
            raise
        reason = " ".join(str(problem).split())[:200]
        raise InputError(
            f"{resume_from} cannot be resumed from, its parts are damaged or do not fit the run's configuration: "
            f"{reason}"
        ) from problem


@contextmanager
def _readable_endings() -> Iterator[None]:
    """Say what to do where memory does not suffice, and let an interrupt be one: Lightning makes it an exit."""
    try:
        yield
    except SystemExit as ending:
        if isinstance(ending.__context__, KeyboardInterrupt):
            raise ending.__context__ from None
        raise
    except (RuntimeError, MemoryError) as problem:
        if not _is_lack_of_memory(problem):
            raise
        raise InputError(
            "there is not enough memory for this model and these batches: reduce batch_size or max_melody_length "
            "first, then hidden_size or num_layers"
        ) from problem


def _is_lack_of_memory(problem: Exception) -> bool:
    """Whether that is what it says: torch raises its own kind only for a GPU."""
    return isinstance(problem, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(problem)


@contextmanager
def without_lightning_notes() -> Iterator[None]:
    """Silence what Lightning says of itself, and of loaders that need no workers since all data lies in memory."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # Lightning 2.6 with torch 2.13
        try:
            yield
        finally:
            log.setLevel(level)
