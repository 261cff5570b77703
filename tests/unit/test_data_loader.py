import json
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.leaking import variants_among
from tests.small_networks import VOCABULARY, walks
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.corpora.reading import CorpusReading, CorpusReport
from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import (
    DividedMelodies,
    LengthBatches,
    MelodyDataModule,
    TokenSequences,
    windows,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Departure, Melody, Metre
from chromasonic.melody_generation.metrics import TokenScorer
from chromasonic.melody_generation.splits import SIDES
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, STARTS

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=120)
seeds = st.integers(0, 5)


@dataclass(frozen=True)
class GivenCorpus:
    """Melodies as they are."""

    melodies: tuple[Melody, ...]

    def read(self) -> CorpusReading:
        return CorpusReading(self.melodies, CorpusReport(len(self.melodies), len(self.melodies)))

    def load(self) -> list[Melody]:
        return list(self.melodies)


def rows_of(batch: Tensor) -> list[tuple[int, ...]]:
    """The sequences of a batch, without padding."""
    return [tuple(row[row != VOCABULARY.pad].tolist()) for row in batch]


def set_up(n: int = 60, **settings: int | None) -> MelodyDataModule:
    data = MelodyDataModule(SyntheticCorpus(num_sequences=n), **settings)  # type: ignore[arg-type]
    data.setup()
    return data


# --- sequences and batches of them ---


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
def test_every_sequence_comes_exactly_once_an_epoch(
    lengths: list[int], batch_size: int, seed: int | None, epoch: int
) -> None:
    sampler = LengthBatches(torch.tensor(lengths), batch_size, seed)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
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
    assert sorted(index for batch in real for index in batch) == list(range(len(lengths)))
    assert len(dealt) - len(real) < n_processes
    assert sorted(real) == sorted(LengthBatches(torch.tensor(lengths), batch_size, seed))


def test_a_batch_that_only_fills_up_a_round_scores_nothing() -> None:
    tokens = TokenSequences([VOCABULARY.encode(melody) for melody in walks(3)])[[-1]]
    sums = TokenScorer(VOCABULARY)(torch.randn(*tokens.shape, len(VOCABULARY)), tokens)
    assert float(sums.nats) == int(sums.n_tokens) == int(sums.n_notes) == 0


def test_each_epoch_has_an_order_of_its_own_that_seed_and_epoch_alone_decide() -> None:
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
    filled = sum(len(batch) * int(lengths[batch].max()) for batch in LengthBatches(lengths, 32, seed))
    assert 1 - int(lengths.sum()) / filled < 0.1
    at_random = sum(32 * int(lengths[begin : begin + 32].max()) for begin in range(0, 800, 32))
    assert 1 - int(lengths.sum()) / at_random > 0.4  # what it would be otherwise


# --- windows ---


def test_a_tune_that_is_short_enough_or_unlimited_stays_whole() -> None:
    [melody] = walks(1)
    whole = [VOCABULARY.encode(melody).tolist()]
    for longest in (None, len(melody), len(melody) + 1):
        assert [each.tolist() for each in windows(melody, longest)] == whole


@given(melodies(min_notes=1, max_notes=40), st.integers(1, 20))
@settings(max_examples=50)
def test_windows_cover_the_tune_and_only_the_last_says_that_it_ends(melody: Melody, longest: int) -> None:
    cut = windows(melody, longest)
    notes = [tokens[VOCABULARY.is_note(tokens)] for tokens in cut]
    whole = VOCABULARY.encode(melody)
    assert np.concatenate(notes).tolist() == whole[VOCABULARY.is_note(whole)].tolist()
    assert all(len(each) <= longest for each in notes)
    assert max(map(len, notes)) - min(map(len, notes)) <= 1
    assert [int(tokens[-1]) == VOCABULARY.end for tokens in cut] == [False] * (len(cut) - 1) + [True]


@given(melodies(min_notes=2, max_notes=40), st.integers(1, 20))
@settings(max_examples=50)
def test_a_window_begins_with_the_control_tokens_of_its_place(melody: Melody, longest: int) -> None:
    metres = [metre for begin, end, metre, _ in melody.segments for _ in range(begin, end)]
    place = 0
    for tokens in windows(melody, longest):
        # The latest that has a token: there is one for every place that folk tunes' bars are cut at.
        start = max(ticks for ticks in STARTS if ticks <= melody.positions[place])
        expected = VOCABULARY.prefix(melody.corpus, metres[place], melody.mode, start)
        assert tokens[:PREFIX_LENGTH].tolist() == expected.tolist()
        place += int(VOCABULARY.is_note(tokens).sum())


def test_windows_keep_changes_of_metre_where_they_stand() -> None:
    melody = Melody([60] * 8, [24] * 8, Metre(3, 4), departures=[Departure(3, Metre(2, 4)), Departure(4)])
    [first, second] = windows(melody, 4)
    assert VOCABULARY.decode(first).departures == (Departure(3, Metre(2, 4)),)
    assert VOCABULARY.decode(second).metre == Metre(2, 4)
    assert VOCABULARY.decode(second).start == 0
    assert VOCABULARY.decode(second).departures == ()


# --- the data module ---


def test_sides_are_served_whole_and_each_tune_once() -> None:
    data = set_up(batch_size=7)
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    for side, loader in zip(SIDES, loaders, strict=True):
        served = Counter(row for batch in loader for row in rows_of(batch))
        assert served == Counter(tuple(VOCABULARY.encode(melody).tolist()) for melody in data.melodies[side])


def test_training_tunes_alone_are_cut_into_windows() -> None:
    data = set_up(min_melody_length=16, max_melody_length=20)
    longest = {
        side: max(int(VOCABULARY.is_note(batch.numpy()).sum(axis=1).max()) for batch in loader)
        for side, loader in zip(
            SIDES, (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()), strict=True
        )
    }
    assert longest["train"] <= 20
    assert longest["validation"] == max(map(len, data.melodies["validation"])) > 20
    assert longest["test"] == max(map(len, data.melodies["test"])) > 20
    assert data.test_set_hash == set_up().test_set_hash


def test_short_tunes_are_left_out_before_the_split() -> None:
    every_length = {len(melody) for melody in walks(60)}
    least = sorted(every_length)[len(every_length) // 2]
    data = set_up(min_melody_length=least)
    kept = [melody for side in SIDES for melody in data.melodies[side]]
    assert sorted(map(len, kept)) == sorted(len(melody) for melody in walks(60) if len(melody) >= least)


def test_no_variant_of_a_held_out_tune_is_learned_from() -> None:
    tunes = walks(30)
    variants = [melody.window(3, len(melody)) for melody in tunes]
    data = MelodyDataModule(GivenCorpus((*tunes, *variants)))
    data.setup()
    assert not variants_among(data.melodies["train"], data.melodies["validation"] + data.melodies["test"])
    assert all(data.melodies.values())


def test_the_test_set_depends_on_neither_batches_nor_the_runs_seed_but_on_the_splits() -> None:
    base = set_up()
    assert set_up(batch_size=3, seed=7).test_set_hash == base.test_set_hash
    assert set_up(split_seed=1).test_set_hash != base.test_set_hash
    assert base.manifest()["test_set_hash"] == base.test_set_hash
    assert base.manifest()["counts"] == {side: len(base.melodies[side]) for side in SIDES}


def test_the_corpus_is_read_once() -> None:
    reads = []

    class CountingCorpus(GivenCorpus):
        def read(self) -> CorpusReading:
            reads.append(1)
            return super().read()

    data = MelodyDataModule(CountingCorpus(tuple(walks(20))))
    for stage in ("fit", "validate", "test"):
        data.setup(stage)
    assert len(reads) == 1
    assert data.report == CorpusReport(20, 20)


def test_making_a_loader_or_reading_it_leaves_the_global_generator_alone() -> None:
    data = set_up()
    before = torch.get_rng_state()
    list(data.train_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_manifest_needs_data() -> None:
    with pytest.raises(ValueError, match=r"setup\(\) has not been called"):
        MelodyDataModule(SyntheticCorpus(10)).manifest()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"min_melody_length": 200, "max_melody_length": 128}, "max_melody_length=128 .* min_melody_length=200"),
        ({"min_melody_length": 0}, "1 or more"),
        ({"batch_size": 0}, "1 or more"),
    ],
)
def test_settings_that_exclude_all_tunes_are_refused_before_anything_is_read(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        MelodyDataModule(SyntheticCorpus(10), **settings)


def test_a_corpus_of_short_tunes_or_too_few_is_refused() -> None:
    with pytest.raises(InputError, match="none of the 10 tunes has 100000 notes"):
        set_up(10, min_melody_length=100_000)
    with pytest.raises(InputError, match="too few to split"):
        set_up(2)


# --- lists that somebody has divided ---


def test_given_lists_stay_as_they_are_given() -> None:
    tunes = [*walks(10), Melody([60], [24])]  # of any length
    data = DividedMelodies(tunes[3:], tunes[:3])
    data.setup()
    assert data.melodies["train"] == tunes[3:]
    assert data.melodies["validation"] == tunes[:3]
    assert data.melodies["test"] == []
    assert list(data.test_dataloader()) == []
    assert data.manifest()["counts"] == {"train": 8, "validation": 3, "test": 0}


def test_given_melodies_are_fitted_and_empty_ones_left_out() -> None:
    odd = Melody([60, 62], [25, 24])
    data = DividedMelodies([odd, Melody([], [])], walks(1))
    data.setup()
    assert [melody.durations.tolist() for melody in data.melodies["train"]] == [[24, 24]]


def test_a_given_melody_that_no_token_holds_is_named() -> None:
    unheld = Melody([60, 62], [24, 24], metre=Metre(13, 8))
    with pytest.raises(InputError, match="melody 1 of train_data cannot be used: the metre 13/8 has no token"):
        DividedMelodies([*walks(1), unheld], walks(1))


def test_the_manifest_holds_the_report_of_the_corpus() -> None:
    data = set_up()
    assert data.report is not None
    assert data.manifest()["corpus"]["n_tunes"] == data.report.n_tunes
    assert json.dumps(data.manifest())


@pytest.mark.parametrize("nothing", [[], [Melody([], [])]])
def test_a_list_without_a_melody_is_refused_by_name(nothing: list[Melody]) -> None:
    with pytest.raises(InputError, match="train_data holds no melody"):
        DividedMelodies(nothing, walks(1))
    with pytest.raises(InputError, match="val_data holds no melody"):
        DividedMelodies(walks(1), nothing)
