import csv
import math
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from tests.small_networks import user_network, walks
from torch import nn
from torch.optim import AdamW

from chromasonic.melody_generation.data_loader import DividedMelodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.training.callbacks import (
    DivergenceGuard,
    HistoryRecorder,
    RandomState,
    RunCheckpoints,
)
from chromasonic.melody_generation.training.fit import TrainedRun, fit, run_callbacks
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.training.lightning_module import MelodyModule
from chromasonic.melody_generation.training.schedules import VALIDATION_LOSS, Constant, Step

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers.*", "ignore:.*smaller than the logging interval.*", "ignore:.*LeafSpec.*"
)


# For callbacks that only want to be told.
TRAINER = L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
MODULE = MelodyModule(nn.Linear(1, 1))


class GivenLosses(Callback):
    """Replaces the measured validation losses before other callbacks read them."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.callback_metrics[VALIDATION_LOSS].fill_(self.losses[trainer.current_epoch])


class WeightRecorder(Callback):
    """The network's weights at the end of each epoch."""

    def __init__(self) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        weights = pl_module.get_submodule("network").state_dict()
        self.weights.append({name: weight.clone() for name, weight in weights.items()})


def train(
    folder: Path,
    n_epochs: int,
    *others: Callback,
    module: MelodyModule | None = None,
    callbacks: list[Callback] | None = None,
) -> CheckpointLayout:
    """Train a few small epochs with the callbacks of a run; the history is in the files."""
    files = CheckpointLayout(folder, "melody_mine")
    ours = (
        run_callbacks(files, ModelMetadata(split_hash="abc"), folder / "metrics.csv")
        if callbacks is None
        else callbacks
    )
    trainer = L.Trainer(
        max_epochs=n_epochs,
        callbacks=[*others, *ours],
        accelerator="cpu",
        enable_checkpointing=any(isinstance(each, Checkpoint) for each in ours),  # else Lightning adds its own
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    tunes = walks(6)
    trainer.fit(module or MelodyModule(user_network(2), partial(AdamW, lr=0.01)), DividedMelodies(tunes[:4], tunes[4:]))
    return files


def same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def eleven_epochs(tmp_path_factory: pytest.TempPathFactory) -> tuple[CheckpointLayout, WeightRecorder, list[float]]:
    """A run whose third epoch is its best."""
    losses = [5.0, 4.0, 2.0, 3.0, 2.0, *[6.0] * 6]
    recorder = WeightRecorder()
    folder = tmp_path_factory.mktemp("run") / "not_there_yet"
    return train(folder, 11, GivenLosses(losses), recorder), recorder, losses


def test_a_run_writes_the_documented_files_and_no_others(
    eleven_epochs: tuple[CheckpointLayout, WeightRecorder, list[float]],
) -> None:
    files, _, _ = eleven_epochs
    assert sorted(path.name for path in files.directory.iterdir()) == [
        "melody_mine_best.pt",
        "melody_mine_curves.png",
        "melody_mine_epoch_10.pt",
        "melody_mine_history.json",
        "melody_mine_last.pt",
        "metrics.csv",
    ]


def test_each_checkpoint_holds_the_weights_of_its_epoch_counted_from_1(
    eleven_epochs: tuple[CheckpointLayout, WeightRecorder, list[float]],
) -> None:
    files, recorder, _ = eleven_epochs
    for path, epoch in ((files.best, 3), (files.epoch(10), 10), (files.last, 11)):
        checkpoint = torch.load(path, weights_only=True)
        assert checkpoint["epoch"] == epoch, path.name
        assert checkpoint["hash"] == "abc"
        assert same_weights(checkpoint["model_state_dict"], recorder.weights[epoch - 1])
        user_network(2).load_state_dict(checkpoint["model_state_dict"])  # the bare network's own keys


def test_history_and_table_hold_every_epoch(
    eleven_epochs: tuple[CheckpointLayout, WeightRecorder, list[float]],
) -> None:
    files, _, losses = eleven_epochs
    history = TrainingHistory.load(files.history)
    assert history.epoch == list(range(1, 12))
    assert history.val_loss == losses
    assert (history.best_epoch, history.best_val_loss) == (3, 2.0)
    with (files.directory / "metrics.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [float(row["epoch"]) for row in rows] == history.epoch
    assert [float(row["validation/loss"]) for row in rows] == losses
    assert [float(row["train/loss"]) for row in rows] == history.train_loss
    measures = ("loss", "bits_per_note", "note_bits", "accuracy", "pitch_accuracy", "duration_accuracy")
    expected = {"epoch", "learning_rate"} | {f"{side}/{name}" for side in ("train", "validation") for name in measures}
    assert set(rows[0]) == expected


def test_everything_is_written_after_every_epoch(tmp_path: Path) -> None:
    seen = []

    class Decoder(Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            if trainer.current_epoch:
                with (tmp_path / "metrics.csv").open() as table:
                    n_rows = sum(1 for _ in table) - 1
                files = CheckpointLayout(tmp_path, "melody_mine")
                n_epochs = len(TrainingHistory.load(files.history))
                seen.append((n_rows, n_epochs, read_checkpoint(files.last).epoch))

    train(tmp_path, 3, Decoder())
    assert seen == [(1, 1, 1), (2, 2, 2)]


def test_the_recorded_rate_is_that_of_the_beginning_of_the_epoch(tmp_path: Path) -> None:
    module = MelodyModule(user_network(2), partial(AdamW, lr=0.5), Step(step_size=1, gamma=0.5))
    assert TrainingHistory.load(train(tmp_path, 3, module=module).history).learning_rate == [0.5, 0.25, 0.125]


def test_scores_of_the_best_epoch_are_those_of_its_row(tmp_path: Path) -> None:
    recorder = HistoryRecorder(CheckpointLayout(tmp_path, "melody_mine"))
    train(tmp_path, 3, GivenLosses([3.0, 1.0, 2.0]), callbacks=[recorder])
    scores = recorder.best_scores("validation")
    assert scores["loss"] == 1.0
    assert recorder.best_scores("train")["loss"] == recorder.history.train_loss[1]
    assert not (tmp_path / "metrics.csv").exists()


def test_an_interrupted_run_has_its_curves(tmp_path: Path) -> None:
    class PowerCut(Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            if trainer.current_epoch == 1:
                raise RuntimeError("dark")

    with pytest.raises(RuntimeError, match="dark"):
        train(tmp_path, 3, PowerCut())
    files = CheckpointLayout(tmp_path, "melody_mine")
    assert files.curves.exists()
    assert files.last.exists()
    assert not files.final.exists()


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = L.Trainer.save_checkpoint

    def full_disk(self: L.Trainer, path: Any, *args: Any, **kwargs: Any) -> None:
        save(self, path, *args, **kwargs)
        if self.current_epoch == 1:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(L.Trainer, "save_checkpoint", full_disk)
    with pytest.raises(OSError, match="No space left"):
        train(tmp_path, 3, GivenLosses([3.0, 2.0, 1.0]))
    assert read_checkpoint(CheckpointLayout(tmp_path, "melody_mine").best).epoch == 1
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_resumed_run_restores_the_best_loss_and_the_epochs(tmp_path: Path) -> None:
    ours = RunCheckpoints(CheckpointLayout(tmp_path, "melody_mine"))
    train(tmp_path, 2, GivenLosses([2.0, 3.0]), callbacks=[ours])
    resumed = RunCheckpoints(CheckpointLayout(tmp_path, "melody_mine"))
    resumed.load_state_dict(ours.state_dict())
    assert resumed.state_dict() == ours.state_dict() == {"best_loss": 2.0, "epoch": 2, "over_at": None}


def test_the_random_state_is_restored_once_when_training_begins() -> None:
    state = RandomState()
    torch.manual_seed(5)
    kept = state.state_dict()
    expected = torch.rand(4)
    restored = RandomState()
    restored.load_state_dict(kept)
    torch.manual_seed(7)
    restored.on_train_epoch_start(TRAINER, MODULE)
    assert torch.equal(torch.rand(4), expected)
    restored.on_train_epoch_start(TRAINER, MODULE)
    assert not torch.equal(torch.rand(4), expected)


def test_without_a_loaded_state_the_generator_does_not_change() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    RandomState().on_train_epoch_start(TRAINER, MODULE)
    assert torch.equal(torch.get_rng_state(), before)


def test_accumulated_gradients_do_not_hide_a_loss_that_is_not_finite(tmp_path: Path) -> None:
    module = MelodyModule(user_network(2), partial(AdamW, lr=0.01), Constant())
    tunes = walks(9)

    class Ruin(Callback):
        def on_train_batch_start(
            self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, number: int
        ) -> None:
            if trainer.current_epoch == 1 and number == 3:
                with torch.no_grad():
                    next(pl_module.parameters()).fill_(math.nan)

    trainer = L.Trainer(
        max_epochs=3,
        accumulate_grad_batches=2,
        callbacks=[Ruin(), DivergenceGuard()],
        accelerator="cpu",
        enable_checkpointing=False,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    # Seven batches: four steps in the first epoch, and one before batch 4 of the second, which takes one more.
    with pytest.raises(InputError, match="training loss became nan in epoch 2 at batch 4, after 6 steps"):
        trainer.fit(module, DividedMelodies(tunes[:7], tunes[7:], batch_size=1))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_ends_the_run_and_keeps_the_best(tmp_path: Path, loss: float) -> None:
    with pytest.raises(InputError, match=f"validation loss became {loss} in epoch 2 .* rate of 0.01"):
        train(tmp_path, 3, GivenLosses([2.0, loss, 1.0]))
    assert read_checkpoint(CheckpointLayout(tmp_path, "melody_mine").best).epoch == 1


def test_a_training_loss_that_is_not_finite_ends_the_run_at_once(tmp_path: Path) -> None:
    module = MelodyModule(user_network(2), AdamW, Constant())
    with torch.no_grad():
        next(module.network.parameters()).fill_(math.nan)
    with pytest.raises(InputError, match="training loss became nan in epoch 1 at batch 1, after 1 steps"):
        train(tmp_path, 1, module=module, callbacks=[DivergenceGuard()])


@pytest.mark.slow
def test_two_processes_measure_the_same_as_one_and_write_whole_files(tmp_path: Path) -> None:
    tunes = walks(11)  # batches of 2: six for training, which divide evenly, and a number for validation that does not

    def run(folder: Path, **settings: Any) -> TrainedRun:
        torch.manual_seed(0)
        files = CheckpointLayout(folder, "m")
        trainer = L.Trainer(
            max_epochs=2,
            accelerator="cpu",
            callbacks=run_callbacks(files, table=folder / "metrics.csv"),
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **settings,
        )
        # A rate that moves nothing: the processes see other batches than a single one would.
        module = MelodyModule(user_network(2), partial(AdamW, lr=1e-12, weight_decay=0.0), Constant())
        return fit(module, DividedMelodies(tunes[:6], tunes[6:], batch_size=2), trainer, files)

    one, two = run(tmp_path / "one"), run(tmp_path / "two", devices=2, strategy="ddp_fork")
    assert two.history.epoch == one.history.epoch == [1, 2]
    assert two.history.train_loss == pytest.approx(one.history.train_loss, rel=1e-5)
    assert two.scores["validation"] == pytest.approx(one.scores["validation"], rel=1e-5)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == names
    for path in (two.files.best, two.files.last, two.files.final):
        read_checkpoint(path)


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    class SecondProcess:
        is_global_zero, should_stop = False, False
        current_epoch, max_epochs = 0, 3
        callback_metrics = {VALIDATION_LOSS: 2.0}  # noqa: RUF012
        saved: list[Path] = []  # noqa: RUF012  one for the one test

        def save_checkpoint(self, path: Path) -> None:
            self.saved.append(path)  # Lightning's own writes in the first process alone

    process, files = SecondProcess(), CheckpointLayout(tmp_path, "m")
    RunCheckpoints(files).on_train_epoch_end(process, MODULE)  # type: ignore[arg-type]
    assert process.saved == [files.best, files.last]
    assert list(tmp_path.iterdir()) == []


class ReplacesFile(Callback):
    """Replaces the checkpoint that a run is resumed from once it was checked."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.content = content

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if stage == "fit":
            self.path.write_bytes(self.content)


def resumed(folder: Path, *others: Callback) -> TrainedRun:
    files = CheckpointLayout(folder, "melody_mine")
    trainer = L.Trainer(
        max_epochs=3,
        callbacks=[*others, *run_callbacks(files)],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    tunes = walks(6)
    module = MelodyModule(user_network(2), partial(AdamW, lr=0.01))
    return fit(module, DividedMelodies(tunes[:4], tunes[4:]), trainer, files, resume_from=files.last)


def test_a_run_resumes_from_the_values_that_were_checked(tmp_path: Path) -> None:
    """Lightning would read the file a second time, by its own rules."""
    files = train(tmp_path / "a", 2)
    shutil.copytree(files.directory, tmp_path / "b")
    undisturbed = resumed(tmp_path / "a")
    replaced = resumed(
        tmp_path / "b", ReplacesFile(CheckpointLayout(tmp_path / "b", "melody_mine").last, b"no archive")
    )
    assert replaced.history == undisturbed.history
    assert replaced.history.epoch == [1, 2, 3]
    one, other = (torch.load(run.files.final, weights_only=True)["model_state_dict"] for run in (undisturbed, replaced))
    assert same_weights(one, other)


def test_lightning_never_reads_a_checkpoint_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a second reader")

    train(tmp_path, 2)
    monkeypatch.setattr(TorchCheckpointIO, "load_checkpoint", refuse)
    assert resumed(tmp_path).history.epoch == [1, 2, 3]


@pytest.mark.parametrize("part", ["exp_avg", "step"])
def test_an_optimizer_state_without_bytes_of_its_own_is_not_resumed_from(tmp_path: Path, part: str) -> None:
    files = train(tmp_path, 2)
    values = torch.load(files.last, weights_only=True)
    for state in values["optimizer_states"][0]["state"].values():
        state[part] = torch.zeros(1).expand(40_000, 50_000)  # 8 GB
    torch.save(values, files.last)
    assert files.last.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="a tensor of 2000000000 numbers with bytes for 1"):
        resumed(tmp_path)
