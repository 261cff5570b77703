import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from tests.leaking import variants_among
from tests.small_networks import VOCABULARY, walks
from torch import Tensor

from chromasonic.melody_generation.corpora.corpus import CorpusReading, CorpusReport
from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data.batching import in_c, windows
from chromasonic.melody_generation.data.splits import SIDES, test_set_hash
from chromasonic.melody_generation.data_loader import DividedMelodies, MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.vocabulary import BARS_INDEX, CORPORA, KIND_INDEX, PREFIX_LENGTH


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


def without_requests(row: tuple[int, ...]) -> tuple[int, ...]:
    """Replace the kind and the number of bars in a prefix, which training hides at random."""
    tokens = list(row)
    tokens[KIND_INDEX], tokens[BARS_INDEX] = VOCABULARY.unknown_kind, VOCABULARY.unknown_bars
    return tuple(tokens)


def set_up(n: int = 60, **settings: Any) -> MelodyDataModule:
    data = MelodyDataModule(SyntheticCorpus(num_sequences=n), **settings)
    data.setup()
    return data


# --- the data module ---


def test_sides_are_served_whole_and_each_tune_once() -> None:
    data = set_up(batch_size=7)
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    for side, loader in zip(SIDES, loaders, strict=True):
        served = Counter(without_requests(row) for batch in loader for row in rows_of(batch))
        assert served == Counter(
            tuple(VOCABULARY.encode_for_scoring(melody).tolist()) for melody in data.melodies[side]
        )


def test_kinds_and_lengths_are_told_in_training_alone() -> None:
    data = MelodyDataModule(GivenCorpus(tuple(replace(tune, kind="jig") for tune in walks(60))), batch_size=7)
    data.setup()
    train = [row for batch in data.train_dataloader() for row in rows_of(batch)]
    n_bars = {tuple(VOCABULARY.encode(tune)[PREFIX_LENGTH:].tolist()): tune.n_bars for tune in data.melodies["train"]}
    kinds, bars = ({row[index] for row in train} for index in (KIND_INDEX, BARS_INDEX))
    assert {VOCABULARY.name(kind) for kind in kinds} == {"<kind:unknown>", "<kind:jig>"}
    assert VOCABULARY.unknown_bars in bars
    told = [row for row in train if row[BARS_INDEX] != VOCABULARY.unknown_bars]
    assert told
    assert all(VOCABULARY.token_bars[row[BARS_INDEX]] == n_bars[row[PREFIX_LENGTH:]] for row in told)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        rows = [row for batch in loader for row in rows_of(batch)]
        assert {row[KIND_INDEX] for row in rows} == {VOCABULARY.unknown_kind}
        assert {row[BARS_INDEX] for row in rows} == {VOCABULARY.unknown_bars}


def test_a_corpus_of_training_has_a_slot_of_its_own() -> None:
    """The slots follow the training tunes, and tunes of other corpora on another side are of an unknown one."""
    tunes = walks(6)
    data = DividedMelodies([replace(tune, corpus="mine") for tune in tunes[:4]], [replace(tunes[4], corpus="yours")])
    data.setup()
    assert data.vocabulary.corpora == (*CORPORA, "mine")
    [train], [validation] = list(data.train_dataloader()), list(data.val_dataloader())
    assert {data.vocabulary.decode(row).corpus for row in train} == {"mine"}
    assert {data.vocabulary.decode(row).corpus for row in validation} == {"unknown"}


def test_only_training_tunes_are_cut_into_windows() -> None:
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


def test_no_variant_of_a_held_out_tune_is_in_training() -> None:
    tunes = walks(30)
    variants = [melody.window(3, len(melody)) for melody in tunes]
    data = MelodyDataModule(GivenCorpus((*tunes, *variants)))
    data.setup()
    assert not variants_among(data.melodies["train"], data.melodies["validation"] + data.melodies["test"])
    assert all(data.melodies.values())


def test_the_test_set_depends_on_the_split_seed_alone() -> None:
    base = set_up()
    assert set_up(batch_size=3, seed=7).test_set_hash == base.test_set_hash
    assert set_up(split_seed=1).test_set_hash != base.test_set_hash
    assert base.manifest()["test_set_hash"] == test_set_hash(base.melodies["test"])
    assert base.manifest()["counts"] == {side: len(base.melodies[side]) for side in SIDES}


def test_fewer_tunes_may_be_held_out() -> None:
    base, more_to_learn = set_up(), set_up(held_out=0.05)
    n_tunes = sum(map(len, base.melodies.values()))
    for data, share in ((base, 0.1), (more_to_learn, 0.05)):
        for side in ("validation", "test"):
            assert len(data.melodies[side]) == pytest.approx(share * n_tunes, abs=2)
    assert len(more_to_learn.melodies["train"]) > len(base.melodies["train"])


def test_a_share_of_the_training_tunes_changes_nothing_else() -> None:
    whole, part = set_up(), set_up(train_share=0.25)
    assert len(part.melodies["train"]) == 12
    assert set(part.melodies["train"]) < set(whole.melodies["train"])
    assert sum(len(batch) for batch in part.train_dataloader()) == 12
    for side in SIDES[1:]:
        assert part.melodies[side] == whole.melodies[side]
    learned_from = {"learned_from": {"train_share": 0.25, "n_tunes": 12}}
    assert part.manifest() == whole.manifest() | learned_from
    assert "learned_from" not in whole.manifest()


def test_a_guard_is_for_relative_pitch() -> None:
    with pytest.raises(InputError, match="leave out guard"):
        MelodyDataModule(GivenCorpus(tuple(walks(30))), guard=set_up(), pitch="absolute")


def test_absolute_pitch_changes_tokens_and_no_side() -> None:
    relative, absolute = set_up(), set_up(pitch="absolute")
    for side in SIDES:
        assert absolute.melodies[side] == [in_c(melody) for melody in relative.melodies[side]]
        moved = [
            int((one.pitches != other.pitches).sum())
            for one, other in zip(absolute.melodies[side], relative.melodies[side], strict=True)
        ]
        assert sum(moved) < 0.05 * sum(map(len, relative.melodies[side]))
    assert absolute.split == relative.split
    assert absolute.test_set_hash != relative.test_set_hash
    manifests = [absolute.manifest(), relative.manifest()]
    assert manifests[0]["hash"] != manifests[1]["hash"]
    tunes = [(manifest["train"], manifest["validation"], manifest["test"]) for manifest in manifests]
    assert tunes[0] == tunes[1]


def test_only_training_tunes_are_transposed() -> None:
    settings: dict[str, Any] = {"pitch": "absolute", "max_melody_length": 20}
    once, thrice = set_up(**settings), set_up(**settings, transpositions=3)
    expected = [
        tuple(tokens.tolist())
        for melody in once.melodies["train"]
        for semitones in (-1, 0, 1)
        for tokens in windows(in_c(melody.transposed(semitones)), 20)
    ]
    rows = [row for batch in thrice.train_dataloader() for row in rows_of(batch)]
    assert Counter(map(without_requests, rows)) == Counter(map(without_requests, expected))
    assert thrice.melodies == once.melodies
    assert thrice.manifest() == once.manifest()
    for loaders in zip(*((data.val_dataloader(), data.test_dataloader()) for data in (once, thrice)), strict=True):
        one, other = ([row for batch in loader for row in rows_of(batch)] for loader in loaders)
        assert one == other


def test_what_cannot_be_read_is_no_corpus() -> None:
    with pytest.raises(InputError, match=r"corpus .* got dict"):
        MelodyDataModule({"folder": "tunes"})  # type: ignore[arg-type]


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


def test_loaders_do_not_use_the_global_generator() -> None:
    data = set_up()
    before = torch.get_rng_state()
    list(data.train_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_manifest_before_setup_is_refused() -> None:
    with pytest.raises(ValueError, match=r"setup\(\) has not been called"):
        MelodyDataModule(SyntheticCorpus(10)).manifest()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"min_melody_length": 200, "max_melody_length": 128}, "max_melody_length=128 .* min_melody_length=200"),
        ({"min_melody_length": 0}, "1 or more"),
        ({"batch_size": 0}, "1 or more"),
        ({"train_share": 0.0}, "train_share is above 0 and at most 1"),
        ({"pitch": "perfect"}, "pitch is relative or absolute, got 'perfect'"),
        ({"pitch": "absolute", "transpositions": 13}, "1 to 12 keys, got 13"),
        ({"transpositions": 2}, "transpositions=2 needs pitch=absolute"),
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


def test_given_lists_are_not_divided_again() -> None:
    tunes = [*walks(10), Melody([60], [24])]  # of any length
    data = DividedMelodies(tunes[3:], tunes[:3])
    data.setup()
    assert data.melodies["train"] == tunes[3:]
    assert data.melodies["validation"] == tunes[:3]
    assert data.melodies["test"] == []
    assert list(data.test_dataloader()) == []
    assert data.manifest()["counts"] == {"train": 8, "validation": 3, "test": 0}


def test_given_melodies_are_fitted_to_the_vocabulary_and_empty_ones_left_out() -> None:
    odd = Melody([60, 62], [25, 24])
    data = DividedMelodies([odd, Melody([], [])], walks(1))
    data.setup()
    assert [melody.durations.tolist() for melody in data.melodies["train"]] == [[24, 24]]


def test_a_given_melody_without_tokens_is_named() -> None:
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


def test_a_tune_that_is_too_long_to_be_scored_is_trained_on_but_not_held_out() -> None:
    endless = Melody([60] * 20_001, [24] * 20_001, title="Perpetual motion")
    data = DividedMelodies([endless, *walks(2)], walks(2))
    data.setup()
    assert data.melodies["train"][0] == endless
    with pytest.raises(
        InputError, match="the tune Perpetual motion has 20001 notes, and tunes for validation and test"
    ):
        DividedMelodies(walks(2), [*walks(2), endless]).setup()
