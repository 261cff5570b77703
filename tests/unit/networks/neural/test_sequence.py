import copy
import math
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_networks import SMALL_NETWORKS, VOCABULARY, batch_of, walks
from tests.strategies import melodies
from torch import Tensor, nn

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.neural.interval_scale import NONE
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork
from chromasonic.melody_generation.training.metrics import TokenScorer

every_network = pytest.mark.parametrize("name", SMALL_NETWORKS)
few = settings(max_examples=12)


@cache
def network_called(name: str) -> SequenceNetwork:  # type: ignore[type-arg]
    torch.manual_seed(0)
    return SMALL_NETWORKS[name]().eval()


def same(one: Tensor, other: Tensor) -> None:
    """The same but for the rounding of another order of sums."""
    torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@every_network
@given(st.lists(melodies(), min_size=1, max_size=3))
@few
def test_tokens_become_one_row_of_logits_each(name: str, tunes: list[Melody]) -> None:
    tokens = batch_of(tunes)
    logits = network_called(name)(tokens)
    assert logits.shape == (*tokens.shape, len(VOCABULARY))
    assert logits.isfinite().all()


@every_network
@pytest.mark.parametrize("place", [0, 3, 9, 20])
def test_no_gradient_comes_from_a_later_token(name: str, place: int) -> None:
    network, captured = network_called(name), []
    handle = network.embedding.register_forward_hook(
        lambda module, inputs, output: captured.append(output) or output.retain_grad()  # type: ignore[func-returns-value]
    )
    logits = network(batch_of(walks(2)))
    handle.remove()
    logits[:, place].square().sum().backward()
    [embedded] = captured
    reached = embedded.grad.any(dim=-1)
    assert reached[:, : place + 1].all()
    assert not reached[:, place + 1 :].any()


@every_network
@given(melodies(min_notes=2), st.data())
@few
def test_other_tokens_later_leave_earlier_logits_alone(name: str, melody: Melody, data: st.DataObject) -> None:
    network, tokens = network_called(name), batch_of([melody])
    place = data.draw(st.integers(1, tokens.shape[1] - 1))
    others = st.integers(0, len(VOCABULARY) - 1)
    n_others = tokens.shape[1] - place
    changed = tokens.clone()
    changed[0, place:] = torch.tensor(data.draw(st.lists(others, min_size=n_others, max_size=n_others)))
    same(network(changed)[:, :place], network(tokens)[:, :place])


@every_network
@given(st.lists(melodies(), min_size=1, max_size=3), st.data())
@few
def test_reading_in_parts_is_reading_at_once(name: str, tunes: list[Melody], data: st.DataObject) -> None:
    network, tokens = network_called(name), batch_of(tunes)
    bounds = data.draw(st.lists(st.integers(1, tokens.shape[1] - 1), max_size=4, unique=True).map(sorted))
    past, found = None, []
    for begin, end in zip([0, *bounds], [*bounds, tokens.shape[1]], strict=True):
        logits, past = network.forward_with_state(tokens[:, begin:end], past)
        found.append(logits)
    same(torch.cat(found, dim=1), network(tokens))


@every_network
def test_reading_step_by_step_is_reading_at_once(name: str) -> None:
    network, tokens = network_called(name), batch_of(walks(3))
    past, found = None, []
    for place in range(tokens.shape[1]):
        logits, past = network.forward_with_state(tokens[:, place : place + 1], past)
        found.append(logits)
    same(torch.cat(found, dim=1), network(tokens))


@every_network
def test_a_state_can_be_gone_on_from_twice(name: str) -> None:
    network, tokens = network_called(name), batch_of(walks(2))
    _, past = network.forward_with_state(tokens[:, :10])
    once, _ = network.forward_with_state(tokens[:, 10:], past)
    again, _ = network.forward_with_state(tokens[:, 10:], past)
    torch.testing.assert_close(once, again, atol=0, rtol=0)


@every_network
@given(st.lists(melodies(), min_size=2, max_size=3), st.integers(0, 5))
@few
def test_rows_know_nothing_of_each_other_nor_of_padding(name: str, tunes: list[Melody], n_padding: int) -> None:
    network = network_called(name)
    padded = torch.nn.functional.pad(batch_of(tunes), (0, n_padding), value=VOCABULARY.pad)
    logits = network(padded)
    for row, melody in enumerate(tunes):
        alone = network(batch_of([melody]))[0]
        same(logits[row, : len(alone)], alone)


@every_network
def test_the_place_in_the_bar_is_heard(name: str) -> None:
    network = network_called(name)
    on_the_beat, upbeat = (batch_of([Melody([60, 62, 64], [24] * 3, start=start)]) for start in (0, 72))
    tokens = on_the_beat.clone()
    tokens[:, 3] = upbeat[:, 3]
    assert torch.equal(tokens, upbeat)
    assert not torch.allclose(network(on_the_beat)[:, -1], network(upbeat)[:, -1])


@pytest.mark.parametrize("name", ["lstm", "transformer"])
@pytest.mark.parametrize("position", [True, False])
def test_where_the_bars_fall_is_told_or_it_is_not(name: str, position: bool) -> None:
    """Tunes that differ in nothing but their upbeat, to a network whose start tokens have the same vectors."""
    network = copy.deepcopy(network_called(name if position else f"{name} without position"))
    on_the_beat, upbeat = (batch_of([Melody([60, 62, 64] * 4, [24] * 12, start=start)]) for start in (0, 72))
    starts = [int(tokens[0, 3]) for tokens in (on_the_beat, upbeat)]
    embedding = network.embedding
    with torch.no_grad():
        for table, (one, other) in (
            (embedding.control_table.weight, embedding.control[starts]),
            (embedding.joint_table.weight, starts),
        ):
            table[other] = table[one]
    logits = torch.stack([network(on_the_beat), network(upbeat)])
    logits[..., starts] = 0  # these stand in the tunes themselves, to be copied
    assert torch.equal(*logits) is not position


@pytest.mark.parametrize("name", ["lstm without position", "transformer without position"])
@given(melodies(min_notes=2))
@few
def test_no_note_is_a_downbeat_where_no_place_is_told(name: str, melody: Melody) -> None:
    network, found = network_called(name), []
    handle = network.anchors.register_forward_hook(lambda module, inputs, output: found.append(output[0].downbeat))
    network(batch_of([melody]))
    handle.remove()
    assert (found[0] == NONE).all()
    assert not any(key.startswith("place.") for key in network.state_dict())


@every_network
def test_a_network_that_scores_all_alike_has_the_perplexity_of_the_vocabulary(name: str) -> None:
    network = SMALL_NETWORKS[name]()
    for parameter in network.scores.parameters():
        torch.nn.init.zeros_(parameter)
    if network.memory is not None:
        with torch.no_grad():
            network.memory.copy.odds.bias.fill_(-100)  # nothing is copied
            for parameter in network.memory.copy_views.parameters():
                parameter.zero_()
    tokens = batch_of(walks(3))
    with torch.no_grad():
        sums = TokenScorer(VOCABULARY)(network(tokens), tokens)
    assert math.exp(sums.nats / sums.n_tokens) == pytest.approx(len(VOCABULARY), rel=1e-4)


def has_lstm_in_half_precision() -> bool:
    """Not every processor does."""
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            nn.LSTM(16, 16, batch_first=True)(torch.zeros(2, 3, 16))
    except RuntimeError:
        return False
    return True


@every_network
def test_half_precision_is_close_to_full(name: str) -> None:
    if name.startswith("lstm") and not has_lstm_in_half_precision():
        pytest.skip("torch has no LSTM in half precision for this processor")
    network, tokens = SMALL_NETWORKS[name]().eval(), batch_of(walks(3))
    with torch.no_grad():
        full = network(tokens).log_softmax(-1)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(tokens)
        cast = network.to(torch.bfloat16)(tokens)
    for each in (half, cast):
        assert each.dtype == torch.float32
        torch.testing.assert_close(each.log_softmax(-1), full, atol=0.2, rtol=0.05)


@every_network
def test_one_batch_can_be_learned_by_heart(name: str) -> None:
    network, tokens = SMALL_NETWORKS[name](), batch_of([melody.window(0, 16) for melody in walks(2)])
    scorer = TokenScorer(VOCABULARY)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(100):
        sums = scorer(network(tokens), tokens)
        optimizer.zero_grad()
        (sums.nats / sums.n_tokens).backward()
        optimizer.step()
    with torch.no_grad():
        sums = scorer(network(tokens), tokens)
    assert float(sums.nats / sums.n_tokens) < 0.05
    assert int(sums.notes_right) == int(sums.n_notes)


@every_network
def test_the_hyperparameters_rebuild_a_network_that_takes_the_weights(name: str) -> None:
    network = network_called(name)
    rebuilt = type(network)(**network.hyperparameters).eval()
    rebuilt.load_state_dict(network.state_dict())
    tokens = batch_of(walks(2))
    torch.testing.assert_close(rebuilt(tokens), network(tokens), atol=0, rtol=0)
    assert rebuilt.hyperparameters == network.hyperparameters
    assert all(type(value) in {int, float, bool} for value in network.hyperparameters.values())


@every_network
def test_the_memory_is_there_or_it_is_not(name: str) -> None:
    has_memory = any(key.startswith("memory.") for key in network_called(name).state_dict())
    assert has_memory == ("without memory" not in name)
