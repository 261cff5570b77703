import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from tests.small_networks import batch_of, small_lstm, user_network, walks
from torch import nn

from chromasonic.melody_generation import training
from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.trained_model import load_model
from chromasonic.melody_generation.training import ModelTrainer, TrainingHistory, create_training_data
from chromasonic.melody_generation.training.fit import fit, run_callbacks
from chromasonic.melody_generation.training.history import TrainingHistory as HistoryItself
from chromasonic.melody_generation.training.lightning_module import MelodyModule
from chromasonic.melody_generation.training.schedules import Constant, OneCycle
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def quiet_trainer(files: CheckpointLayout, n_epochs: int = 1) -> L.Trainer:
    return L.Trainer(
        max_epochs=n_epochs,
        callbacks=run_callbacks(files),
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


@pytest.mark.slow
def test_the_example_of_the_guide_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Embedding(len(NoteVocabulary()), 4), nn.Linear(4, len(NoteVocabulary())))
    checkpoint_dir = tmp_path / "checkpoints"

    train, test = create_training_data(num_sequences=10, train_split=0.8)
    trainer = ModelTrainer(model, model_name="custom_model")
    history = trainer.train(
        train_data=train,
        val_data=test,
        epochs=2,
        batch_size=32,
        learning_rate=0.001,
        checkpoint_dir=checkpoint_dir,
    )
    history.plot_curves(save_path=tmp_path / "learning_curves.png")

    assert sorted(path.name for path in checkpoint_dir.iterdir()) == [
        "custom_model_best.pt",
        "custom_model_curves.png",
        "custom_model_final.pt",
        "custom_model_history.json",
        "custom_model_last.pt",
    ]
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    loaded = TrainingHistory.load(checkpoint_dir / "custom_model_history.json")
    assert loaded == history
    assert len(loaded) == 2
    assert (loaded.best_epoch, loaded.best_val_loss) == (2, min(loaded.val_loss))
    checkpoint = torch.load(checkpoint_dir / "custom_model_best.pt", weights_only=True)
    model.load_state_dict(checkpoint["model_state_dict"])
    assert checkpoint["epoch"] == 2
    assert "2/2" in capsys.readouterr().out


@pytest.mark.slow
def test_the_model_is_left_with_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    tunes = walks(6)
    model = small_lstm()
    # A rate at which the first steps help and later ones do not: the best epoch is not the last.
    history = ModelTrainer(model, "m").train(
        tunes[:2],
        tunes[2:],
        epochs=8,
        learning_rate=0.1,
        checkpoint_dir=tmp_path,
        schedule=Constant(),
        show_progress=False,
    )
    assert history.best_epoch is not None
    assert history.best_epoch < len(history)
    best, last = (torch.load(tmp_path / f"m_{kind}.pt", weights_only=True) for kind in ("best", "last"))
    assert best["epoch"] == history.best_epoch
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, best["model_state_dict"][name])
    assert not torch.equal(model.state_dict()["output.pitch.weight"], last["model_state_dict"]["output.pitch.weight"])
    tokens = batch_of(tunes)
    torch.testing.assert_close(load_model(tmp_path / "m_best.pt")(tokens), model.eval()(tokens))


@pytest.mark.slow
def test_early_stopping_ends_training_except_with_one_cycle(tmp_path: Path) -> None:
    tunes = walks(4)

    def n_epochs(schedule: Any) -> int:
        model = user_network(2)
        for parameter in model.parameters():
            parameter.requires_grad_(parameter.dim() == 1)
        history = ModelTrainer(model, "m").train(
            tunes[:2],
            tunes[2:],
            epochs=6,
            learning_rate=1e-12,  # no epoch is better than the first
            checkpoint_dir=tmp_path,
            patience=2,
            schedule=schedule,
            show_progress=False,
        )
        return len(history)

    assert n_epochs(Constant()) == 3
    assert n_epochs(OneCycle()) == 6


@pytest.mark.slow
def test_the_same_seed_trains_the_same_model_and_another_one_does_not(tmp_path: Path) -> None:
    def losses(seed: int) -> list[float]:
        torch.manual_seed(0)
        model = small_lstm(dropout=0.5)
        trainer, tunes = ModelTrainer(model, "m"), walks(5)
        return trainer.train(
            tunes[:4], tunes[4:], epochs=1, batch_size=2, checkpoint_dir=tmp_path, seed=seed, show_progress=False
        ).train_loss

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


@pytest.mark.slow
def test_a_run_with_test_tunes_has_scores_of_both_sides(tmp_path: Path) -> None:
    files = CheckpointLayout(tmp_path, "m")
    run = fit(MelodyModule(user_network(2)), MelodyDataModule(SyntheticCorpus(20)), quiet_trainer(files), files)
    assert set(run.scores) == {"validation", "test"}
    measures = {"loss", "bits_per_note", "note_bits", "accuracy", "pitch_accuracy", "duration_accuracy"}
    assert set(run.scores["validation"]) == set(run.scores["test"]) == measures
    assert run.scores["validation"]["loss"] == run.history.best_val_loss
    assert run.files == files
    assert run.minutes > 0


@pytest.mark.parametrize(("share", "n_train"), [(0.0, 0), (1.0, 10), (0.8, 8), (0.25, 2), (0.349, 3)])
def test_training_data_are_divided_by_the_given_fraction(share: float, n_train: int) -> None:
    train, test = create_training_data(num_sequences=10, train_split=share)
    assert (len(train), len(test)) == (n_train, 10 - n_train)
    assert train + test == walks(10)


def test_another_seed_gives_other_training_data() -> None:
    assert create_training_data(4, 0.5, seed=1) == create_training_data(4, 0.5, seed=1)
    assert create_training_data(4, 0.5, seed=1) != create_training_data(4, 0.5, seed=2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: create_training_data(10, train_split=1.5), "train_split is a share from 0 to 1, got 1.5"),
        (lambda: create_training_data(10, train_split=-0.1), "train_split .* got -0.1"),
        (lambda: create_training_data(10, train_split=math.nan), "train_split .* got nan"),
        (lambda: create_training_data(0), "num_sequences .* got 0"),
        (lambda: ModelTrainer(nn.Identity(), ""), "model_name is the beginning of a file name, got ''"),
        (lambda: ModelTrainer(nn.Identity(), "a/b"), "model_name .* got 'a/b'"),
    ],
)
def test_arguments_out_of_range_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize("name", ["epochs", "learning_rate", "patience"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_number_out_of_range_is_named_before_anything_is_written(tmp_path: Path, name: str, value: float) -> None:
    settings: dict[str, Any] = {name: value}
    with pytest.raises(InputError, match=f"{name} must be more than 0.* got {value}"):
        ModelTrainer(user_network()).train(walks(2), walks(2), checkpoint_dir=tmp_path / "new", **settings)
    assert not (tmp_path / "new").exists()


def test_an_empty_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="val_data holds no melody"):
        ModelTrainer(user_network()).train(walks(2), [], checkpoint_dir=tmp_path)


class Detached(nn.Module):
    """Learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.network = user_network()

    def forward(self, tokens: torch.Tensor) -> Any:
        return self.network(tokens).detach()


class Uniform(nn.Module):
    """Has nothing to learn."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.zeros(*tokens.shape, len(NoteVocabulary()))


class FitsOtherwise(Detached):
    def fit(self, x: object, y: object, z: object) -> None:
        """Take three arguments."""


class HoldsModules(Detached):
    def get_extra_state(self) -> object:
        return math

    def set_extra_state(self, state: object) -> None:
        """Take what ``get_extra_state`` gave."""


class Ahead(nn.Module):
    """Convolves with the next token too, as a centred filter does."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Conv1d(8, len(NoteVocabulary()), 3, padding=1)

    def forward(self, embedded: torch.Tensor) -> Any:
        return self.filter(embedded.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Embedding(len(NoteVocabulary()), 7), "should give .* got "),
        (nn.Embedding(50, len(NoteVocabulary())), "does not take all token ids"),
        (Detached(), "its logits have no gradient; remove detach"),
        (user_network().requires_grad_(False), "all parameters of the network Sequential are frozen"),
        (Uniform(), "Uniform has no parameters to train"),
        (FitsOtherwise(), r"fit of the network FitsOtherwise should take two arguments.* .missing a required argument"),
        (HoldsModules(), "'_extra_state' of its state dict is a module"),
        (nn.Sequential(nn.Embedding(len(NoteVocabulary()), 8), Ahead()), "Sequential is not causal"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_training(tmp_path: Path, model: nn.Module, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ModelTrainer(model).train(walks(2), walks(2), checkpoint_dir=tmp_path / "new", show_progress=False)
    assert not (tmp_path / "new").exists()


class Ends(nn.Module):
    """A network that ends in its second call, which is the first of training."""

    def __init__(self, ending: BaseException) -> None:
        super().__init__()
        self.network = user_network(2)
        self.ending = ending

    def forward(self, tokens: torch.Tensor) -> Any:
        if self.training:
            raise self.ending
        return self.network(tokens)


@pytest.mark.parametrize(
    ("ending", "kind", "said"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), InputError, "not enough memory"),
        (MemoryError(), InputError, "not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), InputError, "reduce batch_size"),
        (
            RuntimeError("my own fault"),
            InputError,
            r"Ends raised RuntimeError in line \d+ of test_model.* my own fault$",
        ),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_the_end_of_training_has_the_right_exception(
    tmp_path: Path, ending: BaseException, kind: type[BaseException], said: str | None
) -> None:
    files = CheckpointLayout(tmp_path, "m")
    with pytest.raises(kind, match=said) as ended:
        fit(MelodyModule(Ends(ending)), MelodyDataModule(SyntheticCorpus(20)), quiet_trainer(files), files)
    assert ended.type is kind


def test_a_value_named_fit_does_not_keep_a_model_from_training(tmp_path: Path) -> None:
    class NamesItsHeadFit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.fit = nn.Embedding(len(NoteVocabulary()), 2), nn.Linear(2, len(NoteVocabulary()))

        def forward(self, tokens: torch.Tensor) -> Any:
            return self.fit(self.embedding(tokens))

    model = NamesItsHeadFit()
    history = ModelTrainer(model).train(walks(4), walks(2), 1, checkpoint_dir=tmp_path, show_progress=False)
    assert len(history) == 1


def test_the_random_state_and_the_weights_are_those_without_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network that draws random numbers in evaluation too, which no prediction depends on."""

    class Draws(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.network = user_network(2)

        def forward(self, tokens: torch.Tensor) -> Any:
            torch.rand(3)
            return nn.functional.dropout(self.network(tokens), 0.1, self.training)

    def weights(name: str) -> dict[str, torch.Tensor]:
        model = Draws()
        ModelTrainer(model, name).train(walks(4), walks(2), 2, checkpoint_dir=tmp_path, show_progress=False)
        return {**model.state_dict(), "random": torch.get_rng_state()}

    checked = weights("checked")
    monkeypatch.setattr(MelodyModule, "check_contract", lambda module, tokens: None)
    monkeypatch.setattr(MelodyModule, "check_future", lambda module, tokens: None)
    unchecked = weights("unchecked")
    assert all(torch.equal(value, unchecked[name]) for name, value in checked.items())


def test_the_history_is_exported() -> None:
    assert "TrainingHistory" in training.__all__
    assert TrainingHistory is HistoryItself
    assert all(hasattr(training, name) for name in training.__all__)


@pytest.mark.slow
def test_the_trained_model_has_the_corpus_of_its_training_data(tmp_path: Path) -> None:
    tunes, trainer = walks(12), ModelTrainer(small_lstm())
    assert trainer.trained_model.corpus == "unknown"
    trainer.train(tunes[:8], tunes[8:], 1, checkpoint_dir=tmp_path, show_progress=False)
    assert trainer.trained_model.corpus == load_model(tmp_path / "model_best.pt").corpus == "synthetic"
