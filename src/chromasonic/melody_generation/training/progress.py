"""Progress of training in the terminal: a bar within each epoch, and a line after it."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochProgress(ProgressBar):
    """Prints losses and bits per note after every epoch, with a progress bar if there is a terminal.

    Args:
        console: Console to print to; standard output by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self._console = console or Console()
        self._enabled = True
        self._best = float("inf")
        self._bar: Progress | None = None
        self._task: Any = None

    def disable(self) -> None:
        """Stop printing; Lightning calls this in all processes but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Print again."""
        self._enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the header of the lines, and show the bar if there is a terminal."""
        del pl_module
        if not self._enabled:
            return
        self._console.print("[dim]     epoch   train loss     val loss   bits/note   accuracy[/dim]", highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=int(trainer.num_training_batches))
        self._bar.start()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Reset the bar."""
        super().on_train_epoch_start(trainer, pl_module)
        if self._bar:
            self._bar.reset(self._task, description=f"epoch {trainer.current_epoch + 1}")

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the bar."""
        del trainer, pl_module, outputs, batch
        if self._bar:
            self._bar.update(self._task, completed=batch_idx + 1)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the line of the epoch; a star marks the lowest validation loss so far."""
        del pl_module
        if not self._bar:
            return
        measured = {name: float(value) for name, value in trainer.callback_metrics.items()}
        loss = measured["validation/loss"]
        star = "*" if loss < self._best else " "
        self._best = min(loss, self._best)
        of = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._console.print(
            f"{of:>10}   {measured['train/loss']:10.4f}  {loss:10.4f}{star}  "
            f"{measured['validation/bits_per_note']:10.3f}   {measured['validation/accuracy']:8.3f}",
            highlight=False,
        )

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Remove the bar."""
        del trainer, pl_module, stage
        self._remove_bar()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Remove the bar, and restore the terminal's cursor, when training is interrupted."""
        del trainer, pl_module, exception
        self._remove_bar()

    def state_dict(self) -> dict[str, float]:
        """Return the lowest validation loss so far, which decides about the next star."""
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Restore the lowest validation loss."""
        self._best = state_dict["best"]

    def _remove_bar(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None
