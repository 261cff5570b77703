"""Draw melodies, draw run-aways again, and put the best first.

A run-away is a melody that its model has not ended by ``max_notes``, where the end is left to the model. Another is
drawn in its place, by a seed that follows from that of the others. So a melody depends on the seed and on its number
alone, not on how many are drawn.

The best are those with the highest typicality, as
:class:`~chromasonic.melody_generation.measures.calibration.Calibration` measures it. A network without a calibration
has no scores: its melodies stay in the order in which they are drawn, run-aways last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.measures.novelty import NoveltyIndex
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.trained_model import TrainedModel

_MAX_ROUNDS = 2  # of drawing run-aways again


@dataclass(frozen=True)
class DrawnMelodies:
    """Melodies that were drawn, best first.

    Attributes:
        melodies: The melodies.
        numbers: The number of each in the order of drawing, from 1.
        n_drawn: How many were drawn, without run-aways.
        n_run_aways: How many of them are in the place of a run-away.
        is_ranked: Whether they are in the order of their scores.
    """

    melodies: tuple[Melody, ...]
    numbers: tuple[int, ...]
    n_drawn: int
    n_run_aways: int = 0
    is_ranked: bool = False

    @property
    def remark(self) -> str:
        """Sentences on the order of the melodies, and on run-aways; empty if there is nothing to say."""
        n, sentences = len(self.melodies), []
        if self.is_ranked:
            chosen = f"The best {n} of {self.n_drawn}, best first" if n < self.n_drawn else "Best first"
            sentences.append(f"{chosen}, by typicality.")
        if self.n_run_aways:
            sentences.append(f"{self.n_run_aways} run-aways, which did not end, were drawn again.")
        return " ".join(sentences)


def draw_best(
    model: nn.Module | TrainedModel,
    config: GenerationConfig,
    draw: Callable[[GenerationConfig], Sequence[Melody]],
    n_left_out: int = 0,
) -> DrawnMelodies:
    """Draw ``n_best`` times ``count`` melodies, and return the best ``count``.

    Args:
        model: The model, whose calibration scores the melodies.
        config: The options.
        draw: Draws ``count`` melodies by the options that it is given; that of an index is the same for any count.
        n_left_out: The number of notes and rests that are left out of the count of ``max_notes``.
    """
    drawn = list(draw(config.with_changes(count=config.n_draws)))

    def runs_away(melody: Melody) -> bool:
        return config.may_run_away and len(melody) + n_left_out >= config.max_notes

    lost = first_lost = [index for index, melody in enumerate(drawn) if runs_away(melody)]
    for number in range(1, 1 + (0 if config.is_greedy else _MAX_ROUNDS)):
        if not lost:
            break
        seed = int(np.random.SeedSequence([config.seed, number]).generate_state(1)[0])
        again = draw(config.with_changes(count=lost[-1] + 1, seed=seed))
        for index in lost:
            drawn[index] = again[index]
        lost = [index for index in lost if runs_away(drawn[index])]
    best, is_ranked = _best_first(model, drawn, {*lost}, config.count)
    return DrawnMelodies(
        melodies=tuple(drawn[index] for index in best),
        numbers=tuple(index + 1 for index in best),
        n_drawn=len(drawn),
        n_run_aways=len(first_lost) - len(lost),
        is_ranked=is_ranked,
    )


def _best_first(
    model: nn.Module | TrainedModel, drawn: Sequence[Melody], lost: set[int], n: int
) -> tuple[list[int], bool]:
    """Return the indices of the best melodies, and whether they have scores.

    What is scored in a set depends on it, such as whether its melodies differ. So the best are scored once more, by
    themselves, as they are shown.
    """
    chosen = sorted(range(len(drawn)), key=lambda index: index in lost)
    calibration = model.calibration if isinstance(model, TrainedModel) else None
    if not isinstance(model, TrainedModel) or calibration is None or len(drawn) == 1:
        return chosen[:n], False
    novelty = NoveltyIndex(model.tunes["train"]) if model.tunes.get("test") else None
    for _ in range(1 if n == len(drawn) else 2):
        scores = calibration.score([drawn[index] for index in chosen], novelty).overall
        score_of = dict(zip(chosen, np.nan_to_num(scores, nan=-1.0).tolist(), strict=True))
        chosen = sorted(chosen, key=lambda index: (index in lost, -score_of[index], index))[:n]
    return chosen, True
