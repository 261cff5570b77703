"""Variants are found at any speed, in any key and mode, with ornaments and in parts; unrelated tunes are not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_tunes import JIG, REEL, WALTZ, in_minor, joined, ornamented, slower, walking_tune, with_tonic

from chromasonic.melody_generation.measures.variants import passages, shared_words
from chromasonic.melody_generation.measures.variants.tune_variants import first_variants, variant_links
from chromasonic.melody_generation.melody import Melody, Metre

UNRELATED = [walking_tune(seed, (JIG, REEL, WALTZ)[seed % 3]) for seed in range(1000, 1120)]
VARIATIONS: dict[str, Callable[[Melody], Melody]] = {
    "half speed": slower,
    "another key": lambda tune: tune.transposed(-5),
    "an octave higher": lambda tune: replace(tune, pitches=tune.pitches + 12),
    "minor": in_minor,
    "minor in another key at half speed": lambda tune: slower(in_minor(tune).transposed(3)),
    "another tonic stated": lambda tune: with_tonic(tune, 4),
    "ornaments": lambda tune: ornamented(tune, seed=7),
    "ornaments at half speed": lambda tune: ornamented(slower(tune), seed=8),
    "an upbeat": lambda tune: joined(Melody([67], [12], tune.metre, start=tune.metre.bar_ticks - 12), tune),
    "a strain in common": lambda tune: joined(tune.window(0, len(tune) // 2), walking_tune(77, tune.metre, n_bars=8)),
    "strains in another order": lambda tune: joined(tune.window(len(tune) // 2, len(tune)), tune),
}


def families(links: np.ndarray, n: int) -> list[set[int]]:
    """Return the sets of linked tunes, by merging them one link at a time."""
    sets = [{index} for index in range(n)]
    for first, second in links.tolist():
        if sets[first] is not sets[second]:
            merged = sets[first] | sets[second]
            for index in merged:
                sets[index] = merged
    return sets


@pytest.mark.parametrize("metre", [JIG, REEL, WALTZ, Metre(2, 2), Metre(9, 8)], ids=str)
@pytest.mark.parametrize("variation", VARIATIONS)
def test_variants_are_linked(variation: str, metre: Metre) -> None:
    for seed in range(3):
        tune = walking_tune(seed, metre)
        variant = VARIATIONS[variation](tune)
        assert variant_links([tune, variant]).tolist() == [[0, 1]], seed
        assert first_variants([variant, UNRELATED[3]], [*UNRELATED[:3], tune]).tolist() == [3, -1]


def test_a_tune_in_half_the_note_values_is_a_variant() -> None:
    tune = walking_tune(1, WALTZ)
    assert variant_links([tune, replace(tune, metre=Metre(3, 8), durations=tune.durations // 2)]).tolist() == [[0, 1]]
    assert variant_links([walking_tune(2), replace(walking_tune(2), metre=Metre(2, 4))]).tolist() == [[0, 1]]


def test_unrelated_tunes_and_tunes_backwards_are_not_linked() -> None:
    backwards = [replace(tune, pitches=tune.pitches[::-1], durations=tune.durations[::-1]) for tune in UNRELATED]
    assert variant_links([*UNRELATED, *backwards]).tolist() == []


def test_a_few_bars_in_common_make_no_variants() -> None:
    tune, other = walking_tune(1), walking_tune(2)
    bars = np.flatnonzero(tune.positions == 0)
    for n_bars, is_variant in ((3, False), (8, True)):
        mixed = joined(other, tune.window(0, int(bars[n_bars])))
        assert (len(variant_links([tune, mixed])) > 0) is is_variant


def test_a_figure_played_often_makes_no_variants() -> None:
    """Two tunes of one bar again and again share that bar and no more."""
    loops = [joined(*[walking_tune(1, n_bars=1)] * 8, walking_tune(seed, n_bars=8)) for seed in (5, 6)]
    assert variant_links(loops).tolist() == []


def test_tunes_without_notes_or_of_a_few_have_no_variants() -> None:
    short = Melody([60, 62, 64], [24] * 3)
    silent = Melody([-1, -1], [24, 24])
    for melodies in ([], [Melody([], [])], [short, short, silent, silent]):
        assert variant_links(melodies).shape == (0, 2)
        assert first_variants(melodies, [short]).tolist() == [-1] * len(melodies)
        assert first_variants([short], melodies).tolist() == [-1]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(sorted(VARIATIONS))), max_size=8), st.randoms())
def test_families_do_not_depend_on_the_order_or_the_block_size(made: list[tuple[int, str]], random: object) -> None:
    tunes = [VARIATIONS[variation](walking_tune(seed, n_bars=12)) for seed, variation in made]
    order = list(range(len(tunes)))
    random.shuffle(order)  # type: ignore[attr-defined]
    sets = families(variant_links(tunes), len(tunes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_words, "_ENTRIES_AT_ONCE", 3)
        patch.setattr(shared_words, "_PAIRS_AT_ONCE", 2)
        patch.setattr(passages, "_CELLS", 50)
        shuffled = families(variant_links([tunes[index] for index in order]), len(tunes))
    for place, index in enumerate(order):
        assert {order[other] for other in shuffled[place]} == sets[index]


def test_first_variants_are_those_of_a_comparison_of_each_pair() -> None:
    tunes = [walking_tune(seed) for seed in range(4)]
    melodies = [slower(tunes[2]), walking_tune(50), in_minor(tunes[0]), joined(tunes[3], tunes[1])]
    others = [*tunes, tunes[0].transposed(1)]
    expected = [
        next((index for index, other in enumerate(others) if len(variant_links([melody, other]))), -1)
        for melody in melodies
    ]
    assert first_variants(melodies, others).tolist() == expected == [2, -1, 0, 1]


@pytest.mark.parametrize("n_shared", [0, 2, 16])
def test_links_and_memory_grow_with_the_tunes_and_not_with_their_pairs(n_shared: int) -> None:
    """Many tunes that share nothing, two bars or most of their bars."""
    stock, n = walking_tune(0, n_bars=16), 1000 if n_shared == 16 else 300
    bars = [*np.flatnonzero(stock.positions == 0).tolist(), len(stock)]
    shared = [stock.window(0, bars[n_shared])] if n_shared else []
    tunes = [joined(*shared, walking_tune(seed, n_bars=20 - n_shared)) for seed in range(1, n + 1)]
    tracemalloc.start()
    try:
        links = variant_links(tunes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(links) < 20 * n
    assert peak < 150_000_000
    n_families = len({id(each) for each in families(links, n)})
    assert n_families == 1 if n_shared == 16 else n_families > 0.95 * n
