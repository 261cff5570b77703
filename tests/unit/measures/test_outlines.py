"""Outlines have the proportions of real tunes, and are like the beginning that they are drawn for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.outlines import Outline, TuneOutlines
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.vocabulary import UNKNOWN_KIND


def tune(n_bars: int, last: int = 60, metre: str = "4/4", **values: Any) -> Melody:
    written = Metre.parse(metre)
    melody = Melody([67] * (n_bars - 1) + [last], [written.bar_ticks] * n_bars, written)
    return replace(melody, **values)


def drawn(tunes: list[Melody], beginning: Melody, count: int = 200, n_bars: int | None = None) -> list[Outline]:
    outlines = TuneOutlines.of(tunes)
    return [outlines.draw(beginning, np.random.default_rng(seed), n_bars) for seed in range(count)]


def test_outlines_are_drawn_as_often_as_tunes_have_them() -> None:
    tunes = [tune(8)] * 12 + [tune(16, 64)] * 6 + [tune(16, kind="reel")] * 2
    counts = Counter(drawn(tunes, Melody([], []), 2000))
    shares = {Outline(n_bars=8, final_degree=0): 0.6, Outline(n_bars=16, final_degree=4): 0.3}
    shares[Outline("reel", 16, 0)] = 0.1
    assert counts.keys() == shares.keys()
    assert chisquare([counts[outline] for outline in shares], [2000 * share for share in shares.values()]).pvalue > 0.01


def test_the_last_degree_is_counted_from_the_tonic_and_rests_are_passed_over() -> None:
    tunes = [Melody([62, 69, REST], [24, 24, 48], tonic=2)]
    assert drawn(tunes, Melody([], []), 1) == [Outline(n_bars=1, final_degree=7)]


@pytest.mark.parametrize(
    ("beginning", "n_bars"),
    [
        (Melody([], [], Metre(6, 8)), 12),
        (Melody([], [], Metre(4, 4), start=48), 9),
        (Melody([], [], Metre(4, 4), mode="dorian"), 10),
        (Melody([], [], Metre(4, 4), kind="reel"), 11),
        (Melody([60] * 12, [96] * 12, Metre(4, 4)), 13),
    ],
)
def test_a_beginning_draws_from_tunes_like_it(beginning: Melody, n_bars: int) -> None:
    tunes = [
        *(
            [tune(8)] * 10
            + [tune(12, metre="6/8")] * 10
            + [tune(10, mode="dorian")] * 10
            + [tune(11, kind="reel")] * 10
        ),
        *([tune(13)] if len(beginning) else []),
        *[Melody([67] * 10, [48] + [96] * 9, Metre(4, 4), start=48)] * 10,
    ]
    assert {outline.n_bars for outline in drawn(tunes, beginning, 50)} == {n_bars}


def test_an_incomplete_last_bar_is_drawn_with_its_length() -> None:
    tunes = {
        None: Melody([60, 62, 64], [24, 96, 72], start=72),
        96: Melody([60, 62, 64], [24, 96, 96], start=72),
        48: Melody([60, 62, 64], [24, 96, 48], start=72),
    }
    for position, melody in tunes.items():
        assert drawn([melody], Melody([], [], start=72), 1) == [
            Outline(n_bars=2, final_degree=4, final_position=position)
        ]


def test_conditions_that_few_tunes_satisfy_are_left_out_and_the_kind_that_was_asked_for_stays() -> None:
    tunes = [tune(8, kind="jig")] * 30 + [tune(12, kind="reel")] * 2
    assert {(outline.kind, outline.n_bars) for outline in drawn(tunes, Melody([], [], kind="reel"))} == {
        ("reel", 8),
        ("reel", 12),
    }
    other_metre = drawn(tunes, Melody([], [], Metre(5, 4)), 20)
    assert {outline.kind for outline in other_metre} == {UNKNOWN_KIND}


def test_a_number_of_bars_that_is_given_stays() -> None:
    tunes = [tune(8)] * 10 + [tune(16, 64)] * 10
    assert set(drawn(tunes, Melody([], []), 50, 16)) == {Outline(n_bars=16, final_degree=4)}
    assert {outline.n_bars for outline in drawn(tunes, Melody([], []), 50, 17)} == {17}


@pytest.mark.parametrize(
    ("tunes", "beginning"),
    [
        ([], Melody([], [])),
        ([tune(8)] * 20, Melody([60] * 8, [96] * 8)),
        ([tune(8)] * 20, Melody([], [], Metre.parse("free"))),
        ([Melody([REST], [96]), Melody([60, 62], [24, 24], departures=(Departure(1),))], Melody([], [])),
    ],
)
def test_nothing_is_decided_where_no_tune_tells(tunes: list[Melody], beginning: Melody) -> None:
    assert drawn(tunes, beginning, 5) == [Outline()] * 5


def test_values_of_a_checkpoint_give_the_outlines_again() -> None:
    unfinished = Melody([60, 62, 64], [96, 96, 48])
    outlines = TuneOutlines.of([tune(8, kind="jig"), tune(16, 64, "6/8", mode="dorian", start=60), unfinished])
    assert len(outlines.to_values()[0]) == 6
    assert TuneOutlines.from_values(outlines.to_values()) == outlines
    assert len(TuneOutlines.of([tune(8)] * 5000).tunes) <= 2000


@pytest.mark.parametrize(
    "value",
    [
        "jig",
        [],
        ["4/4", "major", True, "jig", 8],
        ["4/4", "major", True, "jig", True, 0],
        ["4/4", "major", True, "jig", 8, 12],
        ["4/4", "major", True, "jig", 0, 0],
        ["4/4", "major", True, "jig", 10**9, 0],
        ["4/4", "major", True, "jig", 8, 0, 97],
        ["4/4", "major", True, "jig", 8, 0, None],
        ["4/4", "major", True, "jig", 8, 0, 48, 48],
        ["4/4", "major", 1, "jig", 8, 0],
        ["4/5", "major", True, "jig", 8, 0],
        [["4/4"], "major", True, "jig", 8, 0],
        ["4/4", ["major"], True, {}, 8, 0],
    ],
)
def test_damaged_values_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="outline should be"):
        TuneOutlines.from_values([value])
    with pytest.raises(InputError, match="up to 2000"):
        TuneOutlines.from_values([["4/4", "major", True, "jig", 8, 0]] * 2001)
