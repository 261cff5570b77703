"""Schedules of the learning rate: one class for each, built from plain numbers.

Given the optimizer and the length of the run, a schedule returns the entry that Lightning expects: the torch scheduler,
its interval (batch or epoch), and the measure that it monitors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

if TYPE_CHECKING:  # resuming and studies import this module, and Lightning takes seconds
    from lightning.pytorch.utilities.types import LRSchedulerConfigType

VALIDATION_LOSS = "validation/loss"


@runtime_checkable
class Schedule(Protocol):
    """A schedule of the learning rate.

    Attributes:
        spans_run: Whether its shape depends on the number of epochs, so that a run cannot be resumed with another one.
        needs_all_epochs: Whether it is useless if the run stops early.
    """

    spans_run: ClassVar[bool]
    needs_all_epochs: ClassVar[bool]

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType | None:
        """Return Lightning's ``lr_scheduler`` entry; None for a constant rate.

        Args:
            optimizer: The optimizer whose rate changes.
            n_epochs: Length of the run in epochs.
            n_steps: Length of the run in optimizer steps.
        """
        ...


@dataclass(frozen=True)
class Constant:
    """A constant rate."""

    spans_run: ClassVar[bool] = False
    needs_all_epochs: ClassVar[bool] = False

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType | None:
        """Return None: the rate does not change."""
        del optimizer, n_epochs, n_steps
        return None


@dataclass(frozen=True)
class ReduceOnPlateau:
    """The rate times ``factor`` when validation loss has not fallen for more than ``patience`` epochs."""

    factor: float = 0.5
    patience: int = 5
    min_lr: float = 1e-6
    spans_run: ClassVar[bool] = False
    needs_all_epochs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check("factor", self.factor, 0 < self.factor < 1, "between 0 and 1")
        _check("patience", self.patience, self.patience >= 0, "0 or more")
        _check("min_lr", self.min_lr, self.min_lr >= 0, "0 or more")

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType:
        """Return a scheduler that steps after every epoch, on the validation loss."""
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

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType:
        """Return a scheduler that steps after every epoch."""
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

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType:
        """Return a scheduler that steps after every epoch."""
        del n_steps
        return _entry(CosineAnnealingLR(optimizer, n_epochs, self.min_lr), "epoch")


@dataclass(frozen=True)
class OneCycle:
    """Up to the rate in the first fraction ``warm_up`` of the run, then down to almost 0 (Smith & Topin 2018)."""

    warm_up: float = 0.1
    spans_run: ClassVar[bool] = True
    needs_all_epochs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check("warm_up", self.warm_up, 0 < self.warm_up < 1, "between 0 and 1")

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType:
        """Return a scheduler that steps after every batch; momentum does not change."""
        del n_epochs
        peak = optimizer.param_groups[0]["lr"]
        # With a single step up or down, torch's schedule divides by zero.
        n_steps = max(n_steps, 3)
        rise = max(self.warm_up, 2 / n_steps)
        scheduler = OneCycleLR(optimizer, peak, total_steps=n_steps, pct_start=rise, cycle_momentum=False)
        return _entry(scheduler, "step")


def _entry(scheduler: LRScheduler, interval: str) -> LRSchedulerConfigType:
    return {"scheduler": scheduler, "interval": interval, "monitor": VALIDATION_LOSS}


def _check(name: str, value: float, holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {expected}, got {value}")
