import math
from itertools import accumulate, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import nn

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.bar_position import NOT_ASKED, BarPositionTracker, BarTimes, token_onsets
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.neural.intervals import NONE, AnchorTracker
from chromasonic.melody_generation.networks.neural.memory import (
    FARTHEST_BAR,
    LONGEST_MATCH,
    MEMORY_HEADS,
    InductionAttention,
    MemoryEntries,
    MemoryState,
    RepetitionBias,
    pairwise_match_lengths,
)
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints
from chromasonic.melody_generation.training.metrics import next_token_nll

TRACKER = BarPositionTracker(VOCABULARY)


def entries_of(melody: Melody) -> tuple[BarTimes, MemoryEntries]:
    tokens = batch_of([melody])
    times, _ = TRACKER(tokens)
    onsets = token_onsets(times, TRACKER.initial_state(1))
    last = AnchorTracker(VOCABULARY)(tokens, onsets)[0].last
    return times, MemoryEntries(tokens, *onsets, torch.cat([torch.tensor([[NONE]]), last[:, :-1]], dim=1))


def distinct_entries(n_sequences: int, n_tokens: int) -> tuple[BarTimes, MemoryEntries]:
    """Tokens that are all different, one to a bar, and no notes."""
    bars = torch.arange(n_tokens).expand(n_sequences, -1)
    zeros = torch.zeros_like(bars)
    return BarTimes(zeros, zeros + 96, bars + 1, zeros + NOT_ASKED, zeros), MemoryEntries(bars, zeros, bars, zeros - 1)


def test_entry_k_joins_the_state_before_token_k_with_token_k_itself() -> None:
    memory = InductionAttention(4, dropout=0.0, n_heads=2)
    states, embedded = torch.randn(1, 5, 4), torch.randn(1, 5, 4)
    times, entries = distinct_entries(1, 5)
    _, state = memory(states, embedded, times, entries)
    before = torch.cat([torch.zeros(1, 1, 4), states[:, :-1]], dim=1)
    for k in range(5):
        torch.testing.assert_close(state.keys[:, :, k].flatten(1), memory.key(before[:, k]))
        joined = torch.cat([before[:, k], embedded[:, k]], dim=-1)
        torch.testing.assert_close(state.values[:, :, k].flatten(1), memory.value(joined))
    torch.testing.assert_close(state.last_state, states[:, -1:])
    assert torch.equal(state.entries.tokens, entries.tokens)


def test_a_repeated_state_recalls_the_token_that_followed_it() -> None:
    memory = InductionAttention(4, dropout=0.0, n_heads=1)
    with torch.no_grad():
        for linear in (memory.query, memory.key, memory.output):
            linear.weight.copy_(torch.eye(4))
            linear.bias.zero_()
        memory.query.weight.mul_(1000)  # as good as looking up the one key that fits best
        memory.value.weight.copy_(torch.cat([torch.zeros(4, 4), torch.eye(4)], dim=1))
        memory.value.bias.zero_()
    states = torch.eye(4)[[0, 1, 2, 0]][None]  # the last is like the first
    embedded = torch.randn(1, 4, 4)
    recalled, _ = memory(states, embedded, *distinct_entries(1, 4))
    torch.testing.assert_close((recalled.states - states)[0, 3], embedded[0, 1])  # the token that came after the first
    torch.testing.assert_close(recalled.weights[0, 0, 3], torch.tensor([0.0, 1.0, 0.0, 0.0]))


def test_attention_is_causal_and_sums_to_1() -> None:
    memory = InductionAttention(6, dropout=0.0)  # a width that the heads do not divide
    times, entries = distinct_entries(2, 5)
    recalled, _ = memory(torch.randn(2, 5, 6), torch.randn(2, 5, 6), times, entries)
    torch.testing.assert_close(recalled.weights.sum(-1), torch.ones(2, MEMORY_HEADS, 5))
    assert not recalled.weights.triu(1).any()


@pytest.mark.slow
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_reading_in_parts_equals_reading_at_once(parts: list[int]) -> None:
    memory = InductionAttention(4, dropout=0.0)
    for table in memory.repetition_bias.parameters():
        nn.init.normal_(table)
    states, embedded = torch.randn(2, sum(parts), 4), torch.randn(2, sum(parts), 4)
    times, entries = distinct_entries(2, sum(parts))
    whole, expected = memory(states, embedded, times, entries)
    recalled_parts, state = [], None
    for begin, end in pairwise(accumulate(parts, initial=0)):
        part = slice(begin, end)
        recalled, state = memory(
            states[:, part],
            embedded[:, part],
            BarTimes(*(values[:, part] for values in times)),
            MemoryEntries(*(values[:, part] for values in entries)),
            state,
        )
        recalled_parts.append(recalled.states)
    torch.testing.assert_close(torch.cat(recalled_parts, dim=1), whole.states)
    assert isinstance(state, MemoryState)
    for name in ("keys", "values", "last_state", "entries"):
        torch.testing.assert_close(getattr(state, name), getattr(expected, name))


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
def test_a_network_learns_to_copy_only_with_a_memory() -> None:
    chance = math.log(16)
    assert _nats_of_a_melody_played_again(LSTMNetwork(32, 1, 0.0), 120) < 0.2 * chance
    assert _nats_of_a_melody_played_again(LSTMNetwork(32, 1, 0.0, memory=False), 120) > 0.8 * chance


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20), st.data())
def test_match_lengths_equal_those_counted_by_hand(tokens: list[int], data: st.DataObject) -> None:
    n_new = data.draw(st.integers(1, len(tokens)))
    result = pairwise_match_lengths([torch.tensor([tokens])], n_new)[0]
    assert result.shape == (n_new, len(tokens))
    for row, position in enumerate(range(len(tokens) - n_new, len(tokens))):
        for entry in range(position + 1):
            length = 0
            while length < min(entry, LONGEST_MATCH) and tokens[position - length] == tokens[entry - 1 - length]:
                length += 1
            assert result[row, entry] == length


@pytest.mark.slow
@given(melodies(min_notes=1), st.data())
def test_the_bias_is_the_sum_of_the_table_entries_of_all_facts(melody: Melody, data: st.DataObject) -> None:
    bias = RepetitionBias(2)
    for table in bias.parameters():
        nn.init.normal_(table)
    times, entries = entries_of(melody)
    result = bias(times, entries)
    n_tokens = entries.tokens.shape[1]
    assert result.shape == (1, 2, n_tokens, n_tokens)
    position = data.draw(st.integers(0, n_tokens - 1))
    entry = data.draw(st.integers(0, position))
    is_same = int(times.position[0, position] == entries.positions[0, entry])
    n_bars = min(int(times.bar[0, position] - entries.bars[0, entry]), FARTHEST_BAR)
    expected = bias.bars_table.weight[2 * n_bars + is_same]
    viewpoints = Viewpoints(VOCABULARY)(entries.tokens, entries.previous_pitches)
    for name, classes in zip(
        ("token", "rhythm", "interval", "step"),
        (entries.tokens, viewpoints.rhythm, viewpoints.interval, viewpoints.step),
        strict=True,
    ):
        match = int(pairwise_match_lengths([classes], n_tokens)[0, position, entry])
        expected = expected + bias.state_dict()[f"match_tables.{name}.weight"][2 * match + is_same]
    torch.testing.assert_close(result[0, :, position, entry], expected)


@pytest.mark.slow
@given(melodies(min_notes=1), st.integers(1, 6))
def test_the_bias_of_the_last_positions_equals_the_last_part_of_the_whole(melody: Melody, n_new: int) -> None:
    bias = RepetitionBias(2)
    for table in bias.parameters():
        nn.init.normal_(table)
    times, entries = entries_of(melody)
    last_times = BarTimes(*(values[:, -n_new:] for values in times))
    torch.testing.assert_close(bias(last_times, entries), bias(times, entries)[:, :, -n_new:])
