"""Fit a module with a Lightning trainer, restore the weights of the best epoch, and test them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.nn.parameter import is_lazy

from chromasonic.melody_generation.atomic_files import atomic_file
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError, explaining_lack_of_memory, is_lack_of_memory
from chromasonic.melody_generation.runs.checkpoint import check_storable, read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.threads.warning_filters import ignoring_warnings
from chromasonic.melody_generation.training.callbacks import (
    DivergenceGuard,
    HistoryRecorder,
    RandomState,
    RunCheckpoints,
    checkpoints_of,
)
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.lightning_module import MelodyModule


@dataclass(frozen=True)
class TrainedRun:
    """The result of a training.

    Attributes:
        history: The history of all epochs.
        files: Paths of checkpoints, history and curves.
        minutes: Duration of all epochs, including those before a resume.
        scores: Measures at the best epoch by side (``validation``, and ``test`` if there is one).
    """

    history: TrainingHistory
    files: CheckpointLayout
    minutes: float
    scores: dict[str, dict[str, float]]


def run_callbacks(
    files: CheckpointLayout, metadata: ModelMetadata | None = None, table: Path | None = None
) -> list[Callback]:
    """Return the callbacks of every run.

    Args:
        files: Paths of checkpoints, history and curves.
        metadata: Metadata of the model, which every checkpoint holds; may be set later.
        table: Path of the CSV of all measures; None for no CSV.
    """
    return [DivergenceGuard(), HistoryRecorder(files, table), RandomState(), RunCheckpoints(files, metadata=metadata)]


def fit(
    module: MelodyModule,
    data: MelodyDataModule,
    trainer: L.Trainer,
    files: CheckpointLayout,
    resume_from: Path | None = None,
) -> TrainedRun:
    """Train, restore the weights of the best epoch, and test them.

    Args:
        module: The network with its optimizer and schedule; afterwards it holds the best weights.
        data: The data for training, validation and test.
        trainer: A trainer with ``run_callbacks`` among its callbacks.
        files: The paths of those callbacks.
        resume_from: The checkpoint to resume from; None to start.

    Raises:
        InputError: If the logits do not have the shape of the contract, the loss is not finite, or there is not enough
            memory.
        KeyboardInterrupt: If the user interrupts the training.
    """
    data.setup()
    with _explaining_lack_of_memory(module, data):
        _check_network(module, list(data.val_dataloader()))
    recorder = next(callback for callback in trainer.callbacks if isinstance(callback, HistoryRecorder))  # type: ignore[attr-defined]
    module.train()
    with without_lightning_notes(), _explaining_lack_of_memory(module, data), _raising_interrupts():
        with _restoring(trainer, resume_from):
            checkpoints_of(trainer).resumed = read_checkpoint(resume_from) if resume_from is not None else None
            trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
            trainer.strategy.barrier()  # the first process of a group renames its files after Lightning's own barrier
            if resume_from is not None and not files.last.exists():  # training was over after its first epoch
                _copy(resume_from, files.last)
            if not files.last.exists():
                raise InputError("no epoch was trained: remove the limits of the trainer")
            # From the file, since processes that Lightning spawned do not return their callbacks.
            recorder.load_state_dict(read_checkpoint(files.last).training_state["callbacks"][recorder.state_key])
        if trainer.is_global_zero:
            recorder.draw()
            _copy(files.last, files.final)
        module.network.load_state_dict(read_checkpoint(files.best).weights)
        scores = {"validation": recorder.best_scores("validation")}
        if data.melodies["test"]:
            _check_causality(module, list(data.test_dataloader()))
            for measured in trainer.test(module, datamodule=data, verbose=False):  # none, or one for the one loader
                scores["test"] = {name.removeprefix("test/"): value for name, value in measured.items()}
    return TrainedRun(recorder.history, files, recorder.seconds / 60, scores)


def _check_network(module: MelodyModule, batches: Sequence[Tensor]) -> None:
    """Raise an error if a network breaks its contract on validation batches (B, T), or cannot be trained or saved.

    Raises:
        InputError: Naming what the network did.
    """
    module.eval()
    _check_causality(module, batches)
    module.check_trainable()
    check_storable(module.network)


def _check_causality(module: MelodyModule, batches: Sequence[Tensor]) -> None:
    """Raise an error if a network is not causal on a middle one and the longest of batches (B, T) by length."""
    module.check_contract(batches[len(batches) // 2])
    module.check_future(batches[-1][-1:])


def _copy(source: Path, target: Path) -> None:
    with atomic_file(target) as unfinished:
        shutil.copyfile(source, unfinished)


@contextmanager
def _restoring(trainer: L.Trainer, resume_from: Path | None) -> Iterator[None]:
    """Raise if the parts of a checkpoint do not fit the run; once the optimizer took a step, they did."""
    try:
        yield
    except MisconfigurationException as problem:
        raise InputError(f"trainer: {problem}") from problem
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as problem:
        checkpoints = (callback for callback in trainer.callbacks if isinstance(callback, RunCheckpoints))  # type: ignore[attr-defined]
        is_other = isinstance(problem, InputError) or is_lack_of_memory(problem)
        if resume_from is None or is_other or any(callback.has_begun for callback in checkpoints):
            raise
        reason = " ".join(str(problem).split())[:200]
        raise InputError(
            f"{resume_from} cannot be resumed from, its parts are damaged or do not fit the run's configuration "
            f"({reason}): remove the file to resume from an earlier checkpoint, or start a new run"
        ) from problem


@contextmanager
def _raising_interrupts() -> Iterator[None]:
    """Raise the KeyboardInterrupt that Lightning turns into an exit."""
    try:
        yield
    except SystemExit as ending:
        if isinstance(ending.__context__, KeyboardInterrupt):
            raise ending.__context__ from None
        raise


def _explaining_lack_of_memory(module: MelodyModule, data: MelodyDataModule) -> AbstractContextManager[None]:
    n_parameters = sum(parameter.numel() for parameter in module.network.parameters() if not is_lazy(parameter))
    longest = max(map(len, data.melodies["train"]))
    return explaining_lack_of_memory(
        f"this model of {n_parameters} parameters and batches of {data.batch_size} melodies of up to "
        f"{min(longest, data.max_melody_length or longest)} notes",
        "reduce batch_size or max_melody_length first, then hidden_size or num_layers; checkpoints of earlier epochs "
        "are kept",
    )


@contextmanager
def without_lightning_notes() -> Iterator[None]:
    """Silence Lightning's notes on itself, and on loaders without workers: all data is in memory."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    notes = (
        ".*does not have many workers",
        ".*smaller than the logging interval",
        ".*LeafSpec",  # Lightning 2.6 with torch 2.13
    )
    try:
        with ignoring_warnings(*notes):
            yield
    finally:
        log.setLevel(level)
