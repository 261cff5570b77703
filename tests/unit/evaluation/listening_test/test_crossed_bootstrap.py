"""Resampled means equal means of the answers that were drawn, written out one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from chromasonic.melody_generation.evaluation.listening_test.crossed_bootstrap import (
    CrossedDraws,
    expanded_tail,
    mean_of_shares,
    wider,
    wilson,
)
from chromasonic.melody_generation.measures.bootstrap import Estimate

RNG = np.random.default_rng(0)


def test_a_drawn_mean_counts_each_answer_as_often_as_its_judge_and_its_tune() -> None:
    draws = CrossedDraws.of(3, 4, n_resamples=5)
    values, counts = RNG.random((3, 4)), np.ones((3, 4))
    counts[1, 2] = values[1, 2] = 0  # not answered
    for index, mean in enumerate(draws.means(values, counts)):
        drawn = [
            values[judge, tune]
            for judge in range(3)
            for tune in range(4)
            for _ in range(int(draws.judges[index, judge] * draws.sets[index, tune]))
            if counts[judge, tune]
        ]
        assert mean == pytest.approx(np.mean(drawn))


def test_drawn_wins_count_every_pair_of_drawn_tunes() -> None:
    draws = CrossedDraws.of(2, 3, n_resamples=4)
    pairs, counts = RNG.random((2, 3, 3)), np.ones((2, 3, 3))
    for index, mean in enumerate(draws.wins(pairs, counts)):
        judges, sets = draws.judges[index], draws.sets[index]
        weights = judges[:, None, None] * sets[None, :, None] * sets[None, None, :]
        assert mean == pytest.approx(np.average(pairs, weights=weights))


def test_a_single_judge_is_in_every_draw() -> None:
    assert (CrossedDraws.of(1, 5, n_resamples=20).judges == 1).all()


@pytest.mark.parametrize(("n_right", "n"), [(0, 20), (7, 20), (20, 20), (150, 320)])
def test_wilson_equals_the_interval_of_scipy(n_right: int, n: int) -> None:
    expected = binomtest(n_right, n).proportion_ci(method="wilson")
    found = wilson(n_right / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_fewer_judges_give_wider_quantiles() -> None:
    tails = [expanded_tail(n) for n in (2, 3, 5, 10, 100, 10_000)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(0.025, abs=1e-4)
    # For 5: a t interval with 4 degrees of freedom and the unbiased deviation (Hesterberg 2015, table 1).
    assert norm.ppf(tails[2]) == pytest.approx(-2.776 * math.sqrt(5 / 4), abs=1e-3)


def test_the_mean_of_two_shares_lies_between_the_means_of_their_ends() -> None:
    mean = mean_of_shares(wilson(0.9, 20), wilson(0.5, 20))
    assert mean.value == pytest.approx(0.7)
    assert (wilson(0.9, 20).low + wilson(0.5, 20).low) / 2 < mean.low < 0.7 < mean.high


def test_the_wider_interval_contains_both() -> None:
    assert wider(Estimate(0.5, 0.4, 0.6), Estimate(0.5, 0.45, 0.7)) == Estimate(0.5, 0.4, 0.7)
    assert wider(Estimate(0.5, math.nan, math.nan), Estimate(0.5, 0.45, 0.7)) == Estimate(0.5, 0.45, 0.7)
