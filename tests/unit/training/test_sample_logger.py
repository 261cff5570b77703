from __future__ import annotations

from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]
from tests.small_networks import small_lstm, user_network, walks
from torch import Tensor, nn
from torch.optim import AdamW

from chromasonic.melody_generation.data_loader import DividedMelodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.training.fit import TrainedRun, fit, run_callbacks
from chromasonic.melody_generation.training.lightning_module import MelodyModule
from chromasonic.melody_generation.training.sample_logger import SampleLogger
from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger

TAG = "generated melody"


def train(folder: Path, *extra: Callback, n_epochs: int = 4, network: nn.Module | None = None) -> TrainedRun:
    """A run with dropout, whose every batch draws from torch's random state."""
    L.seed_everything(3, verbose=False)
    tunes = walks(8)
    files = CheckpointLayout(folder, "m")
    trainer = L.Trainer(
        max_epochs=n_epochs,
        callbacks=[*run_callbacks(files), *extra],
        logger=PairedTensorBoardLogger(folder / "tensorboard"),
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    module = MelodyModule(network or small_lstm(dropout=0.5), partial(AdamW, lr=0.01))
    return fit(module, DividedMelodies(tunes[:6], tunes[6:], batch_size=2), trainer, files)


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0, "audio": 0, "tensors": 0})
    found.Reload()
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_a_figure_a_sound_and_a_text_are_logged_after_the_first_epoch_and_every_few(tmp_path: Path) -> None:
    train(tmp_path, SampleLogger(every_n_epochs=3, max_notes=12), n_epochs=6)
    found = events(tmp_path)
    assert [each.step for each in found.Images(f"{TAG}/piano roll")] == [1, 3, 6]
    sounds = found.Audio(f"{TAG}/sound")
    assert [each.step for each in sounds] == [1, 3, 6]
    assert all(each.encoded_audio_string[:4] == b"RIFF" for each in sounds)
    texts = [each.tensor_proto.string_val[0].decode() for each in found.Tensors(f"{TAG}/ABC/text_summary")]
    assert len(texts) == 3
    assert all(text.startswith("    X:1\n") and "K:" in text for text in texts)
    # The model has learned: it no longer says the same with the same random numbers.
    assert len(set(texts)) > 1


@pytest.mark.slow
def test_training_is_the_same_with_and_without_samples(tmp_path: Path) -> None:
    """Bit for bit: the history, the weights and the random state at the end."""
    without = train(tmp_path / "without")
    state = torch.get_rng_state()
    heard = train(tmp_path / "with", SampleLogger(every_n_epochs=1, max_notes=8))
    assert torch.equal(torch.get_rng_state(), state)
    assert heard.history == without.history
    weights = [torch.load(run.files.last, weights_only=True)["model_state_dict"] for run in (without, heard)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


class Watch(Callback):
    """Notes the mode of every part of the network when an epoch begins."""

    def __init__(self) -> None:
        self.modes: list[list[bool]] = []

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Tensor, batch_idx: int
    ) -> None:
        del trainer, batch, batch_idx
        self.modes.append([each.training for each in pl_module.modules()])


@pytest.mark.slow
def test_the_network_is_left_in_its_mode(tmp_path: Path) -> None:
    watch = Watch()
    train(tmp_path, SampleLogger(every_n_epochs=1, max_notes=4), watch, n_epochs=3)
    assert all(mode == watch.modes[0] for mode in watch.modes)
    assert all(watch.modes[0][1:])


def test_a_custom_network_is_sampled_too(tmp_path: Path) -> None:
    train(tmp_path, SampleLogger(max_notes=4), n_epochs=1, network=user_network())
    assert [each.step for each in events(tmp_path).Images(f"{TAG}/piano roll")] == [1]


class Mute(nn.Module):
    """Predicts whole tunes, and gives no numbers when it continues one."""

    def __init__(self) -> None:
        super().__init__()
        self.network = user_network(2)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        return logits

    def forward_with_state(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        del state
        return self(tokens) * float("nan"), tokens


def test_a_network_that_cannot_be_sampled_trains_on(tmp_path: Path) -> None:
    run = train(tmp_path, SampleLogger(max_notes=4), n_epochs=2, network=Mute())
    assert len(run.history) == 2
    assert events(tmp_path).Tags()["images"] == []


def test_the_melody_has_the_metre_and_key_of_a_validation_tune(tmp_path: Path) -> None:
    class Keeper(PairedTensorBoardLogger):
        heard: list[Melody]

        def log_melody(self, tag: str, melody: Melody, epoch: int) -> None:
            del tag, epoch
            self.heard.append(melody)

    logger = Keeper(tmp_path)
    logger.heard = []
    tunes = [Melody([67, 69, 71] * 8, [12, 12, 12] * 8, Metre(6, 8), tonic=7, mode="dorian") for _ in range(3)]
    files = CheckpointLayout(tmp_path, "m")
    trainer = L.Trainer(
        max_epochs=1,
        callbacks=[*run_callbacks(files), SampleLogger(max_notes=6)],
        logger=logger,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    fit(MelodyModule(small_lstm(), partial(AdamW, lr=0.01)), DividedMelodies(tunes[:2], tunes[2:]), trainer, files)
    [melody] = logger.heard
    assert (melody.metre, melody.tonic, melody.mode) == (Metre(6, 8), 7, "dorian")


def test_without_tensorboard_nothing_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "chromasonic.melody_generation.training.sample_logger.sample", lambda *_, **__: pytest.fail("sampled")
    )
    files, tunes = CheckpointLayout(tmp_path, "m"), walks(4)
    trainer = L.Trainer(
        max_epochs=1,
        callbacks=[*run_callbacks(files), SampleLogger()],
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    fit(MelodyModule(small_lstm(), partial(AdamW, lr=0.01)), DividedMelodies(tunes[:2], tunes[2:]), trainer, files)


@pytest.mark.parametrize("arguments", [{"every_n_epochs": 0}, {"max_notes": 0}, {"max_notes": 10**9}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(arguments: dict[str, int]) -> None:
    [(name, value)] = arguments.items()
    with pytest.raises(InputError, match=f"{name} is .*, got {value}"):
        SampleLogger(**arguments)
