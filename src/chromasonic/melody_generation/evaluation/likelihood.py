"""Predict melodies with a network, token by token.

Training needs only sums over batches. An evaluation needs every tune by itself: for intervals, for tests against
another model, and to see where the model fails.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chromasonic.melody_generation.data.batching import batches_by_length, check_scored_lengths
from chromasonic.melody_generation.errors import InputError, explaining_lack_of_memory
from chromasonic.melody_generation.generation.decoding import device_of, evaluating
from chromasonic.melody_generation.melody import FloatArray, IntArray, Melody
from chromasonic.melody_generation.networks.causality import check_causality, check_future_unused
from chromasonic.melody_generation.networks.checked_logits import check_probabilities, logits_of
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of, vocabulary_of
from chromasonic.melody_generation.training.metrics import MEASURE_RATIOS, TokenScorer, TokenScores
from chromasonic.melody_generation.vocabulary import NoteVocabulary

BoolArray = NDArray[np.bool_]

# Tunes in a batch; logits are large.
_BATCH_SIZE = 16
# Tunes of a batch that are scored once more after all others, and how far their nats may differ.
_N_READ_AGAIN, _TOLERANCE = 4, 1e-2


@dataclass(frozen=True)
class TuneReading:
    """The predictions of one tune, as arrays over its tokens after the control prefix, shape (S,).

    Attributes:
        tokens: The tokens: notes, and ``<bar>``, metre and ``<end>`` tokens.
        bits: The surprisal of each token in bits.
        is_note: True for notes and rests.
        note_right: True for notes and rests that were the most probable token.
        pitch_right: True for those whose pitch the most probable token has.
        duration_right: True for those whose duration the most probable token has.
    """

    tokens: IntArray
    bits: FloatArray
    is_note: BoolArray
    note_right: BoolArray
    pitch_right: BoolArray
    duration_right: BoolArray

    @property
    def bits_per_note(self) -> float:
        """The bits of all tokens, bar lines and end included, over the notes and rests."""
        return float(self.bits.sum() / max(1, self.is_note.sum()))


def read_tunes(model: nn.Module | TrainedModel, melodies: Sequence[Melody]) -> list[TuneReading]:
    """Predict each token of each melody from the tokens before it, and check that the network saw no others.

    Args:
        model: A trained model, or any module that maps tokens (B, T) to logits (B, T, V); its mode of training or
            evaluation is kept.
        melodies: Melodies that the vocabulary can encode. Their kinds and lengths are not given away.

    Raises:
        InputError: If a melody cannot be encoded or is too long, the network breaks its contract or is not causal, or
            there is not enough memory.
    """
    check_scored_lengths(melodies)
    network, vocabulary = network_of(model), vocabulary_of(model)
    sequences = [_encoded(vocabulary, melody, index) for index, melody in enumerate(melodies)]
    batches = batches_by_length([len(sequence) for sequence in sequences], _BATCH_SIZE)
    longest = max(map(len, sequences), default=0)
    readings: dict[int, TuneReading] = {}
    with (
        evaluating(network),
        explaining_lack_of_memory(
            f"the predictions of tunes of up to {longest} tokens",
            "take a smaller network, or leave out the longest tunes",
        ),
    ):
        reader = _Reader(network)
        scores_of_checked = {}
        for number, batch in enumerate(batches):
            arrays = [torch.from_numpy(sequences[index]) for index in batch]
            tokens = nn.utils.rnn.pad_sequence(arrays, batch_first=True)  # (B, T)
            scores = reader.score(tokens)
            if number in (0, len(batches) // 2):
                scores_of_checked[number] = tokens, scores
            readings |= {index: _reading(sequences[index], scores, row) for row, index in enumerate(batch)}
        for tokens, scores in scores_of_checked.values():
            reader.check(tokens, scores)
    return [readings[index] for index in range(len(sequences))]


class _Reader:
    """Scores batches of tokens with a network, and checks that it predicts from the past alone."""

    def __init__(self, network: nn.Module) -> None:
        self._network, self._device = network, device_of(network)
        self._scorer = TokenScorer(NoteVocabulary())

    def score(self, tokens: Tensor) -> TokenScores:
        """Return the scores of a batch (B, T), on the CPU."""
        given = tokens.to(self._device)
        logits = logits_of(self._network, given)
        check_probabilities(logits, given)
        check_future_unused(self._network, given, logits)
        return self._scorer.by_token(logits.cpu(), tokens)

    def check(self, tokens: Tensor, scores: TokenScores) -> None:
        """Check a batch in every way, after all were read: for what the network remembers as well.

        Args:
            tokens: Token ids, shape (B, T).
            scores: Their scores when they were read first.

        Raises:
            InputError: If the network is not causal, or scores tunes otherwise than before.
        """
        check_causality(self._network, tokens.to(self._device))
        some = tokens[:_N_READ_AGAIN]
        again = self._scorer.by_token(logits_of(self._network, some.to(self._device)).cpu(), some).nats
        if not torch.allclose(again, scores.nats[:_N_READ_AGAIN], rtol=_TOLERANCE, atol=_TOLERANCE):
            raise InputError(
                f"the network {type(self._network).__name__} predicts the same tunes otherwise once it has read "
                "others, so it is not scored: in evaluation mode it must keep nothing from one call for the next"
            )


def _encoded(vocabulary: NoteVocabulary, melody: Melody, index: int) -> IntArray:
    try:
        return vocabulary.encode_for_scoring(melody)
    except ValueError as problem:
        name = f"melody {index}" + (f" ({melody.title})" if melody.title else "")
        raise InputError(f"{name} cannot be scored: {problem}") from problem


def _reading(tokens: IntArray, scores: TokenScores, row: int) -> TuneReading:
    is_scored = scores.is_scored[row]
    nats, _, is_note, *rights = (part[row, is_scored].numpy() for part in scores)
    targets = tokens[1:][is_scored[: len(tokens) - 1].numpy()]
    return TuneReading(targets, nats.astype(np.float64) / math.log(2), is_note, *rights)


@dataclass(frozen=True)
class TuneSums:
    """The predictions of N tunes as sums over each tune, arrays of shape (N,).

    Attributes:
        bits: Bits of all tokens.
        n_tokens: Number of tokens.
        note_bits: Bits of notes and rests.
        n_notes: Number of notes and rests.
        notes_right: Notes and rests that were the most probable token.
        pitches_right: Those whose pitch was right.
        durations_right: Those whose duration was right.
    """

    bits: FloatArray
    n_tokens: FloatArray
    note_bits: FloatArray
    n_notes: FloatArray
    notes_right: FloatArray
    pitches_right: FloatArray
    durations_right: FloatArray

    @classmethod
    def of(cls, readings: Sequence[TuneReading]) -> TuneSums:
        """Sum the predictions of each tune."""
        sums = [
            (
                reading.bits.sum(),
                len(reading.tokens),
                reading.bits[reading.is_note].sum(),
                reading.is_note.sum(),
                reading.note_right.sum(),
                reading.pitch_right.sum(),
                reading.duration_right.sum(),
            )
            for reading in readings
        ]
        return cls(*np.array(sums, dtype=np.float64).reshape(len(readings), 7).T)

    @property
    def nats(self) -> FloatArray:
        """The bits of all tokens in nats."""
        return self.bits * math.log(2)

    def ratios(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Return each measure of ``MEASURE_RATIOS`` as numerators and denominators, one of each for every tune."""
        return {name: (getattr(self, top), getattr(self, bottom)) for name, (top, bottom) in MEASURE_RATIOS.items()}
