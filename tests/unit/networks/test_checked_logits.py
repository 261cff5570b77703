"""Every breach of the contract is one sentence that names the network, what was expected and what it gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.small_networks import SMALL_NETWORKS, VOCABULARY, batch_of, small_lstm, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks import checked_logits
from chromasonic.melody_generation.networks.checked_logits import check_probabilities, logits_of, stateful_logits_of
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork

TOKENS = batch_of(walks(3))
V = len(VOCABULARY)
LOGITS = torch.zeros(*TOKENS.shape, V)


class Mine(nn.Module):
    """A user's module that answers by a function, with and without a state."""

    def __init__(self, answer: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, tokens: Tensor) -> Any:
        return self.answer(tokens)

    def forward_with_state(self, tokens: Tensor, state: Any = None) -> Any:
        del state
        return self.answer(tokens)


def raising(problem: BaseException) -> Callable[[Tensor], Any]:
    def answer(tokens: Tensor) -> Any:
        raise problem

    return answer


def changing(tokens: Tensor) -> Tensor:
    tokens[:, -1] = 0
    return LOGITS


def changing_by_numpy(tokens: Tensor) -> Tensor:
    tokens.numpy()[:, -1] = 0  # unseen by torch
    return LOGITS


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: (LOGITS, None), "got a tuple$"),
        (lambda _: {"logits": LOGITS}, "got a dict$"),
        (lambda _: None, "got a NoneType$"),
        (lambda _: LOGITS.numpy(), "got a ndarray$"),
        (lambda _: LOGITS[:, :-1], rf"should give \(3, (\d+), {V}\), got \(3, \d+, {V}\)$"),
        (lambda _: LOGITS[..., :-1], rf"got \(3, \d+, {V - 1}\)$"),
        (lambda _: LOGITS.transpose(0, 1), rf"got \(\d+, 3, {V}\)$"),
        (lambda _: LOGITS[:, -1], rf"got \(3, {V}\)$"),
        (lambda _: LOGITS.long(), "should be a dense float tensor, got torch.int64$"),
        (lambda _: LOGITS.bool(), "got torch.bool$"),
        (lambda _: LOGITS.to(torch.complex64), "got torch.complex64$"),
        (lambda _: LOGITS.to_sparse(), "got torch.sparse_coo$"),
        (lambda _: LOGITS.to("meta"), "device meta"),
        (changing, r"changes the tokens that it reads: change tokens.clone\(\) instead$"),
        (changing_by_numpy, "changes the tokens"),
    ],
)
def test_each_breach_is_named(answer: Callable[[Tensor], Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^the network Mine breaks its contract: .*{said}"):
        logits_of(Mine(answer), TOKENS.clone())


@pytest.mark.parametrize("kind", [torch.half, torch.bfloat16, torch.float32, torch.float64])
def test_less_than_single_precision_is_converted(kind: torch.dtype) -> None:
    given = torch.randn(*TOKENS.shape, V).to(kind)
    logits = logits_of(Mine(lambda _: given), TOKENS)
    assert logits.dtype == (kind if kind == torch.float64 else torch.float32)
    assert torch.equal(logits, given.to(logits.dtype))


def test_the_network_reads_in_inference_mode_too() -> None:
    with torch.inference_mode():
        assert logits_of(small_lstm(), TOKENS.clone()).shape == LOGITS.shape


def test_an_error_of_the_users_own_is_named_with_its_line() -> None:
    own = r"^the network Mine raised KeyError in line \d+ of test_checked_logits.py when it read tokens of shape \(3, "
    with pytest.raises(InputError, match=own + r".*my own bug") as raised:
        logits_of(Mine(raising(KeyError("my own bug"))), TOKENS)
    assert isinstance(raised.value.__cause__, KeyError)


def test_an_error_of_torchs_in_the_users_line_is_named() -> None:
    with pytest.raises(InputError, match=r"raised RuntimeError in line \d+ of test_checked_logits.py .*size of tensor"):
        logits_of(Mine(lambda tokens: tokens + torch.zeros(2, 2, 2)), TOKENS)


@pytest.mark.parametrize("problem", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_network_is_raised_as_it_is(problem: BaseException) -> None:
    with pytest.raises(type(problem)) as raised:
        logits_of(Mine(raising(problem)), TOKENS)
    assert raised.value is problem


def test_a_fault_of_this_package_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small_lstm()
    monkeypatch.setattr(network, "forward", raising(KeyError("a bug of ours")))
    with pytest.raises(KeyError, match="a bug of ours"):
        logits_of(network, TOKENS)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: LOGITS, "forward_with_state should return logits and a state, got a Tensor"),
        (lambda _: (LOGITS, None, None), "got a tuple"),
        (lambda _: (None, None), "got a NoneType"),
        (lambda _: (LOGITS, [torch.zeros(2, 3, 8)]), r"batch first, of size 3, got \(2, 3, 8\)"),
        (lambda _: (LOGITS, {"h": (torch.zeros(()),)}), r"batch first, of size 3, got \(\)"),
        (raising(ValueError("mine")), "raised ValueError .*: mine"),
    ],
)
def test_each_breach_of_a_stateful_network_is_named(answer: Callable[[Tensor], Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        stateful_logits_of(Mine(answer), TOKENS, None)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_refused_but_at_padding(value: float) -> None:
    tokens = torch.tensor([[5, 6, 7], [5, 6, VOCABULARY.pad]])
    logits = torch.zeros(2, 3, V)
    logits[1, 2] = value
    logits[:, :, 9] = -torch.inf
    check_probabilities(logits, tokens)
    logits[0, 2, 3] = value
    with pytest.raises(InputError, match="NaN or infinity"):
        check_probabilities(logits, tokens)


def test_a_position_where_nothing_is_possible_is_refused() -> None:
    logits = torch.zeros(1, 2, V)
    logits[0, 1] = -torch.inf
    with pytest.raises(InputError, match="probability 0 at some position"):
        check_probabilities(logits, torch.tensor([[5, 6]]))


class Recording(nn.Module):
    """Scores the next token by the number of tokens so far, and records how many it is given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, tokens: Tensor) -> Tensor:
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: tuple[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor]]:
        self.sizes.append(tokens.shape[1])
        first = state[0] if state else torch.zeros(len(tokens), 1)
        positions = first + torch.arange(1, tokens.shape[1] + 1)  # (B, T)
        return positions[..., None].expand(-1, -1, V), (positions[:, -1:],)


def test_a_long_tune_is_read_in_parts_without_gradients_only() -> None:
    network, tokens = Recording(), torch.ones(1, 5000, dtype=torch.long)
    with torch.no_grad():
        logits = logits_of(network, tokens)
        assert network.sizes == [256] * 19 + [136]
        assert torch.equal(logits, Recording()(tokens))
        logits_of(network, tokens[:, :4096])
    logits_of(network, tokens)
    assert network.sizes[20:] == [4096, 5000]


@pytest.mark.parametrize("name", [*SMALL_NETWORKS, "ppm", "markov"])
def test_parts_give_the_logits_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counting: dict[str, PPMNetwork | MarkovNetwork] = {"ppm": PPMNetwork(), "markov": MarkovNetwork()}
    network = counting[name] if name in counting else SMALL_NETWORKS[name]().eval()
    if name in counting:
        counting[name].count(TOKENS)
    monkeypatch.setattr(checked_logits, "_TOKENS_OF_A_PART", 7)
    with torch.no_grad():
        whole = logits_of(network, TOKENS)
        monkeypatch.setattr(checked_logits, "_MAX_PAIRS_OF_TOKENS", 1)
        assert logits_of(network, TOKENS).allclose(whole, rtol=1e-4, atol=1e-4)
