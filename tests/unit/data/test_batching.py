from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, walks
from tests.strategies import formed_melodies, melodies

from chromasonic.melody_generation.data.batching import (
    LengthBatches,
    TokenSequences,
    batches_by_length,
    check_scored_lengths,
    in_c,
    transpositions_of,
    windows,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import BARS_INDEX, HIGHEST, KIND_INDEX, LOWEST, PREFIX_LENGTH, STARTS

OCTAVE = 12
lengths = st.lists(st.integers(1, 300), min_size=1, max_size=120)
seeds = st.integers(0, 5)


@given(st.lists(st.lists(st.integers(1, 999), min_size=1, max_size=20), min_size=1, max_size=10), st.data())
def test_a_batch_holds_its_sequences_padded_behind(sequences: list[list[int]], data: st.DataObject) -> None:
    packed = TokenSequences([np.array(each) for each in sequences])
    indices = data.draw(st.lists(st.integers(-1, len(sequences) - 1), min_size=1, max_size=8))
    batch = packed[indices]
    chosen = [[] if index < 0 else sequences[index] for index in indices]
    width = max(1, *map(len, chosen)) if len(chosen) > 1 else max(1, len(chosen[0]))
    assert batch.tolist() == [each + [VOCABULARY.pad] * (width - len(each)) for each in chosen]
    assert len(packed) == len(sequences)


@given(lengths, st.integers(1, 40), seeds | st.none(), st.integers(0, 3))
def test_every_sequence_is_served_exactly_once_an_epoch(
    lengths: list[int], batch_size: int, seed: int | None, epoch: int
) -> None:
    sampler = LengthBatches(torch.tensor(lengths), batch_size, seed)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(index % len(lengths) for batch in batches for index in batch) == list(range(len(lengths)))
    assert len(batches) == len(sampler)
    assert max(map(len, batches)) <= batch_size


@given(lengths, st.integers(1, 40), seeds | st.none(), st.integers(2, 4))
def test_processes_share_the_batches_evenly_and_without_overlap(
    lengths: list[int], batch_size: int, seed: int | None, n_processes: int
) -> None:
    samplers = [
        LengthBatches(torch.tensor(lengths), batch_size, seed, n_processes, rank) for rank in range(n_processes)
    ]
    shares = [list(sampler) for sampler in samplers]
    assert {len(share) for share in shares} == {len(samplers[0])}
    dealt = [batch for share in shares for batch in share]
    real = [batch for batch in dealt if batch != [-1]]
    assert sorted(index % len(lengths) for batch in real for index in batch) == list(range(len(lengths)))
    assert len(dealt) - len(real) < n_processes
    assert sorted(real) == sorted(LengthBatches(torch.tensor(lengths), batch_size, seed))


@given(st.lists(st.integers(1, 2048) | st.integers(2049, 40_000), max_size=60), st.integers(1, 40))
def test_long_sequences_are_scored_in_batches_of_bounded_size(lengths: list[int], batch_size: int) -> None:
    batches = batches_by_length(lengths, batch_size)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(0 < len(batch) <= batch_size for batch in batches)
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert longest <= 2048 or len(batch) == 1 or len(batch) * longest <= 32_768
        assert longest <= 2048 or min(lengths[index] for index in batch) > 2048
    ordered = sorted((length, index) for index, length in enumerate(lengths) if length <= 2048)
    plain = [[index for _, index in ordered[i : i + batch_size]] for i in range(0, len(ordered), batch_size)]
    assert batches[: len(plain)] == plain
    assert list(LengthBatches(torch.tensor(lengths), batch_size, None)) == batches if lengths else not batches
    assert len(LengthBatches(torch.tensor(lengths), batch_size, None)) == len(batches) if lengths else True


def test_a_tune_that_is_too_long_to_be_scored_is_named() -> None:
    tunes = [Melody([60] * n, [24] * n, title="A reel", source="reels.abc:3") for n in (20_000, 20_001)]
    check_scored_lengths(tunes[:1])
    with pytest.raises(InputError, match=r"the tune A reel of reels.abc:3 has 20001 notes.*up to 20000 notes"):
        check_scored_lengths(tunes)
    with pytest.raises(InputError, match="the tune number 1 has 20001 notes"):
        check_scored_lengths([replace(tunes[1], title="", source="")])


def test_a_batch_of_padding_scores_nothing() -> None:
    tokens = TokenSequences([VOCABULARY.encode(melody) for melody in walks(3)])[[-1]]
    sums = TokenScorer(VOCABULARY)(torch.randn(*tokens.shape, len(VOCABULARY)), tokens)
    assert float(sums.nats) == int(sums.n_tokens) == int(sums.n_notes) == 0


def test_seed_and_epoch_determine_the_order() -> None:
    lengths = torch.randint(20, 200, (100,))

    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = LengthBatches(lengths, 8, seed)
        list(sampler)  # what was read before has no say
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    orders = [order(1, 2), order(1, 3), order(2, 2)]
    assert all(one != other for one, other in pairwise([*orders, orders[0]]))
    # Not only the order of the batches, but what is in them.
    assert {frozenset(batch) for batch in orders[0]} != {frozenset(batch) for batch in orders[1]}


@given(st.lists(melodies(max_notes=5), min_size=1, max_size=6), st.data())
def test_an_index_beyond_the_sequences_hides_requests(tunes: list[Melody], data: st.DataObject) -> None:
    sequences = [VOCABULARY.encode(replace(melody, kind="jig"), 16) for melody in tunes]
    packed, n = TokenSequences(sequences), len(tunes)
    indices = data.draw(st.lists(st.integers(-1, 4 * n - 1), min_size=1, max_size=8))
    for index, row in zip(indices, packed[indices].tolist(), strict=True):
        expected = [] if index < 0 else sequences[index % n].tolist()
        if index >= 0 and index // n in (1, 3):
            expected[KIND_INDEX] = VOCABULARY.unknown_kind
        if index >= 0 and index // n in (2, 3):
            expected[BARS_INDEX] = VOCABULARY.unknown_bars
        assert row[: len(expected)] == expected
        assert set(row[len(expected) :]) <= {VOCABULARY.pad}
    # The sequences themselves stay as they are.
    assert packed[[0]][0].tolist() == sequences[0].tolist()


def hidden_by(sampler: LengthBatches, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return whether an epoch hides the kind and the number of bars of each of N sequences, shape (2, N)."""
    codes = {index % n: index // n for batch in sampler for index in batch}
    return np.array([[codes[index] % 2 == 1, codes[index] >= 2] for index in range(n)]).T


@pytest.mark.parametrize("seed", [0, 1])
def test_each_request_of_half_of_the_training_sequences_is_hidden_others_in_every_epoch(seed: int) -> None:
    n = 4000
    sampler = LengthBatches(torch.randint(20, 200, (n,)), 32, seed)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append(hidden_by(sampler, n))
    for is_kind_hidden, are_bars_hidden in epochs:
        # Three standard deviations of a share of 4000 are 0.024 of a half and 0.021 of a quarter.
        assert is_kind_hidden.mean() == pytest.approx(0.5, abs=0.03)
        assert are_bars_hidden.mean() == pytest.approx(0.5, abs=0.03)
        assert (is_kind_hidden & are_bars_hidden).mean() == pytest.approx(0.25, abs=0.03)
    for one, other in pairwise(epochs):
        assert (one == other).mean() == pytest.approx(0.5, abs=0.03)


def test_without_a_seed_no_request_is_hidden() -> None:
    assert not hidden_by(LengthBatches(torch.randint(20, 200, (50,)), 8, None), 50).any()


def test_without_a_seed_the_order_is_by_length_in_every_epoch() -> None:
    lengths = torch.randint(20, 200, (50,))
    sampler = LengthBatches(lengths, 8, seed=None)
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) == first
    in_order = [int(lengths[index]) for batch in first for index in batch]
    assert in_order == sorted(in_order)


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_little_of_a_batch_is_padding(seed: int | None) -> None:
    rng = np.random.default_rng(0)
    lengths = torch.from_numpy(rng.lognormal(4.5, 0.4, 800).astype(int))  # about as folk tunes are
    batches = [torch.tensor(batch) % len(lengths) for batch in LengthBatches(lengths, 32, seed)]
    filled = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    assert 1 - int(lengths.sum()) / filled < 0.1
    at_random = sum(32 * int(lengths[begin : begin + 32].max()) for begin in range(0, 800, 32))
    assert 1 - int(lengths.sum()) / at_random > 0.4  # what it would be otherwise


# --- windows ---


def test_a_tune_that_is_short_enough_or_unlimited_stays_whole() -> None:
    melody = replace(walks(1)[0], kind="waltz")
    whole = [VOCABULARY.encode(melody, melody.n_bars).tolist()]
    for longest in (None, len(melody), len(melody) + 1):
        assert [each.tolist() for each in windows(melody, longest)] == whole


@given(melodies(min_notes=1, max_notes=40), st.integers(1, 20))
@settings(max_examples=50)
def test_windows_cover_the_tune_and_only_the_last_has_an_end_token(melody: Melody, longest: int) -> None:
    cut = windows(melody, longest)
    notes = [tokens[VOCABULARY.is_note(tokens)] for tokens in cut]
    whole = VOCABULARY.encode(melody)
    assert np.concatenate(notes).tolist() == whole[VOCABULARY.is_note(whole)].tolist()
    assert all(len(each) <= longest for each in notes)
    assert max(map(len, notes)) - min(map(len, notes)) <= 1
    assert [int(tokens[-1]) == VOCABULARY.end for tokens in cut] == [False] * (len(cut) - 1) + [True]


@given(formed_melodies(min_notes=2, max_notes=40), st.integers(1, 20))
@settings(max_examples=50)
def test_a_window_begins_with_its_own_control_tokens(melody: Melody, longest: int) -> None:
    metres = [metre for begin, end, metre, _ in melody.segments for _ in range(begin, end)]
    place, cut = 0, windows(melody, longest)
    for tokens in cut:
        # The latest that has a token: there is one for every place that folk tunes' bars are cut at.
        start = max(ticks for ticks in STARTS if ticks <= melody.positions[place])
        begin, place = place, place + int(VOCABULARY.is_note(tokens).sum())
        window = replace(melody.without_form(), metre=metres[begin], start=start, departures=(), kind=melody.kind)
        # Of a window that is cut off, how many bars it has is no request: it does not end there.
        n_bars = VOCABULARY.decode(tokens).n_bars if tokens is cut[-1] else None
        assert tokens[:PREFIX_LENGTH].tolist() == VOCABULARY.prefix(window, n_bars).tolist()


def pitches_said(melody: Melody) -> list[int]:
    """MIDI numbers that a melody's note tokens name from middle C on, -1 for rests."""
    classes = VOCABULARY.token_pitch[VOCABULARY.encode(melody)]
    heights = [*(60 + semitones for semitones in VOCABULARY.pitch_classes), REST]
    return [heights[each] for each in classes[classes >= 0]]


@given(melodies(min_notes=1))
def test_in_c_tokens_hold_absolute_pitches_and_nothing_else_changes(melody: Melody) -> None:
    found = in_c(melody)
    assert found == replace(melody, pitches=found.pitches, tonic=0)
    assert pitches_said(found) == found.pitches.tolist()
    moved = found.pitches - melody.pitches
    in_range = (melody.pitches == REST) | (melody.pitches >= 60 + LOWEST) & (melody.pitches <= 60 + HIGHEST)
    assert (moved[in_range] == 0).all()
    assert (moved % OCTAVE == 0).all()
    assert in_c(found) == found
    assert in_c(melody).mode == melody.mode


@given(melodies(min_notes=1), st.integers(-2, 2))
def test_a_tune_in_another_key_is_another_in_c(melody: Melody, shift: int) -> None:
    other = melody.transposed(shift)
    sounding = melody.pitches != REST
    moved = (in_c(other).pitches - in_c(melody).pitches)[sounding]
    assert ((moved - shift) % OCTAVE == 0).all()


@given(melodies(min_notes=1), st.integers(1, OCTAVE))
def test_transpositions_are_the_nearest_keys_and_twelve_are_all(melody: Melody, n_keys: int) -> None:
    found = transpositions_of(melody, n_keys)
    sounding = melody.pitches != REST
    below = (n_keys - 1) // 2
    assert len(found) == n_keys
    assert found[below] == in_c(melody)
    for place, each in enumerate(found):
        moved = (each.pitches - melody.pitches)[sounding]
        assert ((moved - (place - below)) % OCTAVE == 0).all()
        assert each == replace(in_c(melody), pitches=each.pitches)


def test_twelve_keys_go_from_five_semitones_below_to_six_above() -> None:
    found = transpositions_of(Melody([67, REST], [24, 24], tonic=7), 12)
    assert [each.pitches.tolist() for each in found] == [[67 + semitones, REST] for semitones in range(-5, 7)]
    assert {each.tonic for each in found} == {0}
    assert [int(each.pitches[0]) for each in transpositions_of(Melody([67], [24]), 2)] == [67, 68]


def test_windows_keep_changes_of_metre() -> None:
    melody = Melody([60] * 8, [24] * 8, Metre(3, 4), departures=[Departure(3, Metre(2, 4)), Departure(4)])
    [first, second] = windows(melody, 4)
    assert VOCABULARY.decode(first).departures == (Departure(3, Metre(2, 4)),)
    assert VOCABULARY.decode(second).metre == Metre(2, 4)
    assert VOCABULARY.decode(second).start == 0
    assert VOCABULARY.decode(second).departures == ()
