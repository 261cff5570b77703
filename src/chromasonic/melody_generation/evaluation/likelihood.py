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

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.decoding import device_of, evaluating
from chromasonic.melody_generation.melody import FloatArray, IntArray, Melody
from chromasonic.melody_generation.training.metrics import MEASURE_RATIOS, TokenScorer, TokenScores
from chromasonic.melody_generation.vocabulary import NoteVocabulary

BoolArray = NDArray[np.bool_]

# Tunes in a batch; logits are large.
_BATCH_SIZE = 16


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


def read_tunes(network: nn.Module, melodies: Sequence[Melody]) -> list[TuneReading]:
    """Predict each token of each melody from the tokens before it.

    Args:
        network: Any module that maps tokens (B, T) to logits (B, T, V); its mode of training or evaluation is kept.
        melodies: Melodies that the vocabulary can encode.

    Raises:
        InputError: If a melody cannot be encoded, or the network's logits have the wrong shape or hold NaN.
    """
    sequences = [_encoded(melody, index) for index, melody in enumerate(melodies)]
    scorer, device = TokenScorer(NoteVocabulary()), device_of(network)
    readings: dict[int, TuneReading] = {}
    by_length = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    with evaluating(network):
        for begin in range(0, len(by_length), _BATCH_SIZE):
            batch = by_length[begin : begin + _BATCH_SIZE]
            arrays = [torch.from_numpy(sequences[index]) for index in batch]
            tokens = nn.utils.rnn.pad_sequence(arrays, batch_first=True)  # (B, T)
            scores = _scores(network, tokens, scorer, device)
            readings |= {index: _reading(sequences[index], scores, row) for row, index in enumerate(batch)}
    return [readings[index] for index in range(len(sequences))]


def _scores(network: nn.Module, tokens: Tensor, scorer: TokenScorer, device: torch.device) -> TokenScores:
    """Return the scores of a batch (B, T), on the CPU."""
    try:
        logits = network(tokens.to(device))
    except IndexError as problem:
        raise InputError(
            f"the network does not take all token ids ({problem}): give its embedding len(NoteVocabulary()) rows"
        ) from problem
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        kind = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"the network breaks its contract: its logits should be a float tensor, got {kind}")
    logits = logits.cpu()
    if bool(logits.isnan().any()):
        raise InputError("the network's logits hold NaN, so it cannot be evaluated: train it again")
    try:
        scores = scorer.by_token(logits, tokens)
    except ValueError as problem:
        raise InputError(f"the network breaks its contract: {problem}") from problem
    if bool(scores.nats.isnan().any()):
        raise InputError(
            "the network gives every token the probability 0 at some position: it cannot be evaluated, train it again"
        )
    return scores


def _encoded(melody: Melody, index: int) -> IntArray:
    try:
        return NoteVocabulary().encode(melody)
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
