"""Choose real tunes for a listening test, and sample made ones with the same key, mode, metre, upbeat and length.

Length must not tell real tunes from made ones: most real ones have sixteen bars exactly, and made ones often seventeen.
Nor should a made tune be cut to a length, since an ending at the wrong moment would give it away. So a model ends its
tunes itself, and the first one that is as long as the real one is taken: tunes of the model, given their length. A
sample may be taken for any real tune that begins in the same metre, mode and upbeat, and is moved into its key. If
there is none after ``ROUNDS`` rounds, the nearest one is taken, and if that has another number of bars, another real
tune is tried.
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

TOLERANCE = 0.1  # of the length of the real tune, where no sample has this length
FEWEST_BARS, MOST_BARS = 8, 64  # shorter ones say little, longer ones tire
_FEWEST_NOTES = 16
ROUNDS, SAMPLES_A_ROUND = 6, 8
_POOL = 2  # real tunes that are tried for each one that is wanted
_CUT = 100.0  # added to the mismatch of a tune that the model had not ended


@dataclass(frozen=True)
class MatchedSet:
    """A real tune, and one tune of each model in the same key, metre and, if there is one, length.

    Attributes:
        real: The real tune, as in the split.
        made: A tune of each model.
        mismatch: The largest difference in length, as a share of the real tune's.
    """

    real: Melody
    made: tuple[Melody, ...]
    mismatch: float

    @property
    def is_equal(self) -> bool:
        """True if all tunes have the same number of bars."""
        return len({len(tune.bar_lines) for tune in (self.real, *self.made)}) == 1

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
        The sets of equal numbers of bars, filled up by those that differ least if these are too few.

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
    equal: list[MatchedSet] = []
    others: list[MatchedSet] = []
    while pool and len(equal) < n_sets:
        chosen, pool = pool[: n_sets - len(equal)], pool[n_sets - len(equal) :]
        seed = len(equal) + len(others)
        matches = [
            _find_matches(model, chosen, config, [config.seed, 2, index, seed]) for index, model in enumerate(models)
        ]
        for index, real in enumerate(chosen):
            made = [of_model[index] for of_model in matches]
            found = MatchedSet(
                real, tuple(match.melody for match in made), max((match.mismatch for match in made), default=0.0)
            )
            (equal if found.is_equal else others).append(found)
    return [*equal, *sorted(others, key=lambda each: each.mismatch)][:n_sets]


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
    """Return for each tune the first sample of its length that is left, or else the one that differs least."""
    beginnings = [replace(beginning_of(tune), kind=KINDS[0], tonic=0) for tune in tunes]
    unused: dict[Melody, list[_Match]] = {beginning: [] for beginning in beginnings}  # mismatch: whether it was cut
    found: dict[int, _Match] = {}
    for number in range(ROUNDS):
        missing = [index for index in range(len(tunes)) if index not in found]
        if not missing:
            break
        max_notes = 2 * max(len(tunes[index]) for index in missing)
        settings = config.with_changes(
            max_notes=max_notes, seed=int(np.random.SeedSequence([*seed, number]).generate_state(1)[0])
        )
        wanted = [beginnings[index] for index in missing for _ in range(SAMPLES_A_ROUND)]
        for beginning, melody in zip(wanted, sample(model, wanted, settings), strict=True):
            unused[beginning].append(_Match(melody, _CUT * (len(melody) >= max_notes)))
        for index in missing:
            match = _take_nearest(unused[beginnings[index]], tunes[index], is_last=number == ROUNDS - 1)
            if match is not None:
                found[index] = match
    return [found[index] for index in range(len(tunes))]


def _take_nearest(unused: list[_Match], real: Melody, *, is_last: bool) -> _Match | None:
    """Remove the sample whose length differs least from a list, in the key of a tune; None if more may be sampled.

    Args:
        unused: Samples, each with what is added to its mismatch.
        real: The tune.
        is_last: Whether no more will be sampled.
    """
    mismatches = [each.mismatch + _mismatch(each.melody, real) for each in unused]
    if not is_last and min(mismatches) > 0:
        return None
    index = int(np.argmin(mismatches))  # of equal ones the first
    return _Match(unused.pop(index).melody.transposed(real.tonic), mismatches[index])


def _mismatch(melody: Melody, real: Melody) -> float:
    """Return the difference in length as a share of the real tune's."""
    return math.fabs(melody.ticks - real.ticks) / real.ticks
