"""Rewriting of given tunes: some bars are composed anew, and what follows them decides which drafts fit.

A draft of the missing bars is weighed by the probability that the model gives to the bars after it, which it has not
seen when it wrote them (:mod:`~chromasonic.melody_generation.generation.steering`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import groupby

import numpy as np
from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.conditions import check_corpus
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_plan import PlanProgress, Stretch
from chromasonic.melody_generation.generation.melody_sampling import sample_planned
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.runs.trained_model import TrainedModel, vocabulary_of
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary


def parse_bars(text: str, n_bars: int) -> tuple[int, ...]:
    """Return the numbers of bars such as ``5-8`` or ``4,8``, counted from 1, in order.

    Raises:
        InputError: If they are no bars of a tune of ``n_bars`` bars.

    Example:
        >>> parse_bars("1-2,4", 8)
        (1, 2, 4)
    """
    bars: set[int] = set()
    for part in text.lower().removeprefix("bars").replace(" ", "").split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if not match:
            raise InputError(f"bars are written like 5-8 or 4,8, counted from 1, got {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= n_bars:
            raise InputError(f"the tune has bars 1 to {n_bars}, so it has no bars {part}")
        bars.update(range(first, last + 1))
    return tuple(sorted(bars))


def rewrite(model: nn.Module | TrainedModel, tune: Melody, config: GenerationConfig) -> list[Melody]:
    """Compose bars of a tune anew: those of ``config.fill``, or a share ``config.vary`` of them chosen at random.

    Args:
        model: A trained model, or any module of the contract.
        tune: A tune with durations of the vocabulary.
        config: The options; ``count`` melodies are made.

    Returns:
        The melodies. All bars but those that were composed anew are those of the tune.

    Raises:
        InputError: If the tune has no such bars, it cannot be encoded, or no corpus is called like its own.
    """
    vocabulary = vocabulary_of(model)
    check_corpus(tune.corpus, vocabulary.corpora)
    if not tune.n_bars:
        raise InputError("the tune has no bar that could be composed anew, only an upbeat at most")
    try:
        tokens = vocabulary.encode(tune, tune.n_bars)
    except ValueError as problem:
        raise InputError(f"the tune cannot be rewritten: {problem}") from problem
    prefixes, plans = [], []
    for index in range(config.count):
        is_free = np.zeros(len(tokens), dtype=bool)
        is_note = vocabulary.is_note(tokens)
        is_note[:PREFIX_LENGTH] = False
        is_free[is_note] = _is_within(tune, _chosen_bars(tune, config, index))
        first = int(np.argmax(is_free))
        begin = int(vocabulary.token_ticks[tokens[:first]].sum())
        prefixes.append(tokens[:first])
        plans.append(PlanProgress(list(_stretches(vocabulary, tokens[first:], is_free[first:])), begin))
    return sample_planned(model, [tune] * config.count, prefixes, plans, config)


def _chosen_bars(tune: Melody, config: GenerationConfig, index: int) -> tuple[int, ...]:
    if config.fill is not None:
        return parse_bars(config.fill, tune.n_bars)
    n_chosen = max(1, round((config.vary or 0) * tune.n_bars))
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(index, 1)))
    return tuple(sorted((1 + rng.permutation(tune.n_bars)[:n_chosen]).tolist()))


def _is_within(tune: Melody, bars: Collection[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which notes sound in one of the bars, at least partly, shape (N,). An upbeat is part of bar 1."""
    bounds = [0, *tune.bar_lines.tolist()[1:], tune.ticks]
    ends = tune.onsets + tune.durations
    is_within = np.zeros(len(tune), dtype=bool)
    for bar in bars:
        is_within |= (ends > bounds[bar - 1]) & (tune.onsets < bounds[bar])
    return is_within


def _stretches(
    vocabulary: NoteVocabulary, tokens: IntArray, is_free: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Iterator[Stretch]:
    """Yield a stretch for each run of tokens that are all to be composed, or all given."""
    for free, run in groupby(range(len(tokens)), key=lambda index: bool(is_free[index])):
        ids = tokens[list(run)]
        ticks = int(vocabulary.token_ticks[ids].sum())
        yield Stretch(ticks) if free else Stretch(ticks, given=tuple(ids.tolist()))
