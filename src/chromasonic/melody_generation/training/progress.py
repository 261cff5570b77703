"""Progress of training in the terminal: a bar within each epoch, and a line after it."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar

from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar


class EpochProgress(ProgressBar):
    """Prints losses and bits per note after every epoch, with a progress bar if there is a terminal.

    Args:
        terminal: The terminal to print to; standard output by default.
    """

    def __init__(self, terminal: Terminal | None = None) -> None:
        super().__init__()
        self._terminal = terminal or Terminal()
        self._enabled = True
        self._best = float("inf")
        self._bar: TerminalBar | None = None

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
        self._terminal.print("     epoch   train loss     val loss   bits/note   accuracy", is_dim=True)
        self._bar = TerminalBar(self._terminal, "", total=int(trainer.num_training_batches))
        self._bar.start()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Reset the bar."""
        super().on_train_epoch_start(trainer, pl_module)
        if self._bar:
            self._bar.restart(f"epoch {trainer.current_epoch + 1}")

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the bar."""
        del trainer, pl_module, outputs, batch, batch_idx
        if self._bar:
            self._bar.advance()

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
        self._terminal.print(
            f"{of:>10}   {measured['train/loss']:10.4f}  {loss:10.4f}{star}  "
            f"{measured['validation/bits_per_note']:10.3f}   {measured['validation/accuracy']:8.3f}"
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
