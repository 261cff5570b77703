"""Krippendorff's alpha equals the published values of the example by which it is taught."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chromasonic.melody_generation.evaluation.listening_test.agreement import krippendorff_alpha

_ = math.nan
# Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section D: four observers, twelve units.
EXAMPLE = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)


@pytest.mark.parametrize(("is_nominal", "expected"), [(True, 0.743), (False, 0.849)])
def test_alpha_of_the_published_example(is_nominal: bool, expected: float) -> None:
    assert krippendorff_alpha(EXAMPLE, is_nominal=is_nominal).value == pytest.approx(expected, abs=0.0005)


def test_judges_who_answer_at_random_agree_no_better_than_chance() -> None:
    answers = np.random.default_rng(0).integers(1, 6, (6, 200)).astype(np.float64)
    alpha = krippendorff_alpha(answers)
    assert alpha.low <= 0 <= alpha.high
    assert abs(alpha.value) < 0.05


def test_the_order_of_judges_and_the_unit_of_the_scale_do_not_matter() -> None:
    alpha = krippendorff_alpha(EXAMPLE).value
    assert krippendorff_alpha(EXAMPLE[[2, 0, 3, 1]]).value == pytest.approx(alpha)
    assert krippendorff_alpha(10 * EXAMPLE - 3).value == pytest.approx(alpha)


@pytest.mark.parametrize("answers", [np.full((3, 4), _), np.array([[1.0, _], [_, 2.0]]), np.full((2, 5), 3.0)])
def test_alpha_is_not_defined_without_pairs_or_differences(answers: np.ndarray) -> None:
    assert math.isnan(krippendorff_alpha(answers).value)
