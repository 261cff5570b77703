"""Faults of data and numbers during training end in one sentence, or have no effect (about ten seconds)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim import AdamW

from chromasonic.melody_generation.data.batching import LengthBatches, TokenSequences
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork
from chromasonic.melody_generation.training import ModelTrainer
from chromasonic.melody_generation.training.lightning_module import MelodyModule
from chromasonic.melody_generation.vocabulary import NoteVocabulary
from tests.running import TINY, Ending, run_script
from tests.small_networks import small_lstm, small_transformer, walks

Train = Callable[..., Ending]


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Train:
    return lambda *overrides: run_script(*overrides, capture=capsys, patch=monkeypatch)


def show_refused(ending: Ending, *words: str) -> None:
    assert ending.code == 1
    assert len(ending.err.strip().splitlines()) == 1, ending.err
    for word in words:
        assert word in ending.err


def tune(number: int) -> str:
    rng = np.random.default_rng(number)
    bars = "|".join("".join(rng.choice(list("CDEFGABcdefg"), 8)) for _ in range(4))
    return f"X:{number}\nT:{number}\nM:4/4\nL:1/8\nK:G\n{bars}|\n"


def test_a_corpus_of_one_family_is_refused(train: Train, tmp_path: Path) -> None:
    folder = tmp_path / "tunes"
    folder.mkdir()
    (folder / "one.abc").write_text("\n".join(tune(1).replace("X:1", f"X:{number}") for number in range(1, 20)))
    sizes = [each for each in TINY if not each.startswith("num_sequences")]
    ending = train("dataset=files", f"dataset.corpus.folder={folder}", *sizes, f"output_dir={tmp_path / 'run'}")
    show_refused(ending, " tunes are too few to split", "3 different ones are needed, and there are 1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("limit_val_batches=0", "trainer.limit_val_batches=0: write a number above 0"),
        ("check_val_every_n_epoch=2", "every epoch needs a validation"),
        ("limit_test_batches=0", "trainer.limit_test_batches=0: write a number above 0"),
        ("max_steps=0", "no epoch was trained"),
    ],
)
def test_a_side_without_a_batch_is_refused(train: Train, tmp_path: Path, override: str, said: str) -> None:
    show_refused(train(*TINY, "epochs=3", f"output_dir={tmp_path / 'run'}", f"+trainer.{override}"), said)


def test_an_empty_batch_has_no_loss() -> None:
    sequences = TokenSequences([np.array([5, 6])])
    assert [list(LengthBatches(torch.zeros(0, dtype=torch.long), 4, seed)) for seed in (None, 1)] == [[], []]
    module = MelodyModule(small_lstm(), partial(AdamW, lr=0.1))
    sums = module._scorer(module.network(sequences[[-1]]), sequences[[-1]])
    assert int(sums.n_tokens) == 0
    assert float(sums.nats.detach()) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("make", [small_lstm, small_transformer])
def test_a_very_long_tune_is_trained_on(make: Callable[[], SequenceNetwork], tmp_path: Path) -> None:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    longest = Melody(rng.integers(55, 80, 1500), np.full(1500, 12))
    history = ModelTrainer(make(), "long").train(
        [*walks(3), longest], walks(2, seed=1), epochs=1, batch_size=1, checkpoint_dir=tmp_path, show_progress=False
    )
    assert math.isfinite(history.val_loss[0])
    assert len(NoteVocabulary().encode(longest)) > 1500


@pytest.mark.slow
def test_a_loss_that_is_not_finite_keeps_the_best_checkpoint_and_names_the_batch(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = MelodyModule.training_step, iter(range(10**6))

    def ruin(self: MelodyModule, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        return real(self, batch, batch_idx) * (math.nan if next(count) == 12 else 1)

    monkeypatch.setattr(MelodyModule, "training_step", ruin)
    run = tmp_path / "run"
    sizes = ["num_sequences=24", "batch_size=4", "hidden_size=16", "num_layers=1", "trainer.accelerator=cpu"]
    ending = train(*sizes, "epochs=5", "learning_rate=0.002", f"output_dir={run}")  # five batches an epoch
    show_refused(
        ending, "training loss became nan in epoch 3 at batch 3, after 13 steps", "rate of 0.002", "learning_rate"
    )
    assert torch.load(run / "lstm_checkpoints" / "melody_lstm_best.pt", weights_only=True)["epoch"] in {1, 2}
