"""Callbacks of every run: history, checkpoints, random state, and a guard against divergence.

Lightning runs checkpoint callbacks after all others, so that a checkpoint holds the history and the state of early
stopping of the same epoch.
"""

from __future__ import annotations

import csv
import io
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint, StochasticWeightAveraging
from lightning.pytorch.plugins.io import TorchCheckpointIO

from chromasonic.melody_generation.atomic_files import JsonObject, atomic_file, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import Checkpoint as RunCheckpoint
from chromasonic.melody_generation.runs.checkpoint import describe, read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.threads.own_generator import cpu_generator
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.lightning_module import LOGGED_MEASURES
from chromasonic.melody_generation.training.resume import StateCheck
from chromasonic.melody_generation.training.schedules import VALIDATION_LOSS


class HistoryRecorder(Callback):
    """Writes the history and a CSV of all measures after every epoch, and the learning curves every few epochs.

    Args:
        files: Paths of the history and the curves.
        table: Path of the CSV; None for no CSV.
    """

    # Epochs from drawing to drawing; one takes half a second, as long as a short epoch.
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
        """Store the time and the learning rate at the beginning of the epoch."""
        del pl_module
        self._began = time.monotonic()
        self._learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the epoch, and write the files."""
        del pl_module
        # Metrics of LearningRateMonitor are left out: after a resume it adds them at other times.
        measured = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.partition("/")[0] in {"train", "validation"}
        }
        if VALIDATION_LOSS not in measured:
            raise InputError(
                "every epoch needs a validation: do not change how often, or on how many batches, the trainer validates"
            )
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
        """Draw the curves of a run that ends early."""
        del pl_module, exception
        if trainer.is_global_zero and len(self.history):
            with suppress(OSError):  # the exception that ended the run matters more
                self.draw()

    def best_scores(self, side: str) -> dict[str, float]:
        """Return all measures of a side (``train`` or ``validation``) at the best epoch, without the side's name."""
        row = self._rows[(self.history.best_epoch or 1) - 1]
        return {name.removeprefix(f"{side}/"): value for name, value in row.items() if name.startswith(f"{side}/")}

    def draw(self) -> None:
        """Draw the curves so far."""
        self.history.plot_curves(self._files.curves, title=self._files.model_name)

    def _write(self) -> None:
        """Write the history and the table."""
        self.history.save(self._files.history)
        if self._table is not None:
            names = list(dict.fromkeys(name for row in self._rows for name in row))
            text = io.StringIO()
            writer = csv.DictWriter(text, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
            write_text(self._table, text.getvalue())

    def state_dict(self) -> JsonObject:
        """Return the history so far, as plain values."""
        return {"history": self.history.to_dict(), "rows": self._rows, "seconds": self.seconds}

    def load_state_dict(self, state_dict: JsonObject) -> None:
        """Restore a history.

        Raises:
            ValueError: If it does not have all epochs from the first, or lacks their measures.
        """
        self.history = TrainingHistory.from_dict(state_dict["history"])
        self._rows = list(state_dict["rows"])
        self.seconds = state_dict["seconds"]
        if self.history.epoch != list(range(1, len(self._rows) + 1)):
            raise ValueError("its history does not have a row of measures for each epoch from the first")
        for row in self._rows:
            if not isinstance(row, dict) or not set(LOGGED_MEASURES) <= row.keys():
                raise ValueError("its history lacks measures of an epoch")
            if not all(isinstance(name, str) and isinstance(value, float) for name, value in row.items()):
                raise ValueError("its history has a measure that is no number")


class _DirectCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint directly to its path, and gives Lightning the values that were checked.

    Lightning's own class writes to the system's temporary folder first, which may be on another disk, and in which
    unfinished files of a killed run stay. It would read a checkpoint again, by other rules than ours.

    Args:
        resumed: The checkpoint that the run is resumed from; None to read the one that Lightning names.
    """

    def __init__(self, resumed: RunCheckpoint | None = None) -> None:
        super().__init__()
        self._resumed = resumed

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the values of a checkpoint that was checked as every checkpoint is."""
        del args, kwargs  # all tensors go to the CPU first, and nothing but tensors and plain values is read
        resumed = self._resumed
        checkpoint = resumed if resumed and resumed.path == Path(path) else read_checkpoint(path)
        return dict(checkpoint.training_state)

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        del storage_options
        # Through memory, since torch's own writer gives no reason when the disk is full.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())


class RunCheckpoints(Checkpoint):
    """Saves the best, the last and every tenth epoch; ``fit`` copies the last one at completion.

    Lightning's own ModelCheckpoint counts epochs from 0 in its file names, forgets the best epoch once a run
    directory has been moved, and needs one instance for each kind.

    Args:
        files: Paths of the checkpoints.
        every_n_epochs: Epochs between the checkpoints that are kept.
        metadata: Metadata of the model, which every checkpoint holds; may be set later.

    Attributes:
        resumed: The checkpoint that the run is resumed from, as it was checked; None if it starts.
        has_begun: Whether the optimizer took a step, so that all restored parts fit the run.
    """

    def __init__(
        self, files: CheckpointLayout, every_n_epochs: int = 10, metadata: ModelMetadata | None = None
    ) -> None:
        self._files = files
        self._every_n_epochs = every_n_epochs
        self.metadata = metadata or ModelMetadata()
        self.best_loss = math.inf
        self.resumed: RunCheckpoint | None = None
        self.has_begun = False
        self._first_step = 0
        self._epoch = 0
        self._over_at: int | None = None  # number of planned epochs when training stopped early

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Write checkpoints directly to their paths, and read none but checked ones.

        Raises:
            ValueError: If the checkpoint to resume from has a state that does not fit its callback.
        """
        del pl_module
        trainer.strategy.checkpoint_io = _DirectCheckpointIO(self.resumed)
        if self.resumed is not None and stage == "fit":
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
            own = [each for each in callbacks if type(each).__module__.startswith(("chromasonic.", "lightning."))]
            fresh = {callback.state_key: callback.state_dict() for callback in own}
            StateCheck(self.resumed, L.__version__).check_callbacks(fresh)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check the states that Lightning restores next; stop at once if training had ended already.

        A run has ended already if it was killed while it was tested.

        Raises:
            ValueError: If a state of the checkpoint does not fit the training loop, the optimizer or the schedule.
        """
        del pl_module
        if self.resumed is not None:
            self._check_states(trainer, StateCheck(self.resumed, L.__version__))
        if self._over_at is not None and self._over_at == trainer.max_epochs:
            trainer.should_stop = True

    @staticmethod
    def _check_states(trainer: L.Trainer, states: StateCheck) -> None:
        states.check_loops(trainer.fit_loop.state_dict())
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        if any(isinstance(callback, StochasticWeightAveraging) for callback in callbacks):
            return  # it replaces the schedule in the middle of a run
        states.check_optimizers([trainer.strategy.optimizer_state(optimizer) for optimizer in trainer.optimizers])
        states.check_schedulers([entry.scheduler.state_dict() for entry in trainer.lr_scheduler_configs])

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the optimizer's steps so far."""
        del pl_module
        self._first_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record that all parts were restored, once the optimizer took a step."""
        del pl_module, outputs, batch, batch_idx
        self.has_begun = self.has_begun or trainer.global_step > self._first_step

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the checkpoints of this epoch; ``last`` is written last, so that a resumed run finds all others."""
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
        """Add the values that rebuild the model, and count epochs from 1."""
        del trainer
        network = pl_module.get_submodule("network")
        checkpoint.update(describe(network))
        checkpoint.update(self.metadata.to_checkpoint())
        checkpoint["model_state_dict"] = network.state_dict()
        checkpoint["epoch"] = self._epoch  # Lightning's own counts from 0 within an epoch, from 1 after the last

    def state_dict(self) -> dict[str, float | None]:
        """Return the lowest validation loss, the number of completed epochs, and the early end of training."""
        return {"best_loss": self.best_loss, "epoch": self._epoch, "over_at": self._over_at}

    def load_state_dict(self, state_dict: JsonObject) -> None:
        """Restore these values."""
        self.best_loss = state_dict["best_loss"]
        self._epoch = state_dict["epoch"]
        self._over_at = state_dict["over_at"]


def checkpoints_of(trainer: L.Trainer) -> RunCheckpoints:
    """Return the callback with which a trainer writes its checkpoints."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next(callback for callback in callbacks if isinstance(callback, RunCheckpoints))


class DivergenceGuard(Callback):
    """Ends a run whose loss is not finite; earlier checkpoints stay.

    Raises:
        InputError: After the batch, or the validation, with that loss.
    """

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss of a batch."""
        del pl_module, batch
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not math.isfinite(loss):
            self._refuse(trainer, "training", float(loss), f"batch {batch_idx + 1}")

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check the validation loss, which the last step of an epoch may affect."""
        del pl_module
        loss = float(trainer.callback_metrics[VALIDATION_LOSS])
        if not math.isfinite(loss):
            self._refuse(trainer, "validation", loss, "its end")

    @staticmethod
    def _refuse(trainer: L.Trainer, side: str, loss: float, position: str) -> None:
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        raise InputError(
            f"the {side} loss became {loss} in epoch {trainer.current_epoch + 1} at {position}, after "
            f"{trainer.global_step} steps of the optimizer and with a learning rate of {rate:.3g}: lower learning_rate "
            "or trainer.gradient_clip_val (the best model so far is kept)"
        )


@dataclass(frozen=True)
class _GeneratorStates:
    """The states of the CPU's generator and of each CUDA device's."""

    cpu: torch.Tensor
    cuda: list[torch.Tensor]


class RandomState(Callback):
    """Saves torch's random state in the checkpoint, so that a resumed run has the dropout of an uninterrupted one.

    This holds for one process; several processes all continue from the state of the first.
    """

    def __init__(self) -> None:
        self._to_restore: _GeneratorStates | None = None

    def state_dict(self) -> dict[str, torch.Tensor | list[torch.Tensor]]:
        """Return the states of the CPU's generator and of each CUDA device's."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"cpu": cpu_generator().get_state(), "cuda": cuda}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Store a state until training begins."""
        self._to_restore = _GeneratorStates(state_dict["cpu"], state_dict["cuda"])

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the stored state, once, after building and loading may have used the generators."""
        del trainer, pl_module
        if self._to_restore is not None:
            cpu_generator().set_state(self._to_restore.cpu)
            if self._to_restore.cuda and len(self._to_restore.cuda) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(self._to_restore.cuda)
            self._to_restore = None
