from collections.abc import Sequence

import numpy as np
import pytest

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.melody_scores import MelodyScores, concatenate_scores


def scores(overall: Sequence[float]) -> MelodyScores:
    array = np.array(overall, dtype=np.float64)
    return MelodyScores({"steps": array * 10}, {"steps": array}, {"coherence": array}, array)


def test_the_interval_equals_that_of_a_normal_mean() -> None:
    sample = np.random.default_rng(0).normal(0.5, 0.1, size=400)
    result = scores(sample.tolist()).summary(n_resamples=4000)
    assert result.overall.value == pytest.approx(sample.mean())
    half = 1.96 * sample.std() / np.sqrt(400)
    assert result.overall.low == pytest.approx(sample.mean() - half, abs=half / 8)
    assert result.overall.high == pytest.approx(sample.mean() + half, abs=half / 8)
    assert result.groups["coherence"] == result.features["steps"] == result.overall
    assert result.values["steps"].high == pytest.approx(10 * result.overall.high)


def test_summaries_are_reproducible_from_the_seed() -> None:
    sample = scores(np.linspace(0, 1, 30).tolist())
    assert sample.summary(seed=1) == sample.summary(seed=1)
    assert sample.summary(seed=1) != sample.summary(seed=2)


def test_undefined_scores_count_as_0_and_undefined_values_are_ignored() -> None:
    result = scores([0.5, np.nan, 1.0]).summary()
    assert (result.n_melodies, result.n_undefined) == (3, 1)
    assert result.overall.value == 0.5
    assert result.values["steps"].value == 7.5


def test_one_melody_has_a_mean_without_an_interval() -> None:
    result = scores([0.5]).summary()
    assert result.overall.value == 0.5
    assert np.isnan([result.overall.low, result.overall.high]).all()


def test_the_summary_of_undefined_scores_is_zero() -> None:
    result = scores([np.nan, np.nan]).summary()
    assert result.overall == Estimate(0, 0, 0)
    assert np.isnan(result.values["steps"].value)
    assert result.n_undefined == 2


def test_concatenated_scores_are_in_the_given_order() -> None:
    whole = concatenate_scores([scores([0.3, 0.1]), scores([0.2])], order=[2, 0, 1])
    assert whole.overall.tolist() == [0.1, 0.2, 0.3]
    assert whole.values["steps"].tolist() == whole.groups["coherence"].dot(np.eye(3) * 10).tolist()
