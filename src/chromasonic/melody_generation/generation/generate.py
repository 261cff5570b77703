"""New melodies from any network that maps tokens (B, T) to logits (B, T, V).

Melodies are sampled token by token, many at once. A network that can read on from where it stood (``extend``) is
given each token once; any other module reads the whole sequence anew at every step, which gives the same
melodies, slower.

Every melody has a stream of random numbers of its own, from the seed and its place in the list. So how many are
asked for, and which share a batch, decides nothing, as far as the network's own arithmetic goes: in a batch of
another size its logits may differ in their last digits, which on rare occasions tips a draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.conditions import Conditions
from chromasonic.melody_generation.generation.constraints import DecodingConstraints, Limits
from chromasonic.melody_generation.generation.decoding import Decoder, decoder_for, evaluating, rows_of
from chromasonic.melody_generation.generation.sampling import Sampling, drawn
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.networks.contract import StatefulNetwork
from chromasonic.melody_generation.runs.model_metadata import UNKNOWN_CORPUS
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Melodies sampled side by side. More are hardly faster, and a Transformer's cache grows with each; a network that
# reads whole sequences scores all their places at once, which takes more room still.
CARRIED_BATCH, WHOLE_BATCH = 256, 32


def generate(
    model: nn.Module | TrainedModel,
    count: int = 1,
    *,
    key: str | None = None,
    mode: str | None = None,
    metre: str | None = None,
    upbeat: str | None = None,
    bars: int | None = None,
    notes: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    primer: Melody | None = None,
    primer_notes: int | None = None,
    seed: int = 0,
    corpus: str | None = None,
    max_notes: int = 512,
) -> list[Melody]:
    """Make up melodies.

    Without a primer they are in C major, in 4/4 and without an upbeat, as far as nothing else is asked for. A
    primer brings its own metre, mode and upbeat, and is moved into ``key``.

    Args:
        model: A trained model, or any module of the contract.
        count: How many melodies.
        key: The tonic, such as G, F# or Bb.
        mode: One of ``MODES``.
        metre: Such as 6/8; one of the vocabulary's.
        upbeat: The note value before the first bar line, such as 1/8; 0 for none.
        bars: End at the bar line that completes so many bars, an upbeat not counted.
        notes: Stop after so many notes and rests; a primer's count.
        temperature: Above 1 more adventurous, below 1 more cautious, 0 always the most probable token.
        top_k: Choose among so many of the most probable tokens, 0 for all.
        top_p: Choose among the fewest tokens that together have this probability, 1 for all.
        min_p: Choose among tokens with this share of the most probable one's probability, 0 for all.
        primer: A melody to go on from.
        primer_notes: How many of its notes, from the first; all of them by default.
        seed: Of the random numbers.
        corpus: The collection whose manner is wanted, of those that the model was trained on; by default that of a
            trained model, and for a module ``"unknown"``.
        max_notes: A melody that the model has not ended by then is ended at the next bar line.

    Returns:
        The melodies, primer included, each with a note that sounds.

    Raises:
        InputError: If a condition is impossible, or the network breaks its contract.

    Example:
        >>> from chromasonic.melody_generation.networks.markov import MarkovNetwork
        >>> melodies = generate(MarkovNetwork(), 2, key="G", metre="6/8", upbeat="1/8", bars=8)
        >>> [melody.ticks == 12 + 8 * 72 for melody in melodies]
        [True, True]
    """
    if count < 1:
        raise InputError(f"count is how many melodies to generate, 1 or more, got {count}")
    if corpus is None:
        corpus = model.corpus if isinstance(model, TrainedModel) else UNKNOWN_CORPUS
    conditions = Conditions(key, mode, metre, upbeat, corpus)
    beginning = _beginning(conditions, primer, primer_notes)
    sampling = Sampling(temperature, top_k, top_p, min_p)
    return sample(network_of(model), [beginning] * count, sampling, Limits(bars, notes, max_notes), seed=seed)


def sample(
    network: nn.Module,
    beginnings: Sequence[Melody],
    sampling: Sampling,
    limits: Limits,
    *,
    seed: int = 0,
) -> list[Melody]:
    """Go on from each of several beginnings.

    Args:
        network: Any module of the contract; left in the mode, of training or evaluation, in which it came.
        beginnings: What each melody has from the start: corpus, metre, mode, tonic, upbeat, and the first notes
            or none. :func:`beginning_of` takes them from a melody that there is.
        sampling: How tokens are chosen.
        limits: How long the melodies get.
        seed: Of the random numbers.

    Returns:
        One melody for each beginning, in their order.

    Raises:
        InputError: If a beginning cannot be encoded or leaves no room within the limits, ``seed`` is negative,
            ``top_k`` exceeds what can be sampled, or the network breaks its contract.
    """
    if seed < 0:
        raise InputError(f"seed is a whole number of 0 or more, got {seed}")
    grammar, vocabulary = DecodingConstraints(limits), NoteVocabulary()
    if sampling.top_k > grammar.n_playable:
        raise InputError(
            f"top_k is at most {grammar.n_playable}, as many tokens as can be played, got {sampling.top_k}"
        )
    prefixes = [_encoded(vocabulary, beginning) for beginning in beginnings]
    found: dict[int, IntArray] = {}
    batch_size = CARRIED_BATCH if isinstance(network, StatefulNetwork) else WHOLE_BATCH
    with evaluating(network):
        for indices in _batches([len(prefix) for prefix in prefixes], batch_size):
            streams = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(each,))) for each in indices]
            tokens = torch.from_numpy(np.stack([prefixes[each] for each in indices]))
            rows = _sampled(decoder_for(network), tokens, streams, sampling, grammar)
            found.update(zip(indices, rows, strict=True))
    return [vocabulary.decode(found[index], beginning.tonic) for index, beginning in enumerate(beginnings)]


def beginning_of(melody: Melody, n_notes: int = 0) -> Melody:
    """What to sample from so that the result begins as ``melody`` does.

    Args:
        melody: Whose corpus, metre, mode, tonic and upbeat are taken.
        n_notes: How many of its first notes are.

    Example:
        >>> from chromasonic.melody_generation.melody import Metre
        >>> jig = Melody([62, 66, 69], [12, 24, 12], Metre(6, 8), start=60, tonic=2, title="A jig")
        >>> beginning_of(jig) == Melody([], [], Metre(6, 8), start=60, tonic=2)
        True
    """
    return replace(
        melody,
        pitches=melody.pitches[:n_notes],
        durations=melody.durations[:n_notes],
        departures=tuple(departure for departure in melody.departures if departure.note < n_notes),
        title="",
        source="",
    )


def _beginning(conditions: Conditions, primer: Melody | None, n_notes: int | None) -> Melody:
    if primer is None:
        if n_notes is not None:
            raise InputError("primer_notes says how much of a primer is taken, but no primer was given")
        return conditions.beginning()
    n_notes = len(primer) if n_notes is None else n_notes
    if not 1 <= n_notes <= len(primer):
        raise InputError(f"the primer has {len(primer)} notes and rests, so {n_notes} of them cannot be taken")
    return conditions.beginning_with(beginning_of(primer, n_notes))


def _encoded(vocabulary: NoteVocabulary, beginning: Melody) -> IntArray:
    """Prefix and first notes, without an end."""
    try:
        return vocabulary.encode(beginning)[:-1]
    except ValueError as problem:
        raise InputError(f"no melody can begin like this: {problem}") from problem


def _batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Indices in batches of equal length, since a state knows no padding."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for _, group in itertools.groupby(order, key=lengths.__getitem__):
        indices = list(group)
        yield from (indices[begin : begin + batch_size] for begin in range(0, len(indices), batch_size))


def _sampled(
    reader: Decoder,
    tokens: torch.Tensor,
    streams: Sequence[np.random.Generator],
    sampling: Sampling,
    grammar: DecodingConstraints,
) -> list[IntArray]:
    """Sequences that begin with ``tokens`` (B, T), each with its own stream of random numbers."""
    standing = grammar.begin(tokens)
    grammar.check_room(standing)
    sequences: list[list[int]] = tokens.tolist()
    going = list(range(len(tokens)))
    while going:
        scores = reader.read(tokens).masked_fill(~grammar.allowed(standing), -torch.inf)
        if bool((scores.amax(-1) == -torch.inf).any()):
            raise InputError("the network rules out every token that may come next, so no melody can go on")
        uniforms = torch.tensor([streams[each].random() for each in going], dtype=torch.float64)
        new = drawn(sampling.probabilities(scores), uniforms)
        for each, token in zip(going, new.tolist(), strict=True):
            sequences[each].append(token)
        standing, tokens = grammar.after(standing, new), new[:, None]
        ongoing = ~((new == NoteVocabulary.end) | grammar.is_complete(standing))
        if not ongoing.all():
            rows = ongoing.nonzero()[:, 0]
            going = [going[row] for row in rows.tolist()]
            standing, tokens = rows_of(standing, rows), tokens[rows]
            reader.keep(rows)
    return [np.array(sequence, dtype=np.int64) for sequence in sequences]
