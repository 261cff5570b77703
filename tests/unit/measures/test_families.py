"""Families of tunes, compared with those of all pairs that sets of n-grams give."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from tests.leaking import interval_sets, near_copies_by_hand
from tests.made_tunes import REEL, in_minor, joined, ornamented, slower, walking_tune

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.measures import families
from chromasonic.melody_generation.measures.families import (
    MAX_NAMESAKES,
    first_copies,
    first_sharing,
    near_copy_links,
    tune_families,
)
from chromasonic.melody_generation.melody import REST, Melody, Metre


def walk(seed: int, n_notes: int = 60, title: str = "") -> Melody:
    steps = np.random.default_rng(seed).integers(-5, 6, size=n_notes)
    return Melody(60 + np.cumsum(steps) % 24, np.full(n_notes, 12), title=title, source=f"walks:{seed}")


def test_transposed_shortened_and_edited_tunes_are_of_one_family() -> None:
    tune = walk(1)
    edited = tune.pitches.copy()
    edited[30] += 1
    edited[3] = REST
    slower = Melody(edited, tune.durations * 2)
    assert tune_families([walk(2), tune, tune.transposed(5), tune.window(10, 40), slower]).tolist() == [
        0,
        1,
        1,
        1,
        1,
    ]


def test_families_are_transitive() -> None:
    tune = walk(1, n_notes=120)
    first, middle, last = tune.window(0, 60), tune.window(20, 100), tune.window(60, 120)
    assert tune_families([first, last]).tolist() == [0, 1]
    assert tune_families([first, last, middle]).tolist() == [0, 0, 0]


def test_tunes_of_fewer_than_13_notes_are_compared_by_title_only() -> None:
    short, named = walk(1, n_notes=12), walk(1, n_notes=12, title="Keel Row")
    assert tune_families([short, short, named, walk(9, title="The Keel Row")], rule=1).tolist() == [0, 1, 2, 2]
    longer = walk(1, n_notes=13)
    assert tune_families([longer, longer], rule=1).tolist() == [0, 0]


def test_no_tunes_have_no_families() -> None:
    assert tune_families([]).tolist() == []
    assert tune_families([Melody([], []), Melody([], [])], rule=1).tolist() == [0, 1]
    assert tune_families([Melody([], []), Melody([REST], [24])], rule=2).tolist() == [0, 1]


@pytest.mark.parametrize("title", ["", "Jig 2", "March in D"])
def test_generic_titles_are_not_compared(title: str) -> None:
    assert tune_families([walk(1, title=title), walk(2, title=title)]).tolist() == [0, 1]


CASES = [(12, 0.5), (5, 0.5), (3, 0.5), (2, 0.0), (4, 0.2), (4, 0.75), (1, 1 / 3), (6, 0.9)]


def collection(seed: int, n_tunes: int = 30) -> list[Melody]:
    """Return tunes of phrases from a small pool in any key, of phrases of their own, and of rests."""
    rng = np.random.default_rng(seed)
    pool = [60 + np.cumsum(rng.choice([-2, 0, 1, 2], size=rng.integers(1, 20))) for _ in range(4)]
    tunes = []
    for _ in range(n_tunes):
        phrases = [
            pool[index] + rng.integers(-3, 4) if rng.random() < 0.7 else 60 + rng.integers(-5, 6, rng.integers(15))
            for index in rng.integers(0, 4, size=rng.integers(0, 5))
        ]
        pitches = np.concatenate([np.zeros(0, dtype=np.int64), *phrases])
        pitches = np.where(rng.random(len(pitches)) < 0.05, REST, pitches)
        tunes.append(Melody(pitches, np.full(len(pitches), 12)))
    return tunes


def components(n: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return the smallest index of each component's members, by following pairs until nothing changes."""
    labels = list(range(n))
    pairs = list(pairs)
    while True:
        before = list(labels)
        for first, second in pairs:
            labels[first] = labels[second] = min(labels[first], labels[second])
        if labels == before:
            return labels


@pytest.mark.parametrize(("n_intervals", "share"), CASES)
def test_links_connect_the_tunes_that_all_pairs_connect(n_intervals: int, share: float) -> None:
    n_partial = 0
    for seed in range(12):
        melodies = collection(seed)
        expected = components(len(melodies), near_copies_by_hand(melodies, melodies, n_intervals, share))
        links = near_copy_links(melodies, n_intervals, share)
        assert components(len(melodies), links.tolist()) == expected
        assert {tuple(link) for link in links.tolist()} <= near_copies_by_hand(melodies, melodies, n_intervals, share)
        n_partial += 1 < len(set(expected)) < len(melodies)
    assert n_partial > 3


def test_links_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [components(30, near_copy_links(collection(seed), 4, 0.5).tolist()) for seed in range(8)]
    monkeypatch.setattr(families, "_PAIRS_AT_ONCE", 1)
    monkeypatch.setattr(families, "_NGRAMS_AT_ONCE", 1)
    assert [components(30, near_copy_links(collection(seed), 4, 0.5).tolist()) for seed in range(8)] == expected


@pytest.mark.parametrize("n_intervals", [1, 4, 10])
def test_the_first_tune_that_shares_an_ngram_is_that_of_a_comparison_of_sets(n_intervals: int) -> None:
    n_found = 0
    for seed in range(12):
        melodies, others = collection(seed, 12), collection(seed, 30)[12:]
        expected = [
            next((index for index, theirs in enumerate(interval_sets(others, n_intervals)) if ours & theirs), -1)
            for ours in interval_sets(melodies, n_intervals)
        ]
        assert first_sharing(melodies, others, n_intervals).tolist() == expected
        n_found += any(index > 0 for index in expected)
    assert n_found > 3


def test_no_tunes_and_tunes_without_ngrams_have_no_links() -> None:
    empty = [Melody([], []), Melody([60], [12]), Melody([60, 62, 64], [12] * 3)]
    for melodies in ([], empty, [*empty, *empty]):
        assert near_copy_links(melodies, 12, 0.5).shape == (0, 2)
        assert first_sharing(melodies, empty, 12).tolist() == [-1] * len(melodies)
        assert first_sharing(empty, melodies, 12).tolist() == [-1] * 3


@pytest.mark.parametrize("n_shared", [0, 20, 30, 36, 48])
def test_links_and_memory_grow_with_the_tunes_and_not_with_their_pairs(n_shared: int) -> None:
    rng = np.random.default_rng(0)
    phrase = rng.integers(55, 80, size=n_shared)
    n = 3000  # 9 000 000 pairs
    tunes = [Melody(np.concatenate([phrase, rng.integers(55, 80, size=48 - n_shared)]), [12] * 48) for _ in range(n)]
    tracemalloc.start()
    try:
        links = near_copy_links(tunes, 12, 0.5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(links) <= 40 * n
    assert peak < 100_000_000
    n_families = len(set(components(n, links.tolist())))
    assert n_families == n if n_shared < 25 else n_families < 100


def test_pairs_by_hand_can_be_told_apart() -> None:
    first, second = Melody([60, 62, 64], [12] * 3), Melody([60, 62, 60], [12] * 3)
    pairs = set(product(range(2), repeat=2))
    assert near_copies_by_hand([first, second], [first, second], 1, 0.4) == pairs
    assert near_copies_by_hand([first, second], [first, second], 2, 0.4) == {(0, 0), (1, 1)}


def test_rule_2_finds_what_rule_1_does_not() -> None:
    tune, other = walking_tune(1), walking_tune(2)
    strain = joined(tune.window(0, len(tune) // 2), other.window(0, len(other) // 2))
    variants = [in_minor(slower(tune)), ornamented(tune, seed=3), strain]
    assert tune_families([tune, *variants, walking_tune(3)], rule=1).tolist() == [0, 1, 2, 3, 4]
    assert tune_families([tune, *variants, walking_tune(3)], rule=2).tolist() == [0, 0, 0, 0, 1]


def test_rule_2_keeps_the_near_copies_and_copies_of_rule_1() -> None:
    tune = walk(1)
    assert tune_families([tune, walk(2), replace(tune, durations=tune.durations * 3)], rule=2).tolist() == [0, 1, 0]
    short = walk(1, n_notes=5)
    assert tune_families([short, walk(2, n_notes=5), short.transposed(1)], rule=2).tolist() == [0, 1, 0]


def test_rule_2_compares_titles_without_the_kind_unless_many_tunes_have_them() -> None:
    titles = ["PARNELL'S -- REEL", "Parnell's", "Parnell's Fancy", "The Parnell's (2)", "Reel", "Reel"]
    tunes = [walking_tune(seed, title=title) for seed, title in enumerate(titles)]
    assert tune_families(tunes, rule=2).tolist() == [0, 0, 1, 0, 2, 3]
    assert tune_families(tunes, rule=1).tolist() == [0, 1, 2, 1, 3, 4]
    ballads = [walking_tune(seed, title="Count and nun") for seed in range(MAX_NAMESAKES + 1)]
    assert len(set(tune_families(ballads[1:], rule=2).tolist())) == 1
    assert len(set(tune_families(ballads, rule=2).tolist())) == len(ballads)
    assert len(set(tune_families(ballads, rule=1).tolist())) == 1


@pytest.mark.parametrize("rule", [0, 3])
def test_an_unknown_rule_is_refused(rule: int) -> None:
    with pytest.raises(ValueError, match=f"got {rule}"):
        tune_families([walk(1)], rule)


def test_copies_have_the_same_notes_in_any_key() -> None:
    tune = Melody([60, 62, REST], [24, 24, 24], Metre(3, 4), tonic=0)
    others = [tune.transposed(2), replace(tune, start=24), replace(tune, metre=REEL), replace(tune, title="other")]
    assert first_copies([tune, *others]) == [0, 0, 2, 3, 0]


# Variants at half speed, on another tonic, in one strain; the titles tell nothing of it.
KNOWN_VARIANTS = [
    ("Good-bye Girls", "Goodbye Girls I'm Going To Boston"),
    ("Cuckoo's Nest", "Cuckoo In The Tree"),
    ("Soldiers' Joy", "English Dance"),
    ("Reel De Montreal", "Navvie on the Line"),
    ("North Skelton 3, v 1", "Keel Row"),
]


@pytest.mark.usefixtures("nottingham_directory")
def test_known_variants_of_nottingham_are_found_and_few_others() -> None:
    melodies = NottinghamCorpus().load()
    found = {rule: tune_families(melodies, rule) for rule in (1, 2)}
    for pair in KNOWN_VARIANTS:
        first, second = ([i for i, melody in enumerate(melodies) if melody.title == title] for title in pair)
        assert set(found[2][first]) & set(found[2][second]), pair
        assert not set(found[1][first]) & set(found[1][second]), pair
    n_families = {rule: len(set(labels.tolist())) for rule, labels in found.items()}
    assert n_families[1] == 960
    assert 900 < n_families[2] < 930
    assert np.bincount(found[2]).max() <= 12
    assert sum(first != index for index, first in enumerate(first_copies(melodies))) == 4
    # Tunes backwards have the same notes, rhythms and steps, and are variants of none.
    nameless = [replace(melody, title="") for melody in melodies]
    backwards = [
        replace(melody, pitches=melody.pitches[::-1], durations=melody.durations[::-1], departures=(), start=0)
        for melody in nameless
    ]
    both = tune_families([*nameless, *backwards], rule=2)
    assert not set(both[: len(melodies)]) & set(both[len(melodies) :])
