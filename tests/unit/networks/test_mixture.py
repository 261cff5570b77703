"""A mixture is a distribution, no worse than its best part, and reads on like any other network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import SMALL_NETWORKS, batch_of, network_of_ones_own, small_lstm, small_transformer, walks
from torch import Tensor, nn

from chromasonic.melody_generation.generation.decoding import rows_of
from chromasonic.melody_generation.networks.contract import StatefulNetwork
from chromasonic.melody_generation.networks.counting.match_lengths import match_lengths
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.mixture import MATCHES_FROM, MixtureNetwork, best_weights
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def counted(network: MarkovNetwork | PPMNetwork, seed: int = 3) -> nn.Module:
    network.count(batch_of(walks(20, seed)))
    return network


def parts() -> list[nn.Module]:
    return [small_lstm(dropout=0.5), small_transformer(), counted(MarkovNetwork(1)), counted(PPMNetwork())]


@pytest.fixture(scope="module")
def mixture() -> MixtureNetwork:
    """Of every built-in kind, fitted; no test changes it."""
    torch.manual_seed(0)
    network = MixtureNetwork(parts())
    network.fit([], [batch_of(walks(6, 4)), batch_of(walks(5, 5))])
    return network.eval()


def nats(network: nn.Module, batches: list[Tensor]) -> tuple[float, int]:
    scorer = TokenScorer(NoteVocabulary())
    with torch.no_grad():
        sums = [scorer(network(tokens).double(), tokens) for tokens in batches]
    return sum(float(each.nats) for each in sums), sum(int(each.n_tokens) for each in sums)


@pytest.mark.parametrize("by_match", [True, False])
def test_no_part_alone_predicts_validation_better(by_match: bool) -> None:
    validation = [batch_of(walks(6, 4)), batch_of(walks(5, 5))]
    # The last but one is hopeless, and the last one has counted the very tunes, so that it is best by far.
    informed = MarkovNetwork(3)
    informed.count(validation[0])
    for members in (parts(), [*parts()[:2], informed], [small_lstm(), small_lstm()]):
        network = MixtureNetwork(members, by_match=by_match)
        network.fit([], validation)
        together, n_tokens = nats(network, validation)
        best = min(nats(part, validation)[0] for part in network.parts)
        assert together <= best + 1e-6 * n_tokens
        assert network.weights.sum(dim=1).numpy() == pytest.approx(1, abs=1e-6)


def test_weights_by_match_predict_validation_no_worse_than_one_set() -> None:
    validation = [torch.cat([tokens[:, :-1], tokens[:, 4:]], dim=1) for tokens in [batch_of(walks(8, 4))]]  # repeated
    members = parts()
    networks = [MixtureNetwork(members, by_match=by_match) for by_match in (True, False)]
    for network in networks:
        network.fit([], validation)
    by_match, one_set = (nats(network, validation)[0] for network in networks)
    assert by_match < one_set
    assert len(networks[0].weights) == len(MATCHES_FROM)


def test_probabilities_sum_to_one(mixture: MixtureNetwork) -> None:
    with torch.no_grad():
        logits = mixture(batch_of(walks(3, 9)))
    assert logits.double().exp().sum(dim=-1).numpy() == pytest.approx(1, abs=1e-4)


def test_it_is_the_weighted_average(mixture: MixtureNetwork) -> None:
    tokens = batch_of(walks(2, 9))
    with torch.no_grad():
        predicted = torch.stack([part(tokens).softmax(dim=-1) for part in mixture.parts])
        lengths, _ = match_lengths(tokens)
        found = mixture(tokens).exp()
    for row, place in ((0, 3), (1, 20), (1, 60)):
        index = max(i for i, begin in enumerate(MATCHES_FROM) if begin <= int(lengths[row, place]))
        expected = (mixture.weights[index][:, None] * predicted[:, row, place]).sum(dim=0)
        torch.testing.assert_close(found[row, place], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_two_equal_parts_give_that_part(name: str) -> None:
    part = SMALL_NETWORKS[name]().eval()
    network = MixtureNetwork([part, part])
    network.fit([], [batch_of(walks(3))])
    tokens = batch_of(walks(3, 7))
    with torch.no_grad():
        torch.testing.assert_close(network(tokens), part(tokens).log_softmax(dim=-1), rtol=1e-5, atol=1e-5)


def test_step_by_step_equals_the_whole(mixture: MixtureNetwork) -> None:
    tokens = batch_of(walks(3, 9))[:, :40]
    assert isinstance(mixture, StatefulNetwork)
    with torch.no_grad():
        whole, _ = mixture.forward_with_state(tokens)
        found, state = [], None
        for stretch in torch.split(tokens, [4, 1, 1, 14, 20], dim=1):
            logits, state = mixture.forward_with_state(stretch, state)
            found.append(logits)
        torch.testing.assert_close(torch.cat(found, dim=1), whole, rtol=1e-4, atol=1e-4)
        rows = torch.tensor([2, 0])
        _, state = mixture.forward_with_state(tokens[:, :20])
        gone_on, _ = mixture.forward_with_state(tokens[rows, 20:], rows_of(state, rows))
        torch.testing.assert_close(gone_on, whole[rows, 20:], rtol=1e-4, atol=1e-4)


def test_the_parts_stay_as_they_are_in_training(mixture: MixtureNetwork) -> None:
    tokens = batch_of(walks(2))
    with torch.no_grad():
        calm = mixture(tokens)
        try:
            assert torch.equal(mixture.train()(tokens), calm)  # one part would drop half of each vector
            assert mixture.training
        finally:
            mixture.eval()
    assert not any(parameter.requires_grad for parameter in mixture.parameters())


@given(st.integers(0, 10_000))
def test_the_weights_are_the_best_on_a_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(np.log(rng.uniform(0.01, 1, (12, 2))))

    def worth(weights: Tensor) -> float:
        return float((scores.exp() @ weights).log().sum())

    found = best_weights(scores, torch.tensor([0.5, 0.5]).double())
    grid = [torch.tensor([share, 1 - share]).double() for share in np.linspace(0, 1, 101)]
    assert worth(found) >= max(map(worth, grid)) - 1e-6


def test_what_a_part_rules_out_is_left_to_the_others() -> None:
    scores = torch.tensor([[-torch.inf, -1.0], [0.0, -3.0], [-torch.inf, -torch.inf]]).double()
    found = best_weights(scores, torch.tensor([0.5, 0.5]).double())
    assert 0 < found[0] < 1
    assert best_weights(scores[:0], found) is found


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([], "2 to 32"),
        ([small_lstm()], "got 1"),
        ([small_lstm(), MixtureNetwork([small_lstm(), small_lstm()])], "MixtureNetwork"),
        ([small_lstm(), nn.Linear(2, 2)], "Linear"),
    ],
)
def test_what_is_no_mixture_is_refused(members: list[nn.Module], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MixtureNetwork(members)


def test_a_network_without_state_is_refused() -> None:
    with pytest.raises(ValueError, match="Sequential"):
        MixtureNetwork([small_lstm(), network_of_ones_own()])
