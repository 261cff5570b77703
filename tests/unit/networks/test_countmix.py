"""Context mixing: normalised, causal, with a state, and with each tune's own counts left out of its training."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, walks
from torch import Tensor

from chromasonic.melody_generation.melody import Departure, Melody, Metre
from chromasonic.melody_generation.networks.causality import check_causality
from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.counting.log_linear import evidence_block
from chromasonic.melody_generation.networks.counting.mixed_contexts import ContextModel
from chromasonic.melody_generation.networks.counting.mixed_factor import Factor, n_values
from chromasonic.melody_generation.networks.counting.tune_features import TuneFeatures
from chromasonic.melody_generation.networks.countmix import CountMixNetwork
from chromasonic.melody_generation.networks.mixture import MixtureNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH


def a_tune() -> Melody:
    """Return a tune of bars of 3/4 that return, a short bar, a rest and a change of metre."""
    pitches, durations = [60, 64, 67, 65, 64, 62] * 3 + [60, -1, 60], [24, 24, 24, 24, 36, 12] * 3 + [24, 48, 48]
    return Melody(pitches, durations, Metre(3, 4), departures=(Departure(19), Departure(20, Metre(2, 4))))


TRAINING = [batch_of([*walks(6, seed=1), a_tune()]), batch_of(walks(6, seed=2))]
OTHERS = batch_of([a_tune(), *walks(3, seed=3)])


@pytest.fixture(scope="module")
def network() -> CountMixNetwork:
    """Return a network that is fitted to a few tunes."""
    fitted = CountMixNetwork().eval()
    fitted.fit(TRAINING, [])
    return fitted


def bits_per_note(network: torch.nn.Module, tokens: Tensor) -> float:
    with torch.no_grad():
        sums = TokenScorer(VOCABULARY)(network(tokens), tokens)
    return float(sums.bits / sums.n_notes)


@pytest.mark.parametrize("is_fitted", [True, False])
def test_probabilities_of_all_tokens_sum_to_1(network: CountMixNetwork, *, is_fitted: bool) -> None:
    logits = (network if is_fitted else CountMixNetwork())(OTHERS)
    assert logits.shape == (*OTHERS.shape, len(VOCABULARY))
    assert logits.isfinite().all()
    assert logits.double().logsumexp(-1).abs().max() < 1e-5


def test_predictions_do_not_depend_on_later_tokens(network: CountMixNetwork) -> None:
    check_causality(network, OTHERS)
    changed = OTHERS.clone()
    changed[:, 12:] = TRAINING[0][0, PREFIX_LENGTH]
    torch.testing.assert_close(network(OTHERS)[:, :12], network(changed)[:, :12])


@pytest.mark.parametrize("bounds", [(1,), (PREFIX_LENGTH, PREFIX_LENGTH + 1, 9)])
def test_reading_in_parts_equals_reading_at_once(network: CountMixNetwork, bounds: tuple[int, ...]) -> None:
    parts, state = [], None
    for part in torch.tensor_split(OTHERS, bounds, dim=1):
        logits, state = network.forward_with_state(part, state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), network(OTHERS), atol=1e-4, rtol=1e-4)


def test_fitting_lowers_the_loss(network: CountMixNetwork) -> None:
    assert bits_per_note(network, TRAINING[0]) < bits_per_note(CountMixNetwork(), TRAINING[0])


def test_the_order_of_tunes_does_not_matter(network: CountMixNetwork) -> None:
    again = CountMixNetwork()
    again.fit([batch.flip(0) for batch in reversed(TRAINING)], [])
    assert torch.equal(again.pitches.counts.keys, network.pitches.counts.keys)
    torch.testing.assert_close(again(OTHERS), network(OTHERS), atol=1e-2, rtol=1e-2)


def recounted(
    features: list[dict[str, list[int]]], symbols: list[list[int]], model: ContextModel, row: int
) -> list[Counter[int]]:
    """Count by hand what followed each position's context of one tune, in all other tunes."""

    def context(tune: int, position: int) -> tuple[int, ...]:
        return tuple(features[tune][name][position] for name in model.features)

    counts = []
    for position, _ in enumerate(symbols[row]):
        counts.append(
            Counter(
                symbols[tune][other]
                for tune in range(len(symbols))
                for other in range(len(symbols[tune]))
                if tune != row and symbols[tune][other] >= 0 and context(tune, other) == context(row, position)
            )
        )
    return counts


def test_own_counts_are_left_out_of_training(network: CountMixNetwork) -> None:
    tunes = [row[row != VOCABULARY.pad] for batch in TRAINING for row in batch]
    reader = TuneFeatures(VOCABULARY)
    features = [{name: values[0].tolist() for name, values in reader(tune[None]).items()} for tune in tunes]
    symbols = []
    for tune in tunes:
        targets, is_scored = next_token_targets(tune[None])
        symbols.append(torch.where(is_scored, network.symbol_of[targets], -1)[0].tolist())
    row = 6  # the tune whose phrases return
    factor, _ = network._factors(tunes[row][None])
    block = evidence_block(network.pitches, factor, 0, len(tunes[row]))
    dense = block.matrix.toarray().reshape(len(block.targets), network.pitches.n_symbols, len(block.targets), -1)
    events = [position for position, symbol in enumerate(symbols[row]) if symbol >= 0]
    slot = 0
    for model in network.pitches.models:
        if isinstance(model, ContextModel) and model.is_long and not model.is_interval:
            expected = recounted(features, symbols, model, row)
            for event, position in enumerate(events):
                seen = np.flatnonzero(dense[event, :, event, slot + 1])
                assert set(seen.tolist()) == set(expected[position]), (model, position)
                for symbol, count in expected[position].items():
                    assert dense[event, symbol, event, slot] == pytest.approx(np.log1p(3 * count))
        slot += n_values(model)


def test_short_term_counts_are_those_of_the_tune_so_far(network: CountMixNetwork) -> None:
    factor, _ = network._factors(batch_of([a_tune()]))
    position = PREFIX_LENGTH + 8  # the ninth note has been read
    everything = network.pitches.evidence(factor, position, position + 1, leave_out=False)
    by_model = dict(zip(network.pitches.models, everything, strict=True))
    evidence = by_model[ContextModel(("p1",), is_long=False)]
    # After the third pitch of the phrase (67), 65 came once; the tune's pitch classes are counted from the lowest.
    follower = VOCABULARY.encode(a_tune())[PREFIX_LENGTH + 3]
    symbol = int(VOCABULARY.token_pitch[follower])
    assert evidence.values[1][0, 0].nonzero().flatten().tolist() == [symbol]
    assert evidence.values[0][0, 0, symbol] == pytest.approx(np.log1p(3))
    assert evidence.values[2][0, 0].argmax() == symbol


def test_what_stood_a_bar_ago() -> None:
    tune = Melody([60, 62, 64, 60, 62, 65], [24] * 6, Metre(3, 4))
    features = TuneFeatures(VOCABULARY)(batch_of([tune]))
    pitches = VOCABULARY.token_pitch[VOCABULARY.encode(tune)]
    n = PREFIX_LENGTH
    assert features["P1"][0, n + 2 : n + 5].tolist() == pitches[n : n + 3].tolist()
    assert features["X1"][0, n : n + 5].tolist() == [0, 0, 1, 1, 1]
    assert features["A1"][0, n + 2 : n + 6].tolist() == [0, 1, 2, 0]


def test_the_weights_survive_a_state_dict(network: CountMixNetwork) -> None:
    again = CountMixNetwork()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(OTHERS), network(OTHERS))


def test_control_tokens_without_counts_have_probability(network: CountMixNetwork) -> None:
    logits = network(OTHERS)[0, PREFIX_LENGTH]
    unseen = VOCABULARY.metre_token(Metre(9, 16))
    assert logits[unseen] < logits[VOCABULARY.end]
    assert logits[unseen].exp() > 0


def test_it_is_a_part_of_a_mixture(network: CountMixNetwork) -> None:
    ppm = PPMNetwork()
    ppm.fit(TRAINING, [])
    mixture = MixtureNetwork([network, ppm])
    mixture.fit([], [OTHERS])
    best = min(bits_per_note(network, OTHERS), bits_per_note(ppm, OTHERS))
    assert bits_per_note(mixture, OTHERS) <= best + 1e-4


@pytest.mark.parametrize("weight_tokens", [0, -1, 1.5])
def test_a_number_of_tokens_that_is_none_is_refused(weight_tokens: int) -> None:
    with pytest.raises(ValueError, match="weight_tokens"):
        CountMixNetwork(weight_tokens)


def test_a_few_tokens_suffice_for_weights() -> None:
    quick = CountMixNetwork(weight_tokens=60)
    quick.fit(TRAINING, [])
    assert bits_per_note(quick, TRAINING[0]) < bits_per_note(CountMixNetwork(), TRAINING[0])


def test_a_factor_without_counted_events_keeps_its_weights() -> None:
    empty = CountMixNetwork()
    empty.fit([torch.zeros(1, 5, dtype=torch.long)], [])
    assert isinstance(empty._factors(OTHERS)[0], Factor)
    assert not empty.pitches.confidence_weights.any()


def test_a_checkpoint_gives_the_same_predictions(network: CountMixNetwork, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    again = CountMixNetwork()
    again.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(again(OTHERS), network(OTHERS))
