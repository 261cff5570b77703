"""Networks that see what they should predict are refused, in every way that they may see it; honest ones are not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_networks import SMALL_NETWORKS, VOCABULARY, batch_of, small_lstm, user_network, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.likelihood import read_tunes
from chromasonic.melody_generation.networks.causality import (
    check_causality,
    check_future_unused,
    generators_kept,
    state_kept,
)
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.mixture import MixtureNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.threads.own_generator import OwnGenerator
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

TUNES = walks(40)
TOKENS = batch_of(TUNES[:6])
V, PAD = len(VOCABULARY), VOCABULARY.pad


class Honest(nn.Module):
    """Predicts from the last token."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.network = user_network()

    def forward(self, tokens: Tensor) -> Any:
        return self.network(tokens)

    def knowing(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Return the logits of a network that is told the next token wherever ``known`` (B, T) is True."""
        logits: Tensor = self.network(tokens)
        targets = nn.functional.pad(tokens[:, 1:], (0, 1))
        return logits + 9.0 * nn.functional.one_hot(targets, V) * known[..., None]


class Peeks(Honest):
    def forward(self, tokens: Tensor) -> Tensor:
        return self.knowing(tokens, torch.ones_like(tokens, dtype=torch.bool))


class PeeksAtSomePositions(Honest):
    """In one position of three, and only by a little."""

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        positions = torch.arange(tokens.shape[1]) % 3 == 0
        return logits + (self.knowing(tokens, positions.expand(tokens.shape)) - logits) / 9


class PeeksInLongBatches(Honest):
    def forward(self, tokens: Tensor) -> Tensor:
        return self.knowing(tokens, torch.full_like(tokens, tokens.shape[1] > 30, dtype=torch.bool))


class PeeksInLargeBatches(Honest):
    def forward(self, tokens: Tensor) -> Tensor:
        return self.knowing(tokens, torch.full_like(tokens, len(tokens) > 8, dtype=torch.bool))


class PeeksAtTunes(Honest):
    """Not at tokens drawn at random: a tune seldom leaps."""

    def forward(self, tokens: Tensor) -> Tensor:
        leaps = (tokens.diff(dim=1).abs() > 150).float().mean(1)
        return self.knowing(tokens, (leaps < 0.3)[:, None].expand(tokens.shape))


class PeeksAtWholeTunes(Honest):
    """Only if the tune ends with its end token."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.knowing(tokens, (tokens == VOCABULARY.end).any(1)[:, None].expand(tokens.shape))


class SeesTheEnd(Honest):
    """Knows from the padding, or the length of the batch, that a tune ends."""

    def forward(self, tokens: Tensor) -> Tensor:
        is_last = nn.functional.pad(tokens[:, 2:], (0, 2)) == PAD
        logits: Tensor = self.network(tokens)
        return logits + 9.0 * nn.functional.one_hot(torch.tensor(VOCABULARY.end), V) * is_last[..., None]


class CountsTheTokens(Honest):
    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        return logits * (1 + (tokens != PAD).sum(1)[:, None, None] / 100)


class AttendsToAll(Honest):
    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        return logits + logits.mean(1, keepdim=True)


class ReadsBackwards(nn.Module):
    """A layer in both directions, as is easily written by mistake."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.out = nn.Embedding(V, 8), nn.Linear(16, V)
        self.rnn = nn.GRU(8, 8, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor) -> Any:
        return self.out(self.rnn(self.embedding(tokens))[0])


class SeesOtherTunes(Honest):
    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        return logits + logits[:, :1].sum(0, keepdim=True)


class TimeForBatch(nn.Module):
    """Takes the batch for the time, as torch's layers do by default."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.rnn, self.out = nn.Embedding(V, 8), nn.GRU(8, 8), nn.Linear(8, V)

    def forward(self, tokens: Tensor) -> Any:
        return self.out(self.rnn(self.embedding(tokens))[0])


class NormalisesBatches(nn.Module):
    """Statistics of the batch, future included, also in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.out = nn.Embedding(V, 8), nn.Linear(8, V)
        self.norm = nn.BatchNorm1d(8, track_running_stats=False)

    def forward(self, tokens: Tensor) -> Any:
        return self.out(self.norm(self.embedding(tokens).transpose(1, 2)).transpose(1, 2))


NOT_CAUSAL = [
    *(Peeks, PeeksAtSomePositions, PeeksInLongBatches, PeeksAtTunes, PeeksAtWholeTunes, SeesTheEnd, CountsTheTokens),
    *(AttendsToAll, ReadsBackwards, SeesOtherTunes, TimeForBatch, NormalisesBatches),
]


class Drops(Honest):
    """Drops units in evaluation as well."""

    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.dropout(self.network(tokens), 0.5)


class TrainsAlways(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, tokens: Tensor) -> Any:
        logits = self.dropout(self.network(tokens))
        self.train()
        return logits


class Remembers(Honest):
    """Predicts what followed the same beginning in an earlier call."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[tuple[int, ...], int] = {}

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens).clone()
        for row, tune in enumerate(tokens.tolist()):
            for position in range(1, len(tune)):
                following = self.seen.get(tuple(tune[:position]))
                if following is not None:
                    logits[row, position - 1, following] += 9
        for tune in tokens.tolist():
            self.seen.update({tuple(tune[:position]): tune[position] for position in range(1, len(tune))})
        return logits


class Counts(Honest):
    """Predicts otherwise from call to call, and the same for a batch within one."""

    n_calls = 0

    def forward(self, tokens: Tensor) -> Any:
        type(self).n_calls += 1
        return self.network(tokens) * (1 + self.n_calls)


NOT_REPEATABLE = [Drops, TrainsAlways, Remembers, Counts]


def markov() -> nn.Module:
    network = MarkovNetwork()
    network.count(TOKENS)
    return network


def ppm() -> nn.Module:
    network = PPMNetwork()
    network.fit([TOKENS], [batch_of(TUNES[6:9])])
    return network


class Adapts(Honest):
    """Counts the tokens of the tune so far: adapting to a tune is no fault."""

    def forward(self, tokens: Tensor) -> Any:
        return self.network(tokens) + nn.functional.one_hot(tokens, V).cumsum(1).float().log1p()


class Shifts(Honest):
    """Adds another number to all logits at every call, which changes no probability."""

    def forward(self, tokens: Tensor) -> Any:
        return self.network(tokens) + random.random()


class RulesOut(Honest):
    def forward(self, tokens: Tensor) -> Any:
        return self.network(tokens).masked_fill(torch.arange(V) == 7, -torch.inf)


class NotANumberAtPadding(Honest):
    def forward(self, tokens: Tensor) -> Any:
        return self.network(tokens).where(tokens[..., None] != PAD, torch.nan)


HONEST: dict[str, Callable[[], nn.Module]] = {
    **SMALL_NETWORKS,
    "markov": markov,
    "ppm": ppm,
    "mixture": lambda: MixtureNetwork([ppm(), small_lstm()]),
    "adapts": Adapts,
    "shifts": Shifts,
    "rules out": RulesOut,
    "nan at padding": NotANumberAtPadding,
    "float64": lambda: Honest().double(),
    "bfloat16": lambda: Honest().bfloat16(),
}


@pytest.mark.parametrize("network", HONEST)
def test_networks_that_predict_from_the_past_pass(network: str) -> None:
    check_causality(HONEST[network]().eval(), TOKENS)
    assert len(read_tunes(HONEST[network]().eval(), TUNES[:18])) == 18


@pytest.mark.parametrize("network", NOT_CAUSAL)
def test_networks_that_see_more_are_refused(network: type[nn.Module]) -> None:
    with pytest.raises(InputError, match=rf"{network.__name__} is not causal.* at position \d+ depend on"):
        check_causality(network().eval(), TOKENS)


@pytest.mark.parametrize("network", [*NOT_CAUSAL, PeeksInLargeBatches])
def test_they_are_not_scored(network: type[nn.Module]) -> None:
    with pytest.raises(InputError, match=rf"{network.__name__} is not causal"):
        read_tunes(network(), TUNES)


@pytest.mark.parametrize("network", NOT_REPEATABLE)
def test_networks_that_predict_otherwise_the_second_time_are_refused(network: type[nn.Module]) -> None:
    with pytest.raises(InputError, match=rf"{network.__name__} predicts otherwise when it reads the same tokens again"):
        check_causality(network().eval(), TOKENS)
    with pytest.raises(InputError, match=network.__name__):
        read_tunes(network(), TUNES)


def test_what_was_remembered_before_is_found_too() -> None:
    network = Remembers().eval()
    network(batch_of(TUNES))  # as a validation before does
    with pytest.raises(InputError, match="keep nothing from one call for the next"):
        check_causality(network, TOKENS)


def test_one_tune_in_a_batch_of_others_is_found() -> None:
    """Peeks at a quarter of the tunes alone: among forty, some are read again."""

    class PeeksAtOne(Honest):
        def forward(self, tokens: Tensor) -> Tensor:
            return self.knowing(tokens, (tokens[:, PREFIX_LENGTH + 1, None] % 4 == 0).expand(tokens.shape))

    with pytest.raises(InputError, match="later tokens"):
        read_tunes(PeeksAtOne(), TUNES)


def test_the_quick_check_compares_with_what_is_scored() -> None:
    network, other = Honest().eval(), user_network().eval()
    with torch.no_grad():
        check_future_unused(network, TOKENS, network(TOKENS))
        with pytest.raises(InputError, match="later tokens"):
            check_future_unused(network, TOKENS, other(TOKENS))


@pytest.mark.parametrize("tokens", [TOKENS[:1], TOKENS[:, :4], TOKENS[:2, :5], TOKENS[:, :1], torch.zeros(2, 9).long()])
def test_short_sequences_are_no_fault(tokens: Tensor) -> None:
    network = small_lstm().eval()
    check_causality(network, tokens)
    check_future_unused(network, tokens, network(tokens))


def states() -> tuple[Any, ...]:
    numbers: Any = np.random.get_state()  # noqa: NPY002
    return random.getstate(), numbers[1].tolist(), numbers[2], torch.get_rng_state().tolist()


def test_random_generators_stay_as_they_were() -> None:
    before = states()
    with generators_kept(torch.device("cpu")):
        random.random(), np.random.rand(), torch.rand(3)  # noqa: NPY002
        assert states() != before
    assert states() == before


def test_the_generator_of_a_thread_stays_as_it_was() -> None:
    generator = torch.Generator()
    before = generator.get_state()
    with OwnGenerator(generator), generators_kept(torch.device("cpu")):
        torch.rand(3)
        assert not torch.equal(generator.get_state(), before)
    assert torch.equal(generator.get_state(), before)


class Keeps(Honest):
    """Keeps what it reads, in every place where a module can."""

    def __init__(self) -> None:
        super().__init__()
        self.list: list[Tensor] = []
        self.dictionary: dict[int, Tensor] = {}
        self.tensor, self.number = torch.zeros(3), 0
        self.register_buffer("sums", torch.zeros(V))
        self.norm = nn.BatchNorm1d(V)

    def forward(self, tokens: Tensor) -> Any:
        self.list.append(tokens)
        self.dictionary[len(self.dictionary)] = tokens
        self.tensor += 1
        self.number += 1
        self.new = tokens
        self.get_buffer("sums").add_(1)
        logits = self.network(tokens)
        self.norm(logits.transpose(1, 2))
        return logits


def test_a_network_keeps_its_buffers_and_attributes() -> None:
    network = Keeps()  # in training mode, so that statistics of its batches would change
    check_causality(network, TOKENS)
    assert network.list == []
    assert (network.dictionary, network.number) == ({}, 0)
    assert not hasattr(network, "new")
    assert not network.tensor.any()
    assert not network.get_buffer("sums").any()
    assert not network.norm.get_buffer("running_mean").any()
    assert int(network.norm.get_buffer("num_batches_tracked")) == 0


def test_state_is_kept_after_an_error() -> None:
    network = Keeps()
    with pytest.raises(IndexError), state_kept(network):
        network(torch.full((1, 5), V))
    assert network.number == 0
