"""Small trainings that are resumed from a checkpoint, also from a changed one."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import nn
from torch.optim import AdamW

from chromasonic.melody_generation.data_loader import DividedMelodies
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.training.fit import TrainedRun, fit, run_callbacks
from chromasonic.melody_generation.training.lightning_module import MelodyModule, OptimizerFactory
from chromasonic.melody_generation.training.schedules import VALIDATION_LOSS, Schedule
from tests.small_networks import small_lstm, walks

# The parts of a checkpoint from which Lightning restores a training.
STATES = ("callbacks", "loops", "optimizer_states", "lr_schedulers", "global_step", "pytorch-lightning_version")


def layout(folder: Path) -> CheckpointLayout:
    return CheckpointLayout(folder, "m")


def train(
    folder: Path,
    n_epochs: int,
    *callbacks: Callback,
    network: nn.Module | None = None,
    optimizer: OptimizerFactory | None = None,
    schedule: Schedule | None = None,
) -> TrainedRun:
    """Train to a number of epochs, from the last checkpoint in the folder if there is one."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    L.seed_everything(3, verbose=False)
    tunes, files = walks(5), layout(folder)
    trainer = L.Trainer(
        max_epochs=n_epochs,
        callbacks=[*run_callbacks(files), EarlyStopping(VALIDATION_LOSS, patience=9), *callbacks],
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    module = MelodyModule(network or small_lstm(), optimizer or partial(AdamW, lr=0.01), schedule)
    data = DividedMelodies(tunes[:4], tunes[4:], batch_size=2)
    return fit(module, data, trainer, files, resume_from=files.latest)


def changed(source: Path, target: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Copy a training, and change the values of its last checkpoint in place."""
    shutil.copytree(source, target)
    last = layout(target).last
    values = torch.load(last, weights_only=True)
    change(values)
    torch.save(values, last)
