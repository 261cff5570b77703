"""The tests over tunes keep their level where gaps are skewed; that over runs as well, where equal recipes differ."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, ttest_ind

from chromasonic.melody_generation.measures.comparisons.paired_differences import ModelBits, difference
from chromasonic.melody_generation.measures.comparisons.paired_tests import (
    paired_test,
    ratio_variance,
    sign_flip_p_value,
)
from chromasonic.melody_generation.measures.comparisons.run_effects import RunVariance, crossed_test
from chromasonic.melody_generation.melody import FloatArray

N_TUNES, N_SIMULATIONS, N_RESAMPLES = 103, 600, 999
LEVEL = 0.05


def upper_bound(level: float) -> float:
    """The share of rejections that a test of this level exceeds once in a thousand times."""
    return level + float(norm.ppf(0.999)) * math.sqrt(level * (1 - level) / N_SIMULATIONS)


def lengths(draw: np.random.Generator) -> FloatArray:
    """Notes of tunes, a few of them long."""
    return np.asarray(np.exp(draw.normal(4.4, 0.5, N_TUNES)).round())


def skewed(draw: np.random.Generator, *shape: int) -> FloatArray:
    """Noise of mean 0, deviation 1 and a long tail (log-normal)."""
    noise = (np.exp(draw.normal(size=shape)) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    return np.asarray(noise)


def test_the_p_value_equals_that_of_all_combinations_of_signs() -> None:
    gap = np.array([3.0, -1.0, 2.0, 5.0, -2.5, 4.0])
    sums = [abs(np.dot(signs, gap)) for signs in itertools.product([1, -1], repeat=len(gap))]
    share = np.mean([total >= abs(gap.sum()) - 1e-9 for total in sums])
    assert sign_flip_p_value(gap) == pytest.approx(share)


def test_the_variance_is_that_of_many_samples() -> None:
    draw = np.random.default_rng(0)
    ratios, variances = [], []
    for _ in range(500):
        notes = lengths(draw)
        gap = notes * draw.normal(0.3, 0.2, N_TUNES)
        ratios.append(gap.sum() / notes.sum())
        variances.append(ratio_variance(gap, notes))
    assert np.mean(variances) == pytest.approx(np.var(ratios), rel=0.15)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_interval_is_that_of_another_studentised_bootstrap(side: int) -> None:
    """With one more tune, as far from the mean as the farthest, on the side of each end."""
    gap = skewed(np.random.default_rng(3), 40) - 0.2
    farthest = np.abs(gap - gap.mean()).max()
    tunes = np.append(gap, gap.mean() + side * farthest)
    ours = paired_test(gap, np.ones(40)).ratio

    def pivot(sample: FloatArray, axis: int) -> FloatArray:
        error = sample.std(axis=axis, ddof=1) / np.sqrt(41)
        return np.asarray((sample.mean(axis=axis) - tunes.mean()) / error)

    theirs = bootstrap((tunes,), pivot, n_resamples=9999, method="percentile", rng=np.random.default_rng(5))
    error = tunes.std(ddof=1) / np.sqrt(41)
    low, high = tunes.mean() - error * np.array(theirs.confidence_interval[::-1])
    assert (ours.low if side < 0 else ours.high) == pytest.approx(low if side < 0 else high, abs=0.15 * error)


def test_a_heavy_tune_that_every_third_sample_misses_makes_no_difference() -> None:
    """Gaps of mean 0, the largest of them twelve deviations of the others from 0."""
    draw = np.random.default_rng(0)
    gaps = draw.normal(0, 20, N_TUNES)
    gaps[0] = -250.0
    gaps -= gaps.mean()
    p_values, flipped = [], []
    for _ in range(N_SIMULATIONS):
        gap = draw.choice(gaps, N_TUNES)
        p_values.append(paired_test(gap, np.ones(N_TUNES), n_resamples=N_RESAMPLES).p_value)
        flipped.append(sign_flip_p_value(gap, n_resamples=N_RESAMPLES))
    assert np.mean(np.array(flipped) <= LEVEL) > upper_bound(LEVEL)
    assert np.mean(np.array(p_values) <= LEVEL) <= upper_bound(LEVEL)


def test_the_test_of_runs_is_welch_without_tunes_and_student_without_runs() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.normal(2.0, 0.1, (4, 1)), draw.normal(2.1, 0.3, (3, 1))
    variances = [RunVariance.of(model, np.ones(1)) for model in (first, second)]
    value = float(first.mean() - second.mean())
    estimate, p_value = crossed_test(value, 0.0, 50, variances)
    expected = ttest_ind(first[:, 0], second[:, 0], equal_var=False)
    assert p_value == pytest.approx(expected.pvalue)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(expected.confidence_interval()))
    gap = draw.normal(0.2, 1, 30)
    _, p_value = crossed_test(float(gap.mean()), ratio_variance(gap, np.ones(30)), 30, [])
    again = ttest_ind(gap, [0.0, 0.0], equal_var=False)  # a group without variance adds none
    assert p_value == pytest.approx(again.pvalue)


def test_skewed_gaps_of_mean_zero_are_rejected_as_often_as_stated() -> None:
    """Gaps that a sign-flip test calls different twice as often as it states."""
    draw = np.random.default_rng(0)
    p_values, flipped, covered = [], [], 0
    for _ in range(N_SIMULATIONS):
        notes = lengths(draw)
        gap = notes * skewed(draw, N_TUNES)
        result = paired_test(gap, notes, n_resamples=N_RESAMPLES)
        p_values.append(result.p_value)
        flipped.append(sign_flip_p_value(gap, n_resamples=N_RESAMPLES))
        covered += result.ratio.low <= 0 <= result.ratio.high
    assert np.mean(np.array(p_values) <= LEVEL) <= upper_bound(LEVEL)
    assert np.mean(np.array(flipped) <= LEVEL) > upper_bound(LEVEL)
    assert covered / N_SIMULATIONS >= 1 - upper_bound(LEVEL)


def test_a_difference_is_found() -> None:
    draw = np.random.default_rng(1)
    found = 0
    for _ in range(100):
        notes = lengths(draw)
        gap = notes * (draw.normal(size=N_TUNES) - 0.5)
        found += paired_test(gap, notes, n_resamples=N_RESAMPLES).p_value <= LEVEL
    assert found >= 95  # a t test would find 99.8 %


def equal_recipes(draw: np.random.Generator, notes: FloatArray, n_runs: int) -> ModelBits:
    """Runs whose own effect is as large as that of their noise on the tunes, in bits per note."""
    noise = 0.06 * notes * skewed(draw, n_runs, N_TUNES)
    effects = 0.06 / np.sqrt(N_TUNES) * 1.3 * draw.normal(size=(n_runs, 1))
    return ModelBits(2 * notes + effects * notes + noise)


@pytest.mark.parametrize("n_runs", [2, 3])
def test_equal_recipes_are_called_different_as_seldom_as_stated(n_runs: int) -> None:
    draw = np.random.default_rng(n_runs)
    of_recipes, of_runs, covered = [], [], 0
    for _ in range(N_SIMULATIONS):
        notes = lengths(draw)
        first, second = (equal_recipes(draw, notes, n_runs) for _ in range(2))
        result = difference(first, second, notes, n_resamples=N_RESAMPLES)
        assert result.about == "recipes"
        of_recipes.append(result.p_value)
        of_runs.append(sign_flip_p_value(first.mean - second.mean, n_resamples=N_RESAMPLES))
        covered += result.bits_per_note.low <= 0 <= result.bits_per_note.high
    assert np.mean(np.array(of_recipes) <= LEVEL) <= upper_bound(LEVEL)
    assert covered / N_SIMULATIONS >= 1 - LEVEL
    # A test over tunes alone, given the means over runs, errs often.
    assert np.mean(np.array(of_runs) <= LEVEL) > 3 * LEVEL
