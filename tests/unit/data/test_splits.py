import dataclasses
import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.leaking import variants_among
from tests.made_tunes import slower, walking_tune

from chromasonic.melody_generation.corpora.corpus import without_copies
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.leakage import leaks
from chromasonic.melody_generation.data.splits import SIDES, Split, share_of_training, split_by_family, test_set_hash
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.variants.tune_variants import first_variants
from chromasonic.melody_generation.melody import REST, Melody


def walk(seed: int, n_notes: int = 80, title: str = "") -> Melody:
    steps = np.random.default_rng(seed).integers(-5, 6, size=n_notes)
    return Melody(60 + np.cumsum(steps) % 24, np.full(n_notes, 12), title=title, source=f"walks:{seed}")


def variant(tune: Melody, seed: int) -> Melody:
    """Another key, one note changed and one silent."""
    rng = np.random.default_rng(seed)
    pitches = tune.pitches.copy()
    pitches[20] += 1
    pitches[int(rng.integers(0, 5))] = REST
    return dataclasses.replace(tune, pitches=pitches, source=f"variants:{seed}").transposed(int(rng.integers(-6, 7)))


def corpus_of(family_sizes: list[int]) -> list[Melody]:
    """A corpus of families of these sizes."""
    found = []
    for family, size in enumerate(family_sizes):
        tune = walk(family)
        found += [tune, *(variant(tune, 1000 * family + k) for k in range(1, size))]
    return found


def sides_of(split: Split) -> list[tuple[int, ...]]:
    return [split.train, split.validation, split.test]


family_sizes = st.lists(st.integers(1, 4), min_size=3, max_size=25)


@given(family_sizes, st.integers(0, 5))
def test_sides_are_disjoint_complete_filled_and_divide_no_family(sizes: list[int], seed: int) -> None:
    melodies = corpus_of(sizes)
    split = split_by_family(melodies, seed=seed)
    assert split.families == tuple(np.repeat(np.arange(len(sizes)), sizes))
    assert split.n_families == len(sizes)
    assert sorted(split.train + split.validation + split.test) == list(range(len(melodies)))
    assert all(sides_of(split))
    families = [{split.families[i] for i in side} for side in sides_of(split)]
    assert sum(map(len, families)) == len(sizes)
    held_out = [melodies[i] for i in split.validation + split.test]
    assert variants_among([melodies[i] for i in split.train], held_out) == []


@given(family_sizes, st.integers(0, 5), st.randoms())
def test_the_order_of_the_corpus_does_not_matter(sizes: list[int], seed: int, random: object) -> None:
    melodies = corpus_of(sizes)
    shuffled = list(melodies)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def sources(tunes: list[Melody]) -> list[set[str]]:
        split = split_by_family(tunes, seed=seed)
        return [{tunes[i].source for i in side} for side in sides_of(split)]

    assert sources(melodies) == sources(shuffled)


def test_the_split_depends_on_the_seed_alone() -> None:
    melodies = corpus_of([1, 2] * 30)
    split = split_by_family(melodies, seed=1)
    np.random.default_rng().random()
    assert split_by_family(melodies, seed=1) == split
    assert split_by_family(melodies, seed=2).test != split.test


@given(st.integers(10, 60), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_single_tunes_are_divided_exactly(n: int, validation: float, test: float) -> None:
    split = split_by_family([walk(seed) for seed in range(n)], seed=0, validation=validation, test=test)
    assert len(split.validation) == max(1, round(validation * n))
    assert len(split.test) == max(1, round(test * n))


@pytest.mark.slow
@given(st.lists(st.integers(1, 4), min_size=60, max_size=60), st.integers(0, 3))
def test_families_are_divided_as_closely_as_the_smallest_allows(sizes: list[int], seed: int) -> None:
    split = split_by_family(corpus_of(sizes), seed=seed, validation=0.2, test=0.3)
    for side, fraction, left in (
        (split.test, 0.3, split.validation + split.train),
        (split.validation, 0.2, split.train),
    ):
        smallest_left = min(Counter(split.families[i] for i in left).values())
        assert abs(len(side) - fraction * sum(sizes)) <= 0.5 + smallest_left / 2


def test_a_large_family_never_leaves_a_side_empty() -> None:
    for sizes in ([18, 1, 1], [1, 18, 1], [1, 1, 18], [10, 10, 10], [1, 10, 10]):
        for seed in range(6):
            split = split_by_family(corpus_of(sizes), seed=seed)
            assert all(sides_of(split))


@pytest.mark.parametrize("sizes", [[], [1], [5], [3, 4]])
def test_too_few_families_are_refused_with_both_counts(sizes: list[int]) -> None:
    with pytest.raises(InputError, match=rf"^{sum(sizes)} tunes .* there are {len(sizes)}; give more tunes"):
        split_by_family(corpus_of(sizes), seed=0)


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.1), (0.1, float("nan"))])
def test_fractions_that_leave_a_side_empty_are_refused(validation: float, test: float) -> None:
    with pytest.raises(InputError, match=f"got validation {validation} and test {test}"):
        split_by_family(corpus_of([1] * 20), seed=0, validation=validation, test=test)


@pytest.mark.slow
@given(family_sizes, st.integers(0, 5), st.lists(st.floats(0.01, 1), min_size=1, max_size=4).map(sorted))
def test_a_share_of_training_is_of_whole_families_and_within_every_larger_one(
    sizes: list[int], seed: int, shares: list[float]
) -> None:
    melodies = corpus_of(sizes)
    split = split_by_family(melodies, seed=seed)
    chosen = [share_of_training(split, melodies, share) for share in shares]
    for share, places in zip(shares, chosen, strict=True):
        left = {split.families[place] for place in split.train if place not in places}
        assert not left.intersection(split.families[place] for place in places)
        wanted = max(1, round(share * len(split.train)))
        assert wanted <= len(places) < wanted + max(sizes)
    for smaller, larger in pairwise([*chosen, share_of_training(split, melodies, 1.0)]):
        assert set(smaller) <= set(larger) <= set(split.train)
    assert share_of_training(split, melodies, 1.0) == split.train


@given(st.integers(0, 5), st.randoms())
def test_a_share_of_training_depends_on_the_seed_and_not_on_the_order(seed: int, random: object) -> None:
    melodies = corpus_of([1, 2] * 15)
    shuffled = list(melodies)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def sources(tunes: list[Melody], seed: int) -> set[str]:
        split = split_by_family(tunes, seed=seed)
        return {tunes[place].source for place in share_of_training(split, tunes, 0.3)}

    assert sources(melodies, seed) == sources(shuffled, seed)
    assert sources(melodies, seed) != sources(melodies, seed + 1)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    melodies = corpus_of([1] * 10)
    with pytest.raises(InputError, match="train_share is above 0 and at most 1"):
        share_of_training(split_by_family(melodies, seed=0), melodies, share)


def test_the_manifest_holds_plain_values_and_the_side_of_each_tune() -> None:
    melodies = [walk(seed, title=f"The {'ABCDEFGHIJ'[seed]}nn {seed}") for seed in range(10)]
    split = split_by_family(melodies, seed=7, validation=0.2, test=0.2, rule=1)
    manifest = json.loads(json.dumps(split.manifest(melodies), allow_nan=False))
    described = ["split_seed", "fractions", "counts", "families", "hash", "test_set_hash"]
    assert list(manifest) == [*described, "train", "validation", "test"]
    assert manifest["split_seed"] == 7
    assert manifest["fractions"]["test"] == 0.2
    assert manifest["counts"] == {"train": 6, "validation": 2, "test": 2}
    assert manifest["families"] == 10
    for side in SIDES:
        expected = [
            {"source": melodies[i].source, "title": melodies[i].title, "family": split.families[i]}
            for i in getattr(split, side)
        ]
        assert manifest[side] == expected
    assert manifest["hash"] == split.hash(melodies)
    assert manifest["test_set_hash"] == test_set_hash([melodies[i] for i in split.test])


def test_a_manifest_of_other_melodies_is_refused() -> None:
    melodies = corpus_of([1] * 10)
    split = split_by_family(melodies, seed=0)
    with pytest.raises(ValueError, match="10 melodies were split, got 9"):
        split.manifest(melodies[:9])


def test_the_test_set_hash_depends_on_the_tunes_and_not_on_order_or_names() -> None:
    tunes = [walk(seed) for seed in range(4)]
    expected = test_set_hash(tunes)
    assert len(expected) == 16
    assert int(expected, 16) >= 0
    assert test_set_hash(tunes[::-1]) == expected
    assert test_set_hash([dataclasses.replace(tune, title="x", source="y") for tune in tunes]) == expected
    assert test_set_hash(tunes[:3]) != expected
    assert test_set_hash([*tunes, tunes[0]]) != expected
    assert test_set_hash([*tunes[:3], dataclasses.replace(tunes[3], start=12)]) != expected


def test_the_test_set_hash_is_the_same_in_another_process() -> None:
    program = (
        "from chromasonic.melody_generation.melody import Melody\n"
        "from chromasonic.melody_generation.data.splits import test_set_hash\n"
        "print(test_set_hash([Melody([60, 62], [12, 24]), Melody([-1], [24])]))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == test_set_hash([Melody([-1], [24]), Melody([60, 62], [12, 24])])


def test_the_hash_of_a_split_depends_on_the_sides() -> None:
    melodies = corpus_of([1] * 20)
    split = split_by_family(melodies, seed=0)
    swapped = dataclasses.replace(split, test=split.validation, validation=split.test)
    assert swapped.hash(melodies) != split.hash(melodies)
    assert split_by_family(melodies[::-1], seed=0).hash(melodies[::-1]) == split.hash(melodies)


def test_the_rule_of_families_is_part_of_the_hash_unless_it_is_the_first() -> None:
    melodies = corpus_of([1] * 20)
    first, second = (split_by_family(melodies, seed=0, rule=rule) for rule in (1, 2))
    assert (first.rule, second.rule, first.test) == (1, 2, second.test)
    assert first.hash(melodies) != second.hash(melodies)
    assert "family_rule" not in first.manifest(melodies)
    assert second.manifest(melodies)["family_rule"] == 2
    with pytest.raises(ValueError, match="got 3"):
        split_by_family(melodies, seed=0, rule=3)


@given(st.integers(0, 5))
def test_a_tune_at_half_speed_is_on_the_side_of_the_tune_by_rule_2(seed: int) -> None:
    tunes = [walking_tune(number) for number in range(12)]
    melodies = [*tunes, *map(slower, tunes)]
    split = split_by_family(melodies, seed=seed, rule=2)
    assert split.n_families == len(tunes)
    for side in sides_of(split):
        assert {index % 12 for index in side if index < 12} == {index % 12 for index in side if index >= 12}


@pytest.mark.usefixtures("nottingham_directory")
def test_by_rule_2_no_held_out_tune_of_nottingham_has_a_variant_in_training() -> None:
    melodies = NottinghamCorpus().load()
    n_leaks = {}
    for rule in (1, 2):
        sides = [[melodies[i] for i in side] for side in sides_of(split_by_family(melodies, seed=0, rule=rule))]
        n_leaks[rule] = int((first_variants(sides[1] + sides[2], sides[0]) >= 0).sum())
        assert variants_among(sides[0], sides[1] + sides[2]) == []
    assert n_leaks[2] == 0 < n_leaks[1]


@pytest.mark.usefixtures("nottingham_directory")
@pytest.mark.parametrize(
    ("rule", "split_hash", "test_hash"),
    [(1, "e1b10e8739dfe7e7", "7b51ab549eefce2a"), (2, "5b288598687fbd48", "3219218a5e088fc5")],
)
def test_the_split_of_nottingham_keeps_its_hash(rule: int, split_hash: str, test_hash: str) -> None:
    reading = NottinghamCorpus().read()
    melodies = [tune for tune in (reading if rule == 1 else without_copies(reading)).melodies if len(tune) >= 16]
    split = split_by_family(melodies, seed=0, rule=rule)
    assert split.hash(melodies) == split_hash
    assert test_set_hash([melodies[i] for i in split.test]) == test_hash


def test_leaks_finds_variants_by_notes_and_by_title() -> None:
    held_out = [walk(1), walk(2, title="Keel Row")]
    train = [walk(3), walk(1).transposed(2), walk(4, title="The Keel Row (2)"), walk(5, title="Jig")]
    assert variants_among(train, held_out) == [1, 2]
    assert variants_among(train, []) == []
    assert variants_among([], held_out) == []


def test_a_stricter_guard_finds_a_single_shared_phrase() -> None:
    tune = walk(1, n_notes=60)
    pitches = walk(2, n_notes=60).pitches.copy()
    pitches[:10] = tune.pitches[:10]
    assert not leaks([Melody(pitches, np.full(60, 12))], {"test": [tune]})
    pitches[:11] = tune.pitches[:11]
    quoting = Melody(pitches, np.full(60, 12))
    assert variants_among([quoting], [tune]) == []
    assert [leak.index for leak in leaks([quoting], {"test": [tune]})] == [0]


@pytest.mark.usefixtures("nottingham_directory")
def test_no_variant_of_a_held_out_nottingham_tune_is_in_training() -> None:
    melodies = NottinghamCorpus().load()
    split = split_by_family(melodies, seed=0)
    assert [len(side) for side in sides_of(split)] == [828, 103, 103]
    sides = [[melodies[i] for i in side] for side in sides_of(split)]
    assert variants_among(sides[0], sides[1] + sides[2]) == []
    assert variants_among(sides[1], sides[2]) == []
    assert 900 < split.n_families < 1034
    # A split that knows no families would leak, so the lines above say something.
    order = np.random.default_rng(0).permutation(len(melodies))
    assert variants_among([melodies[i] for i in order[206:]], [melodies[i] for i in order[:206]])
