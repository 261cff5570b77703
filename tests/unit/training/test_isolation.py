from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.global_state import changes, global_state
from tests.in_threads import call_at_once, call_in_thread
from tests.small_networks import small_transformer, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.threads.own_generator import cpu_generator
from chromasonic.melody_generation.training import ModelTrainer
from chromasonic.melody_generation.training.isolation import (
    MAX_SEED,
    check_seed,
    modes_and_gradients_kept,
    seeded_generators,
)
from chromasonic.melody_generation.vocabulary import NoteVocabulary

V = len(NoteVocabulary())


class DrawsInManyWays(nn.Module):
    """A network that draws random numbers with many operators of torch in training."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, 8)
        self.gru = nn.GRU(8, 8, num_layers=2, dropout=0.4, batch_first=True)
        self.lstm = nn.LSTM(8, 8, num_layers=2, dropout=0.4, batch_first=True)
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=True)
        self.dropouts = nn.Sequential(nn.Dropout1d(0.1), nn.AlphaDropout(0.1), nn.FeatureAlphaDropout(0.1), nn.RReLU())
        self.made_when_used = nn.LazyLinear(8)
        self.out = nn.Linear(8, V)

    def forward(self, tokens: Tensor) -> Any:
        x = self.made_when_used(self.embedding(tokens))  # (B, T, 8)
        x = self.lstm(self.gru(x)[0])[0]
        attended = self.attention(x.flatten(0, 1)[:, None]).view_as(x)  # every token sees itself alone
        x = self.dropouts(attended)
        return self.out(self.with_noise(x) if self.training else x)

    def with_noise(self, x: Tensor) -> Tensor:
        """Return activations (B, T, D) with noise of many kinds."""
        noises = [
            *(torch.rand(x.shape), torch.randn(x.shape), torch.rand_like(x), torch.randn_like(x)),
            *(torch.randint(5, x.shape), torch.randint(1, 5, x.shape), torch.randint_like(x, 3), torch.randperm(8)),
            *(torch.bernoulli(torch.full_like(x, 0.4)), torch.poisson(torch.ones_like(x))),
            *(torch.multinomial(torch.ones(8), 8), torch.normal(torch.zeros_like(x), 1.0)),
            *(x.new_empty(x.shape).exponential_(), x.new_empty(x.shape).log_normal_()),
            nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=0.2),
        ]
        for noise in noises:
            x = x + 0.01 * noise
        return nn.functional.dropout(x, 0.1)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "transformer": lambda: small_transformer(dropout=0.3),
    "dropout": lambda: nn.Sequential(nn.Embedding(V, 4), nn.Dropout(0.3), nn.Linear(4, V)),
    "many": DrawsInManyWays,
}


def built(name: str) -> nn.Module:
    torch.manual_seed(3)
    return NETWORKS[name]()


def trained(name: str, network: nn.Module, folder: Path) -> tuple[list[float], dict[str, Tensor], dict[str, Any]]:
    """Train; return the losses, the weights, and the random state in the last checkpoint."""
    tunes = sorted(walks(30), key=len)[:3]
    history = ModelTrainer(network, name).train(
        tunes[:2], tunes[2:], 2, batch_size=1, checkpoint_dir=folder, seed=7, show_progress=False
    )
    callbacks = torch.load(folder / f"{name}_last.pt", weights_only=True)["callbacks"]
    [random_state] = [state for key, state in callbacks.items() if "RandomState" in key]
    return history.train_loss + history.val_loss, network.state_dict(), random_state


@contextmanager
def interference() -> Iterator[None]:
    """Seed torch's global generator, and draw from it, all the time in another thread."""
    ending, has_begun = threading.Event(), threading.Event()

    def interfere() -> None:
        while not ending.wait(0.002):
            torch.manual_seed(random.Random().randrange(1000))
            nn.Linear(10, 10)
            has_begun.set()

    thread = threading.Thread(target=interfere)
    thread.start()
    has_begun.wait()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@pytest.mark.slow
def test_trainings_in_threads_give_the_results_of_one_after_the_other(tmp_path: Path) -> None:
    expected = {name: trained(name, built(name), tmp_path / "main") for name in NETWORKS}
    networks, network = {name: built(name) for name in NETWORKS}, built("dropout")
    state = global_state()
    with interference():
        here = trained("dropout", network, tmp_path / "here")
        results = call_at_once(
            [lambda name=name: trained(name, networks[name], tmp_path / "threads") for name in NETWORKS]  # type: ignore[misc]
        )
    assert set(changes(state)) <= {"random state of torch"}  # changed by the other thread
    for name, (losses, weights, random_state) in zip([*NETWORKS, "dropout"], [*results, here], strict=True):
        assert losses == expected[name][0], name
        assert all(torch.equal(weight, expected[name][1][key]) for key, weight in weights.items()), name
        assert torch.equal(random_state["cpu"], expected[name][2]["cpu"]), name


@pytest.mark.slow
@pytest.mark.parametrize("where", ["main thread", "other thread"])
def test_training_changes_nothing_but_the_weights(tmp_path: Path, where: str) -> None:
    embedding, linear = nn.Embedding(V, 4), nn.Linear(4, V)
    model = nn.Sequential(embedding.eval(), nn.Dropout(0.3), linear)
    frozen, moved, unused = linear.bias, linear.weight, embedding.weight
    frozen.requires_grad_(False)
    gradient = moved.grad = torch.ones_like(moved)
    state = global_state()
    call: Callable[[Callable[[], object]], object] = (lambda f: f()) if where == "main thread" else call_in_thread
    call(lambda: trained("m", model, tmp_path))
    assert changes(state) == []
    assert [part.training for part in model] == [False, True, True]
    assert model.training
    assert [parameter.requires_grad for parameter in (frozen, moved, unused)] == [False, True, True]
    assert moved.grad is gradient
    assert bool((gradient == 1).all())
    assert unused.grad is frozen.grad is None


class Fails(nn.Module):
    """A network that fails in training."""

    def __init__(self, ending: BaseException) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Embedding(V, 4), nn.Linear(4, V))
        self.ending = ending

    def forward(self, tokens: Tensor) -> Any:
        if self.training:
            raise self.ending
        return self.network(tokens)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [RuntimeError("a fault"), KeyboardInterrupt()])
def test_a_training_that_fails_changes_nothing(tmp_path: Path, ending: BaseException) -> None:
    model = Fails(ending).eval()
    state = global_state()
    with pytest.raises((RuntimeError, KeyboardInterrupt, InputError)):
        trained("m", model, tmp_path)
    assert changes(state) == []
    assert not any(part.training for part in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    call_in_thread(lambda: trained("m", built("dropout"), tmp_path))  # the next one does not wait for it


@pytest.mark.slow
def test_a_training_that_waits_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tunes, has_begun, may_end = walks(4), threading.Event(), threading.Event()

    class Waits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Sequential(nn.Embedding(V, 4), nn.Linear(4, V))

        def forward(self, tokens: Tensor) -> Any:
            has_begun.set()
            may_end.wait()
            return self.network(tokens)

    def first() -> None:
        trained("first", Waits(), tmp_path)

    def second() -> None:
        has_begun.wait()
        threading.Timer(0.2, may_end.set).start()
        ModelTrainer(built("dropout"), "second").train(tunes[:2], tunes[2:], 1, checkpoint_dir=tmp_path)

    call_at_once([first, second])
    assert "second waits: another model is trained in this process" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["main thread", "other thread"])
def test_a_block_with_seeds_draws_the_same_numbers_everywhere_and_restores_the_generators(where: str) -> None:
    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(())), nn.Linear(1, 1).weight.item()]  # noqa: NPY002

    def numbers() -> list[float]:
        with seeded_generators(5):
            return [*draw(), float(torch.rand((), generator=cpu_generator()))]

    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    expected = draw()
    state = global_state()
    drawn = numbers() if where == "main thread" else call_in_thread(numbers)
    assert changes(state) == []
    assert drawn[:4] == expected
    assert numbers() == drawn


def test_a_generator_of_the_users_own_is_used_also_in_a_thread() -> None:
    def numbers() -> list[float]:
        own = torch.Generator().manual_seed(9)
        with seeded_generators(5):
            drawn = [torch.rand((), generator=own), torch.empty(()).uniform_(generator=own)]
            drawn += [torch.poisson(torch.full((), 50.0), own), torch.rand(())]
        return [float(number) for number in drawn]

    assert call_in_thread(numbers) == numbers()


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 1.0, True, None])
def test_a_seed_out_of_range_is_refused_before_anything_is_written(tmp_path: Path, seed: Any) -> None:
    with pytest.raises(InputError, match=r"seed must be a whole number from 0 to 4294967295, got "):
        ModelTrainer(built("dropout")).train(walks(2), walks(2), checkpoint_dir=tmp_path / "new", seed=seed)
    assert not (tmp_path / "new").exists()


def test_seeds_in_range_are_accepted() -> None:
    for seed in (0, 42, MAX_SEED):
        check_seed(seed)


def test_a_gradient_is_dropped_if_its_parameter_has_another_shape() -> None:
    layer = nn.Linear(2, 2)
    layer.weight.grad = torch.ones(2, 2)
    with modes_and_gradients_kept(layer):
        layer.weight.data = torch.ones(3, 2)
        layer.weight.grad = None
    assert layer.weight.grad is None
