import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.melody import Departure, Melody, Metre
from chromasonic.melody_generation.networks.bar_position import (
    NOT_ASKED,
    BarPositionState,
    BarPositionTracker,
    BarTimes,
    NoBarPosition,
    token_onsets,
)
from chromasonic.melody_generation.vocabulary import MAX_BARS, PREFIX_LENGTH

TRACKER = BarPositionTracker(VOCABULARY)

batches = st.lists(melodies(), min_size=1, max_size=4)
any_tokens = st.lists(st.integers(0, len(VOCABULARY) - 1), min_size=1, max_size=40)


def counted_by_hand(tokens: list[int]) -> list[tuple[int, ...]]:
    """Return position, remaining ticks, bar, bars left and start after each token, token by token."""
    position, bar, bar_ticks = 0, 0, 1 << 20
    n_bars = first_start = 0
    result: list[tuple[int, ...]] = []
    for token in tokens:
        start, new_bar_ticks = int(VOCABULARY.token_start[token]), int(VOCABULARY.token_bar_ticks[token])
        if start >= 0 or new_bar_ticks > 0 or token == VOCABULARY.bar:
            bar_ticks = new_bar_ticks if new_bar_ticks > 0 else bar_ticks
            bar += position > 0
            position = max(start, 0) % bar_ticks
        else:
            position += int(VOCABULARY.token_ticks[token])
            bar += position // bar_ticks
            position %= bar_ticks
        n_bars += int(VOCABULARY.token_bars[token])
        first_start += max(start, 0)
        bars_left = n_bars + (first_start > 0) - bar if n_bars else NOT_ASKED
        result.append((position, bar_ticks - position, bar, bars_left, first_start))
    return result


def values_of(times: BarTimes, row: int = 0) -> list[tuple[int, ...]]:
    return list(zip(*(values[row].tolist() for values in times), strict=True))


def read_in_parts(tokens: Tensor, bounds: list[int]) -> tuple[BarTimes, BarPositionState | None]:
    state: BarPositionState | None = None
    parts = []
    for begin, end in zip([0, *bounds], [*bounds, tokens.shape[1]], strict=True):
        times, state = TRACKER(tokens[:, begin:end], state)
        parts.append(times)
    return BarTimes(*(torch.cat(values, dim=1) for values in zip(*parts, strict=True))), state


@given(melodies(min_notes=1))
def test_positions_before_notes_equal_those_of_the_melody(melody: Melody) -> None:
    tokens = batch_of([melody])
    times, _ = TRACKER(tokens)
    before_notes = np.flatnonzero(VOCABULARY.is_note(tokens[0].numpy())) - 1
    assert times.position[0][before_notes].tolist() == melody.positions.tolist()


@given(melodies(min_notes=1))
def test_remaining_ticks_and_bars_before_notes_equal_those_of_the_melody(melody: Melody) -> None:
    tokens = batch_of([melody])
    times, _ = TRACKER(tokens)
    before_notes = np.flatnonzero(VOCABULARY.is_note(tokens[0].numpy())) - 1
    metres = [metre for begin, end, metre, _ in melody.segments for _ in range(begin, end)]
    remaining = [metre.bar_ticks - at for metre, at in zip(metres, melody.positions.tolist(), strict=True)]
    assert times.remaining[0][before_notes].tolist() == remaining
    lines = melody.bar_lines[melody.bar_lines > 0]
    assert times.bar[0][before_notes].tolist() == np.searchsorted(lines, melody.onsets, side="right").tolist()


@given(any_tokens)
def test_any_tokens_are_counted_as_by_hand(tokens: list[int]) -> None:
    times, state = TRACKER(torch.tensor([tokens]))
    expected = counted_by_hand(tokens)
    assert values_of(times) == expected
    position, remaining, bar, _, start = expected[-1]
    n_bars = int(VOCABULARY.token_bars[tokens].sum())
    assert [int(value) for value in state] == [position, position + remaining, bar, n_bars, start]


@pytest.mark.slow
@given(batches, st.data())
@settings(max_examples=40)
def test_reading_in_parts_equals_reading_at_once(tunes: list[Melody], data: st.DataObject) -> None:
    tokens = batch_of(tunes)
    bounds = data.draw(st.lists(st.integers(1, tokens.shape[1] - 1), max_size=5, unique=True).map(sorted))
    whole, last = TRACKER(tokens)
    in_parts, last_in_parts = read_in_parts(tokens, bounds)
    assert all(torch.equal(one, other) for one, other in zip(whole, in_parts, strict=True))
    assert last_in_parts is not None
    assert all(torch.equal(one, other) for one, other in zip(last, last_in_parts, strict=True))


@pytest.mark.slow
@given(batches)
@settings(max_examples=40)
def test_sequences_are_counted_independently_and_padding_advances_nothing(tunes: list[Melody]) -> None:
    times, state = TRACKER(batch_of(tunes))
    for row, melody in enumerate(tunes):
        alone, alone_at_end = TRACKER(batch_of([melody]))
        n_tokens = alone.position.shape[1]
        assert values_of(times, row)[:n_tokens] == values_of(alone)
        assert set(values_of(times, row)[n_tokens - 1 :]) == {values_of(alone)[-1]}
        assert [int(values[row]) for values in state] == [int(values[0]) for values in alone_at_end]


@pytest.mark.parametrize(
    ("melody", "bars"),
    [
        (Melody([60] * 4, [48] * 4), [0, 0, 1, 1]),
        (Melody([60] * 4, [24] * 4, start=72), [0, 1, 1, 1]),  # an upbeat is bar 0
        (Melody([60] * 4, [24] * 4, departures=[Departure(1)]), [0, 1, 1, 1]),  # a bar of one quarter
        (Melody([60] * 4, [96] * 4, departures=[Departure(2, Metre(3, 4))]), [0, 1, 2, 3]),  # counted once
        (Melody([60] * 3, [288] * 3, metre=Metre(0, 4)), [0, 0, 0]),  # free metre has no counted bars
    ],
)
def test_bars_are_numbered_as_written(melody: Melody, bars: list[int]) -> None:
    tokens = batch_of([melody])
    times, _ = TRACKER(tokens)
    assert times.bar[0][np.flatnonzero(VOCABULARY.is_note(tokens[0].numpy())) - 1].tolist() == bars


@pytest.mark.parametrize(
    ("melody", "bars", "bars_left"),
    [
        (Melody([60] * 4, [48] * 4), 2, [2, 2, 1, 1, 0]),
        (Melody([60] * 4, [48] * 4), 1, [1, 1, 0, 0, -1]),  # it goes on beyond the end that was asked for
        (Melody([60] * 4, [48] * 4), None, [NOT_ASKED] * 5),
        (Melody([60] * 4, [48] * 4), MAX_BARS + 1, [NOT_ASKED] * 5),
        # An upbeat of a quarter, and a last bar of three quarters: two bars.
        (Melody([60] * 5, [24, 48, 48, 48, 24], start=72), 2, [3, 2, 2, 1, 1, 1]),
        (Melody([60] * 3, [96] * 3, departures=[Departure(1, Metre(2, 4))]), 5, [5, 4, 2, 0]),
    ],
)
def test_bars_are_left_until_the_end_that_is_asked_for(melody: Melody, bars: int | None, bars_left: list[int]) -> None:
    tokens = VOCABULARY.encode(melody, bars)
    times, _ = TRACKER(torch.from_numpy(tokens[None]))
    after_notes = np.flatnonzero(VOCABULARY.is_note(tokens))
    assert times.bars_left[0][[PREFIX_LENGTH - 1, *after_notes]].tolist() == bars_left


@given(st.sampled_from([Metre(3, 4), Metre(4, 4), Metre(6, 8)]), st.integers(0, 5), st.integers(1, 4))
def test_one_bar_is_left_in_the_last_bar(metre: Metre, start: int, n_bars: int) -> None:
    """With an upbeat, the last bar is the incomplete one."""
    n_eighths = n_bars * metre.bar_ticks // 12
    melody = Melody([60] * n_eighths, [12] * n_eighths, metre, start * 12)
    assert melody.n_bars == n_bars
    tokens = VOCABULARY.encode(melody, melody.n_bars)
    times, _ = TRACKER(torch.from_numpy(tokens[None]))
    left = times.bars_left[0][np.flatnonzero(VOCABULARY.is_note(tokens)) - 1]
    assert left[0] == n_bars + (start > 0)
    assert (left.numpy() == 1).tolist() == (melody.onsets >= melody.bar_lines[-1]).tolist()
    assert left[-1] == 1


def test_without_bar_positions_no_bar_is_left() -> None:
    tokens = torch.from_numpy(VOCABULARY.encode(Melody([60] * 4, [48] * 4, start=48), 2)[None])
    times, state = NoBarPosition(VOCABULARY)(tokens)
    assert (times.bars_left == NOT_ASKED).all()
    assert not times.start.any()
    assert not state.n_bars.any()


def test_the_tracker_has_no_parameters_and_an_empty_state_dict() -> None:
    assert not list(TRACKER.parameters())
    assert not TRACKER.state_dict()


@given(batches, st.integers(1, 6))
def test_the_onset_of_a_token_is_the_position_after_the_one_before(tunes: list[Melody], n_before: int) -> None:
    tokens = batch_of(tunes)
    times, _ = TRACKER(tokens)
    onsets = token_onsets(times, TRACKER.initial_state(len(tokens)))
    assert not onsets.position[:, 0].any()
    assert torch.equal(onsets.position[:, 1:], times.position[:, :-1])
    assert torch.equal(onsets.bar[:, 1:], times.bar[:, :-1])
    n_before = min(n_before, tokens.shape[1] - 1)
    _, state = TRACKER(tokens[:, :n_before])
    later = token_onsets(TRACKER(tokens[:, n_before:], state)[0], state)
    assert torch.equal(later.position, onsets.position[:, n_before:])
    assert torch.equal(later.bar, onsets.bar[:, n_before:])
