"""Sampling of several melodies at once, each from its own beginning, by its own plan, with its own random numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from torch import nn

from chromasonic.melody_generation.errors import InputError, explaining_lack_of_memory
from chromasonic.melody_generation.generation.conditions import check_corpus
from chromasonic.melody_generation.generation.constraints import DecodingConstraints
from chromasonic.melody_generation.generation.decoding import decoder_for, evaluating
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_plan import PlanProgress, Stretch, form_stretches, parse_form
from chromasonic.melody_generation.generation.steering import sample_drafts
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.networks.contract import is_stateful
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of, vocabulary_of
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary

# Drafts sampled in one batch. Larger batches are hardly faster and take more memory: a Transformer's cache grows with
# each melody, and a network without a state scores all positions of all sequences at once.
CACHED_BATCH, RECOMPUTED_BATCH = 256, 32


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
    prefixes = [_encode(vocabulary, beginning, config) for beginning in beginnings]
    plans = [plan_of(beginning, prefix, config) for beginning, prefix in zip(beginnings, prefixes, strict=True)]
    return sample_planned(model, beginnings, prefixes, plans, config)


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


def plan_of(beginning: Melody, prefix: IntArray, config: GenerationConfig) -> PlanProgress:
    """Return the plan of a melody: its form, its length in bars, or nothing.

    Args:
        beginning: Its beginning.
        prefix: The tokens of the beginning, without ``<end>``.
        config: The form and the length asked for.

    Raises:
        InputError: If bars cannot be counted, or parts of equal length cannot.
    """
    n_bars = config.n_bars
    if n_bars is None:
        return PlanProgress([Stretch(has_signs=True)])
    metre = beginning.segments[-1].metre
    if not metre.beats:
        raise InputError("bars cannot be counted in free metre: give notes instead of bars")
    if config.form is None:
        return PlanProgress([Stretch(_ticks_to_end(beginning, n_bars), has_signs=True)], beginning.ticks)
    if beginning.departures:
        raise InputError(
            "the parts of a form are counted in whole bars of one metre, and the primer has other bars: take less "
            "of it with primer_bars, or leave form out"
        )
    parts = parse_form(config.form)
    stretches = form_stretches(parts, config.bars_of_part * metre.bar_ticks)
    return PlanProgress(stretches, composed=prefix[PREFIX_LENGTH:].tolist())


def _ticks_to_end(beginning: Melody, n_bars: int) -> int:
    """Return the ticks after a beginning to the end of its bar ``n_bars``, which an upbeat completes."""
    begin, end, metre, position = beginning.segments[-1]
    position += int(beginning.durations[begin:end].sum())
    to_bar_line = -position % metre.bar_ticks
    upbeat = -beginning.start % beginning.metre.bar_ticks
    shortened_by = upbeat if upbeat < metre.bar_ticks else 0
    return (n_bars - beginning.n_bars) * metre.bar_ticks + to_bar_line - shortened_by


def _encode(vocabulary: NoteVocabulary, beginning: Melody, config: GenerationConfig) -> IntArray:
    """Return the prefix and the first notes, without an end token."""
    check_corpus(beginning.corpus, vocabulary.corpora)
    try:
        return vocabulary.encode(beginning, config.n_bars)[:-1]
    except ValueError as problem:
        raise InputError(f"no melody can begin like this: {problem}") from problem


def _batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yield indices of sequences of equal length, since a state knows no padding."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for _, group in itertools.groupby(order, key=lengths.__getitem__):
        indices = list(group)
        yield from (indices[begin : begin + batch_size] for begin in range(0, len(indices), batch_size))
