"""Choose real tunes for a listening test, and sample made ones with the same key, mode, metre, upbeat and length.

Length must not tell real tunes from made ones, nor should a made tune be cut to a length: an ending at the wrong moment
would give it away. So a model ends its tunes itself, and of each beginning the first tune is taken that is within
``TOLERANCE`` of the length of the real one. The made tunes are those of the model, given that length. A real tune whose
length a model does not reach in ``ROUNDS`` rounds is replaced by another real tune.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import KINDS
from chromasonic.melody_generation.generation.beginnings import beginning_of
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_sampling import sample
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.runs.trained_model import TrainedModel

TOLERANCE = 0.1  # of the length of the real tune
FEWEST_BARS, MOST_BARS = 8, 64  # shorter ones say little, longer ones tire
_FEWEST_NOTES = 16
ROUNDS, _SAMPLES_A_ROUND = 5, 6
_POOL = 3  # real tunes that are tried for each one that is wanted
_CUT = 100.0  # added to the mismatch of a tune that the model had not ended


@dataclass(frozen=True)
class MatchedSet:
    """A real tune, and one tune of each model in the same key, metre and length.

    Attributes:
        real: The real tune, as in the split.
        made: A tune of each model.
        mismatch: The largest difference in length, as a share of the real tune's.
    """

    real: Melody
    made: tuple[Melody, ...]
    mismatch: float

    @property
    def is_close(self) -> bool:
        """True if all lengths are within the tolerance."""
        return self.mismatch <= TOLERANCE


@dataclass(frozen=True)
class _Match:
    melody: Melody
    mismatch: float


def match_tunes(
    models: Sequence[nn.Module | TrainedModel], test: Sequence[Melody], n_sets: int, config: GenerationConfig
) -> list[MatchedSet]:
    """Choose real tunes at random, and sample a tune of the same kind and length from each model.

    Args:
        models: The models.
        test: Held-out real tunes.
        n_sets: The number of real tunes, and of made tunes of each model.
        config: The choice of tokens, and the seed; the length is that of the real tunes.

    Returns:
        The sets whose lengths agree, filled up by those that differ least if these are too few.

    Raises:
        InputError: If there are too few real tunes.
    """
    suitable = [tune for tune in test if is_suitable(tune)]
    if len(suitable) < n_sets:
        raise InputError(
            f"{n_sets} tunes of each source are wanted, but only {len(suitable)} of {len(test)} test tunes have "
            f"{FEWEST_BARS} to {MOST_BARS} bars: set n_tunes={max(1, len(suitable))} or less"
        )
    order = np.random.default_rng([config.seed, 1]).permutation(len(suitable))
    pool = [suitable[index] for index in order[: _POOL * n_sets]]
    close: list[MatchedSet] = []
    others: list[MatchedSet] = []
    while pool and len(close) < n_sets:
        chosen, pool = pool[: n_sets - len(close)], pool[n_sets - len(close) :]
        seed = len(close) + len(others)
        matches = [
            _find_matches(model, chosen, config, [config.seed, 2, index, seed]) for index, model in enumerate(models)
        ]
        for index, real in enumerate(chosen):
            made = [of_model[index] for of_model in matches]
            found = MatchedSet(
                real, tuple(match.melody for match in made), max((match.mismatch for match in made), default=0.0)
            )
            (close if found.is_close else others).append(found)
    return [*close, *sorted(others, key=lambda each: each.mismatch)][:n_sets]


def is_suitable(tune: Melody) -> bool:
    """Return whether a real tune is neither too short nor too long for a test, and has a metre."""
    n_sounding = int((tune.pitches != REST).sum())
    return bool(tune.metre.beats) and FEWEST_BARS <= len(tune.bar_lines) <= MOST_BARS and n_sounding >= _FEWEST_NOTES


def plain_tune(tune: Melody, title: str) -> Melody:
    """Return the notes, bars and key alone, under another title: the same for real and made tunes."""
    return replace(tune.without_form(), title=title, source="", corpus="unknown")


def _find_matches(
    model: nn.Module | TrainedModel, tunes: Sequence[Melody], config: GenerationConfig, seed: Sequence[int]
) -> list[_Match]:
    """Return for each tune the first sample of about its length, or else the one that differs least."""
    best: dict[int, _Match] = {}
    missing = list(range(len(tunes)))
    for number in range(ROUNDS):
        max_notes = 2 * max(len(tunes[index]) for index in missing)
        settings = config.with_changes(
            max_notes=max_notes, seed=int(np.random.SeedSequence([*seed, number]).generate_state(1)[0])
        )
        tried = [index for index in missing for _ in range(_SAMPLES_A_ROUND)]
        beginnings = [replace(beginning_of(tunes[index]), kind=KINDS[0]) for index in tried]
        for index, melody in zip(tried, sample(model, beginnings, settings), strict=True):
            match = _Match(melody, _mismatch(melody, tunes[index]) + _CUT * (len(melody) >= max_notes))
            present = best.get(index)
            if present is None or (present.mismatch > TOLERANCE and match.mismatch < present.mismatch):
                best[index] = match
        missing = [index for index in missing if best[index].mismatch > TOLERANCE]
        if not missing:
            break
    return [best[index] for index in range(len(tunes))]


def _mismatch(melody: Melody, real: Melody) -> float:
    """Return the difference in length as a share of the real tune's."""
    return math.fabs(melody.ticks - real.ticks) / real.ticks
