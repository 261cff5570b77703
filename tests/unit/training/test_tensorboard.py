from functools import partial
from pathlib import Path

import lightning as L
import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData  # type: ignore[import-untyped]
from tests.small_networks import user_network, walks
from torch.optim import AdamW

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import DividedMelodies, MelodyDataModule
from chromasonic.melody_generation.reporting.event_files import show_in_tensorboard
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.training.fit import TrainedRun, fit, run_callbacks
from chromasonic.melody_generation.training.lightning_module import MelodyModule
from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger

MEASURES = ("loss", "bits_per_note", "note_bits", "accuracy", "pitch_accuracy", "duration_accuracy")


def train(folder: Path, data: MelodyDataModule, n_epochs: int = 2) -> tuple[TrainedRun, PairedTensorBoardLogger]:
    logger, files = PairedTensorBoardLogger(folder / "tensorboard"), CheckpointLayout(folder, "m")
    trainer = L.Trainer(
        max_epochs=n_epochs,
        callbacks=run_callbacks(files),
        logger=logger,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    return fit(MelodyModule(user_network(2), partial(AdamW, lr=0.01)), data, trainer, files), logger


def events_of(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def scalars_of(events: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(each.step, each.value) for each in events.Scalars(tag)]


def test_training_and_validation_are_the_same_tags_of_two_runs_against_epochs_from_1(tmp_path: Path) -> None:
    tunes = walks(6)
    run, _ = train(tmp_path, DividedMelodies(tunes[:4], tunes[4:]))
    for side, losses in (("train", run.history.train_loss), ("validation", run.history.val_loss)):
        events = events_of(tmp_path / "tensorboard" / side)
        assert set(MEASURES) <= set(events.Tags()["scalars"])
        assert dict(scalars_of(events, "loss")) == pytest.approx({1: losses[0], 2: losses[1]})
    assert not {"train/loss", "validation/loss"} & set(events_of(tmp_path / "tensorboard").Tags()["scalars"])


def test_test_measures_are_logged_at_the_last_epoch(tmp_path: Path) -> None:
    run, _ = train(tmp_path, MelodyDataModule(SyntheticCorpus(20)))
    [(step, bits)] = scalars_of(events_of(tmp_path / "tensorboard" / "test"), "bits_per_note")
    assert step == 2
    assert bits == pytest.approx(run.scores["test"]["bits_per_note"])


@pytest.mark.slow
def test_hyperparameters_final_measures_and_curves_are_there_after_the_run(tmp_path: Path) -> None:
    tunes = walks(6)
    run, logger = train(tmp_path, DividedMelodies(tunes[:4], tunes[4:]))
    logger.log_outcome({"model": "lstm", "epochs": 2}, {"best_validation_loss": 1.5}, run.history.plot_curves())
    logger.finalize("success")
    events = events_of(tmp_path / "tensorboard")
    [(_, measure)] = scalars_of(events, "hp/best_validation_loss")
    assert measure == 1.5
    assert events.Tags()["images"] == ["learning curves"]
    contents = events.PluginTagToContent("hparams")
    chosen = HParamsPluginData.FromString(contents["_hparams_/session_start_info"]).session_start_info.hparams
    assert chosen["model"].string_value == "lstm"
    assert chosen["epochs"].number_value == 2


def test_measures_without_a_side_or_an_epoch_are_logged_by_step(tmp_path: Path) -> None:
    logger = PairedTensorBoardLogger(tmp_path)
    logger.log_metrics({"lr-AdamW": 0.5, "epoch": 0}, step=7)
    logger.log_metrics({"train/loss": 2.0}, step=8)
    logger.log_metrics({"epoch": 3}, step=9)
    logger.log_outcome({}, {}, Figure())
    logger.finalize("success")
    events = events_of(tmp_path)
    assert scalars_of(events, "lr-AdamW") == [(7, 0.5)]
    assert scalars_of(events, "train/loss") == [(8, 2.0)]
    assert "epoch" not in events.Tags()["scalars"]
    assert not (tmp_path / "train").exists()


def test_scores_tables_and_figures_replace_earlier_ones(tmp_path: Path) -> None:
    for value in (0.25, 0.5):
        show_in_tensorboard(
            tmp_path, scores={"evaluation/overall": value}, tables={"table": "| a |"}, figures={"bars": Figure()}
        )
    events = events_of(tmp_path)
    assert scalars_of(events, "evaluation/overall") == [(0, 0.5)]
    assert events.Tags()["images"] == ["bars"]
    assert events.Tags()["tensors"] == ["table/text_summary"]
    assert len(list(tmp_path.iterdir())) == 1
