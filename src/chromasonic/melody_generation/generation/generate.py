"""Generation of melodies by any network that maps tokens (B, T) to logits (B, T, V).

Melodies are sampled token by token, many at once. A stateful network
(:class:`~chromasonic.melody_generation.networks.contract.StatefulNetwork`) reads every token once. Any other module
reads the whole sequence again at every step, which gives the same melodies, slower.

Every melody has its own stream of random numbers, from the seed and its index. The number of melodies and the batches
therefore change nothing, except that a network's logits may differ in the last digits between batch sizes, which on
rare occasions changes a token.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from chromasonic.melody_generation.errors import InputError, explaining_lack_of_memory
from chromasonic.melody_generation.generation.beginnings import make_beginning
from chromasonic.melody_generation.generation.conditions import check_corpus
from chromasonic.melody_generation.generation.constraints import DecodingConstraints
from chromasonic.melody_generation.generation.decoding import Decoder, decoder_for, evaluating, select_sequences
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.sampling import sample_from, token_probabilities
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.networks.contract import is_stateful
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of, vocabulary_of
from chromasonic.melody_generation.vocabulary import UNKNOWN_CORPUS, NoteVocabulary

# Melodies sampled in one batch. Larger batches are hardly faster and take more memory: a Transformer's cache grows with
# each melody, and a network without a state scores all positions of all sequences at once.
CACHED_BATCH, RECOMPUTED_BATCH = 256, 32


def generate(
    model: nn.Module | TrainedModel,
    config: GenerationConfig | None = None,
    *,
    primer: Melody | None = None,
    **changes: Any,
) -> list[Melody]:
    """Generate melodies.

    Without a primer they are in C major, in 4/4 and without an upbeat by default. A primer brings its own metre, mode
    and upbeat, and is moved into ``key``.

    Args:
        model: A trained model, or any module that maps tokens (B, T) to logits (B, T, V). A module generates in the
            style of corpus ``"unknown"`` by default.
        config: The options; by default those of ``GenerationConfig()``.
        primer: A melody to continue.
        **changes: Options by name that replace those of ``config``.

    Returns:
        The melodies, primer included, each with at least one sounding note.

    Raises:
        InputError: If there is no such option, a condition is impossible, or the network breaks its contract.

    Example:
        >>> from chromasonic.melody_generation.networks.markov import MarkovNetwork
        >>> melodies = generate(MarkovNetwork(), count=2, key="G", metre="6/8", upbeat="1/8", bars=8)
        >>> [melody.ticks == 8 * 72 for melody in melodies]
        [True, True]
    """
    config = (config or GenerationConfig()).with_changes(**changes)
    default = model.corpus if isinstance(model, TrainedModel) else UNKNOWN_CORPUS
    beginning = make_beginning(config, primer, config.corpus or default)
    return sample(model, [beginning] * config.count, config)


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
        InputError: If a beginning cannot be encoded or is too long already, ``top_k`` exceeds the number of tokens,
            or the network breaks its contract.
    """
    network, vocabulary = network_of(model), vocabulary_of(model)
    constraints = DecodingConstraints(config)
    if config.top_k > constraints.n_playable:
        raise InputError(
            f"top_k is at most {constraints.n_playable}, as many tokens as can be played, got {config.top_k}"
        )
    prefixes = [_encode(vocabulary, beginning, config) for beginning in beginnings]
    sequences: dict[int, IntArray] = {}
    batch_size = CACHED_BATCH if is_stateful(network) else RECOMPUTED_BATCH
    with (
        evaluating(network),
        explaining_lack_of_memory(
            f"{len(prefixes)} melodies of up to {config.max_notes} notes, {batch_size} at once",
            "generate fewer at once, or lower max_notes",
        ),
    ):
        for indices in _batches([len(prefix) for prefix in prefixes], batch_size):
            streams = [
                np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(index,))) for index in indices
            ]
            tokens = torch.from_numpy(np.stack([prefixes[index] for index in indices]))  # (B, T)
            sampled = _sample_batch(decoder_for(network), tokens, streams, constraints)
            sequences.update(zip(indices, sampled, strict=True))
    return [vocabulary.decode(sequences[index], beginning.tonic) for index, beginning in enumerate(beginnings)]


def _encode(vocabulary: NoteVocabulary, beginning: Melody, config: GenerationConfig) -> IntArray:
    """Return the prefix and the first notes, without an end token."""
    check_corpus(beginning.corpus, vocabulary.corpora)
    try:
        return vocabulary.encode(beginning, config.bars)[:-1]
    except ValueError as problem:
        raise InputError(f"no melody can begin like this: {problem}") from problem


def _batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yield indices of sequences of equal length, since a state knows no padding."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for _, group in itertools.groupby(order, key=lengths.__getitem__):
        indices = list(group)
        yield from (indices[begin : begin + batch_size] for begin in range(0, len(indices), batch_size))


def _sample_batch(
    decoder: Decoder,
    tokens: torch.Tensor,
    streams: Sequence[np.random.Generator],
    constraints: DecodingConstraints,
) -> list[IntArray]:
    """Continue sequences ``tokens`` (B, T), each with its own stream of random numbers, until all are complete."""
    state = constraints.begin(tokens)
    constraints.check_length(state)
    sequences: list[list[int]] = tokens.tolist()
    active = list(range(len(tokens)))
    while active:
        logits = decoder.read(tokens).masked_fill(~constraints.allowed(state), -torch.inf)  # (B, V)
        is_stuck = logits.amax(-1) == -torch.inf  # (B,)
        if bool(is_stuck.any()):
            if not bool(constraints.is_complete(state)[is_stuck].all()):
                raise InputError("the network rules out every token that may come next, so no melody can be continued")
            logits[is_stuck, NoteVocabulary.end] = 0  # a complete melody ends, also if the network rules that out
        uniforms = torch.tensor([streams[index].random() for index in active], dtype=torch.float64)
        new = sample_from(token_probabilities(logits, constraints.config), uniforms)  # (B,)
        for index, token in zip(active, new.tolist(), strict=True):
            sequences[index].append(token)
        state, tokens = constraints.after(state, new), new[:, None]
        is_active = new != NoteVocabulary.end
        if not is_active.all():
            kept = is_active.nonzero()[:, 0]
            active = [active[index] for index in kept.tolist()]
            state, tokens = select_sequences(state, kept), tokens[kept]
            decoder.keep(kept)
    return [np.array(sequence, dtype=np.int64) for sequence in sequences]
