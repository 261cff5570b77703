import math
from itertools import accumulate, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY
from torch import nn

from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.neural.bar_position import BarTimes
from chromasonic.melody_generation.networks.neural.memory import (
    MEMORY_HEADS,
    InductionAttention,
    MemoryState,
    causal_attention,
)
from chromasonic.melody_generation.networks.neural.repetition_bias import MemoryEntries
from chromasonic.melody_generation.training.metrics import next_token_nll


@given(st.integers(1, 6), st.integers(0, 6))
def test_attention_is_the_weighted_mean_of_what_may_be_seen(n_queries: int, n_before: int) -> None:
    n_keys = n_queries + n_before
    queries, keys, values = torch.randn(2, n_queries, 4), torch.randn(2, n_keys, 4), torch.randn(2, n_keys, 4)
    products = queries @ keys.transpose(1, 2) / 4**0.5
    for query in range(n_queries):
        products[:, query, n_before + query + 1 :] = -torch.inf
    torch.testing.assert_close(causal_attention(queries, keys, values), products.softmax(dim=-1) @ values)


@given(st.integers(1, 6), st.integers(0, 6))
def test_attention_is_torchs_own_with_the_mask_written_out(n_queries: int, n_before: int) -> None:
    n_keys = n_queries + n_before
    queries = torch.randn(2, 3, n_queries, 4)
    keys, values = torch.randn(2, 3, n_keys, 4), torch.randn(2, 3, n_keys, 4)
    mask = torch.tensor([[key <= n_before + query for key in range(n_keys)] for query in range(n_queries)])
    expected = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    torch.testing.assert_close(causal_attention(queries, keys, values), expected)


def placed(n_sequences: int, n_tokens: int) -> tuple[BarTimes, MemoryEntries]:
    """Tokens that are all different, one to a bar, and no notes."""
    bars = torch.arange(n_tokens).expand(n_sequences, -1)
    zeros = torch.zeros_like(bars)
    return BarTimes(zeros, zeros + 96, bars + 1), MemoryEntries(bars, zeros, bars, zeros - 1)


def test_entry_k_joins_the_state_before_token_k_with_token_k_itself() -> None:
    memory = InductionAttention(4, dropout=0.0, n_heads=2)
    states, embedded = torch.randn(1, 5, 4), torch.randn(1, 5, 4)
    times, places = placed(1, 5)
    _, entries = memory(states, embedded, times, places)
    before = torch.cat([torch.zeros(1, 1, 4), states[:, :-1]], dim=1)
    for k in range(5):
        torch.testing.assert_close(entries.keys[:, :, k].flatten(1), memory.key(before[:, k]))
        joined = torch.cat([before[:, k], embedded[:, k]], dim=-1)
        torch.testing.assert_close(entries.values[:, :, k].flatten(1), memory.value(joined))
    torch.testing.assert_close(entries.last, states[:, -1:])
    assert torch.equal(entries.places.tokens, places.tokens)


def test_a_state_that_came_before_finds_what_followed_it() -> None:
    memory = InductionAttention(4, dropout=0.0, n_heads=1)
    with torch.no_grad():
        for linear in (memory.query, memory.key, memory.found):
            linear.weight.copy_(torch.eye(4))
            linear.bias.zero_()
        memory.query.weight.mul_(1000)  # as good as looking up the one key that fits best
        memory.value.weight.copy_(torch.cat([torch.zeros(4, 4), torch.eye(4)], dim=1))
        memory.value.bias.zero_()
    states = torch.eye(4)[[0, 1, 2, 0]][None]  # the last is like the first
    embedded = torch.randn(1, 4, 4)
    recalled, _ = memory(states, embedded, *placed(1, 4))
    torch.testing.assert_close((recalled.states - states)[0, 3], embedded[0, 1])  # the token that came after the first
    torch.testing.assert_close(recalled.weights[0, 0, 3], torch.tensor([0.0, 1.0, 0.0, 0.0]))


def test_nobody_looks_ahead_and_all_looks_add_up() -> None:
    memory = InductionAttention(6, dropout=0.0)  # a width that the heads do not divide
    times, places = placed(2, 5)
    recalled, _ = memory(torch.randn(2, 5, 6), torch.randn(2, 5, 6), times, places)
    torch.testing.assert_close(recalled.weights.sum(-1), torch.ones(2, MEMORY_HEADS, 5))
    assert not recalled.weights.triu(1).any()


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_a_memory_filled_in_parts_is_the_memory_filled_at_once(parts: list[int]) -> None:
    memory = InductionAttention(4, dropout=0.0)
    for table in memory.likeness.parameters():
        nn.init.normal_(table)
    states, embedded = torch.randn(2, sum(parts), 4), torch.randn(2, sum(parts), 4)
    times, places = placed(2, sum(parts))
    whole, entries = memory(states, embedded, times, places)
    found, past = [], None
    for begin, end in pairwise(accumulate(parts, initial=0)):
        part = slice(begin, end)
        recalled, past = memory(
            states[:, part],
            embedded[:, part],
            BarTimes(*(each[:, part] for each in times)),
            MemoryEntries(*(each[:, part] for each in places)),
            past,
        )
        found.append(recalled.states)
    torch.testing.assert_close(torch.cat(found, dim=1), whole.states)
    assert isinstance(past, MemoryState)
    for name in ("keys", "values", "last", "places"):
        torch.testing.assert_close(getattr(past, name), getattr(entries, name))


def _nats_of_a_melody_played_again(network: LSTMNetwork, n_steps: int) -> float:
    """Train on random melodies that are played twice; mean nats of the second time, on melodies never seen."""
    notes = VOCABULARY.first_note + torch.randperm(len(VOCABULARY) - VOCABULARY.first_note)[:16]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    loss = torch.tensor(torch.inf)
    for step in range(n_steps + 1):
        once = notes[torch.rand(32, len(notes)).argsort(dim=1)[:, :8]]
        tokens = torch.cat([once, once], dim=1)
        # The second time's first note cannot be foreseen.
        loss = next_token_nll(network(tokens)[:, :-1], tokens[:, 1:])[:, once.shape[1] :].mean()
        if step < n_steps:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return float(loss.detach())


@pytest.mark.slow
def test_a_network_learns_to_copy_with_the_memory_and_not_without() -> None:
    chance = math.log(16)
    assert _nats_of_a_melody_played_again(LSTMNetwork(32, 1, 0.0), 120) < 0.2 * chance
    assert _nats_of_a_melody_played_again(LSTMNetwork(32, 1, 0.0, memory=False), 120) > 0.8 * chance
