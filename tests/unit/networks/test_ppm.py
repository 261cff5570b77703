import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.splits import split_by_family
from chromasonic.melody_generation.melody import Departure, Melody, Metre
from chromasonic.melody_generation.networks.counting.contexts import FactorContexts
from chromasonic.melody_generation.networks.counting.counts import lagged, nested_contexts, stack_orders
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import MODELS, EntropyWeighting, FactorModel, PPMNetwork, entropy
from chromasonic.melody_generation.training.metrics import TokenScorer, next_token_nll
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

few = settings(max_examples=12)
tunes = st.lists(melodies(), min_size=1, max_size=4)
every_model = pytest.mark.parametrize("models", MODELS)


def counted(network: PPMNetwork, *batches: Tensor) -> PPMNetwork:
    for batch in batches:
        network.count(batch)
    return network


def escaped(counts: Counter[Any], candidate: Any, shorter: float) -> float:
    """Interpolate by escape method C."""
    n_different = len(counts)
    return (counts[candidate] + n_different * shorter) / (counts.total() + n_different) if counts else shorter


def a_tune() -> Melody:
    """Return a tune of two bars of 3/4 that return, a short bar and a change of metre."""
    pitches, durations = [60, 64, 67, 65, 64, 62] * 2 + [60, 62, 60], [24, 24, 24, 24, 36, 12] * 2 + [24, 48, 48]
    return Melody(pitches, durations, Metre(3, 4), departures=(Departure(13), Departure(14, Metre(2, 4))))


@pytest.mark.slow
@every_model
@given(tunes, tunes)
@few
def test_probabilities_sum_to_1(models: str, training: list[Melody], other: list[Melody]) -> None:
    network = counted(PPMNetwork(models=models), batch_of(training))
    for tokens in (batch_of(training), batch_of(other), batch_of([a_tune()])):
        logits = network(tokens)
        assert logits.shape == (*tokens.shape, len(VOCABULARY))
        assert logits.double().logsumexp(-1).abs().max() < 1e-5


@every_model
def test_a_network_without_counts_is_uniform(models: str) -> None:
    logits = PPMNetwork(models=models)(batch_of([a_tune()]))[:, :PREFIX_LENGTH]
    torch.testing.assert_close(logits, torch.full_like(logits, -math.log(len(VOCABULARY))))


@pytest.mark.slow
@given(tunes, tunes)
@few
def test_the_order_of_batches_does_not_matter(one: list[Melody], other: list[Melody]) -> None:
    first, second = batch_of(one), batch_of(other)
    in_order, reversed_order = counted(PPMNetwork(), first, second), counted(PPMNetwork(), second, first)
    assert torch.equal(in_order(first), reversed_order(first))
    assert torch.equal(in_order(first), counted(PPMNetwork(), batch_of([*one, *other]))(first))


@pytest.mark.slow
@every_model
@given(tunes, tunes, st.data())
@few
def test_reading_in_parts_equals_reading_at_once(
    models: str, training: list[Melody], other: list[Melody], data: st.DataObject
) -> None:
    network, tokens = counted(PPMNetwork(models=models), batch_of(training)), batch_of(other)
    bounds = data.draw(st.lists(st.integers(1, tokens.shape[1] - 1), max_size=6, unique=True).map(sorted))
    state, parts = None, []
    for begin, end in zip([0, *bounds], [*bounds, tokens.shape[1]], strict=True):
        logits, state = network.forward_with_state(tokens[:, begin:end], state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), network(tokens))


@every_model
@given(melodies(min_notes=2), st.data())
@few
def test_earlier_logits_do_not_depend_on_later_tokens(models: str, melody: Melody, data: st.DataObject) -> None:
    tokens = batch_of([melody])
    network = counted(PPMNetwork(models=models), tokens, batch_of([a_tune()]))
    position = data.draw(st.integers(1, tokens.shape[1] - 1))
    n_others = tokens.shape[1] - position
    others = st.lists(st.integers(0, len(VOCABULARY) - 1), min_size=n_others, max_size=n_others)
    changed = tokens.clone()
    changed[0, position:] = torch.tensor(data.draw(others))
    assert torch.equal(network(changed)[:, :position], network(tokens)[:, :position])


@given(tunes, st.integers(0, 5))
@few
def test_sequences_do_not_depend_on_each_other_or_on_padding(group: list[Melody], n_padding: int) -> None:
    network = counted(PPMNetwork(), batch_of(group))
    logits = network(torch.nn.functional.pad(batch_of(group), (0, n_padding), value=VOCABULARY.pad))
    for row, melody in enumerate(group):
        alone = network(batch_of([melody]))[0]
        torch.testing.assert_close(logits[row, : len(alone)], alone)


@given(tunes)
@few
def test_padding_is_not_counted(group: list[Melody]) -> None:
    tokens = batch_of(group)
    padded = torch.nn.functional.pad(tokens, (0, 3), value=VOCABULARY.pad)
    assert torch.equal(counted(PPMNetwork(), tokens)(tokens), counted(PPMNetwork(), padded)(tokens))


def test_the_long_term_model_by_hand() -> None:
    # Order 0. Kinds: no context, the position in the bar, the bar in its part. Pitches: no context, the position.
    melody = Melody([60, 62, 60, 64], [24, 24, 24, 24], Metre(2, 4))
    network = counted(PPMNetwork(long_order=0, models="long"), batch_of([melody]))
    result = network(batch_of([melody]))[0, PREFIX_LENGTH + 1].exp()  # after two notes, on bar 1's first beat

    n_tokens, n_pitches = len(VOCABULARY), VOCABULARY.rest_class + 1
    quarter = n_pitches / n_tokens
    for counts in (Counter("qqqqe"), Counter("qqe"), Counter("q")):  # in all; on the first beat; there in bar 1
        quarter = escaped(counts, "q", quarter)
    c = 1 / n_pitches
    for counts in (Counter("cdce"), Counter("cc")):
        c = escaped(counts, "c", c)
    token = int(batch_of([melody])[0, PREFIX_LENGTH])
    assert float(result[token]) == pytest.approx(quarter * c)

    end = 1 / n_tokens
    for counts in (Counter("qqqqe"), Counter("qqe"), Counter("q")):
        end = escaped(counts, "e", end)
    assert float(result[VOCABULARY.end]) == pytest.approx(end)


def test_the_short_term_model_by_hand() -> None:
    melody = Melody([60, 62, 60, 62], [24, 24, 24, 24], Metre(2, 4))
    tokens = batch_of([melody])
    network = PPMNetwork(short_order=1, models="short", update_exclusion=False)
    result = network(tokens)[0, PREFIX_LENGTH + 2].exp()  # after c d c, on bar 1's second beat

    n_tokens, n_pitches = len(VOCABULARY), VOCABULARY.rest_class + 1
    quarter = n_pitches / n_tokens
    for counts in (Counter("qqq"), Counter("q"), Counter("q")):  # in all; on the second beat; there after c
        quarter = escaped(counts, "q", quarter)
    d = 1 / n_pitches
    for counts in (Counter("cdc"), Counter("d"), Counter("d")):
        d = escaped(counts, "d", d)
    assert float(result[tokens[0, -2]]) == pytest.approx(quarter * d)


def test_the_two_models_are_averaged_by_their_entropies_by_hand() -> None:
    certain, uncertain = torch.tensor([1 - 1e-9, 1e-9]), torch.tensor([0.5, 0.5])
    assert float(entropy(uncertain)) == pytest.approx(math.log(2))
    three_to_one = torch.tensor([0.75, 0.25])
    nats = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    weights = 1 / nats, 0.5 / math.log(2)
    expected = (weights[0] * 0.75 + weights[1] * 0.5) / sum(weights)
    assert float(EntropyWeighting(0.5, 1.0, "both")(three_to_one, uncertain)[0]) == pytest.approx(expected)
    assert float(EntropyWeighting(2.0, 0.0, "both")(three_to_one, uncertain)[0]) == pytest.approx((0.75 + 2 * 0.5) / 3)
    assert float(EntropyWeighting(0.5, 1.0, "both")(certain, uncertain)[0]) > 0.99
    assert EntropyWeighting(0.5, 1.0, "long")(certain, uncertain) is certain
    assert EntropyWeighting(0.5, 1.0, "short")(certain, uncertain) is uncertain


def test_a_phrase_that_returns_takes_fewer_nats() -> None:
    phrase = [60, 64, 67, 65, 64, 62, 60, 59]
    tokens = batch_of([Melody(phrase * 3, [24] * 24)])
    nats = next_token_nll(PPMNetwork()(tokens)[:, :-1], tokens[:, 1:])[0, PREFIX_LENGTH - 1 : -1]
    first, second, third = (float(part.sum()) for part in nats.chunk(3))
    assert second < 0.7 * first
    assert third < 0.7 * second


def test_repetition_does_not_make_the_end_less_likely() -> None:
    """The end is as likely as for the long-term model alone."""
    training = batch_of([a_tune(), Melody([60, 64, 67, 65, 64, 62, 60, 59], [24] * 8)])
    both, long = (counted(PPMNetwork(models=models), training) for models in ("both", "long"))
    tokens = batch_of([Melody([60, 64, 67, 65, 64, 62, 60, 59] * 12, [24] * 96)])
    torch.testing.assert_close(both(tokens)[..., VOCABULARY.end], long(tokens)[..., VOCABULARY.end])


def test_the_short_term_model_does_not_see_other_tunes_of_the_batch() -> None:
    one, other = Melody([60, 62, 64, 65] * 2, [24] * 8), Melody([67, 69, 71, 72] * 2, [24] * 8)
    network = PPMNetwork()
    torch.testing.assert_close(network(batch_of([one, other]))[1], network(batch_of([other, other]))[0])


def test_departing_bars_are_predicted_where_they_were_counted() -> None:
    tokens = batch_of([a_tune()])
    network = counted(PPMNetwork(models="long"), tokens)
    scores = network(tokens)[0]
    # Counted once, every token is more likely than under the uniform distribution.
    positions = torch.arange(PREFIX_LENGTH - 1, tokens.shape[1] - 1)
    assert (scores[positions, tokens[0, positions + 1]] > -math.log(len(VOCABULARY))).all()
    before_bar, before_metre = (int((tokens[0] == token).nonzero()) - 1 for token in (VOCABULARY.bar, metre_2_4()))
    assert scores[before_bar, VOCABULARY.bar] > scores[before_bar - 1, VOCABULARY.bar]
    assert scores[before_metre, metre_2_4()] > scores[before_metre - 3, metre_2_4()]


def metre_2_4() -> int:
    return VOCABULARY.metre_token(Metre(2, 4))


def test_a_saved_network_restores_its_counts(tmp_path: pytest.TempPathFactory) -> None:
    network, tokens = counted(PPMNetwork(1, 3, 0.7, 1.5), batch_of([a_tune()])), batch_of([a_tune()])
    torch.save({"state": network.state_dict(), "hyperparameters": network.hyperparameters}, f"{tmp_path}/network.pt")
    saved = torch.load(f"{tmp_path}/network.pt", weights_only=True)
    restored = PPMNetwork(**saved["hyperparameters"])
    restored.load_state_dict(saved["state"])
    assert torch.equal(restored(tokens), network(tokens))
    assert saved["state"].keys() == PPMNetwork().state_dict().keys()


def test_the_state_dict_holds_the_two_tables() -> None:
    with torch.device("meta"):
        state = PPMNetwork().state_dict()
    names = [f"{aspect}.successors.{part}" for aspect in ("kinds", "pitches") for part in ("keys", "counts")]
    assert list(state) == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"long_order": -1}, "long_order .*got -1"),
        ({"short_order": 1.5}, "short_order .*got 1.5"),
        ({"short_weight": 0}, "short_weight"),
        ({"short_weight": math.inf}, "short_weight"),
        ({"short_weight": math.nan}, "short_weight"),
        ({"bias": -0.1}, "bias 0 to 8"),
        ({"bias": math.nan}, "bias 0 to 8"),
        ({"models": "none"}, "models .*both, long, short, got 'none'"),
    ],
)
def test_invalid_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPMNetwork(**arguments)


@pytest.mark.slow
def test_ppm_needs_far_fewer_bits_than_markov_on_real_tunes(nottingham_directory: object) -> None:
    del nottingham_directory
    corpus = [melody for melody in NottinghamCorpus().load() if len(melody) >= 16]
    split = split_by_family(corpus, seed=0)
    networks: list[MarkovNetwork | PPMNetwork] = [MarkovNetwork(), PPMNetwork()]
    for begin in range(0, len(split.train), 64):
        tokens = batch_of([corpus[index] for index in split.train[begin : begin + 64]])
        for network in networks:
            network.count(tokens)
    bits = []
    with torch.no_grad():
        for network in networks:
            sums = [
                TokenScorer(VOCABULARY)(network(batch), batch)
                for batch in (batch_of([corpus[index]]) for index in split.validation)
            ]
            bits.append(
                sum(float(batch_sums.nats) for batch_sums in sums)
                / sum(int(batch_sums.n_notes) for batch_sums in sums)
                / math.log(2)
            )
    markov, ppm = bits
    assert ppm < 2.85
    assert ppm < markov - 1.2


@pytest.mark.parametrize("update_exclusion", [False, True])
def test_update_exclusion_counts_a_symbol_where_it_is_new_in_the_longer_context(*, update_exclusion: bool) -> None:
    """The oracle counts the short-term model note by note."""
    symbols = [0, 1, 2, 0, 1, 2, 0, 1, 0, 0, 1]
    order, n_symbols = 2, 3
    values = torch.tensor([symbols])
    past = torch.nn.functional.pad(values, (1, 0), value=-2)[:, :-1]
    contexts = stack_orders(nested_contexts(torch.zeros_like(past), lagged(past, order)))
    factor = FactorContexts(values, torch.ones_like(values, dtype=torch.bool), contexts[:0], contexts)
    model = FactorModel(torch.full((n_symbols,), 1 / n_symbols), update_exclusion=update_exclusion)
    _, short = model(factor, len(symbols))

    counts: dict[tuple[int, ...], Counter[int]] = {}
    for position, symbol in enumerate(symbols):
        padded = [-9, -8, *symbols[:position]]
        contexts_here = [tuple(padded[len(padded) - length :]) for length in range(order + 1)]
        expected = [1 / n_symbols] * n_symbols
        for context in contexts_here:
            seen = counts.get(context, Counter())
            expected = [escaped(seen, candidate, expected[candidate]) for candidate in range(n_symbols)]
        assert short[0, position].tolist() == pytest.approx(expected)
        for context in reversed(contexts_here):
            seen = counts.setdefault(context, Counter())
            is_known = seen[symbol] > 0
            seen[symbol] += 1
            if update_exclusion and is_known:
                break


def test_a_state_gives_the_same_predictions_with_update_exclusion() -> None:
    network, tokens = counted(PPMNetwork(), batch_of([a_tune()])), batch_of([a_tune()])
    first, state = network.forward_with_state(tokens[:, :9])
    second, _ = network.forward_with_state(tokens[:, 9:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), network(tokens))
    assert not torch.equal(network(tokens), counted(PPMNetwork(update_exclusion=False), batch_of([a_tune()]))(tokens))
