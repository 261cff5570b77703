from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.in_threads import call_at_once, call_in_thread
from torch import Tensor, nn

from chromasonic.melody_generation.threads.own_generator import OwnGenerator, SkippedInitialisation, cpu_generator

X = torch.ones(3, 8)
SEQUENCE = torch.ones(2, 3, 8)
GRU = nn.GRU(8, 8, num_layers=2, dropout=0.5, batch_first=True)
DRAWS: dict[str, Callable[[], Tensor]] = {
    "rand": lambda: torch.rand(3),
    "rand into": lambda: torch.rand(3, out=torch.empty(3)),
    "randn": lambda: torch.randn(3),
    "rand_like": lambda: torch.rand_like(X),
    "randn_like": lambda: torch.randn_like(X),
    "randint": lambda: torch.randint(5, (9,)),
    "randint from": lambda: torch.randint(2, 5, (9,)),
    "randint_like": lambda: torch.randint_like(X, 9),
    "randperm": lambda: torch.randperm(9),
    "uniform_": lambda: torch.empty(3).uniform_(),
    "normal_": lambda: torch.empty(3).normal_(),
    "random_": lambda: torch.empty(3, dtype=torch.int64).random_(-(2**63), None),
    "exponential_": lambda: torch.empty(3).exponential_(),
    "geometric_": lambda: torch.empty(3).geometric_(0.2),
    "cauchy_": lambda: torch.empty(3).cauchy_(),
    "bernoulli_": lambda: torch.empty(30).bernoulli_(0.3),
    "bernoulli": lambda: torch.bernoulli(X / 2),
    "multinomial": lambda: torch.multinomial(torch.ones(9), 9),
    "normal": lambda: torch.normal(X, 1.0),
    "poisson": lambda: torch.poisson(50 * X),
    "binomial": lambda: torch.binomial(50 * X, X / 2),
    "dropout": lambda: nn.functional.dropout(X, 0.5),
    "dropout in place": lambda: nn.functional.dropout(X.clone(), 0.5, inplace=True),
    "dropout1d": lambda: nn.functional.dropout1d(X, 0.5),
    "alpha_dropout": lambda: nn.functional.alpha_dropout(X, 0.5, training=True),
    "rrelu": lambda: nn.functional.rrelu(-X, training=True),
    "gumbel_softmax": lambda: nn.functional.gumbel_softmax(X),
    "attention": lambda: nn.functional.scaled_dot_product_attention(SEQUENCE, SEQUENCE, SEQUENCE, dropout_p=0.5),
    "gru": lambda: GRU(SEQUENCE)[0],
    "linear": lambda: nn.Linear(3, 3).weight,
    "trunc_normal_": lambda: nn.init.trunc_normal_(torch.empty(3)),
}


@pytest.mark.parametrize("is_inference", [False, True], ids=["", "inference"])
@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_those_of_the_global_generator_which_stays_as_it_is(name: str, is_inference: bool) -> None:
    draw = DRAWS[name]
    with torch.inference_mode(is_inference):
        torch.manual_seed(5)
        expected = [draw(), draw()]
        generator = torch.Generator().manual_seed(5)
        state, global_state = torch.get_rng_state(), torch.manual_seed(6).get_state()
        with OwnGenerator(generator):
            drawn = [draw(), draw()]
    assert all(torch.equal(number, other) for number, other in zip(drawn, expected, strict=True))
    assert torch.equal(generator.get_state(), state)
    assert torch.equal(torch.get_rng_state(), global_state)


def test_blocks_of_threads_do_not_touch_each_other() -> None:
    def numbers(seed: int) -> list[float]:
        with OwnGenerator(torch.Generator().manual_seed(seed)):
            return [float(torch.rand(())) for _ in range(300)]

    expected = [numbers(seed) for seed in range(4)]
    assert call_at_once([lambda seed=seed: numbers(seed) for seed in range(4)]) == expected  # type: ignore[misc]


def test_a_generator_that_is_given_is_used() -> None:
    def draw(generator: torch.Generator) -> list[Tensor]:
        return [torch.rand(3, generator=generator), torch.poisson(50 * X, generator), X.bernoulli(generator=generator)]

    expected = draw(torch.Generator().manual_seed(1))
    with OwnGenerator(torch.Generator().manual_seed(2)):
        drawn = draw(torch.Generator().manual_seed(1))
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(2)))
    assert all(torch.equal(number, other) for number, other in zip(drawn, expected, strict=True))


def test_gradients_and_tensors_of_other_devices_pass() -> None:
    generator = torch.Generator().manual_seed(1)
    state = generator.get_state()
    with OwnGenerator(generator):
        assert torch.rand(3, device="meta").is_meta
        assert torch.empty(3, device="meta").normal_().is_meta
        assert torch.equal(generator.get_state(), state)
        x = torch.ones(4, requires_grad=True)
        nn.functional.dropout(x, 0.5).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert set(x.grad.tolist()) <= {0.0, 2.0}


def test_the_generator_of_a_thread_is_that_of_its_innermost_block() -> None:
    outer, inner = torch.Generator(), torch.Generator()
    with OwnGenerator(outer):
        with OwnGenerator(inner):
            assert cpu_generator() is inner
            assert call_in_thread(cpu_generator) is torch.default_generator
        with pytest.raises(KeyError), OwnGenerator(inner):
            raise KeyError
        assert cpu_generator() is outer
    assert cpu_generator() is torch.default_generator


def test_weights_are_not_initialised_at_random_where_others_follow() -> None:
    before = torch.get_rng_state()
    with SkippedInitialisation():
        drawn = [torch.zeros(3).normal_(), torch.zeros(3).uniform_(1, 2), nn.init.xavier_normal_(torch.zeros(2, 3))]
        layers = nn.LSTM(3, 4), nn.Embedding(5, 3), nn.Linear(3, 4)
    assert all(tensor.count_nonzero() == 0 for tensor in drawn)
    assert [sum(weight.numel() for weight in layer.parameters()) for layer in layers] == [144, 15, 16]
    assert torch.equal(torch.get_rng_state(), before)
