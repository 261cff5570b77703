"""Log a melody that the model generates to TensorBoard, after the first epoch and every few epochs.

Each melody is sampled from the same random numbers, in the key, metre and mode of the same validation tune, so that
melodies differ only because the model does. Training is not affected: torch's random state is not used, and the network
keeps its mode.
"""

from __future__ import annotations

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import nn

from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.beginnings import beginning_of
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_sampling import sample
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger

MAX_NOTES = 10_000
_TAG = "generated melody"
_NO_TUNE = Melody([], [])  # C major, 4/4


class SampleLogger(Callback):
    """Logs a sampled melody as piano roll, sound and ABC; does nothing without TensorBoard.

    Args:
        every_n_epochs: Epochs from melody to melody; one follows the first epoch as well.
        max_notes: Number of notes after which a melody ends at the next bar line.
        seed: Seed of the random numbers.

    Raises:
        InputError: If ``every_n_epochs`` is less than 1, ``max_notes`` is not 1 to ``MAX_NOTES``, or ``seed`` is
            negative.
    """

    def __init__(self, every_n_epochs: int = 10, max_notes: int = 96, seed: int = 0) -> None:
        for name, value, least in (("every_n_epochs", every_n_epochs, 1), ("seed", seed, 0)):
            if value < least:
                raise InputError(f"{name} is a whole number of {least} or more, got {value}")
        if max_notes > MAX_NOTES:
            raise InputError(f"max_notes is at most {MAX_NOTES} for a logged melody, got {max_notes}")
        self._every_n_epochs = every_n_epochs
        self._config = GenerationConfig(max_notes=max_notes, seed=seed)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log a melody if one is due."""
        epoch = trainer.current_epoch + 1
        loggers = [logger for logger in trainer.loggers if isinstance(logger, PairedTensorBoardLogger)]
        is_due = epoch == 1 or epoch % self._every_n_epochs == 0
        if not (is_due and loggers and trainer.is_global_zero):
            return
        melody = self._melody(pl_module.get_submodule("network"), _beginning(trainer))
        if melody is not None:
            for logger in loggers:
                logger.log_melody(_TAG, melody, epoch)

    def _melody(self, network: nn.Module, beginning: Melody) -> Melody | None:
        """Return a melody; None if the network's scores allow none, which must not end the training."""
        try:
            return sample(network, [beginning], self._config)[0]
        except InputError:
            return None


def _beginning(trainer: L.Trainer) -> Melody:
    """Return a melody without notes in the key, metre and mode of the first validation tune."""
    data = getattr(trainer, "datamodule", None)
    tunes = data.melodies["validation"] if isinstance(data, MelodyDataModule) else []
    return beginning_of(tunes[0]) if tunes else _NO_TUNE
