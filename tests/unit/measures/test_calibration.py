import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration, Distribution, cross_fit
from chromasonic.melody_generation.measures.features import GROUPS, measure_features
from chromasonic.melody_generation.measures.novelty import NoveltyIndex, distinctness
from chromasonic.melody_generation.melody import Melody

values = st.lists(st.floats(-10, 10) | st.just(float("nan")), min_size=1, max_size=40).map(np.array)


def walk(seed: int) -> Melody:
    """Return a random walk in the form AABA, so that phrases repeat."""
    rng = np.random.default_rng(seed)
    first, second = (60 + np.cumsum(rng.integers(-3, 4, size=16)) % 17 for _ in range(2))
    return Melody(np.concatenate([first, first, second, first]), rng.choice([12, 24], size=64))


WALKS = [walk(seed) for seed in range(60)]
CALIBRATION = Calibration.fit(WALKS[:40])


def tail_by_hand(sample: np.ndarray, value: float, *, more_is_fine: bool) -> float:
    """Return the expected score of a value: from the fraction of the sample as far out, the value itself included."""
    if np.isnan(value):
        n_out = np.isnan(sample).sum()
    else:
        at_most, at_least = np.sum(sample <= value), np.sum(sample >= value)
        n_out = 2 * (at_most if more_is_fine else min(at_most, at_least))
    return float(min(1, (n_out + 1) / (len(sample) + 1) / 0.2))


@pytest.mark.parametrize("more_is_fine", [False, True])
def test_a_score_is_the_fraction_of_training_tunes_as_far_out(more_is_fine: bool) -> None:
    rng = np.random.default_rng(0)
    sample = np.concatenate([rng.normal(size=3000), np.zeros(600), np.full(400, np.nan)])
    asked = np.array([-9, -3, -2, -1.5, -1, 0, 1, 1.3, 2, 3, 9, np.nan])
    result = Distribution.fit(sample).scores(asked, more_is_fine=more_is_fine)
    expected = [tail_by_hand(sample, value, more_is_fine=more_is_fine) for value in asked]
    assert result == pytest.approx(np.array(expected), abs=0.05)  # a quantile of 1 % is 0.1 of a score


def test_an_extreme_value_that_many_tunes_have_scores_high() -> None:
    sample = np.array([0.0] * 20 + list(range(1, 81)))
    result = Distribution.fit(sample).scores(np.array([0.0, -1.0, 79.5, 80.1]), more_is_fine=False)
    unheard_of = 1 / 101 / 0.2
    assert result[0] == 1
    assert result[2] > 2 * unheard_of * 0.9
    assert result[[1, 3]] == pytest.approx(np.full(2, unheard_of))


def test_values_above_all_score_high_only_if_more_is_fine() -> None:
    distribution = Distribution.fit(np.arange(100.0))
    assert distribution.scores(np.array([1000.0]), more_is_fine=True).tolist() == [1]
    assert distribution.scores(np.array([1000.0]), more_is_fine=False) == pytest.approx([1 / 101 / 0.2])


def test_undefined_values_score_by_the_fraction_of_undefined_training_values() -> None:
    distribution = Distribution.fit(np.full(10, np.nan))
    assert distribution.scores(np.array([np.nan, 1.0]), more_is_fine=False) == pytest.approx([1, 1 / 11 / 0.2])


@given(values, values)
@example(np.array([0.0, 2.2250738585e-313]), np.array([1.0]))
def test_scores_of_any_values_are_0_to_1(sample: np.ndarray, asked: np.ndarray) -> None:
    result = Distribution.fit(sample).scores(asked, more_is_fine=False)
    assert result.shape == asked.shape
    assert ((result >= 0) & (result <= 1)).all()


@pytest.mark.slow
@given(melodies(max_notes=20), st.integers(-12, 12))
def test_scores_are_0_to_1_and_invariant_under_transposition(melody: Melody, semitones: int) -> None:
    result = CALIBRATION.score([melody, WALKS[50]], NoveltyIndex(WALKS[:40]))
    moved = CALIBRATION.score([melody.transposed(semitones), WALKS[50]], NoveltyIndex(WALKS[:40]))
    assert result.overall == pytest.approx(moved.overall, nan_ok=True)
    assert np.isnan(result.overall[0]) == (np.count_nonzero(melody.pitches >= 0) < 2)
    for scores in (*result.features.values(), *result.groups.values(), result.overall):
        assert np.isnan(scores[0]) or 0 <= scores[0] <= 1


def test_groups_are_geometric_means_of_at_least_a_hundredth() -> None:
    result = CALIBRATION.score([*WALKS[40:], Melody([60] * 64, [12] * 64)], NoveltyIndex(WALKS[:40]))
    for group, names in GROUPS.items():
        floored = np.array([np.maximum(result.features[name], 0.01) for name in names])
        assert result.groups[group] == pytest.approx(floored.prod(axis=0) ** (1 / len(names)))
    groups = np.array(list(result.groups.values()))
    assert result.overall == pytest.approx(groups.prod(axis=0) ** (1 / 3))
    assert result.overall[-1] < 0.25 < result.overall[:-1].mean()


def test_novelty_is_scored_only_with_training_tunes() -> None:
    without = CALIBRATION.score(WALKS[40:])
    assert "novelty" not in without.features
    assert "novelty" not in without.values
    copied = CALIBRATION.score(WALKS[:20], NoveltyIndex(WALKS[:40]))
    assert copied.features["novelty"] == pytest.approx(np.full(20, 1 / 41 / 0.2))
    assert (copied.groups["diversity"] < CALIBRATION.score(WALKS[:20]).groups["diversity"]).all()


def test_copies_of_one_melody_have_a_low_diversity() -> None:
    alone = CALIBRATION.score([WALKS[50]])
    assert "distinctness" not in alone.features
    alike = CALIBRATION.score([WALKS[50]] * 10)
    assert alike.features["distinctness"] == pytest.approx(np.full(10, 1 / 41 / 0.2))
    assert (alike.groups["diversity"] < alone.groups["diversity"]).all()
    assert alike.groups["coherence"] == pytest.approx(np.repeat(alone.groups["coherence"], 10))


@pytest.mark.parametrize("short", [Melody([], []), Melody([60], [24]), Melody([60, -1], [24, 24])])
def test_melodies_of_fewer_than_two_notes_have_no_score_and_count_as_0(short: Melody) -> None:
    result = CALIBRATION.score([short, WALKS[50]])
    assert np.isnan([scores[0] for scores in (*result.features.values(), *result.groups.values())]).all()
    summary = result.summary()
    assert (summary.n_melodies, summary.n_undefined) == (2, 1)
    assert summary.overall.value == pytest.approx(result.overall[1] / 2)


def test_an_empty_set_has_no_summary() -> None:
    result = CALIBRATION.score([])
    assert result.overall.shape == (0,)
    with pytest.raises(InputError, match="no melodies"):
        result.summary()


def test_a_calibration_round_trips_through_json_and_is_small() -> None:
    text = json.dumps(CALIBRATION.to_dict())
    read = Calibration.from_dict(json.loads(text))
    assert read.to_dict() == CALIBRATION.to_dict()
    assert len(text) < 60_000
    assert read.score(WALKS[40:]).overall.tolist() == CALIBRATION.score(WALKS[40:]).overall.tolist()


def test_a_damaged_calibration_or_one_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"version 7, but .*version 1"):
        Calibration.from_dict(CALIBRATION.to_dict() | {"version": 7})
    changes: tuple[dict[str, object], ...] = ({"distributions": {}}, {"transitions": [1.0]}, {"n_melodies": None})
    changes += ({"n_melodies": math.inf}, {"transitions": 10**400})
    for change in changes:
        with pytest.raises(InputError, match="damaged"):
            Calibration.from_dict(CALIBRATION.to_dict() | change)
    damaged = CALIBRATION.to_dict()
    damaged["distributions"]["step_share"]["quantiles"] = [2.0, 1.0]
    with pytest.raises(InputError, match=r"101 .*quantiles, got 2"):
        Calibration.from_dict(damaged)


def test_too_few_tunes_are_refused() -> None:
    with pytest.raises(InputError, match=r"10 or more .*got 9"):
        Calibration.fit(WALKS[:9])
    with pytest.raises(InputError, match=r"13 or more .*got 12"):
        cross_fit(WALKS[:12])
    assert cross_fit(WALKS[:13]).scores.overall.shape == (13,)


def test_cross_fitting_scores_no_tune_by_a_calibration_on_itself() -> None:
    # One of the tunes is a constant note and has no step share: no other tune has that.
    tunes = [*WALKS[:29], Melody([60] * 64, [12] * 64)]
    result = cross_fit(tunes)
    assert result.scores.features["step_share"][-1] == pytest.approx(1 / 25 / 0.2)
    assert result.calibration.score(tunes).features["step_share"][-1] == pytest.approx(2 / 31 / 0.2)
    # Scores are in the order of the tunes, and distinctness is that within the whole set.
    assert result.scores.values["pitch_range"].tolist() == measure_features(tunes)["pitch_range"].tolist()
    assert result.scores.values["distinctness"].tolist() == distinctness(tunes).tolist()
    assert "novelty" not in result.scores.features
    assert result.calibration.n_melodies == 30
