"""Sampling of several melodies at once, each from its own beginning, by its own plan, with its own random numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from chromasonic.melody_generation.errors import InputError, explaining_lack_of_memory
from chromasonic.melody_generation.generation.conditions import check_corpus, parse_range
from chromasonic.melody_generation.generation.constraints import DecodingConstraints
from chromasonic.melody_generation.generation.decoding import decoder_for, evaluating
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_plan import PlanProgress, Stretch, form_stretches, parse_form
from chromasonic.melody_generation.generation.steering import sample_drafts
from chromasonic.melody_generation.measures.outlines import Outline, TuneOutlines
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.networks.contract import is_stateful
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of, vocabulary_of
from chromasonic.melody_generation.vocabulary import (
    HIGHEST,
    LOWEST,
    MIDDLE_C,
    PREFIX_LENGTH,
    UNKNOWN_KIND,
    NoteVocabulary,
)

# Drafts sampled in one batch. Larger batches are hardly faster and take more memory: a Transformer's cache grows with
# each melody, and a network without a state scores all positions of all sequences at once.
CACHED_BATCH, RECOMPUTED_BATCH = 256, 32
_OUTLINE_STREAM = 2  # random numbers of a melody's outline; those of its bars to vary are stream 1


def sample(model: nn.Module | TrainedModel, beginnings: Sequence[Melody], config: GenerationConfig) -> list[Melody]:
    """Continue each of several beginnings.

    Args:
        model: A trained model, or any module of the contract. It is left in its mode, training or evaluation.
        beginnings: The corpus, metre, mode, tonic, upbeat and first notes of each melody, as
            :func:`~chromasonic.melody_generation.generation.beginnings.beginning_of` takes them from a melody.
        config: The length of the melodies, the choice of tokens, and the seed. Conditions and count are those of
            the beginnings.

    Returns:
        One melody for each beginning, in their order.

    Raises:
        InputError: If a beginning cannot be encoded, or for the reasons of :func:`sample_planned`.
    """
    vocabulary = vocabulary_of(model)
    outlines = _outlines(model, beginnings, config)
    planned = [
        replace(beginning, kind=outline.kind if beginning.kind == UNKNOWN_KIND else beginning.kind)
        for beginning, outline in zip(beginnings, outlines, strict=True)
    ]
    prefixes = [_encode(vocabulary, begin, outline.n_bars) for begin, outline in zip(planned, outlines, strict=True)]
    plans = [plan_of(*conditions, config) for conditions in zip(planned, prefixes, outlines, strict=True)]
    return sample_planned(model, planned, prefixes, plans, config)


def _outlines(model: nn.Module | TrainedModel, beginnings: Sequence[Melody], config: GenerationConfig) -> list[Outline]:
    """Return what is decided of each melody before its notes: what was asked for, and what is drawn."""
    asked = config.asked_outline
    tunes = model.outlines if isinstance(model, TrainedModel) and config.outline else TuneOutlines()
    outlines = []
    for index, beginning in enumerate(beginnings):
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(index, _OUTLINE_STREAM)))
        drawn = tunes.draw(beginning, rng, config.n_bars)
        outlines.append(
            Outline(
                kind=drawn.kind,
                n_bars=drawn.n_bars if config.is_open_ended else asked.n_bars,
                final_position=drawn.final_position if config.is_open_ended and not len(beginning) else None,
                final_degree=_reachable(drawn.final_degree, beginning, config) if asked.final_degree is None else 0,
            )
        )
    return outlines


def _reachable(degree: int | None, beginning: Melody, config: GenerationConfig) -> int | None:
    """Return a degree if the range has it, else None."""
    if degree is None or config.range is None:
        return degree
    lowest, highest = parse_range(config.range)
    middle = MIDDLE_C + beginning.tonic
    pitches = range(max(lowest, middle + LOWEST), min(highest, middle + HIGHEST) + 1)
    return degree if any((pitch - beginning.tonic) % 12 == degree for pitch in pitches) else None


def sample_planned(
    model: nn.Module | TrainedModel,
    beginnings: Sequence[Melody],
    prefixes: Sequence[IntArray],
    plans: Sequence[PlanProgress],
    config: GenerationConfig,
) -> list[Melody]:
    """Continue each of several beginnings as its plan says.

    Args:
        model: A trained model, or any module of the contract.
        beginnings: The melodies that begin so; their tonics are taken.
        prefixes: Their tokens, without ``<end>``.
        plans: The plan of each melody.
        config: The choice of tokens, the number of drafts, and the seed.

    Returns:
        One melody for each beginning, in their order.

    Raises:
        InputError: If a beginning is too long already, its key has no note in ``range``, ``top_k`` exceeds the number
            of tokens, or the network breaks its contract.
    """
    network, vocabulary, constraints = network_of(model), vocabulary_of(model), DecodingConstraints(config)
    if config.top_k > constraints.n_playable:
        raise InputError(
            f"top_k is at most {constraints.n_playable}, as many tokens as can be played, got {config.top_k}"
        )
    constraints.check_range(beginning.tonic for beginning in beginnings)
    sequences: dict[int, IntArray] = {}
    batch_size = CACHED_BATCH if is_stateful(network) else RECOMPUTED_BATCH
    with (
        evaluating(network),
        explaining_lack_of_memory(
            f"{len(prefixes)} melodies of up to {config.max_notes} notes, {batch_size} at once",
            "generate fewer at once, or lower max_notes",
        ),
    ):
        n_melodies = max(1, batch_size // config.n_drafts)
        for indices in _batches([len(prefix) for prefix in prefixes], n_melodies):
            sampled = sample_drafts(
                decoder_for(network),
                [prefixes[index] for index in indices],
                [beginnings[index].tonic for index in indices],
                [plans[index] for index in indices],
                [np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(index,))) for index in indices],
                constraints,
                config.n_drafts,
            )
            sequences.update(zip(indices, sampled, strict=True))
    return [vocabulary.decode(sequences[index], beginning.tonic) for index, beginning in enumerate(beginnings)]


def plan_of(beginning: Melody, prefix: IntArray, outline: Outline, config: GenerationConfig) -> PlanProgress:
    """Return the plan of a melody: its form, its length in bars, its last note, or nothing.

    Args:
        beginning: Its beginning.
        prefix: The tokens of the beginning, without ``<end>``.
        outline: Its number of bars and its last note.
        config: The form asked for.

    Raises:
        InputError: If bars cannot be counted, or parts of equal length cannot.
    """
    n_bars, final_degree = outline.n_bars, outline.final_degree
    if n_bars is None:
        return PlanProgress([Stretch(has_signs=True)], final_degree=final_degree)
    metre = beginning.segments[-1].metre
    if not metre.beats:
        raise InputError("bars cannot be counted in free metre: give notes instead of bars")
    if config.form is None:
        stretch = Stretch(_ticks_to_end(beginning, n_bars, outline.final_position), has_signs=True)
        return PlanProgress([stretch], beginning.ticks, final_degree=final_degree)
    if beginning.departures:
        raise InputError(
            "the parts of a form are counted in whole bars of one metre, and the primer has other bars: take less "
            "of it with primer_bars, or leave form out"
        )
    parts = parse_form(config.form)
    stretches = form_stretches(parts, config.bars_of_part * metre.bar_ticks)
    composed = prefix[PREFIX_LENGTH:].tolist()
    return PlanProgress(stretches, composed=composed, elapsed=beginning.ticks, final_degree=final_degree)


def _ticks_to_end(beginning: Melody, n_bars: int, final_position: int | None) -> int:
    """Return the ticks after a beginning to a position in its bar ``n_bars``; by default an upbeat completes it."""
    begin, end, metre, position = beginning.segments[-1]
    position += int(beginning.durations[begin:end].sum())
    to_bar_line = -position % metre.bar_ticks
    upbeat = -beginning.start % beginning.metre.bar_ticks
    shortened_by = upbeat if upbeat < metre.bar_ticks else 0
    if final_position is not None:
        shortened_by = metre.bar_ticks - final_position
    return (n_bars - beginning.n_bars) * metre.bar_ticks + to_bar_line - shortened_by


def _encode(vocabulary: NoteVocabulary, beginning: Melody, n_bars: int | None) -> IntArray:
    """Return the prefix and the first notes, without an end token."""
    check_corpus(beginning.corpus, vocabulary.corpora)
    try:
        return vocabulary.encode(beginning, n_bars)[:-1]
    except ValueError as problem:
        raise InputError(f"no melody can begin like this: {problem}") from problem


def _batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yield indices of sequences of equal length, since a state knows no padding."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for _, group in itertools.groupby(order, key=lengths.__getitem__):
        indices = list(group)
        yield from (indices[begin : begin + batch_size] for begin in range(0, len(indices), batch_size))
