"""Acceptance of the calibrated scores: real tunes score high, control melodies score low.

The real tunes are the test side of Nottingham's split by family. The calibration has not seen them; weights of aspects
were chosen with some of these controls in view, so that others are the harder test. ``controls.py`` and
``altered_tunes.py`` define the controls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from tests.acceptance.altered_tunes import Maker, altered, climbed, made, notes_moved
from tests.acceptance.controls import CONTROLS, MarkovOrder2, swapped

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.splits import split_by_family
from chromasonic.melody_generation.measures.calibration import Calibration
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import NoveltyIndex, most_copied
from chromasonic.melody_generation.measures.real_distance.distance_to_real import RealTunes
from chromasonic.melody_generation.melody import Melody

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Judge:
    """The tunes, the calibration and the novelty index that scoring needs."""

    train: list[Melody]
    test: list[Melody]
    validation: list[Melody]
    calibration: Calibration
    novelty: NoveltyIndex

    def score(self, melodies: list[Melody]) -> MelodyScores:
        return self.calibration.score(melodies, self.novelty)

    @cached_property
    def made(self) -> dict[str, Maker]:
        return made(self.train)

    @cached_property
    def real_tunes(self) -> RealTunes:
        """Half of the training tunes, which is enough for tests, and the test tunes."""
        real = RealTunes.fit(self.test, self.train[::2])
        assert real is not None
        return real

    @cached_property
    def altered(self) -> dict[str, Maker]:
        return altered(self.train)


@pytest.fixture(scope="module")
def judge(nottingham_directory: Path) -> Judge:
    melodies = NottinghamCorpus().load()
    split = split_by_family(melodies, seed=0)
    train, test, validation = ([melodies[i] for i in side] for side in (split.train, split.test, split.validation))
    return Judge(train, test, validation, Calibration.fit(train), NoveltyIndex(train))


@pytest.fixture(scope="module")
def real(judge: Judge) -> MelodyScores:
    return judge.score(judge.test)


def area_under_the_curve(real: MelodyScores, control: MelodyScores) -> float:
    """Return the share of pairs in which the real tune scores higher than the control; a tie counts as half."""
    first, second = real.overall[:, None], np.nan_to_num(control.overall)
    return float(np.mean((first > second) + 0.5 * (first == second)))


def scores_of(maker: Maker, judge: Judge) -> MelodyScores:
    rng = np.random.default_rng(1)
    return judge.score([maker(tune, rng) for tune in judge.test])


def mean(scores: MelodyScores) -> float:
    return float(np.nan_to_num(scores.overall).mean())


def test_real_tunes_score_high_overall_in_every_group_and_in_every_aspect(real: MelodyScores) -> None:
    assert real.overall.mean() >= 0.80
    assert min(scores.mean() for scores in real.groups.values()) >= 0.75
    assert min(scores.mean() for scores in real.aspects.values()) >= 0.70


@pytest.mark.parametrize("name", made([]))
def test_what_is_made_is_told_from_real_tunes_and_scores_low(name: str, judge: Judge, real: MelodyScores) -> None:
    scores = scores_of(judge.made[name], judge)
    assert mean(scores) <= 0.60
    assert area_under_the_curve(real, scores) >= 0.80


@pytest.mark.parametrize("name", altered([]))
def test_what_keeps_nearly_all_of_a_tune_is_told_from_real_tunes(name: str, judge: Judge, real: MelodyScores) -> None:
    scores = scores_of(judge.altered[name], judge)
    assert mean(scores) <= mean(real) - 0.08
    assert area_under_the_curve(real, scores) >= 0.65


def test_the_best_of_four_made_tunes_by_score_is_told_from_real_tunes(judge: Judge, real: MelodyScores) -> None:
    rng = np.random.default_rng(2)
    made_tunes = [judge.made["formed_walk"](tune, rng) for tune in judge.test for _ in range(4)]
    best = np.nan_to_num(judge.score(made_tunes).overall).reshape(-1, 4).max(axis=1)
    assert best.mean() <= mean(real) - 0.15
    assert np.mean(real.overall[:, None] > best) >= 0.70


@pytest.mark.parametrize(("control", "n_mutations"), [("uniform_chromatic", 4000), ("uniform_in_scale", 300)])
def test_junk_cannot_be_climbed_on_the_score(control: str, n_mutations: int, judge: Judge) -> None:
    rng = np.random.default_rng(0)
    junk = CONTROLS[control](judge.test[0], rng)
    result = climbed(junk, lambda melody: float(judge.score([melody]).overall[0]), n_mutations, rng)
    assert judge.score([result]).overall[0] <= 0.60


@pytest.mark.parametrize("control", [*CONTROLS, "markov_with_real_rhythm", "markov_with_own_rhythm"])
def test_a_control_scores_low_and_is_told_from_real_tunes(control: str, judge: Judge, real: MelodyScores) -> None:
    maker = CONTROLS.get(control) or MarkovOrder2(judge.train, own_rhythm=control == "markov_with_own_rhythm")
    scores = scores_of(maker, judge)
    assert mean(scores) <= 0.50
    assert area_under_the_curve(real, scores) >= 0.85


@pytest.mark.parametrize("change", [swapped, notes_moved])
def test_real_tunes_are_the_better_told_apart_the_more_notes_are_changed(
    change: Callable[[Melody, float, np.random.Generator], Melody], judge: Judge, real: MelodyScores
) -> None:
    def area(part: float) -> float:
        return area_under_the_curve(real, scores_of(lambda tune, rng: change(tune, part, rng), judge))

    areas = [area(part) for part in (0, 0.1, 0.2, 0.3, 0.5, 0.75, 1)]
    assert (np.diff(areas) > -0.01).all(), areas
    assert areas[0] == 0.5
    assert areas[-1] >= 0.90


def test_a_classifier_tells_tunes_the_better_the_more_notes_are_moved_and_other_real_tunes_not_at_all(
    judge: Judge,
) -> None:
    def auc(part: float) -> float:
        rng = np.random.default_rng(1)
        return judge.real_tunes.told_apart([notes_moved(tune, part, rng) for tune in judge.test]).auc.value

    areas = [auc(part) for part in (0, 0.02, 0.1, 0.5)]
    assert areas == sorted(areas)
    assert areas[0] == pytest.approx(0.5)
    assert areas[-1] > 0.98
    other_real = judge.real_tunes.told_apart(judge.validation).auc
    assert other_real.low < 0.5 < other_real.high


def test_copied_training_tunes_lose_on_novelty(judge: Judge, real: MelodyScores) -> None:
    rng = np.random.default_rng(0)
    indices = rng.permutation(len(judge.train))[: len(judge.test)].tolist()
    scores = judge.score([judge.train[i].transposed(2) for i in indices])
    assert (scores.values["novelty"] == 0).all()
    assert real.values["novelty"].mean() > 0.7
    assert scores.groups["diversity"].mean() < real.groups["diversity"].mean() / 2
    assert scores.overall.mean() < real.overall.mean() - 0.15
    assert area_under_the_curve(real, scores) > 0.8


def test_a_copied_tune_among_new_ones_is_named_with_its_source(judge: Judge) -> None:
    copy = next(tune for tune in judge.train if len(tune) >= 100).window(10, 70).transposed(-3)
    copying = judge.novelty.copying([*judge.test, copy])
    worst = copying[most_copied(copying)]
    assert worst is copying[-1]
    # A variant of the source may have the same run.
    assert (worst.passage.share, worst.novelty) == (1, 0)
    source = judge.novelty.melodies[worst.passage.source]
    assert len(source) >= worst.passage.n_notes
    assert np.median([melody.passage.share for melody in copying[:-1]]) < 0.2


def test_a_model_that_repeats_one_real_tune_is_not_diverse(judge: Judge, real: MelodyScores) -> None:
    best = judge.test[int(np.argmax(real.overall))]
    scores = judge.score([best] * 50)
    assert scores.groups["diversity"].mean() < 0.5
    assert scores.overall.mean() < real.overall.mean()
