"""What a network makes of each of a list of melodies, token by token.

Training only needs sums over batches; judging a model needs every tune by itself, for intervals, for tests against
another model, and to see where it fails.
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

# Tunes read side by side: logits are large.
_BATCH_SIZE = 16


@dataclass(frozen=True)
class TuneReading:
    """How a network read one tune; arrays over its tokens after the control prefix, shape (S,).

    Attributes:
        tokens: What came: notes, and ``<bar>``, metre and ``<end>`` tokens.
        bits: How surprising each was, in bits.
        is_note: Whether it was a note or a rest.
        note_right: Whether the most probable token was it, for notes; False for all else.
        pitch_right: The same for its pitch alone.
        duration_right: The same for its duration alone.
    """

    tokens: IntArray
    bits: FloatArray
    is_note: BoolArray
    note_right: BoolArray
    pitch_right: BoolArray
    duration_right: BoolArray

    @property
    def bits_per_note(self) -> float:
        """All bits, with what was needed for bar lines and for the end, over the notes and rests."""
        return float(self.bits.sum() / max(1, self.is_note.sum()))


def read_tunes(network: nn.Module, melodies: Sequence[Melody]) -> list[TuneReading]:
    """Let a network predict each token of each melody from those before it.

    Args:
        network: Any module of the contract; left in the mode, of training or evaluation, in which it came.
        melodies: Melodies that the vocabulary holds.

    Raises:
        InputError: If a melody cannot be encoded, or the network's logits have the wrong shape or hold NaN.
    """
    sequences = [_encoded(melody, place) for place, melody in enumerate(melodies)]
    scorer, device = TokenScorer(NoteVocabulary()), device_of(network)
    found: dict[int, TuneReading] = {}
    by_length = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
    with evaluating(network):
        for begin in range(0, len(by_length), _BATCH_SIZE):
            places = by_length[begin : begin + _BATCH_SIZE]
            tokens = nn.utils.rnn.pad_sequence([torch.from_numpy(sequences[each]) for each in places], batch_first=True)
            scores = _scores(network, tokens, scorer, device)
            found |= {place: _reading(sequences[place], scores, row) for row, place in enumerate(places)}
    return [found[place] for place in range(len(sequences))]


def _scores(network: nn.Module, tokens: Tensor, scorer: TokenScorer, device: torch.device) -> TokenScores:
    """What the network makes of a batch (B, T), on the CPU."""
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
        raise InputError("the network's logits hold NaN, so nothing can be said of it: was it trained?")
    try:
        scores = scorer.by_token(logits, tokens)
    except ValueError as problem:
        raise InputError(f"the network breaks its contract: {problem}") from problem
    if bool(scores.nats.isnan().any()):
        raise InputError("the network rules out every token at some place, so nothing can be said of it")
    return scores


def _encoded(melody: Melody, place: int) -> IntArray:
    try:
        return NoteVocabulary().encode(melody)
    except ValueError as problem:
        name = f"melody {place}" + (f" ({melody.title})" if melody.title else "")
        raise InputError(f"{name} cannot be scored: {problem}") from problem


def _reading(tokens: IntArray, scores: TokenScores, row: int) -> TuneReading:
    is_scored = scores.is_scored[row]
    nats, _, is_note, *rights = (part[row, is_scored].numpy() for part in scores)
    targets = tokens[1:][is_scored[: len(tokens) - 1].numpy()]
    return TuneReading(targets, nats.astype(np.float64) / math.log(2), is_note, *rights)


@dataclass(frozen=True)
class TuneSums:
    """The readings of N tunes as sums that may be added up; arrays of shape (N,).

    Attributes:
        bits: Of all tokens.
        n_tokens: The tokens.
        note_bits: Of notes and rests alone.
        n_notes: The notes and rests.
        notes_right: Notes of which the most probable token was it.
        pitches_right: The same for the pitch alone.
        durations_right: The same for the duration alone.
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
        """Add up each reading."""
        sums = [
            (
                each.bits.sum(),
                len(each.tokens),
                each.bits[each.is_note].sum(),
                each.is_note.sum(),
                each.note_right.sum(),
                each.pitch_right.sum(),
                each.duration_right.sum(),
            )
            for each in readings
        ]
        return cls(*np.array(sums, dtype=np.float64).reshape(len(readings), 7).T)

    @property
    def nats(self) -> FloatArray:
        """The bits of all tokens in nats."""
        return self.bits * math.log(2)

    def ratios(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Return each measure of ``MEASURE_RATIOS`` as numerators and denominators, one of each for every tune."""
        return {name: (getattr(self, top), getattr(self, bottom)) for name, (top, bottom) in MEASURE_RATIOS.items()}
