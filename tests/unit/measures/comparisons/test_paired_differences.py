"""Differences between models of known bits, and what their verdicts are about."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chromasonic.melody_generation.measures.comparisons.paired_differences import ModelBits, difference
from chromasonic.melody_generation.melody import FloatArray

NOTES = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0])


def runs(*bits: FloatArray, is_repeatable: bool = False) -> ModelBits:
    return ModelBits(np.stack(bits), is_repeatable)


def noisy(mean: float, n_runs: int, spread: float, seed: int) -> ModelBits:
    """Runs with ``mean`` bits per note on 40 tunes, each run with an effect of its own."""
    draw = np.random.default_rng(seed)
    notes = np.full(40, 50.0)
    bits = [notes * (mean + spread * draw.normal()) + draw.normal(size=40) for _ in range(n_runs)]
    return runs(*bits)


def test_a_constant_difference_has_the_lowest_p_value() -> None:
    result = difference(runs(2 * NOTES), runs(3 * NOTES), NOTES)
    assert result.bits_per_note.value == result.bits_per_note.low == result.bits_per_note.high == -1
    # All signs are alike in 2 of 2**8 combinations.
    assert result.p_value == pytest.approx(2 / 2**8)
    assert (result.n_better, result.n_tunes) == (8, 8)


def test_swapping_the_models_changes_the_sign_only() -> None:
    draw = np.random.default_rng(1)
    first, second = (runs(*draw.uniform(50, 100, (3, 20))) for _ in range(2))
    notes = draw.uniform(10, 40, 20)
    there, back = difference(first, second, notes), difference(second, first, notes)
    assert there.bits_per_note.value == pytest.approx(-back.bits_per_note.value)
    assert there.bits_per_note.low == pytest.approx(-back.bits_per_note.high, rel=0.02)
    assert there.p_value == pytest.approx(back.p_value, abs=1e-3)
    assert there.n_better + back.n_better == 20
    assert there.leverage
    assert back.leverage
    assert there.leverage.tunes == back.leverage.tunes


def test_one_run_tells_of_runs_and_several_tell_of_recipes() -> None:
    one, three = noisy(2.0, 1, 0.0, 0), noisy(2.1, 3, 0.0, 1)
    counted = ModelBits(noisy(2.1, 1, 0.0, 2).by_run, is_repeatable=True)
    notes = np.full(40, 50.0)
    assert difference(one, three, notes).about == difference(one, counted, notes).about == "runs"
    assert difference(three, counted, notes).about == difference(counted, counted, notes).about == "recipes"


def test_runs_that_scatter_make_a_difference_of_recipes_uncertain() -> None:
    notes = np.full(40, 50.0)
    alike = difference(noisy(2.0, 3, 0.001, 0), noisy(2.1, 3, 0.001, 1), notes)
    scattered = difference(noisy(2.0, 3, 0.2, 0), noisy(2.1, 3, 0.2, 1), notes)
    assert alike.p_value < 0.001
    assert scattered.p_value > 0.05
    widths = [result.bits_per_note.high - result.bits_per_note.low for result in (alike, scattered)]
    assert widths[1] > 10 * widths[0]


def test_a_recipe_is_never_more_certain_than_its_runs() -> None:
    notes = np.full(40, 50.0)
    for seed in range(5):
        first, second = noisy(2.0, 3, 0.01, seed), noisy(2.01, 3, 0.01, seed + 100)
        one, other = (ModelBits(model.mean[None]) for model in (first, second))
        of_recipes, of_runs = difference(first, second, notes), difference(one, other, notes)
        assert of_recipes.p_value >= of_runs.p_value
        assert of_recipes.bits_per_note.low <= of_runs.bits_per_note.low
        assert of_recipes.bits_per_note.high >= of_runs.bits_per_note.high


def test_one_tune_has_no_p_value() -> None:
    result = difference(runs(np.array([10.0])), runs(np.array([20.0])), np.array([5.0]))
    assert result.bits_per_note.value == -2
    assert np.isnan([result.p_value, result.bits_per_note.low]).all()
    assert result.leverage is None


def test_two_tunes_have_no_interval() -> None:
    result = difference(runs(np.array([1.0, 2.0])), runs(np.zeros(2)), np.full(2, 10.0))
    assert math.isnan(result.bits_per_note.low)
    assert math.isnan(result.bits_per_note.high)
    assert result.p_value >= 0.5


@pytest.mark.parametrize("undefined", [np.inf, np.nan])
def test_undefined_bits_give_no_p_value(undefined: float) -> None:
    result = difference(runs(np.array([undefined, 1.0])), runs(np.ones(2)), np.ones(2))
    assert np.isnan([result.p_value, result.bits_per_note.value]).all()
    assert result.n_better == 0
    # Tunes with finite bits are still counted.
    assert difference(runs(np.ones(2)), runs(np.array([undefined, 2.0])), np.ones(2)).n_better == 1


def test_different_numbers_of_tunes_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2, 3, 2"):
        difference(runs(np.ones(2)), runs(np.ones(3)), np.ones(2))
