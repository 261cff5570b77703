"""What the LSTM and the Transformer share: tokens in, logits out, in one go or step by step."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.bar_position import (
    BarPositionState,
    BarPositionTracker,
    BarTimes,
    NoBarPosition,
    onsets_of,
)
from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.embedding import BarPositionEmbedding, TokenEmbedding, TokenScores
from chromasonic.melody_generation.networks.neural.interval_scale import NONE
from chromasonic.melody_generation.networks.neural.intervals import (
    Anchors,
    IntervalEmbedding,
    IntervalScores,
    PitchAnchors,
)
from chromasonic.melody_generation.networks.neural.memory import InductionAttention, MemoryState
from chromasonic.melody_generation.networks.neural.repetition_bias import MemoryEntries
from chromasonic.melody_generation.vocabulary import NoteVocabulary

BodyState = TypeVar("BodyState")


class NetworkState(NamedTuple, Generic[BodyState]):
    """All that a network carries from one stretch of a sequence to the next."""

    clock: BarPositionState
    anchors: Anchors
    body: BodyState
    memory: MemoryState | None


class Backbone(Protocol[BodyState]):
    """Vectors (B, T, D) to states (B, T, D), none of which sees what comes after it."""

    def __call__(self, vectors: Tensor, state: BodyState | None = None) -> tuple[Tensor, BodyState]:
        """The states, and what to pass as ``state`` with the vectors that follow."""
        ...


class SequenceNetwork(nn.Module, Generic[BodyState]):
    """A body between the embedding of tokens and the scores of the next one.

    Args:
        body: The part that learns sequences.
        hyperparameters: The arguments that the subclass was built with, as plain values; from these a
            checkpoint rebuilds it.
        width: D.
        dropout: Share of each vector that is dropped in training, before the body and after it.
        memory: Whether the tune so far is remembered and copied from (:class:`InductionAttention`).
        position: Whether the network is told where in the bar, and in which bar, the music stands.
    """

    def __init__(
        self,
        body: nn.Module,
        hyperparameters: dict[str, Any],
        width: int,
        dropout: float,
        *,
        memory: bool,
        position: bool,
    ) -> None:
        super().__init__()
        vocabulary = NoteVocabulary()
        self.hyperparameters = hyperparameters
        self.clock = BarPositionTracker(vocabulary) if position else NoBarPosition(vocabulary)
        self.anchors = PitchAnchors(vocabulary)
        self.embedding = TokenEmbedding(vocabulary, width)
        self.place = BarPositionEmbedding(vocabulary.longest_bar, width) if position else None
        self.interval = IntervalEmbedding(vocabulary, width)
        self.dropout = Dropout(dropout)
        self.body = body
        self.memory = InductionAttention(width, dropout) if memory else None
        self.interval_scores = IntervalScores(vocabulary, width)
        self.scores = TokenScores(vocabulary, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the token after each of ``tokens``: ids (B, T) to logits (B, T, V)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(
        self, tokens: Tensor, state: NetworkState[BodyState] | None = None
    ) -> tuple[Tensor, NetworkState[BodyState]]:
        """Read on from where ``state`` stood: the whole sequence at once or in parts gives the same logits.

        Args:
            tokens: Token ids, shape (B, T).
            state: The state that the call with the tokens before these returned; None at the beginning.

        Returns:
            Logits of shape (B, T, V), and the state after the last token.
        """
        clock_before = state.clock if state else self.clock.begin(len(tokens))
        times, clock = self.clock(tokens, clock_before)
        onsets = onsets_of(times, clock_before)
        anchors, last_anchors = self.anchors(tokens, onsets, state.anchors if state else None)
        embedded = self.embedding(tokens)
        placed = embedded if self.place is None else embedded + self.place(times)
        vectors = self.dropout(placed + self.interval(anchors))
        states, body = self.body(vectors, state.body if state else None)
        first = state.anchors.last if state else torch.full_like(tokens[:, 0], NONE)
        leads = torch.cat([first[:, None], anchors.last[:, :-1]], dim=1)
        places = MemoryEntries(tokens, onsets.position, onsets.bar, leads)
        logits, memory = self._predict(states, anchors, embedded, times, places, state.memory if state else None)
        return logits, NetworkState(clock, last_anchors, body, memory)

    def _predict(
        self,
        states: Tensor,
        anchors: Anchors,
        embedded: Tensor,
        times: BarTimes,
        places: MemoryEntries,
        state: MemoryState | None,
    ) -> tuple[Tensor, MemoryState | None]:
        """Logits (B, T, V) from states (B, T, D) and, where there is a memory, from what they recall."""
        if self.memory is None:
            states = self.dropout(states)
            return self.scores(states, self.interval_scores(states, anchors)).float(), None
        recalled, memory = self.memory(states, embedded, times, places, state)
        states = self.dropout(recalled.states)
        pitches, durations = self.memory.copy_views(states, recalled.weights, memory.places, anchors.last)
        # Over a vocabulary nothing is summed in half precision.
        logits = self.scores(states, self.interval_scores(states, anchors) + pitches, durations).float()
        return self.memory.copy(logits, states, recalled.weights, memory.places.tokens), memory
