"""Hearing a model learn: a melody of its own in TensorBoard, after the first epoch and every few epochs.

It is sampled each time from the same random numbers, in the key, metre and mode of the same validation tune, so that
what changes from one to the next is the model. Training is not disturbed: nothing is drawn from torch's random state,
and the network is left in the mode in which it was.
"""

from __future__ import annotations

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import nn

from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.constraints import Limits
from chromasonic.melody_generation.generation.generate import beginning_of, sample
from chromasonic.melody_generation.generation.sampling import Sampling
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger

_TAG = "a melody of its own"
_NO_TUNE = Melody([], [])  # C major, 4/4


class SampleLogger(Callback):
    """Samples a melody and shows it as piano roll, sound and ABC; without TensorBoard it does nothing.

    Args:
        every_n_epochs: After which epochs, besides the first.
        max_notes: A melody that the model has not ended by then ends at the next bar line.
        seed: Of the random numbers.

    Raises:
        InputError: If ``every_n_epochs`` or ``max_notes`` is less than 1, or ``seed`` is negative.
    """

    def __init__(self, every_n_epochs: int = 10, max_notes: int = 96, seed: int = 0) -> None:
        for name, value, least in (("every_n_epochs", every_n_epochs, 1), ("seed", seed, 0)):
            if value < least:
                raise InputError(f"{name} is a whole number of {least} or more, got {value}")
        self._every_n_epochs = every_n_epochs
        self._limits = Limits(max_notes=max_notes)
        self._seed = seed

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the model be heard."""
        epoch = trainer.current_epoch + 1
        loggers = [each for each in trainer.loggers if isinstance(each, PairedTensorBoardLogger)]
        is_due = epoch == 1 or epoch % self._every_n_epochs == 0
        if not (is_due and loggers and trainer.is_global_zero):
            return
        melody = self._melody(pl_module.get_submodule("network"), _beginning(trainer))
        if melody is not None:
            for logger in loggers:
                logger.log_melody(_TAG, melody, epoch)

    def _melody(self, network: nn.Module, beginning: Melody) -> Melody | None:
        """A melody; None where the network's scores allow none, which is no reason to end the training."""
        try:
            return sample(network, [beginning], Sampling(), self._limits, seed=self._seed)[0]
        except InputError:
            return None


def _beginning(trainer: L.Trainer) -> Melody:
    """The key, metre and mode of the first validation tune."""
    data = getattr(trainer, "datamodule", None)
    tunes = data.melodies["validation"] if isinstance(data, MelodyDataModule) else []
    return beginning_of(tunes[0]) if tunes else _NO_TUNE
