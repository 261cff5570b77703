"""The two-sample test on points whose distributions are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from chromasonic.melody_generation.measures.real_distance.two_sample import AdditiveClassifier, two_sample_test
from chromasonic.melody_generation.melody import FloatArray

N_FEATURES = 6


def points(n: int, seed: int, shift: float = 0.0) -> FloatArray:
    """Return points of a normal distribution; ``shift`` moves the first feature."""
    values = np.random.default_rng(seed).normal(size=(n, N_FEATURES))
    values[:, 0] += shift
    return values


def test_halves_of_one_set_cannot_be_told_apart() -> None:
    aucs = [two_sample_test(points(80, s), points(100, s + 100), points(300, s + 200)).auc for s in range(6)]
    assert abs(np.mean([auc.value for auc in aucs]) - 0.5) < 0.03
    assert sum(auc.low <= 0.5 <= auc.high for auc in aucs) >= 5


def test_what_is_far_off_is_always_told_apart() -> None:
    assert two_sample_test(points(80, 0), points(100, 1, shift=20), points(300, 2)).auc.value > 0.99


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_a_shift_is_told_apart_nearly_as_well_as_by_the_likelihood_ratio(shift: float) -> None:
    best = norm.cdf(shift / np.sqrt(2))
    auc = two_sample_test(points(300, 0), points(300, 1, shift), points(900, 2)).auc
    assert best - 0.06 < auc.value < best + 0.04


def test_what_is_always_in_the_middle_is_told_apart_and_no_straight_line_could() -> None:
    made = points(200, 1)
    made[:, 2] *= 0.1
    test = two_sample_test(points(200, 0), made, points(600, 2))
    assert test.auc.value > 0.8
    assert test.gaps.argmax() == 2


def test_features_that_are_not_defined_count_as_a_value() -> None:
    made = points(100, 1)
    made[:, 3] = np.nan
    assert two_sample_test(points(80, 0), made, points(300, 2)).auc.value > 0.99


def test_shuffled_labels_leave_nothing_to_learn() -> None:
    """A melody that its own classifier had learned from would be told from real tunes even so."""
    rng = np.random.default_rng(0)
    aucs = []
    for seed in range(6):
        both = rng.permutation(np.concatenate([points(180, seed), points(100, seed + 10, shift=3)]))
        aucs.append(two_sample_test(both[:80], both[80:180], both[180:]).auc.value)
    assert abs(np.mean(aucs) - 0.5) < 0.05


def test_variants_in_one_fold_are_not_learned_from_each_other() -> None:
    variants = np.repeat(points(20, 1), 5, axis=0)
    together = two_sample_test(points(80, 0), variants, points(300, 2), np.arange(100) // 5 % 5)
    apart = two_sample_test(points(80, 0), variants, points(300, 2))
    assert together.auc.value < 0.62
    assert apart.auc.value > together.auc.value + 0.1


def test_a_tune_is_not_told_from_itself_though_others_have_learned_that_it_is_made() -> None:
    real, folds = points(60, 0), np.arange(60) % 5
    assert two_sample_test(real, real, points(300, 2), folds, folds).auc.value == pytest.approx(0.5)
    assert two_sample_test(real, real, points(300, 2), folds).auc.value < 0.45


def test_with_fewer_melodies_than_functions_the_weights_are_the_likeliest_under_the_penalty() -> None:
    functions = np.random.default_rng(0).normal(size=(11, 5, 4))
    classifier = AdditiveClassifier.fit(functions[:6], functions[6:])
    inputs = ((functions - classifier.means) / classifier.deviations).reshape(11, -1)
    sizes, is_made = np.repeat([0.5 / 6, 0.5 / 5], [6, 5]), np.arange(11) >= 6

    def log_likelihood(parameters: FloatArray) -> float:
        odds = inputs @ parameters[:-1] + parameters[-1]
        return float(
            sizes @ np.logaddexp(0, np.where(is_made, -odds, odds)) + 0.015 * parameters[:-1] @ parameters[:-1]
        )

    best = minimize(log_likelihood, np.zeros(21), tol=1e-10).x
    assert np.allclose(classifier.weights.ravel(), best[:-1], atol=1e-4)


def test_too_few_melodies_are_refused() -> None:
    with pytest.raises(ValueError, match="4 melodies"):
        two_sample_test(points(8, 0), points(4, 1), points(8, 2))
