"""Token sequences of melodies, and batches of sequences of similar length.

All tunes are in memory as one long array of tokens, and a batch is one gather from it: no Python runs per tune.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler, TensorDataset

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.vocabulary import BARS_INDEX, KIND_INDEX, NoteVocabulary

_VOCABULARY = NoteVocabulary()
# How often each request of a prefix (the kind, the number of bars) is unknown in training.
_SHARE_UNKNOWN = 0.5
# Sequences that are longer are scored in batches of fewer tokens in all, padding included.
_LONG, _MAX_TOKENS_OF_LONG = 2048, 32_768
# To score a tune takes time that grows with the square of its length: some minutes for one of this many notes.
MAX_SCORED_NOTES = 20_000


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return batches of the indices of sequences, sorted by length.

    Sequences of more than 2048 tokens are in batches of their own, of fewer sequences, so that their memory is bounded.

    Example:
        >>> batches_by_length([7, 5, 6, 20_000, 30_000], 2)
        [[1, 2], [0], [3], [4]]
    """
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    n_short = sum(length <= _LONG for length in lengths)
    batches = [order[begin : min(begin + batch_size, n_short)] for begin in range(0, n_short, batch_size)]
    batch: list[int] = []
    for index in order[n_short:]:
        if len(batch) == batch_size or (len(batch) + 1) * lengths[index] > _MAX_TOKENS_OF_LONG:
            batches.append(batch)
            batch = []
        batch.append(index)
    return [batch for batch in (*batches, batch) if batch]


def check_scored_lengths(melodies: Sequence[Melody]) -> None:
    """Raise an error if a melody is too long to be scored, which is done whole.

    Raises:
        InputError: Naming it.
    """
    for index, melody in enumerate(melodies):
        if len(melody) > MAX_SCORED_NOTES:
            name = " of ".join(filter(None, (melody.title, melody.source))) or f"number {index + 1}"
            raise InputError(
                f"the tune {name} has {len(melody)} notes, and tunes for validation and test are scored whole, up to "
                f"{MAX_SCORED_NOTES} notes: cut it into several tunes, or leave it out"
            )


class TokenSequences(Dataset[Tensor]):
    """Token sequences packed end to end; an index that is a list gives a padded batch.

    Args:
        sequences: Token ids, each of shape (T,).

    Example:
        >>> sequences = TokenSequences([np.array([5, 6]), np.array([7, 8, 9])])
        >>> sequences[[1, 0]].tolist()
        [[7, 8, 9], [5, 6, 0]]
    """

    def __init__(self, sequences: Sequence[IntArray]) -> None:
        self.lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
        self._begins = self.lengths.cumsum(0) - self.lengths
        packed = np.concatenate([*sequences, [NoteVocabulary.pad]])
        self._tokens = torch.from_numpy(packed.astype(np.int64))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, indices: list[int]) -> Tensor:
        """Return the sequences at ``indices``, shape (B, T), padded at the end; -1 gives a row of padding.

        An index above the number of sequences N hides requests of the prefix: the index plus N hides the kind, plus 2 N
        the number of bars, plus 3 N both.
        """
        index = torch.tensor(indices)
        hidden = index.div(len(self), rounding_mode="floor").clamp(min=0)  # (B,)
        index = torch.where(index < 0, -1, index % len(self))
        lengths = torch.where(index < 0, 0, self.lengths[index])
        steps = torch.arange(int(lengths.max().clamp(min=1)))
        positions = torch.where(steps < lengths[:, None], self._begins[index][:, None] + steps, -1)  # (B, T)
        batch = self._tokens[positions]  # (B, T); the last token is padding
        if hidden.any():  # a batch of padding has no prefix
            batch[hidden % 2 == 1, KIND_INDEX] = _VOCABULARY.unknown_kind
            batch[hidden >= 2, BARS_INDEX] = _VOCABULARY.unknown_bars
        return batch


class LengthBatches(DistributedSampler[list[int]]):
    """Lists of indices of sequences of similar length.

    The order depends on ``seed`` and the epoch alone, so that a resumed run sees the same batches. With a seed, each
    request of half of the sequences is hidden, others in every epoch. With several
    processes each takes its share of the batches. If they do not divide evenly, a batch of padding, which no measure
    counts, fills the last round.

    Args:
        lengths: Length of each sequence, shape (N,).
        batch_size: Sequences per batch.
        seed: Seed of the order; None gives those of :func:`batches_by_length`, the same in every epoch.
        n_processes: Number of processes that share the batches.
        process: Index of this process.
    """

    # Lengths are multiplied by a random factor from 1 to this before sorting: batches change from epoch to epoch.
    _JITTER = 1.05

    def __init__(
        self, lengths: Tensor, batch_size: int, seed: int | None, n_processes: int = 1, process: int = 0
    ) -> None:
        super().__init__(TensorDataset(lengths), num_replicas=n_processes, rank=process)
        self._lengths = lengths.numpy()
        self._batch_size = batch_size
        self._by_length = batches_by_length(lengths.tolist(), batch_size) if seed is None else []
        self._seed = seed

    def __len__(self) -> int:
        n_shuffled = math.ceil(len(self._lengths) / self._batch_size)
        return math.ceil((len(self._by_length) if self._seed is None else n_shuffled) / self.num_replicas)

    def __iter__(self) -> Iterator[list[int]]:
        batches = list(self._by_length) if self._seed is None else self._shuffled(self._seed)
        batches += [[-1]] * (-len(batches) % self.num_replicas)
        yield from batches[self.rank :: self.num_replicas]

    def _shuffled(self, seed: int) -> list[list[int]]:
        rng = np.random.default_rng((seed, self.epoch))
        keys = self._lengths.astype(float) * rng.uniform(1, self._JITTER, len(self._lengths))
        order = np.argsort(keys, kind="stable").tolist()
        is_hidden = rng.random((2, len(keys))) < _SHARE_UNKNOWN  # of the kind, and of the number of bars
        hiding = (np.arange(len(keys)) + len(keys) * (is_hidden[0] + 2 * is_hidden[1]))[order].tolist()
        batches = [hiding[begin : begin + self._batch_size] for begin in range(0, len(order), self._batch_size)]
        rng.shuffle(batches)
        return batches


def in_c(melody: Melody) -> Melody:
    """Return a melody with the tonic C and the same notes: its tokens count pitches from C, not from the tonic.

    Notes outside the vocabulary's range are moved by octaves.

    Raises:
        ValueError: If the melody is in a metre without a token.

    Example:
        >>> in_c(Melody([62, 66, 69], [24, 24, 48], tonic=2)) == Melody([62, 66, 69], [24, 24, 48], tonic=0)
        True
    """
    fitted = _VOCABULARY.fit(replace(melody, tonic=0))
    if fitted.melody is None:
        raise ValueError(f"the melody has no tokens: {fitted.drop_reason}")
    return fitted.melody


def transpositions_of(melody: Melody, n_keys: int) -> list[Melody]:
    """Return a melody in the ``n_keys`` keys nearest to its own, each with the tonic C as by :func:`in_c`.

    For 12 these are all keys, from 5 semitones below its own to 6 above.

    Raises:
        ValueError: If the melody is in a metre without a token.
    """
    below = (n_keys - 1) // 2
    return [in_c(melody.transposed(semitones)) for semitones in range(-below, n_keys - below)]


def windows(melody: Melody, max_notes: int | None, vocabulary: NoteVocabulary = _VOCABULARY) -> list[IntArray]:
    """Return the token sequences of a melody to train on: windows of similar length if it exceeds ``max_notes``.

    Each window begins with its own control tokens, the number of its bars among them unless it is cut off; only the
    last one ends with ``<end>``.
    """
    if max_notes is None or len(melody) <= max_notes:
        return [vocabulary.encode(melody, melody.n_bars)]
    n_windows = math.ceil(len(melody) / max_notes)
    bounds = np.linspace(0, len(melody), n_windows + 1).round().astype(int)
    sequences = []
    for begin, end in pairwise(bounds):
        fitted = _VOCABULARY.fit(melody.window(int(begin), int(end))).melody
        if fitted is not None:
            is_last = end == len(melody)
            tokens = vocabulary.encode(fitted, fitted.n_bars if is_last else None)
            sequences.append(tokens if is_last else tokens[:-1])
    return sequences
