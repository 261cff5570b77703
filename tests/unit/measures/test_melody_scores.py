import json
from collections.abc import Sequence

import numpy as np
import pytest

from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate
from chromasonic.melody_generation.measures.melody_scores import MelodyScores, concatenate_scores


def scores(overall: Sequence[float]) -> MelodyScores:
    array = np.array(overall, dtype=np.float64)
    return MelodyScores({"steps": array * 10}, {"steps": array}, {"coherence": array}, array)


def test_the_interval_is_that_of_the_mean_of_redrawn_sets() -> None:
    sample = np.random.default_rng(0).normal(0.5, 0.1, size=400)
    found = scores(sample.tolist()).summary(n_resamples=4000)
    assert found.overall.value == pytest.approx(sample.mean())
    half = 1.96 * sample.std() / np.sqrt(400)
    assert found.overall.low == pytest.approx(sample.mean() - half, abs=half / 8)
    assert found.overall.high == pytest.approx(sample.mean() + half, abs=half / 8)
    assert found.groups["coherence"] == found.features["steps"] == found.overall
    assert found.values["steps"].high == pytest.approx(10 * found.overall.high)


def test_the_seed_alone_decides_the_draws() -> None:
    sample = scores(np.linspace(0, 1, 30).tolist())
    assert sample.summary(seed=1) == sample.summary(seed=1)
    assert sample.summary(seed=1) != sample.summary(seed=2)


def test_what_is_not_defined_counts_as_0_in_a_score_and_is_left_out_of_a_value() -> None:
    found = scores([0.5, np.nan, 1.0]).summary()
    assert (found.n_melodies, found.n_undefined) == (3, 1)
    assert found.overall.value == 0.5
    assert found.values["steps"].value == 7.5


def test_one_melody_has_a_mean_without_an_interval() -> None:
    found = scores([0.5]).summary()
    assert found.overall.value == 0.5
    assert np.isnan([found.overall.low, found.overall.high]).all()


def test_a_summary_is_valid_json_where_nothing_is_defined() -> None:
    found = scores([np.nan, np.nan]).summary()
    assert found.overall == Estimate(0, 0, 0)
    assert np.isnan(found.values["steps"].value)
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read["n_undefined"] == 2
    assert read["values"]["steps"] == {"value": None, "low": None, "high": None}


def test_parts_are_joined_in_the_order_of_the_whole() -> None:
    whole = concatenate_scores([scores([0.3, 0.1]), scores([0.2])], order=[2, 0, 1])
    assert whole.overall.tolist() == [0.1, 0.2, 0.3]
    assert whole.values["steps"].tolist() == whole.groups["coherence"].dot(np.eye(3) * 10).tolist()


def test_the_estimate_of_one_row_of_values_is_that_of_the_summary() -> None:
    row = np.linspace(0, 1, 20)
    assert estimate(row, seed=3) == scores(row.tolist()).summary(seed=3).overall
    for none in ([], [np.nan]):
        assert np.isnan(estimate(np.array(none)).value)
