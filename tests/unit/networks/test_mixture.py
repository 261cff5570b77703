"""A mixture is a distribution, predicts no worse than its best part, and carries a state like any other network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import SMALL_NETWORKS, batch_of, small_lstm, small_transformer, user_network, walks
from torch import Tensor, nn

from chromasonic.melody_generation.generation.decoding import select_sequences
from chromasonic.melody_generation.measures.earlier_matches import longest_earlier_matches
from chromasonic.melody_generation.networks.contract import StatefulNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.mixture import (
    MATCH_BINS,
    MatchState,
    MixtureNetwork,
    earlier_match_lengths,
    fit_weights,
)
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary


def counted(network: MarkovNetwork | PPMNetwork, seed: int = 3) -> nn.Module:
    network.count(batch_of(walks(20, seed)))
    return network


def parts() -> list[nn.Module]:
    return [small_lstm(dropout=0.5), small_transformer(), counted(MarkovNetwork(1)), counted(PPMNetwork())]


@pytest.fixture(scope="module")
def mixture() -> MixtureNetwork:
    """Return a fitted mixture of every kind of network; no test changes it."""
    torch.manual_seed(0)
    network = MixtureNetwork(parts())
    network.fit([], [batch_of(walks(6, 4)), batch_of(walks(5, 5))])
    return network.eval()


def nats(network: nn.Module, batches: list[Tensor]) -> tuple[float, int]:
    scorer = TokenScorer(NoteVocabulary())
    with torch.no_grad():
        sums = [scorer(network(tokens).double(), tokens) for tokens in batches]
    return sum(float(batch_sums.nats) for batch_sums in sums), sum(int(batch_sums.n_tokens) for batch_sums in sums)


@pytest.mark.slow
@pytest.mark.parametrize("by_match", [True, False])
def test_no_part_alone_predicts_validation_better(by_match: bool) -> None:
    validation = [batch_of(walks(6, 4)), batch_of(walks(5, 5))]
    # The informed network has counted these tunes, so it is best by far.
    informed = MarkovNetwork(3)
    informed.count(validation[0])
    for members in (parts(), [*parts()[:2], informed], [small_lstm(), small_lstm()]):
        network = MixtureNetwork(members, by_match=by_match)
        network.fit([], validation)
        together, n_tokens = nats(network, validation)
        best = min(nats(part, validation)[0] for part in network.parts)
        assert together <= best + 1e-6 * n_tokens
        assert network.weights.sum(dim=1).numpy() == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_weights_by_match_predict_validation_no_worse_than_one_set() -> None:
    validation = [torch.cat([tokens[:, :-1], tokens[:, 4:]], dim=1) for tokens in [batch_of(walks(8, 4))]]  # repeated
    members = parts()
    networks = [MixtureNetwork(members, by_match=by_match) for by_match in (True, False)]
    for network in networks:
        network.fit([], validation)
    by_match, one_set = (nats(network, validation)[0] for network in networks)
    assert by_match < one_set
    assert len(networks[0].weights) == len(MATCH_BINS)


def test_probabilities_sum_to_one(mixture: MixtureNetwork) -> None:
    with torch.no_grad():
        logits = mixture(batch_of(walks(3, 9)))
    assert logits.double().exp().sum(dim=-1).numpy() == pytest.approx(1, abs=1e-4)


def test_probabilities_are_the_weighted_average_of_the_parts(mixture: MixtureNetwork) -> None:
    tokens = batch_of(walks(2, 9))
    with torch.no_grad():
        predicted = torch.stack([part(tokens).softmax(dim=-1) for part in mixture.parts])
        lengths, _ = earlier_match_lengths(tokens)
        result = mixture(tokens).exp()
    for row, position in ((0, 3), (1, 20), (1, 60)):
        index = max(i for i, begin in enumerate(MATCH_BINS) if begin <= int(lengths[row, position]))
        expected = (mixture.weights[index][:, None] * predicted[:, row, position]).sum(dim=0)
        torch.testing.assert_close(result[row, position], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_a_mixture_of_two_equal_parts_equals_the_part(name: str) -> None:
    part = SMALL_NETWORKS[name]().eval()
    network = MixtureNetwork([part, part])
    network.fit([], [batch_of(walks(3))])
    tokens = batch_of(walks(3, 7))
    with torch.no_grad():
        torch.testing.assert_close(network(tokens), part(tokens).log_softmax(dim=-1), rtol=1e-5, atol=1e-5)


def test_reading_in_parts_equals_reading_at_once(mixture: MixtureNetwork) -> None:
    tokens = batch_of(walks(3, 9))[:, :40]
    assert isinstance(mixture, StatefulNetwork)
    with torch.no_grad():
        whole, _ = mixture.forward_with_state(tokens)
        result, state = [], None
        for stretch in torch.split(tokens, [4, 1, 1, 14, 20], dim=1):
            logits, state = mixture.forward_with_state(stretch, state)
            result.append(logits)
        torch.testing.assert_close(torch.cat(result, dim=1), whole, rtol=1e-4, atol=1e-4)
        rows = torch.tensor([2, 0])
        _, state = mixture.forward_with_state(tokens[:, :20])
        continued, _ = mixture.forward_with_state(tokens[rows, 20:], select_sequences(state, rows))
        torch.testing.assert_close(continued, whole[rows, 20:], rtol=1e-4, atol=1e-4)


def test_parts_stay_in_evaluation_mode_and_frozen(mixture: MixtureNetwork) -> None:
    tokens = batch_of(walks(2))
    with torch.no_grad():
        in_evaluation = mixture(tokens)
        try:
            assert torch.equal(mixture.train()(tokens), in_evaluation)  # one part has a dropout of a half
            assert mixture.training
        finally:
            mixture.eval()
    assert not any(parameter.requires_grad for parameter in mixture.parameters())


@given(st.integers(0, 10_000))
def test_no_weights_on_a_grid_are_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(np.log(rng.uniform(0.01, 1, (12, 2))))

    def log_likelihood(weights: Tensor) -> float:
        return float((scores.exp() @ weights).log().sum())

    result = fit_weights(scores, torch.tensor([0.5, 0.5]).double())
    grid = [torch.tensor([share, 1 - share]).double() for share in np.linspace(0, 1, 101)]
    assert log_likelihood(result) >= max(map(log_likelihood, grid)) - 1e-6


def test_tokens_without_probability_from_a_part_do_not_break_the_fit() -> None:
    scores = torch.tensor([[-torch.inf, -1.0], [0.0, -3.0], [-torch.inf, -torch.inf]]).double()
    result = fit_weights(scores, torch.tensor([0.5, 0.5]).double())
    assert 0 < result[0] < 1
    assert fit_weights(scores[:0], result) is result


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "2 to 32"),
        ([small_lstm()], "got 1"),
        ([small_lstm(), MixtureNetwork([small_lstm(), small_lstm()])], "MixtureNetwork"),
        ([small_lstm(), nn.Linear(2, 2)], "Linear"),
    ],
)
def test_invalid_parts_are_refused(members: list[nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureNetwork(members)


def test_a_network_without_state_is_refused() -> None:
    with pytest.raises(ValueError, match="Sequential"):
        MixtureNetwork([small_lstm(), user_network()])


@pytest.mark.parametrize("part_lengths", [[50], [1] * 50, [3, 1, 20, 26]])
def test_match_lengths_equal_the_measure_whole_and_in_parts(part_lengths: list[int]) -> None:
    music = torch.randint(0, 3, (4, 50 - PREFIX_LENGTH), generator=torch.Generator().manual_seed(0))
    tokens = torch.cat([torch.full((4, PREFIX_LENGTH), 1), music], dim=1)
    state: MatchState | None = None
    lengths_found = []
    for part in torch.split(tokens, part_lengths, dim=1):
        lengths, state = earlier_match_lengths(part, state)
        lengths_found.append(lengths)
    for row, expected in zip(torch.cat(lengths_found, dim=1), music, strict=True):
        assert row[:PREFIX_LENGTH].tolist() == [0] * PREFIX_LENGTH  # though all prefix tokens are equal
        assert row[PREFIX_LENGTH:].tolist() == longest_earlier_matches(expected.numpy()).tolist()


def test_padding_does_not_change_match_lengths_before_it() -> None:
    short, long = walks(2)
    tokens = batch_of([short, long])
    n_tokens = int((tokens[0] != 0).sum())
    alone, _ = earlier_match_lengths(tokens[:1, :n_tokens])
    assert earlier_match_lengths(tokens)[0][0, :n_tokens].tolist() == alone[0].tolist()
