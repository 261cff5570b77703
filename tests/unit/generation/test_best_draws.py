"""The best of several draws: run-aways are drawn again, the best come first, and a seed repeats everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.best_draws import DrawnMelodies, draw_best
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel

NETWORK = MarkovNetwork(0)


class ScoresOfLength:
    """Scores a melody by its length, in place of a calibration."""

    def score(self, melodies: Sequence[Melody], novelty: object = None) -> MelodyScores:
        assert novelty is None
        return MelodyScores({}, {}, {}, np.array([len(melody) / 100 for melody in melodies]))


MODEL = TrainedModel(NETWORK, ModelMetadata(calibration=ScoresOfLength()))  # type: ignore[arg-type]


def melody_of(n_notes: int) -> Melody:
    return Melody([60] * n_notes, [24] * n_notes)


def drawing(lost: set[int], again: Collection[int] = ()) -> Callable[[GenerationConfig], list[Melody]]:
    """Return a stand-in for sampling: run-aways are at ``lost`` with the seed 0, at ``again`` with others."""

    def draw(config: GenerationConfig) -> list[Melody]:
        is_first = config.seed == 0
        ends = lost if is_first else again
        return [melody_of(config.max_notes if i in ends else 10 if is_first else 11) for i in range(config.count)]

    return draw


def test_run_aways_are_drawn_again_in_their_place() -> None:
    config = GenerationConfig(count=5, max_notes=20)
    drawn = draw_best(NETWORK, config, drawing({1, 3}))
    assert drawn.numbers == (1, 2, 3, 4, 5)
    assert [len(melody) for melody in drawn.melodies] == [10, 11, 10, 11, 10]
    assert drawn.n_run_aways == 2
    assert drawn.remark == "2 run-aways, which did not end, were drawn again."


def test_what_runs_away_again_and_again_comes_last() -> None:
    drawn = draw_best(NETWORK, GenerationConfig(count=3, max_notes=20), drawing({0, 1}, again={0}))
    assert drawn.numbers == (2, 3, 1)
    assert len(drawn.melodies[-1]) == 20
    assert drawn.n_run_aways == 1


@pytest.mark.parametrize("options", [{"bars": 4}, {"notes": 20}, {"temperature": 0}, {"fill": "1"}])
def test_where_the_end_is_given_nothing_runs_away(options: dict[str, int | str]) -> None:
    calls: list[GenerationConfig] = []

    def draw(config: GenerationConfig) -> list[Melody]:
        calls.append(config)
        return [Melody([60] * 20, [24] * 20)] * config.count

    draw_best(NETWORK, GenerationConfig(count=2, max_notes=20).with_changes(**options), draw)
    assert len(calls) == 1


def test_the_best_come_first_and_the_worst_are_left_out() -> None:
    pool = [melody_of(n) for n in (3, 9, 5, 7)]
    drawn = draw_best(MODEL, GenerationConfig(count=2, n_best=2), lambda config: pool[: config.count])
    assert drawn == DrawnMelodies((pool[1], pool[3]), (2, 4), n_drawn=4, is_ranked=True)
    assert drawn.remark == "The best 2 of 4, best first, by typicality."
    everything = draw_best(MODEL, GenerationConfig(count=4), lambda _: pool)
    assert everything.numbers == (2, 4, 3, 1)
    assert everything.remark == "Best first, by typicality."


def test_a_run_away_comes_last_whatever_its_score() -> None:
    drawn = draw_best(MODEL, GenerationConfig(count=3, max_notes=20), drawing({0}, again={0}))
    assert drawn.numbers == (2, 3, 1)


def test_a_network_without_scores_keeps_the_order_of_drawing() -> None:
    pool = [melody_of(3), melody_of(9)]
    drawn = draw_best(NETWORK, GenerationConfig(count=2), lambda _: pool)
    assert drawn == DrawnMelodies((*pool,), (1, 2), n_drawn=2)
    assert drawn.remark == ""


def test_a_melody_depends_on_its_number_and_not_on_how_many_are_drawn() -> None:
    options = {"max_notes": 4, "drafts": 1, "seed": 3}  # many run away
    seven = generate(NETWORK, count=7, **options)  # type: ignore[arg-type]
    assert generate(NETWORK, count=7, **options) == seven  # type: ignore[arg-type]
    assert all(melody in seven for melody in generate(NETWORK, count=2, **options))  # type: ignore[arg-type]


def test_n_best_is_a_number_of_draws() -> None:
    with pytest.raises(InputError, match="n_best is a whole number of 1 to 256, got 0"):
        GenerationConfig(n_best=0)
    assert GenerationConfig(count=3, n_best=4).n_draws == 12
    assert GenerationConfig(count=3, n_best=4, temperature=0).n_draws == 3
