"""Train a melody model in a few lines of Python.

Example, for any ``nn.Module`` that maps tokens (B, T) to logits (B, T, V):

    train, test = create_training_data(num_sequences=200, train_split=0.8)
    trainer = ModelTrainer(model, model_name="custom_model")
    history = trainer.train(train_data=train, val_data=test, epochs=100, checkpoint_dir=Path("./checkpoints"))
    history.plot_curves(save_path="learning_curves.png")
"""

from __future__ import annotations

import glob
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.optim import AdamW

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import DividedMelodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata, most_common_corpus
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.training.fit import fit, run_callbacks, without_lightning_notes
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.isolation import (
    TRAINING,
    check_seed,
    modes_and_gradients_kept,
    seeded_generators,
)
from chromasonic.melody_generation.training.lightning_module import module_for
from chromasonic.melody_generation.training.progress import EpochProgress
from chromasonic.melody_generation.training.schedules import VALIDATION_LOSS, Schedule
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def create_training_data(
    num_sequences: int = 1000, train_split: float = 0.8, seed: int = 0
) -> tuple[list[Melody], list[Melody]]:
    """Return synthetic melodies, divided into two lists.

    Args:
        num_sequences: Number of melodies.
        train_split: Fraction of them in the first list: ``round(num_sequences * train_split)`` melodies.
        seed: Seed of the melodies.

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


class ModelTrainer:
    """Trainer of one network on lists of melodies.

    Args:
        model: Any module that maps tokens (B, T) to logits (B, T, V), V being ``len(NoteVocabulary())``.
        model_name: Beginning of the names of the files that training writes.
    """

    def __init__(self, model: nn.Module, model_name: str = "model") -> None:
        if not model_name or Path(model_name).name != model_name:
            raise InputError(f"model_name is the beginning of a file name, got {model_name!r}")
        self.model = model
        self.model_name = model_name
        self._metadata = ModelMetadata()

    @property
    def trained_model(self) -> TrainedModel:
        """The model with the corpus of its training data, in whose style it generates by default."""
        return TrainedModel(self.model, self._metadata, NoteVocabulary(self._metadata.corpora))

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

        Write ``<model_name>_best.pt``, ``_last.pt``, ``_final.pt``, ``_epoch_10.pt`` and so on, ``_history.json`` and
        ``_curves.png`` into ``checkpoint_dir``. Files of an earlier training of that name are replaced. Durations and
        pitches that the vocabulary lacks are rounded (``NoteVocabulary.fit``). The model is left with the weights of
        the best epoch, on the CPU, and in the mode and with the gradients that it had.

        Threads may train at once: they wait for each other, and give the results of one training after the other. Until
        a training ends, no other thread may use its model, and Python's and numpy's global random generators, with a
        GPU torch's as well, are those of the training. All are restored at the end.
        Initial weights are drawn earlier, when a model is built. Threads that seed torch for that must do it in turn.

        Args:
            train_data: Melodies to train on.
            val_data: Melodies that decide which epoch is best.
            epochs: Maximum number of epochs.
            batch_size: Melodies per batch.
            learning_rate: Initial rate of the schedule (for one_cycle: its peak).
            checkpoint_dir: Folder of the files; created if missing.
            patience: Epochs without improvement after which training stops.
            schedule: Schedule of the rate; by default it is halved on a plateau.
            seed: Seed of batches and dropout, 0 to 2**32 - 1.
            show_progress: Whether to print a progress bar, a line for each epoch, and a line if another training must
                end first.

        Raises:
            InputError: If a list is empty, a number out of range, or the model does not fit the vocabulary.
        """
        for name, value in (("epochs", epochs), ("learning_rate", learning_rate), ("patience", patience)):
            if not 0 < value < math.inf:  # NaN is refused as well
                raise InputError(f"{name} must be more than 0, got {value}")
        check_seed(seed)
        data = DividedMelodies(train_data, val_data, batch_size, seed)
        module = module_for(self.model, partial(AdamW, lr=learning_rate), schedule)
        files = CheckpointLayout(Path(checkpoint_dir), self.model_name)
        waiting = f"{self.model_name} waits: another model is trained in this process" if show_progress else ""
        with TRAINING.held(waiting), modes_and_gradients_kept(self.model), seeded_generators(seed):
            for stale in files.directory.glob(f"{glob.escape(self.model_name)}_epoch_*.pt"):
                stale.unlink()
            data.setup()
            self._metadata = ModelMetadata(corpus=most_common_corpus(train_data), corpora=data.vocabulary.corpora)
            callbacks = run_callbacks(files, self._metadata)
            if not module.schedule.needs_all_epochs:
                callbacks.append(EarlyStopping(VALIDATION_LOSS, patience=patience))
            if show_progress:
                callbacks.append(EpochProgress())
            return fit(module, data, _trainer(callbacks, epochs, show_progress), files).history


def _trainer(callbacks: list[Callback], epochs: int, show_progress: bool) -> L.Trainer:
    with without_lightning_notes():
        return L.Trainer(
            max_epochs=epochs,
            callbacks=callbacks,
            logger=False,
            gradient_clip_val=1.0,
            num_sanity_val_steps=0,
            enable_progress_bar=show_progress,
            enable_model_summary=False,
        )
