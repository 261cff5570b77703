import numpy as np
import pytest

from chromasonic.melody_generation.measures.features import ASPECTS, OF_A_MELODY, OF_A_SET
from chromasonic.melody_generation.measures.typicality.aspects import (
    LEVEL,
    AspectDistances,
    groups_of,
    typicality,
)

N = 400
RNG = np.random.default_rng(0)


def drawn(n: int) -> np.ndarray:
    """Return normal scores in which neighbouring features correlate."""
    independent = RNG.normal(size=(n, len(OF_A_MELODY) + 1))
    return np.asarray((independent[:, 1:] + independent[:, :-1]) / np.sqrt(2))


def of_a_set(n: int) -> dict[str, np.ndarray]:
    return {name: RNG.uniform(size=n) for name in OF_A_SET}


REAL = drawn(N)
ASPECT_DISTANCES = AspectDistances.fit(REAL, of_a_set(N), np.arange(N) % 5)


def test_p_values_of_real_tunes_are_uniform_by_aspect_and_together() -> None:
    p_values = ASPECT_DISTANCES.p_values(drawn(2000), of_a_set(2000))
    together = {group: ASPECT_DISTANCES.together(p_values, names) for group, names in groups_of(p_values).items()}
    for name, p in {**p_values, **together}.items():
        if not name.startswith(("distinctness", "copying")):  # only their low tails are odd
            assert [np.mean(p <= level) for level in (0.1, 0.5, 0.9)] == pytest.approx([0.1, 0.5, 0.9], abs=0.08), name


def test_real_tunes_score_the_same_in_every_group() -> None:
    p_values = ASPECT_DISTANCES.p_values(drawn(2000), of_a_set(2000))
    for names in groups_of(p_values).values():
        assert typicality(ASPECT_DISTANCES.together(p_values, names)).mean() == pytest.approx(0.95 * 8 / 9, abs=0.03)


def test_one_aspect_that_is_wrong_lowers_the_score_though_all_others_are_typical() -> None:
    typical = np.zeros((1, len(OF_A_MELODY)))
    wrong = typical.copy()
    wrong[0, [OF_A_MELODY.index(name) for name in ASPECTS["final"]]] = 4
    middle = {name: np.array([0.5]) for name in OF_A_SET}
    p_values = [ASPECT_DISTANCES.p_values(scores, middle) for scores in (typical, wrong)]
    together = [ASPECT_DISTANCES.together(p, groups_of(p)["overall"])[0] for p in p_values]
    assert together[0] == 1
    assert together[1] < 0.2
    assert p_values[1]["line"] == p_values[0]["line"] == 1


def test_a_melody_that_is_too_familiar_or_too_strange_is_odd_but_none_is_too_distinct() -> None:
    scores = np.zeros((3, len(OF_A_MELODY)))
    values = np.array([-0.1, 0.5, 1.1])
    p_values = ASPECT_DISTANCES.p_values(scores, {"novelty": values, "distinctness": values})
    assert p_values["novelty"] == pytest.approx(np.array([2 / (N + 1), 1, 2 / (N + 1)]), abs=0.15)
    assert p_values["distinctness"] == pytest.approx(np.array([5 / (N + 1), 1, 1]))


def test_a_copy_is_odd_however_typical_it_is() -> None:
    scores = np.zeros((2, len(OF_A_MELODY)))
    for name in OF_A_SET:
        values = {other: np.array([0.5, 0.5]) for other in OF_A_SET} | {name: np.array([0.0, 0.5])}
        p_values = ASPECT_DISTANCES.p_values(scores, values)
        for group in ("diversity", "overall"):
            copy, other = ASPECT_DISTANCES.together(p_values, groups_of(p_values)[group])
            assert copy < LEVEL < other


def test_rejected_melodies_score_0_and_scores_rise_with_p() -> None:
    assert typicality(np.array([0, LEVEL / 2, LEVEL])).tolist() == [0, 0, 0]
    scores = typicality(np.linspace(LEVEL, 1, 100))
    assert (np.diff(scores) >= 0).all()
    assert scores[-1] == 1


def test_aspects_that_are_not_known_are_left_out() -> None:
    without = groups_of({name: np.ones(1) for name in ASPECTS})
    assert without["diversity"] == ["variety"]
    assert "novelty" not in without["overall"]
