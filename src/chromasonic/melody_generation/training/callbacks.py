"""What happens at the end of every epoch: the history is written, the checkpoints are saved.

Lightning runs the callbacks in two rounds, first all that are no checkpoints; so a checkpoint holds the history
and the early stopping of its own epoch.
"""

from __future__ import annotations

import csv
import io
import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from chromasonic.melody_generation.atomic_files import atomic_file, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.schedules import VALIDATION_LOSS


class HistoryRecorder(Callback):
    """Writes the history and a CSV of all measures after every epoch, and the picture of the history now and then.

    Args:
        files: Where the history and its picture go.
        table: Where the CSV goes; None for no CSV.
    """

    # Epochs from picture to picture; one takes half a second, as long as a short epoch.
    _DRAW_EVERY = 10

    def __init__(self, files: CheckpointLayout, table: Path | None = None) -> None:
        self.history = TrainingHistory()
        self._files = files
        self._table = table
        self._rows: list[dict[str, float]] = []
        self._learning_rate = math.nan
        self.seconds = 0.0
        self._began = time.monotonic()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the time, and the rate, at which the epoch begins."""
        del pl_module
        self._began = time.monotonic()
        self._learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the epoch, and write all."""
        del pl_module
        # Not what else stands there: a monitor of learning rates puts its own in now and then, at another time after
        # a resume.
        measured = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.partition("/")[0] in {"train", "validation"}
        }
        if VALIDATION_LOSS not in measured:
            raise InputError("every epoch needs a validation: leave its number and the limit of its batches alone")
        self.seconds += time.monotonic() - self._began
        self.history.append(
            train_loss=measured["train/loss"],
            val_loss=measured[VALIDATION_LOSS],
            train_accuracy=measured["train/accuracy"],
            val_accuracy=measured["validation/accuracy"],
            learning_rate=self._learning_rate,
        )
        epoch = float(self.history.epoch[-1])
        self._rows.append({"epoch": epoch, "learning_rate": self._learning_rate, **measured})
        if trainer.is_global_zero:
            self._write()
            if len(self.history) % self._DRAW_EVERY == 0:
                self.draw()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Draw the curves of a run that was cut short."""
        del pl_module, exception
        if trainer.is_global_zero and len(self.history):
            with suppress(OSError):  # what ended the run is more worth telling
                self.draw()

    def best_scores(self, side: str) -> dict[str, float]:
        """All measures of a side (``train`` or ``validation``) at the best epoch, without the side's name."""
        row = self._rows[(self.history.best_epoch or 1) - 1]
        return {name.removeprefix(f"{side}/"): value for name, value in row.items() if name.startswith(f"{side}/")}

    def draw(self) -> None:
        """Draw the curves so far."""
        self.history.plot_curves(self._files.curves, title=self._files.model_name)

    def _write(self) -> None:
        """Write the history and the table, each whole."""
        self.history.save(self._files.history)
        if self._table is not None:
            names = list(dict.fromkeys(name for row in self._rows for name in row))
            text = io.StringIO()
            writer = csv.DictWriter(text, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
            write_text(self._table, text.getvalue())

    def state_dict(self) -> dict[str, Any]:
        """The history so far, as plain values."""
        return {"history": self.history.to_dict(), "rows": self._rows, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a history."""
        self.history = TrainingHistory.from_dict(state_dict["history"])
        self._rows = list(state_dict["rows"])
        self.seconds = state_dict["seconds"]


class _DirectCheckpointIO(TorchCheckpointIO):
    """Writes the file that it is told to.

    Lightning's own writes to the system's folder for temporary files first, which may be on another disk, and where
    what a killed run leaves behind is never found again.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        del storage_options
        # Through memory: of a full disk torch's own writer says no more than that it failed.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())


class RunCheckpoints(Checkpoint):
    """Saves the best, the last and every tenth epoch; ``fit`` copies the last one at completion.

    Lightning's own ModelCheckpoint counts epochs from 0 in its file names, forgets what was best once a run
    directory has been moved, and needs one instance for each of these.

    Args:
        files: What the checkpoints are called.
        every_n_epochs: Which epochs are kept.
        metadata: What every checkpoint says of its model; None for nothing.
    """

    def __init__(
        self, files: CheckpointLayout, every_n_epochs: int = 10, metadata: ModelMetadata | None = None
    ) -> None:
        self._files = files
        self._every_n_epochs = every_n_epochs
        self.metadata = metadata or ModelMetadata()
        self.best_loss = math.inf
        self.has_begun = False  # that what was restored, if anything was, fits the run
        self._epoch = 0
        self._over_at: int | None = None  # the epochs planned when training was stopped before them

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Have checkpoints written straight to where they are to be."""
        del pl_module, stage
        trainer.strategy.checkpoint_io = _DirectCheckpointIO()

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Train no more if training was over, though the run was not: killed while it was being tested, perhaps."""
        del pl_module
        if self._over_at is not None and self._over_at == trainer.max_epochs:
            trainer.should_stop = True

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note that all was restored."""
        del trainer, pl_module, outputs, batch, batch_idx
        self.has_begun = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save what this epoch calls for, the last one last: resuming needs nothing that is not yet written."""
        del pl_module
        epoch, loss = trainer.current_epoch + 1, float(trainer.callback_metrics[VALIDATION_LOSS])
        self._epoch = epoch
        self._over_at = trainer.max_epochs if trainer.should_stop else None
        if loss < self.best_loss:
            self.best_loss = loss
            self._save(trainer, self._files.best)
        if epoch % self._every_n_epochs == 0:
            self._save(trainer, self._files.epoch(epoch))
        self._save(trainer, self._files.last)

    @staticmethod
    def _save(trainer: L.Trainer, path: Path) -> None:
        if trainer.is_global_zero:
            with atomic_file(path) as beside:
                trainer.save_checkpoint(beside)
        else:
            trainer.save_checkpoint(path)  # all processes take part, and the first alone writes

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add what rebuilds the model by itself, and count epochs from 1."""
        del trainer
        network = pl_module.get_submodule("network")
        checkpoint.update(describe(network))
        checkpoint.update(self.metadata.to_checkpoint())
        checkpoint["model_state_dict"] = network.state_dict()
        checkpoint["epoch"] = self._epoch  # Lightning's own counts from 0 within an epoch, from 1 after the last

    def state_dict(self) -> dict[str, Any]:
        """The lowest validation loss, the epochs that are over, and whether training is."""
        return {"best_loss": self.best_loss, "epoch": self._epoch, "over_at": self._over_at}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.best_loss = state_dict["best_loss"]
        self._epoch = state_dict["epoch"]
        self._over_at = state_dict["over_at"]


def checkpoints_of(trainer: L.Trainer) -> RunCheckpoints:
    """Return the callback with which a trainer writes its checkpoints."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next(callback for callback in callbacks if isinstance(callback, RunCheckpoints))


class DivergenceGuard(Callback):
    """Ends a run whose loss is no number any more; what was saved until then stays.

    Raises:
        InputError: From the batch, or the validation, at which it happened.
    """

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the loss of a batch."""
        del pl_module, batch
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not math.isfinite(loss):
            self._refuse(trainer, "training", float(loss), f"batch {batch_idx + 1}")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the loss of the validation, which the last step of an epoch can ruin as well."""
        del pl_module
        loss = float(trainer.callback_metrics[VALIDATION_LOSS])
        if not math.isfinite(loss):
            self._refuse(trainer, "validation", loss, "its end")

    @staticmethod
    def _refuse(trainer: L.Trainer, side: str, loss: float, place: str) -> None:
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        raise InputError(
            f"the {side} loss became {loss} in epoch {trainer.current_epoch + 1} at {place}, after "
            f"{trainer.global_step} steps of the optimizer and with a learning rate of {rate:.3g}: lower learning_rate "
            "or trainer.gradient_clip_val (the best model so far is kept)"
        )


class RandomState(Callback):
    """Keeps torch's random state in the checkpoint: a resumed run drops what the uninterrupted one would have.

    That holds for one process; of several, all go on from the state of the first.
    """

    def __init__(self) -> None:
        self._to_restore: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """The state of the CPU's generator, and of each CUDA device's."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"cpu": torch.get_rng_state(), "cuda": cuda}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Hold a state until training begins."""
        self._to_restore = state_dict

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore what was held, once, after all that building and loading may have drawn."""
        del trainer, pl_module
        if self._to_restore is not None:
            torch.set_rng_state(self._to_restore["cpu"])
            if self._to_restore["cuda"] and len(self._to_restore["cuda"]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(self._to_restore["cuda"])
            self._to_restore = None
