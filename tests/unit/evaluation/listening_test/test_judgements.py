"""Simulated judges of known skill are found out, and guessers are seen to guess."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tests.listening_tests import make_key, simulated_answers

from chromasonic.melody_generation.evaluation.listening_test.answers import Answers
from chromasonic.melody_generation.evaluation.listening_test.judgements import MEAN, REAL_OR_MADE, judgements_of
from chromasonic.melody_generation.evaluation.listening_test.questions import NAMES
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.melody import FloatArray

KEY = make_key(20)
N_TESTS, N_RESAMPLES = 120, 200
# An interval that contains the truth in 95 % of tests contains it in fewer of these once in a thousand times.
LEAST = int(binom.ppf(0.001, N_TESTS, 0.95))


def even(source: int) -> FloatArray:
    """Return the same quality for all tunes."""
    return np.full(20, 0.6 - 0.2 * source)


def contains(interval: Estimate, truth: float) -> bool:
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize("skill", [0.5, 0.7, 0.97])
def test_the_skill_of_one_judge_is_inside_the_interval(skill: float) -> None:
    rng = np.random.default_rng(1)
    n_inside = 0
    for _ in range(N_TESTS):
        answers = simulated_answers(rng, KEY, np.array([skill]), even)
        [told] = judgements_of(answers, KEY, n_resamples=N_RESAMPLES).told_apart
        n_inside += contains(told.share, skill)
        assert told.share.high - told.share.low < 0.5
    assert n_inside >= LEAST


@pytest.mark.parametrize("n_judges", [3, 8])
def test_the_mean_skill_of_all_such_judges_is_inside_the_interval(n_judges: int) -> None:
    """Judges differ, so that many answers of few judges say little of all judges: intervals have to know that."""
    rng = np.random.default_rng(2)
    n_inside = 0
    for _ in range(N_TESTS):
        answers = simulated_answers(rng, KEY, rng.uniform(0.5, 0.9, n_judges), even)
        n_inside += contains(judgements_of(answers, KEY, n_resamples=N_RESAMPLES).told_apart[0].share, 0.7)
    assert n_inside >= LEAST


def test_the_skill_of_these_judges_is_inside_a_narrower_interval() -> None:
    rng = np.random.default_rng(2)
    n_inside = 0
    for _ in range(N_TESTS):
        skills = rng.uniform(0.5, 0.9, 5)
        [told] = judgements_of(simulated_answers(rng, KEY, skills, even), KEY, n_resamples=N_RESAMPLES).told_apart
        n_inside += contains(told.share_of_these_judges, float(skills.mean()))
        assert told.share_of_these_judges.low > told.share.low
    assert n_inside >= LEAST


def test_the_mean_rating_of_all_such_tunes_is_inside_the_interval() -> None:
    """Tunes differ, so that answers of many judges on few tunes say little: intervals have to know that."""
    rng = np.random.default_rng(3)
    inside = {"real": 0, "lstm": 0}
    for _ in range(N_TESTS):
        qualities = [rng.choice([0.4, 0.8], 20), rng.choice([0.2, 0.6], 20)]
        answers = simulated_answers(rng, KEY, np.full(6, 0.5), qualities.__getitem__)
        ratings = judgements_of(answers, KEY, n_resamples=N_RESAMPLES).ratings
        for name, truth in (("real", 3.4), ("lstm", 2.6)):
            inside[name] += contains(ratings[name][MEAN], truth)
    assert min(inside.values()) >= LEAST


def test_better_tunes_win() -> None:
    quality = [np.full(20, 0.8), np.full(20, 0.4)]
    answers = simulated_answers(np.random.default_rng(4), KEY, np.full(5, 0.5), quality.__getitem__)
    judgements = judgements_of(answers, KEY)
    [wins] = judgements.wins
    assert (wins.first, wins.second, wins.n_pairs) == ("real", "lstm", 5 * 20 * 20)
    assert wins.share.low > 0.7
    for question in NAMES:
        assert judgements.ratings["real"][question].low > judgements.ratings["lstm"][question].high


def test_the_share_of_wins_counts_all_pairs_of_one_judge() -> None:
    key = make_key(3, ("a", "b"), has_real=False)
    answers = simulated_answers(np.random.default_rng(5), key, np.full(2, 0.5), lambda source: np.full(3, 0.5))
    means = answers.ratings.mean(axis=1)
    won = [
        1.0
        if means[judge, 0, first] > means[judge, 1, second]
        else float(means[judge, 0, first] == means[judge, 1, second]) / 2
        for judge in range(2)
        for first in range(3)
        for second in range(3)
    ]
    judgements = judgements_of(answers, key)
    assert judgements.wins[0].share.value == pytest.approx(np.mean(won))
    assert judgements.told_apart == ()


@pytest.mark.parametrize("call", [0.0, 1.0])
def test_a_judge_who_always_says_the_same_gets_one_half(call: float) -> None:
    key = make_key(8, ("a", "b", "c"))  # three quarters are made
    answers = simulated_answers(np.random.default_rng(6), key, np.full(1, 0.5), lambda source: np.full(8, 0.5))
    answers = replace(answers, calls=np.full_like(answers.calls, call))
    judgements = judgements_of(answers, key)
    assert [told.source for told in judgements.told_apart] == ["", "a", "b", "c"]
    assert all(told.share.value == 0.5 and contains(told.share, 0.5) for told in judgements.told_apart)


def test_a_judge_who_is_always_right_has_an_interval_all_the_same() -> None:
    answers = simulated_answers(np.random.default_rng(7), KEY, np.ones(1), even)
    share = judgements_of(answers, KEY).told_apart[0].share
    assert share.value == share.high == 1
    assert 0.8 < share.low < 0.95


def test_agreement_is_high_where_judges_hear_the_same_and_chance_where_they_guess() -> None:
    rng = np.random.default_rng(8)
    spread = rng.choice([0.05, 0.95], 20)
    answers = simulated_answers(rng, KEY, np.full(6, 0.5), lambda source: spread)
    agreement = judgements_of(answers, KEY).agreement
    assert all(agreement[question].low > 0.6 for question in NAMES)
    assert contains(agreement[REAL_OR_MADE], 0)


def test_missing_answers_are_left_out(rated: Callable[[], Answers]) -> None:
    answers = rated()
    ratings, calls = answers.ratings.copy(), answers.calls.copy()
    ratings[0, :, :, :5] = calls[0, :, :5] = math.nan
    ratings[0, :, :, 5:], ratings[1] = 4, 2
    judgements = judgements_of(replace(answers, ratings=ratings, calls=calls), KEY)
    assert judgements.ratings["real"][MEAN].value == pytest.approx((15 * 4 + 20 * 2) / 35)
    assert [judge.n_tunes for judge in judgements.judges] == [30, 40]
    assert [judge.mean_rating for judge in judgements.judges] == [4, 2]


def test_answers_that_are_all_missing_give_nothing_that_is_defined(rated: Callable[[], Answers]) -> None:
    answers = rated()
    nothing = replace(
        answers, ratings=np.full_like(answers.ratings, math.nan), calls=np.full_like(answers.calls, math.nan)
    )
    judgements = judgements_of(nothing, KEY)
    assert math.isnan(judgements.told_apart[0].share.value)
    assert math.isnan(judgements.wins[0].share.value)
    assert "NaN" not in json.dumps(judgements.to_json(), allow_nan=False)


def test_the_same_seed_gives_the_same_intervals(rated: Callable[[], Answers]) -> None:
    first, second = (judgements_of(rated(), KEY, seed=3).to_json() for _ in range(2))
    assert first == second


@pytest.fixture
def rated() -> Callable[[], Answers]:
    """Return a function that makes the answers of two judges."""
    return lambda: simulated_answers(np.random.default_rng(9), KEY, np.array([0.5, 0.8]), even)
