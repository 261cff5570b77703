"""Training a melody model, from a script's configuration or in a few lines of Python.

Example (any ``nn.Module`` that maps tokens (B, T) to logits (B, T, V) will do):

    train, test = create_training_data(num_sequences=200, train_split=0.8)
    trainer = ModelTrainer(model, model_name="custom_model")
    history = trainer.train(train_data=train, val_data=test, epochs=100, checkpoint_dir=Path("./checkpoints"))
    history.plot_curves(save_path="learning_curves.png")
"""

from __future__ import annotations

import glob
import logging
import math
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.optim import AdamW

from chromasonic.melody_generation.callbacks import DivergenceGuard, HistoryRecorder, RandomState, RunCheckpoints
from chromasonic.melody_generation.checkpoint import RunFiles, read_checkpoint
from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import DividedMelodies, MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.history import TrainingHistory
from chromasonic.melody_generation.lightning_modules import MelodyModule, module_for
from chromasonic.melody_generation.manner import give_corpus, usual_corpus
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.progress import EpochProgress
from chromasonic.melody_generation.schedules import VALIDATION_LOSS, Schedule
from chromasonic.melody_generation.whole_files import whole_file

__all__ = ["ModelTrainer", "TrainedRun", "TrainingHistory", "create_training_data", "fit", "run_callbacks"]


def create_training_data(
    num_sequences: int = 1000, train_split: float = 0.8, seed: int = 0
) -> tuple[list[Melody], list[Melody]]:
    """Make synthetic melodies, divided into two lists.

    Args:
        num_sequences: How many melodies in all.
        train_split: Share of them in the first list: ``round(num_sequences * train_split)`` melodies.
        seed: The same seed gives the same melodies.

    Raises:
        InputError: If ``train_split`` is not within 0 to 1, or ``num_sequences`` less than 1.

    Example:
        >>> train, test = create_training_data(num_sequences=10, train_split=0.8)
        >>> len(train), len(test)
        (8, 2)
    """
    if not 0 <= train_split <= 1:
        raise InputError(f"train_split is a share from 0 to 1, got {train_split}")
    melodies = SyntheticCorpus(num_sequences=num_sequences, seed=seed).load()
    n_train = round(num_sequences * train_split)
    return melodies[:n_train], melodies[n_train:]


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
    files: RunFiles
    minutes: float
    scores: dict[str, dict[str, float]]


def run_callbacks(files: RunFiles, facts: dict[str, Any], table: Path | None = None) -> list[Callback]:
    """The callbacks that every run has: they write what reads a run back.

    Args:
        files: Where checkpoints, history and curves go.
        facts: Plain values that every checkpoint carries along.
        table: Where the CSV of all measures goes; None for none.
    """
    return [DivergenceGuard(), HistoryRecorder(files, table), RandomState(), RunCheckpoints(files, facts=facts)]


def fit(
    module: MelodyModule,
    data: MelodyDataModule,
    trainer: L.Trainer,
    files: RunFiles,
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
    with _without_notes(), _readable_endings():
        with _restoring(trainer, resume_from):
            trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
            if resume_from is not None and not files.last.exists():  # training was over after its first epoch
                _copy(resume_from, files.last)
            if not files.last.exists():
                raise InputError("not a single epoch was trained: leave the limits of the trainer alone")
            # From the file: processes that Lightning spawned have kept their callbacks to themselves.
            recorder.load_state_dict(read_checkpoint(files.last)["callbacks"][recorder.state_key])
        if trainer.is_global_zero:
            recorder.draw()
            _copy(files.last, files.final)
        module.network.load_state_dict(read_checkpoint(files.best)["model_state_dict"])
        give_corpus(module.network, usual_corpus(data.melodies["train"]))
        scores = {"validation": recorder.best_scores("validation")}
        if data.melodies["test"]:
            measured = trainer.test(module, datamodule=data, verbose=False)[0]
            scores["test"] = {name.removeprefix("test/"): value for name, value in measured.items()}
    return TrainedRun(recorder.history, files, recorder.seconds / 60, scores)


def _copy(source: Path, target: Path) -> None:
    with whole_file(target) as unfinished:
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


class ModelTrainer:
    """Trains one network on lists of melodies.

    Args:
        model: Any module that maps tokens (B, T) to logits (B, T, V), V being ``len(NoteVocabulary())``.
        model_name: What the files that training writes begin with.
    """

    def __init__(self, model: nn.Module, model_name: str = "model") -> None:
        if not model_name or Path(model_name).name != model_name:
            raise InputError(f"model_name is the beginning of a file name, got {model_name!r}")
        self.model = model
        self.model_name = model_name

    def train(
        self,
        train_data: Sequence[Melody],
        val_data: Sequence[Melody],
        epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 0.001,
        checkpoint_dir: str | Path = Path("./checkpoints"),
        *,
        patience: int = 15,
        schedule: Schedule | None = None,
        seed: int = 42,
        show_progress: bool = True,
    ) -> TrainingHistory:
        """Train until ``epochs`` or until validation loss has not fallen for ``patience`` epochs.

        Writes ``<model_name>_best.pt``, ``_last.pt``, ``_final.pt``, ``_epoch_10.pt`` and so on,
        ``_history.json`` and ``_curves.png`` into ``checkpoint_dir``, in place of those of an earlier training of that
        name. Durations and pitches that the vocabulary lacks are rounded (``NoteVocabulary.fit``). The model is
        left with the weights of the best epoch, on the CPU.

        Args:
            train_data: Melodies to learn from.
            val_data: Melodies that decide which epoch is best.
            epochs: Epochs at most.
            batch_size: Melodies in a batch.
            learning_rate: The rate that the schedule begins with (for one_cycle: its peak).
            checkpoint_dir: Where files go; made if need be.
            patience: Epochs without improvement after which training stops.
            schedule: How the rate moves; by default it is halved on a plateau.
            seed: Seed of batches and dropout.
            show_progress: Whether a bar, and a line for each epoch, is printed.

        Raises:
            InputError: If a list is empty, a number out of range, or the model does not fit the vocabulary.
        """
        for name, value in (("epochs", epochs), ("learning_rate", learning_rate), ("patience", patience)):
            if not 0 < value < math.inf:  # NaN is refused as well
                raise InputError(f"{name} must be more than 0, got {value}")
        data = DividedMelodies(train_data, val_data, batch_size, seed)
        module = module_for(self.model, partial(AdamW, lr=learning_rate), schedule)
        files = RunFiles(Path(checkpoint_dir), self.model_name)
        for stale in files.directory.glob(f"{glob.escape(self.model_name)}_epoch_*.pt"):
            stale.unlink()
        callbacks = run_callbacks(files, facts={"corpus": usual_corpus(train_data)})
        if not module.schedule.needs_all_epochs:
            callbacks.append(EarlyStopping(VALIDATION_LOSS, patience=patience))
        if show_progress:
            callbacks.append(EpochProgress())
        L.seed_everything(seed, verbose=False)
        with _without_notes():
            trainer = L.Trainer(
                max_epochs=epochs,
                callbacks=callbacks,
                logger=False,
                gradient_clip_val=1.0,
                num_sanity_val_steps=0,
                enable_progress_bar=show_progress,
                enable_model_summary=False,
            )
        return fit(module, data, trainer, files).history


@contextmanager
def _without_notes() -> Iterator[None]:
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
