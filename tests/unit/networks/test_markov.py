import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

few = settings(max_examples=12)
tunes = st.lists(melodies(), min_size=1, max_size=4)


def letters(word: str) -> Tensor:
    """Encode a word: the prefix, and a quarter note for every letter, without an end."""
    tokens = VOCABULARY.encode(Melody([60 + ord(letter) - ord("a") for letter in word], [24] * len(word)))
    return torch.from_numpy(tokens)[None, :-1]


def counted(network: MarkovNetwork, *batches: Tensor) -> MarkovNetwork:
    for batch in batches:
        network.count(batch)
    return network


def by_hand(order: int, training: list[list[int]], tokens: list[int], candidate: int) -> float:
    """Return P(candidate | tokens), counted with dictionaries."""
    probability = 1 / len(VOCABULARY)
    for length in range(order + 1):
        after: Counter[int] = Counter()
        context = ([-1] * length + tokens)[len(tokens) :]
        for sequence in training:
            for index in range(PREFIX_LENGTH, len(sequence)):
                if ([-1] * length + sequence)[index : index + length] == context:
                    after[sequence[index]] += 1
        total = sum(after.values()) + len(after)
        probability = (after[candidate] + len(after) * probability) / total if after else probability
    return probability


def test_abracadabra_by_hand() -> None:
    word = letters("abracadabra")
    network = counted(MarkovNetwork(2), word)
    after_ra = network(word)[0, -1].exp()
    c, a = (int(letters(letter)[0, -1]) for letter in "ca")
    unknown = 1 / len(VOCABULARY)
    order_0 = {c: (1 + 5 * unknown) / 16, a: (5 + 5 * unknown) / 16}
    assert float(after_ra[c]) == pytest.approx(1 / 2 + 1 / 2 * (1 + 3 * order_0[c]) / 7)
    assert float(after_ra[a]) == pytest.approx(1 / 2 * 3 / 7 * order_0[a])


@given(tunes, melodies(), st.integers(0, 3), st.data())
@few
def test_probabilities_equal_those_counted_by_hand(
    training: list[Melody], melody: Melody, order: int, data: st.DataObject
) -> None:
    network = counted(MarkovNetwork(order), batch_of(training))
    tokens = VOCABULARY.encode(melody).tolist()
    position = data.draw(st.integers(0, len(tokens) - 1))
    candidate = data.draw(st.sampled_from(batch_of(training).flatten().tolist()) | st.integers(0, len(VOCABULARY) - 1))
    result = network(torch.tensor([tokens]))[0, position, candidate].exp()
    sequences = [VOCABULARY.encode(tune).tolist() for tune in training]
    assert float(result) == pytest.approx(by_hand(order, sequences, tokens[: position + 1], candidate), rel=1e-4)


@given(tunes, tunes, st.integers(0, 3))
@few
def test_probabilities_sum_to_1(training: list[Melody], other: list[Melody], order: int) -> None:
    network = counted(MarkovNetwork(order), batch_of(training))
    for tokens in (batch_of(training), batch_of(other)):
        logits = network(tokens)
        assert logits.shape == (*tokens.shape, len(VOCABULARY))
        assert logits.double().logsumexp(-1).abs().max() < 1e-5


@pytest.mark.parametrize("order", [0, 2])
def test_a_network_without_counts_is_uniform(order: int) -> None:
    logits = MarkovNetwork(order)(letters("abc"))
    torch.testing.assert_close(logits, torch.full_like(logits, -math.log(len(VOCABULARY))))


@given(tunes, tunes)
@few
def test_the_order_of_batches_does_not_matter(one: list[Melody], other: list[Melody]) -> None:
    first, second = batch_of(one), batch_of(other)
    in_order, reversed_order = counted(MarkovNetwork(), first, second), counted(MarkovNetwork(), second, first)
    together = counted(MarkovNetwork(), batch_of([*one, *other]))
    assert torch.equal(in_order(first), reversed_order(first))
    assert torch.equal(in_order(first), together(first))


@given(tunes, tunes, st.integers(0, 4), st.data())
@few
def test_reading_in_parts_equals_reading_at_once(
    training: list[Melody], other: list[Melody], order: int, data: st.DataObject
) -> None:
    network, tokens = counted(MarkovNetwork(order), batch_of(training)), batch_of(other)
    bounds = data.draw(st.lists(st.integers(1, tokens.shape[1] - 1), max_size=6, unique=True).map(sorted))
    state, parts = None, []
    for begin, end in zip([0, *bounds], [*bounds, tokens.shape[1]], strict=True):
        logits, state = network.forward_with_state(tokens[:, begin:end], state)
        parts.append(logits)
        assert state.recent.shape == (len(tokens), min(order, end))
    torch.testing.assert_close(torch.cat(parts, dim=1), network(tokens))


@given(melodies(min_notes=2), st.data())
@few
def test_logits_depend_on_the_last_tokens_only(melody: Melody, data: st.DataObject) -> None:
    network, tokens = counted(MarkovNetwork(2), batch_of([melody])), batch_of([melody])
    position = data.draw(st.integers(0, tokens.shape[1] - 1))
    changed = tokens.clone()
    changed[0, position] = data.draw(st.integers(0, len(VOCABULARY) - 1))
    before, after = network(tokens), network(changed)
    assert torch.equal(before[:, :position], after[:, :position])
    assert torch.equal(before[:, position + 2 :], after[:, position + 2 :])


def test_a_saved_network_restores_its_counts(tmp_path: pytest.TempPathFactory) -> None:
    network, path = counted(MarkovNetwork(2), letters("abracadabra")), f"{tmp_path}/network.pt"
    torch.save({"state": network.state_dict(), "hyperparameters": network.hyperparameters}, path)
    saved = torch.load(path, weights_only=True)
    restored = MarkovNetwork(**saved["hyperparameters"])
    restored.load_state_dict(saved["state"])
    assert torch.equal(restored(letters("cab")), network(letters("cab")))
    counted(restored, letters("cab"))
    assert torch.equal(
        restored(letters("ab")), counted(MarkovNetwork(2), letters("cab"), letters("abracadabra"))(letters("ab"))
    )


def test_a_higher_order_predicts_counted_tunes_better() -> None:
    tokens = letters("abacabadabacabaeabacabadabacaba")
    nats = [
        float(TokenScorer(VOCABULARY)(counted(MarkovNetwork(order), tokens)(tokens), tokens).nats) for order in range(4)
    ]
    assert nats == sorted(nats, reverse=True)
    assert nats[3] < 0.8 * nats[0]


def test_a_negative_order_is_refused() -> None:
    with pytest.raises(ValueError, match=r"order .*got -1"):
        MarkovNetwork(-1)
