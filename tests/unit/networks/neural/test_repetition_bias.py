import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.neural.bar_position import BarPositionTracker, BarTimes, onsets_of
from chromasonic.melody_generation.networks.neural.interval_scale import NONE
from chromasonic.melody_generation.networks.neural.intervals import PitchAnchors
from chromasonic.melody_generation.networks.neural.repetition_bias import (
    FARTHEST_BAR,
    LONGEST_MATCH,
    MemoryEntries,
    RepetitionBias,
    match_lengths,
)
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints

CLOCK = BarPositionTracker(VOCABULARY)


def places_in(melody: Melody) -> tuple[BarTimes, MemoryEntries]:
    tokens = batch_of([melody])
    times, _ = CLOCK(tokens)
    onsets = onsets_of(times, CLOCK.begin(1))
    last = PitchAnchors(VOCABULARY)(tokens, onsets)[0].last
    return times, MemoryEntries(tokens, *onsets, torch.cat([torch.tensor([[NONE]]), last[:, :-1]], dim=1))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20), st.data())
def test_matches_are_as_long_as_counted_by_hand(tokens: list[int], data: st.DataObject) -> None:
    n_new = data.draw(st.integers(1, len(tokens)))
    found = match_lengths(torch.tensor([tokens]), n_new)[0]
    assert found.shape == (n_new, len(tokens))
    for row, place in enumerate(range(len(tokens) - n_new, len(tokens))):
        for entry in range(place + 1):
            length = 0
            while length < min(entry, LONGEST_MATCH) and tokens[place - length] == tokens[entry - 1 - length]:
                length += 1
            assert found[row, entry] == length


@given(melodies(min_notes=1), st.data())
def test_likeness_is_what_match_distance_and_position_are_worth(melody: Melody, data: st.DataObject) -> None:
    likeness = RepetitionBias(2)
    for table in likeness.parameters():
        torch.nn.init.normal_(table)
    times, places = places_in(melody)
    found = likeness(times, places)
    n_tokens = places.tokens.shape[1]
    assert found.shape == (1, 2, n_tokens, n_tokens)
    place = data.draw(st.integers(0, n_tokens - 1))
    entry = data.draw(st.integers(0, place))
    is_same = int(times.position[0, place] == places.positions[0, entry])
    n_bars = min(int(times.bar[0, place] - places.bars[0, entry]), FARTHEST_BAR)
    expected = likeness.bars_table.weight[2 * n_bars + is_same]
    views = Viewpoints(VOCABULARY)(places.tokens, places.leads)
    for name, classes in zip(
        ("token", "rhythm", "interval", "step"), (places.tokens, views.rhythm, views.interval, views.step), strict=True
    ):
        match = int(match_lengths(classes, n_tokens)[0, place, entry])
        expected = expected + likeness.state_dict()[f"match_tables.{name}.weight"][2 * match + is_same]
    torch.testing.assert_close(found[0, :, place, entry], expected)


@given(melodies(min_notes=1), st.integers(1, 6))
def test_the_last_places_alone_are_the_last_rows(melody: Melody, n_new: int) -> None:
    likeness = RepetitionBias(2)
    for table in likeness.parameters():
        torch.nn.init.normal_(table)
    times, places = places_in(melody)
    some = BarTimes(*(each[:, -n_new:] for each in times))
    torch.testing.assert_close(likeness(some, places), likeness(times, places)[:, :, -n_new:])
