"""The same seed gives the same numbers, and a run that was cut short and resumed equals one that was not.

Bit for bit, on the CPU: losses, accuracies, learning rates, weights and scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.utilities.types import LRSchedulerConfigType
from torch import Tensor
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.transformer import TransformerNetwork
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.training.fit import TrainedRun, fit, run_callbacks
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.lightning_module import MelodyModule, OptimizerFactory
from chromasonic.melody_generation.training.schedules import Constant, Cosine, OneCycle, ReduceOnPlateau, Schedule, Step

pytestmark = pytest.mark.slow

N_EPOCHS = 6
CUT_IN = 5
FAST = partial(AdamW, lr=0.01)


class Plateau(ReduceOnPlateau):
    """Sees a plateau in whatever is not ten times better: the rate moves after epochs 3 and 5, before and after a cut.

    Epoch 4 is counted before the cut, epoch 5 after it.
    """

    def lightning(self, optimizer: Optimizer, n_epochs: int, n_steps: int) -> LRSchedulerConfigType:
        entry = super().lightning(optimizer, n_epochs, n_steps)
        assert isinstance(entry["scheduler"], ReduceLROnPlateau)
        entry["scheduler"].threshold = 0.9
        return entry


SCHEDULES: dict[str, Schedule] = {
    "cosine": Cosine(),
    "one_cycle": OneCycle(),
    "reduce_on_plateau": Plateau(patience=1),
    "step": Step(step_size=2),
}


class PowerCut(Exception):  # noqa: N818  it is no error of the program
    """What ends a run in the middle of an epoch."""


class CutIn(Callback):
    """Ends the run in the second batch of an epoch, counted from 1."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        del pl_module, batch
        if trainer.current_epoch + 1 == self.epoch and batch_idx == 1:
            raise PowerCut


@dataclass(frozen=True)
class Setting:
    """All that shapes a run, so that it can be started twice."""

    network: str = "lstm"
    schedule: Schedule = Constant()  # noqa: RUF009  frozen, without state
    optimizer: OptimizerFactory = FAST
    seed: int = 1
    n_epochs: int = N_EPOCHS
    patience: int | None = None

    def run(self, directory: Path, *, cut_in: int | None = None, resume: bool = False) -> TrainedRun:
        """Train as a program that has just been started would."""
        files = CheckpointLayout(directory, "model")
        L.seed_everything(self.seed, verbose=False)
        data = MelodyDataModule(SyntheticCorpus(num_sequences=14), batch_size=4, seed=self.seed)
        network = LSTMNetwork(16, 2, 0.3) if self.network == "lstm" else TransformerNetwork(16, 2, 2, 0.3)
        callbacks = run_callbacks(files)
        if self.patience is not None:
            callbacks.append(EarlyStopping("validation/loss", patience=self.patience))
        if cut_in is not None:
            callbacks.append(CutIn(cut_in))
        trainer = L.Trainer(
            max_epochs=self.n_epochs,
            callbacks=callbacks,
            accelerator="cpu",
            logger=False,
            gradient_clip_val=1.0,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        module = MelodyModule(network, self.optimizer, self.schedule)
        return fit(module, data, trainer, files, resume_from=files.last if resume else None)


def weights(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, weights_only=True)["model_state_dict"]
    return state


def same_weights(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def show_same(one: TrainedRun, other: TrainedRun) -> None:
    assert one.history == other.history
    assert one.scores == other.scores
    assert same_weights(one.files.final, other.files.final)
    assert same_weights(one.files.best, other.files.best)
    assert TrainingHistory.load(one.files.history) == TrainingHistory.load(other.files.history)


def disturb() -> None:
    """Leave every source of randomness as another program would."""
    torch.manual_seed(4321)
    torch.rand(17)
    np.random.seed(99)  # noqa: NPY002  the global generator is what is to be disturbed


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The curves are drawn from the history, which is compared; drawing takes longer than training does here."""
    monkeypatch.setattr(TrainingHistory, "plot_curves", lambda *_, **__: None)


@pytest.fixture(params=["lstm", "transformer"])
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Uninterrupted = Callable[[Setting], TrainedRun]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    """Return a function that trains a run of a setting without interruption, once for all tests."""
    runs: list[tuple[Setting, TrainedRun]] = []

    def run(setting: Setting) -> TrainedRun:
        for known, trained in runs:
            if known == setting:
                return trained
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrainingHistory, "plot_curves", lambda *_, **__: None)
            trained = setting.run(tmp_path_factory.mktemp("whole"))
        runs.append((setting, trained))
        return trained

    return run


def test_the_same_seed_gives_the_same_run(network: str, uninterrupted: Uninterrupted, tmp_path: Path) -> None:
    first = uninterrupted(Setting(network))
    disturb()
    show_same(first, Setting(network).run(tmp_path / "second"))


def test_another_seed_gives_another_run(network: str, tmp_path: Path) -> None:
    one, other = (Setting(network, seed=seed, n_epochs=1).run(tmp_path / str(seed)) for seed in (1, 2))
    assert one.history.train_loss != other.history.train_loss
    assert not same_weights(one.files.final, other.files.final)


# Resuming a schedule does not depend on the network.
@pytest.mark.parametrize(
    ("network", "schedule"),
    [("lstm", "reduce_on_plateau"), ("lstm", "step"), ("lstm", "cosine"), ("transformer", "one_cycle")],
)
def test_a_run_cut_short_and_resumed_equals_one_that_was_not(
    network: str, schedule: str, uninterrupted: Uninterrupted, tmp_path: Path
) -> None:
    setting = Setting(network, SCHEDULES[schedule])
    whole = uninterrupted(setting)
    with pytest.raises(PowerCut):
        setting.run(tmp_path / "cut", cut_in=CUT_IN)
    assert TrainingHistory.load(tmp_path / "cut" / "model_history.json").epoch == list(range(1, CUT_IN))
    disturb()
    resumed = setting.run(tmp_path / "cut", resume=True)
    show_same(whole, resumed)
    rates = whole.history.learning_rate
    assert len(set(rates[: CUT_IN - 1])) > 1
    assert len(set(rates[CUT_IN - 2 :])) > 1


def test_a_run_cut_short_more_than_once_equals_one_that_was_not(uninterrupted: Uninterrupted, tmp_path: Path) -> None:
    setting = Setting(schedule=Plateau(patience=1))
    whole = uninterrupted(setting)
    for attempt, epoch in enumerate((2, 3, 5)):
        disturb()
        with pytest.raises(PowerCut):
            setting.run(tmp_path / "cut", cut_in=epoch, resume=attempt > 0)
    show_same(whole, setting.run(tmp_path / "cut", resume=True))


def test_a_complete_run_resumed_with_more_epochs_equals_one_run(uninterrupted: Uninterrupted, tmp_path: Path) -> None:
    schedule = Plateau(patience=1)
    whole = uninterrupted(Setting(schedule=schedule))
    Setting(schedule=schedule, n_epochs=2).run(tmp_path / "longer")
    disturb()
    show_same(whole, Setting(schedule=schedule).run(tmp_path / "longer", resume=True))


def test_early_stopping_continues_its_count_after_a_cut(tmp_path: Path) -> None:
    # A rate of 0 never improves on the first epoch: the run ends when patience has run out, after 4 epochs.
    setting = Setting(optimizer=partial(SGD, lr=0.0), patience=3, n_epochs=20)
    assert setting.run(tmp_path / "whole").history.epoch == [1, 2, 3, 4]
    with pytest.raises(PowerCut):
        setting.run(tmp_path / "cut", cut_in=3)
    assert setting.run(tmp_path / "cut", resume=True).history.epoch == [1, 2, 3, 4]
