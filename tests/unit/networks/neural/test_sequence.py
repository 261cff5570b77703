import copy
import math
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_networks import SMALL_NETWORKS, VOCABULARY, batch_of, walks
from tests.strategies import melodies
from torch import Tensor, nn

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.neural.intervals import NONE
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork, check_sizes
from chromasonic.melody_generation.training.metrics import TokenScorer, next_token_nll
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

START_INDEX = PREFIX_LENGTH - 1

every_network = pytest.mark.parametrize("name", SMALL_NETWORKS)
few = settings(max_examples=12)


@cache
def network_named(name: str) -> SequenceNetwork:  # type: ignore[type-arg]
    torch.manual_seed(0)
    return SMALL_NETWORKS[name]().eval()


def assert_equal_up_to_rounding(one: Tensor, other: Tensor) -> None:
    """Sums in another order round differently."""
    torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@every_network
@given(st.lists(melodies(), min_size=1, max_size=3))
@few
def test_logits_are_finite_and_of_shape_b_t_v(name: str, tunes: list[Melody]) -> None:
    tokens = batch_of(tunes)
    logits = network_named(name)(tokens)
    assert logits.shape == (*tokens.shape, len(VOCABULARY))
    assert logits.isfinite().all()


@every_network
@pytest.mark.parametrize("position", [0, 3, 9, 20])
def test_no_gradient_comes_from_a_later_token(name: str, position: int) -> None:
    network, captured = network_named(name), []
    handle = network.embedding.register_forward_hook(
        lambda module, inputs, output: captured.append(output) or output.retain_grad()  # type: ignore[func-returns-value]
    )
    logits = network(batch_of(walks(2)))
    handle.remove()
    logits[:, position].square().sum().backward()
    [embedded] = captured
    reached = embedded.grad.any(dim=-1)
    assert reached[:, : position + 1].all()
    assert not reached[:, position + 1 :].any()


@every_network
@given(melodies(min_notes=2), st.data())
@few
def test_earlier_logits_do_not_depend_on_later_tokens(name: str, melody: Melody, data: st.DataObject) -> None:
    network, tokens = network_named(name), batch_of([melody])
    position = data.draw(st.integers(1, tokens.shape[1] - 1))
    others = st.integers(0, len(VOCABULARY) - 1)
    n_others = tokens.shape[1] - position
    changed = tokens.clone()
    changed[0, position:] = torch.tensor(data.draw(st.lists(others, min_size=n_others, max_size=n_others)))
    assert_equal_up_to_rounding(network(changed)[:, :position], network(tokens)[:, :position])


@pytest.mark.slow
@every_network
@given(st.lists(melodies(), min_size=1, max_size=3), st.data())
@few
def test_reading_in_parts_equals_reading_at_once(name: str, tunes: list[Melody], data: st.DataObject) -> None:
    network, tokens = network_named(name), batch_of(tunes)
    bounds = data.draw(st.lists(st.integers(1, tokens.shape[1] - 1), max_size=4, unique=True).map(sorted))
    state, parts = None, []
    for begin, end in zip([0, *bounds], [*bounds, tokens.shape[1]], strict=True):
        logits, state = network.forward_with_state(tokens[:, begin:end], state)
        parts.append(logits)
    assert_equal_up_to_rounding(torch.cat(parts, dim=1), network(tokens))


@every_network
def test_reading_step_by_step_equals_reading_at_once(name: str) -> None:
    network, tokens = network_named(name), batch_of(walks(3))
    state, parts = None, []
    for step in range(tokens.shape[1]):
        logits, state = network.forward_with_state(tokens[:, step : step + 1], state)
        parts.append(logits)
    assert_equal_up_to_rounding(torch.cat(parts, dim=1), network(tokens))


@every_network
def test_a_state_can_be_used_twice(name: str) -> None:
    network, tokens = network_named(name), batch_of(walks(2))
    _, state = network.forward_with_state(tokens[:, :10])
    once, _ = network.forward_with_state(tokens[:, 10:], state)
    again, _ = network.forward_with_state(tokens[:, 10:], state)
    torch.testing.assert_close(once, again, atol=0, rtol=0)


@every_network
@given(st.lists(melodies(), min_size=2, max_size=3), st.integers(0, 5))
@few
def test_sequences_do_not_depend_on_each_other_or_on_padding(name: str, tunes: list[Melody], n_padding: int) -> None:
    network = network_named(name)
    padded = torch.nn.functional.pad(batch_of(tunes), (0, n_padding), value=VOCABULARY.pad)
    logits = network(padded)
    for row, melody in enumerate(tunes):
        alone = network(batch_of([melody]))[0]
        assert_equal_up_to_rounding(logits[row, : len(alone)], alone)


@every_network
def test_logits_depend_on_the_position_in_the_bar(name: str) -> None:
    network = network_named(name)
    on_the_beat, upbeat = (batch_of([Melody([60, 62, 64], [24] * 3, start=start)]) for start in (0, 72))
    tokens = on_the_beat.clone()
    tokens[:, START_INDEX] = upbeat[:, START_INDEX]
    assert torch.equal(tokens, upbeat)
    assert not torch.allclose(network(on_the_beat)[:, -1], network(upbeat)[:, -1])


@pytest.mark.parametrize("name", ["lstm", "transformer"])
@pytest.mark.parametrize("position", [True, False])
def test_bar_positions_matter_only_with_position(name: str, position: bool) -> None:
    """The tunes differ in their start tokens only, and these have equal vectors."""
    network = copy.deepcopy(network_named(name if position else f"{name} without position"))
    on_the_beat, upbeat = (batch_of([Melody([60, 62, 64] * 4, [24] * 12, start=start)]) for start in (0, 72))
    starts = [int(tokens[0, START_INDEX]) for tokens in (on_the_beat, upbeat)]
    embedding = network.embedding
    with torch.no_grad():
        for table, (one, other) in (
            (embedding.control_table.weight, embedding.control[starts]),
            (embedding.joint_table.weight, starts),
        ):
            table[other] = table[one]
    logits = torch.stack([network(on_the_beat), network(upbeat)])
    logits[..., starts] = 0  # which may be copied from the tunes themselves
    assert torch.equal(*logits) is not position


@pytest.mark.parametrize("name", ["lstm without position", "transformer without position"])
@given(melodies(min_notes=2))
@few
def test_without_position_no_note_is_a_downbeat(name: str, melody: Melody) -> None:
    network, result = network_named(name), []
    handle = network.anchors.register_forward_hook(lambda module, inputs, output: result.append(output[0].downbeat))
    network(batch_of([melody]))
    handle.remove()
    assert (result[0] == NONE).all()
    assert not any(key.startswith("bar_position.") for key in network.state_dict())


@every_network
def test_uniform_logits_have_the_perplexity_of_the_vocabulary(name: str) -> None:
    network = SMALL_NETWORKS[name]()
    for parameter in network.output.parameters():
        torch.nn.init.zeros_(parameter)
    if network.memory is not None:
        with torch.no_grad():
            network.memory.token_pointer.copy_logits.bias.fill_(-100)  # nothing is copied
            for parameter in network.memory.viewpoint_pointer.parameters():
                parameter.zero_()
    tokens = batch_of(walks(3))
    with torch.no_grad():
        sums = TokenScorer(VOCABULARY)(network(tokens), tokens)
    assert math.exp(sums.nats / sums.n_tokens) == pytest.approx(len(VOCABULARY), rel=1e-4)


def has_lstm_in_half_precision() -> bool:
    """Not every processor supports it."""
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
    for logits in (half, cast):
        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits.log_softmax(-1), full, atol=0.2, rtol=0.05)


@pytest.mark.slow
@every_network
def test_one_batch_can_be_overfitted(name: str) -> None:
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
def test_hyperparameters_rebuild_the_network(name: str) -> None:
    network = network_named(name)
    hyperparameters: Any = network.hyperparameters
    rebuilt = type(network)(**hyperparameters).eval()
    rebuilt.load_state_dict(network.state_dict())
    tokens = batch_of(walks(2))
    torch.testing.assert_close(rebuilt(tokens), network(tokens), atol=0, rtol=0)
    assert rebuilt.hyperparameters == network.hyperparameters
    assert all(type(value) in {int, float, bool} for value in network.hyperparameters.values())


@every_network
def test_the_state_dict_has_a_memory_unless_it_is_switched_off(name: str) -> None:
    has_memory = any(key.startswith("memory.") for key in network_named(name).state_dict())
    assert has_memory == ("without memory" not in name)


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 65_536))
def test_valid_sizes_are_accepted(dropout: float, size: int) -> None:
    check_sizes(dropout, hidden_size=size)


@pytest.mark.parametrize("size", [0, -3, 1.5, 16.0, math.nan, "16", None, 1_001, 10**30])
def test_a_size_that_is_no_reasonable_integer_is_refused(size: object) -> None:
    with pytest.raises(ValueError, match=f"num_layers .*got {size}"):
        check_sizes(0.0, hidden_size=4, num_layers=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("dropout", [-0.1, 1, 1.5, math.nan])
def test_a_dropout_outside_0_to_1_is_refused(dropout: float) -> None:
    with pytest.raises(ValueError, match=f"dropout .*got {dropout}"):
        check_sizes(dropout, hidden_size=4)


@every_network
def test_scores_and_their_gradients_are_those_of_the_logits(name: str) -> None:
    network, tokens = copy.deepcopy(network_named(name)), batch_of(walks(5))
    for parameter in network.parameters():  # tables and pointers that begin at zero say something, too
        nn.init.normal_(parameter, std=0.3)
    targets, is_scored = next_token_targets(tokens)
    logits, scores = network(tokens), network.next_token_scores(tokens, targets)
    nats = next_token_nll(logits, targets)
    assert_equal_up_to_rounding(scores.nats, nats)
    assert torch.equal(scores.best, logits.argmax(-1))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    expected = torch.autograd.grad(nats[is_scored].mean(), parameters, allow_unused=True)
    actual = torch.autograd.grad(scores.nats[is_scored].mean(), parameters, allow_unused=True)
    for one, other in zip(actual, expected, strict=True):
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)
        else:
            assert one is other is None
