"""How the learning rate moves over a run: one class for each schedule, made of plain numbers.

A schedule is told the optimizer and the length of the run, and answers what Lightning wants to know: the torch
scheduler, whether it steps by batch or by epoch, and what it watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

VALIDATION_LOSS = "validation/loss"


class Schedule(Protocol):
    """Moves the learning rate.

    Attributes:
        spans_run: Whether its shape is laid over all epochs of the run, which then cannot be resumed with others.
        needs_all_epochs: Whether it comes to nothing if the run stops early.
    """

    spans_run: ClassVar[bool]
    needs_all_epochs: ClassVar[bool]

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> dict[str, Any] | None:
        """Lightning's ``lr_scheduler`` entry, or None to leave the rate alone.

        Args:
            optimizer: Its rate is moved.
            n_epochs: Length of the run in epochs.
            n_steps: Length of the run in optimizer steps.
        """
        ...


@dataclass(frozen=True)
class Constant:
    """The rate stays as it is."""

    spans_run: ClassVar[bool] = False
    needs_all_epochs: ClassVar[bool] = False

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> dict[str, Any] | None:
        """Nothing moves."""
        del optimizer, n_epochs, n_steps
        return None


@dataclass(frozen=True)
class ReduceOnPlateau:
    """The rate times ``factor`` once validation loss has not fallen for more than ``patience`` epochs."""

    factor: float = 0.5
    patience: int = 5
    min_lr: float = 1e-6
    spans_run: ClassVar[bool] = False
    needs_all_epochs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check("factor", self.factor, 0 < self.factor < 1, "between 0 and 1")
        _check("patience", self.patience, self.patience >= 0, "0 or more")
        _check("min_lr", self.min_lr, self.min_lr >= 0, "0 or more")

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> dict[str, Any]:
        """Steps by epoch, on the validation loss."""
        del n_epochs, n_steps
        scheduler = ReduceLROnPlateau(optimizer, factor=self.factor, patience=self.patience, min_lr=self.min_lr)
        return _entry(scheduler, "epoch")


@dataclass(frozen=True)
class Step:
    """The rate times ``gamma`` every ``step_size`` epochs."""

    step_size: int = 20
    gamma: float = 0.5
    spans_run: ClassVar[bool] = False
    needs_all_epochs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check("step_size", self.step_size, self.step_size >= 1, "1 or more")
        _check("gamma", self.gamma, 0 < self.gamma <= 1, "more than 0 and at most 1")

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> dict[str, Any]:
        """Steps by epoch."""
        del n_epochs, n_steps
        return _entry(StepLR(optimizer, self.step_size, self.gamma), "epoch")


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the rate down to ``min_lr`` at the last epoch (Loshchilov & Hutter 2017, no restarts)."""

    min_lr: float = 0.0
    spans_run: ClassVar[bool] = True
    needs_all_epochs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check("min_lr", self.min_lr, self.min_lr >= 0, "0 or more")

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> dict[str, Any]:
        """Steps by epoch."""
        del n_steps
        return _entry(CosineAnnealingLR(optimizer, n_epochs, self.min_lr), "epoch")


@dataclass(frozen=True)
class OneCycle:
    """Up to the rate in the first ``warm_up`` of the run, then down to almost nothing (Smith & Topin 2018)."""

    warm_up: float = 0.1
    spans_run: ClassVar[bool] = True
    needs_all_epochs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check("warm_up", self.warm_up, 0 < self.warm_up < 1, "between 0 and 1")

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> dict[str, Any]:
        """Steps by batch, over the whole run; momentum is left alone."""
        del n_epochs
        peak = optimizer.param_groups[0]["lr"]
        # Where it rises or falls within a single step, torch's schedule divides by zero.
        n_steps = max(n_steps, 3)
        rise = max(self.warm_up, 2 / n_steps)
        scheduler = OneCycleLR(optimizer, peak, total_steps=n_steps, pct_start=rise, cycle_momentum=False)
        return _entry(scheduler, "step")


def _entry(scheduler: LRScheduler, interval: str) -> dict[str, Any]:
    return {"scheduler": scheduler, "interval": interval, "monitor": VALIDATION_LOSS}


def _check(name: str, value: float, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {expected}, got {value}")
