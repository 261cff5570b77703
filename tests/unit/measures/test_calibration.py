import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import VERSION, Calibration, cross_fit
from chromasonic.melody_generation.measures.features import (
    ASPECTS,
    FEATURES,
    GROUPS,
    OF_A_MELODY,
    OF_A_SET,
    measure_features,
)
from chromasonic.melody_generation.measures.novelty import NoveltyIndex, distinctness
from chromasonic.melody_generation.measures.reference_model.packed_numbers import packed_floats
from chromasonic.melody_generation.melody import Melody


def walk(seed: int) -> Melody:
    """Return a random walk in the form AABA, so that phrases repeat."""
    rng = np.random.default_rng(seed)
    first, second = (60 + np.cumsum(rng.integers(-3, 4, size=16)) % 17 for _ in range(2))
    return Melody(np.concatenate([first, first, second, first]), rng.choice([12, 24], size=64))


WALKS = [walk(seed) for seed in range(60)]
CALIBRATION = Calibration.fit(WALKS[:40])


@pytest.mark.slow
@given(melodies(max_notes=20), st.integers(-12, 12))
def test_scores_are_0_to_1_and_invariant_under_transposition(melody: Melody, semitones: int) -> None:
    result = CALIBRATION.score([melody, WALKS[50]], NoveltyIndex(WALKS[:40]))
    moved = CALIBRATION.score([melody.transposed(semitones), WALKS[50]], NoveltyIndex(WALKS[:40]))
    assert result.overall == pytest.approx(moved.overall, nan_ok=True)
    assert np.isnan(result.overall[0]) == (np.count_nonzero(melody.pitches >= 0) < 2)
    for scores in (*result.features.values(), *result.groups.values(), result.overall):
        assert np.isnan(scores[0]) or 0 <= scores[0] <= 1


def test_real_tunes_score_high_and_a_constant_note_scores_0() -> None:
    result = CALIBRATION.score([*WALKS[40:], Melody([60] * 64, [12] * 64)], NoveltyIndex(WALKS[:40]))
    assert result.overall[:-1].mean() > 0.6
    assert result.overall[-1] == 0
    assert set(result.groups) == set(GROUPS)
    assert set(result.aspects) == {*ASPECTS, *OF_A_SET}


def test_a_melody_scores_the_same_alone_as_among_others() -> None:
    index = NoveltyIndex(WALKS[:40])
    together = [CALIBRATION.score(WALKS[40:], index).aspects[name] for name in ASPECTS]
    alone = [[CALIBRATION.score([walk], index).aspects[name][0] for walk in WALKS[40:]] for name in ASPECTS]
    assert np.array(together).tolist() == alone


def test_features_come_as_a_matrix_with_their_names() -> None:
    matrix = CALIBRATION.features(WALKS[40:45])
    assert matrix.names == OF_A_MELODY
    assert matrix.values.shape == (5, len(OF_A_MELODY))
    column = matrix.values[:, matrix.names.index("pitch_range")]
    assert column.tolist() == measure_features(WALKS[40:45])["pitch_range"].tolist()
    assert CALIBRATION.features([]).values.shape == (0, len(OF_A_MELODY))


def test_novelty_is_scored_only_with_training_tunes() -> None:
    without = CALIBRATION.score(WALKS[40:])
    assert "novelty" not in without.features
    assert "novelty" not in without.values
    copied = CALIBRATION.score(WALKS[:20], NoveltyIndex(WALKS[:40]))
    assert copied.features["novelty"] == pytest.approx(np.full(20, 1 / 41 / 0.2))
    assert copied.aspects["novelty"].tolist() == [0] * 20
    assert copied.groups["diversity"].mean() < CALIBRATION.score(WALKS[:20]).groups["diversity"].mean()


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
    assert len(text) < 250_000
    assert read.score(WALKS[40:]).overall.tolist() == CALIBRATION.score(WALKS[40:]).overall.tolist()


def test_a_damaged_calibration_or_one_of_another_version_is_refused() -> None:
    assert Calibration.read(CALIBRATION.to_dict() | {"version": 1}) is None
    with pytest.raises(InputError, match=rf"version 7, but .*version {VERSION}"):
        Calibration.from_dict(CALIBRATION.to_dict() | {"version": 7})
    changes: tuple[dict[str, object], ...] = ({"distances": {}}, {"model": {}}, {"n_melodies": None}, {"quantiles": ""})
    changes += ({"n_melodies": math.inf}, {"middles": {"line": []}}, {"undefined": 10**400})
    changes += ({"quantiles": packed_floats(np.arange(0.0, -7171, -1)[: 101 * len(FEATURES)])},)
    for change in changes:
        with pytest.raises(InputError, match="damaged"):
            Calibration.from_dict(CALIBRATION.to_dict() | change)


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
