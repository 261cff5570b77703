"""The network around a backbone: what the LSTM and the Transformer share."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.bar_position import (
    BarPositionState,
    BarPositionTracker,
    NoBarPosition,
    token_onsets,
)
from chromasonic.melody_generation.networks.contract import Hyperparameters, NextTokenScores
from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.embedding import BarPositionEmbedding, OutputHead, TokenEmbedding
from chromasonic.melody_generation.networks.neural.factored_logits import summarise_logits
from chromasonic.melody_generation.networks.neural.intervals import (
    NONE,
    Anchors,
    AnchorTracker,
    IntervalEmbedding,
    IntervalHead,
)
from chromasonic.melody_generation.networks.neural.memory import InductionAttention, MemoryEntries, MemoryState
from chromasonic.melody_generation.vocabulary import NoteVocabulary

BackboneState = TypeVar("BackboneState")
_MAX_SIZE = 65_536
_MAX_LAYERS = 1_000


class NetworkState(NamedTuple, Generic[BackboneState]):
    """State of a :class:`SequenceNetwork` between two calls."""

    bar_position: BarPositionState
    anchors: Anchors
    backbone: BackboneState
    memory: MemoryState | None


class _ReadTokens(NamedTuple):
    """Tensors from which the next tokens are predicted.

    Attributes:
        states: Shape (B, T, D).
        pitches: Scores of pitches that are added to those of the states, shape (B, T, P).
        durations: Scores of durations that are added to those of the states, shape (B, T, E); None without a memory.
        weights: Attention of every head of the memory, shape (B, H, T, K); None without a memory.
        entry_tokens: The token that followed at each entry of the memory, shape (B, K).
    """

    states: Tensor
    pitches: Tensor
    durations: Tensor | None
    weights: Tensor | None
    entry_tokens: Tensor


class Backbone(Protocol[BackboneState]):
    """A causal module from vectors (B, T, D) to states (B, T, D)."""

    def __call__(self, vectors: Tensor, state: BackboneState | None = None) -> tuple[Tensor, BackboneState]:
        """Return the states (B, T, D), and the state to pass with the next vectors."""
        ...


class SequenceNetwork(nn.Module, Generic[BackboneState]):
    """A backbone between embeddings of tokens and logits of the next token.

    Args:
        backbone: The recurrent or attentive layers.
        hyperparameters: Arguments of the subclass as plain values, from which a checkpoint rebuilds it.
        width: D.
        dropout: Fraction of each vector that is dropped in training, before and after the backbone.
        memory: Whether to attend to the tune so far and copy from it (:class:`InductionAttention`).
        position: Whether to embed the position in the bar and the number of the bar.
    """

    def __init__(
        self,
        backbone: nn.Module,
        hyperparameters: Hyperparameters,
        width: int,
        dropout: float,
        *,
        memory: bool,
        position: bool,
    ) -> None:
        super().__init__()
        vocabulary = NoteVocabulary()
        self.hyperparameters = hyperparameters
        self.bar_tracker = BarPositionTracker(vocabulary) if position else NoBarPosition(vocabulary)
        self.anchors = AnchorTracker(vocabulary)
        self.embedding = TokenEmbedding(vocabulary, width)
        self.bar_position = BarPositionEmbedding(vocabulary.longest_bar, width) if position else None
        self.interval_embedding = IntervalEmbedding(vocabulary, width)
        self.dropout = Dropout(dropout)
        self.backbone = backbone
        self.memory = InductionAttention(width, dropout) if memory else None
        self.interval_head = IntervalHead(vocabulary, width)
        self.output = OutputHead(vocabulary, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, T, V) of the token after each of ``tokens`` (B, T)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(
        self, tokens: Tensor, state: NetworkState[BackboneState] | None = None
    ) -> tuple[Tensor, NetworkState[BackboneState]]:
        """Return logits (B, T, V), and the state after the last token.

        Args:
            tokens: Token ids, shape (B, T).
            state: State after the tokens before ``tokens``; None at the beginning of the sequences.
        """
        read, new_state = self._read(tokens, state)
        # Sums over the vocabulary need single precision.
        logits = self.output(read.states, read.pitches, read.durations).float()  # (B, T, V)
        if self.memory is not None and read.weights is not None:
            logits = self.memory.token_pointer(logits, read.states, read.weights, read.entry_tokens)  # (B, T, V)
        return logits, new_state

    def next_token_scores(self, tokens: Tensor, targets: Tensor) -> NextTokenScores:
        """Return the nats of ``targets`` and the most probable tokens, from ``tokens``, all of shape (B, T).

        They are those of the logits, up to rounding, in much less time and memory.
        """
        read, _ = self._read(tokens, None)
        factors = self.output.factors(read.states, read.pitches, read.durations)
        if self.memory is not None and read.weights is not None:
            return self.memory.token_pointer.score(factors, read.states, read.weights, read.entry_tokens, targets)
        summary = summarise_logits(factors, targets.flatten(), targets.new_empty(targets.numel(), 0))
        return NextTokenScores((summary.log_total - summary.target).view_as(targets), summary.best.view_as(targets))

    def _read(
        self, tokens: Tensor, state: NetworkState[BackboneState] | None
    ) -> tuple[_ReadTokens, NetworkState[BackboneState]]:
        """Return everything from which tokens (B, T) are predicted, and the state after the last of them."""
        bars_before = state.bar_position if state else self.bar_tracker.initial_state(len(tokens))  # (B,) each
        times, bar_position = self.bar_tracker(tokens, bars_before)  # (B, T) each
        onsets = token_onsets(times, bars_before)  # (B, T) each
        anchors, last_anchors = self.anchors(tokens, onsets, state.anchors if state else None)  # (B, T) each
        embedded = self.embedding(tokens)  # (B, T, D), and so are the next three
        positioned = embedded if self.bar_position is None else embedded + self.bar_position(times)
        vectors = self.dropout(positioned + self.interval_embedding(anchors))
        states, backbone = self.backbone(vectors, state.backbone if state else None)
        first = state.anchors.last if state else torch.full_like(tokens[:, 0], NONE)  # (B,)
        previous_pitches = torch.cat([first[:, None], anchors.last[:, :-1]], dim=1)  # (B, T)
        entries = MemoryEntries(tokens, onsets.position, onsets.bar, previous_pitches)
        if self.memory is None:
            states = self.dropout(states)
            read = _ReadTokens(states, self.interval_head(states, anchors), None, None, tokens)
            return read, NetworkState(bar_position, last_anchors, backbone, None)
        recalled, memory = self.memory(states, embedded, times, entries, state.memory if state else None)
        states = self.dropout(recalled.states)
        pitches, durations = self.memory.viewpoint_pointer(
            states, recalled.weights, memory.entries.tokens, memory.entries.previous_pitches, anchors.last
        )  # (B, T, P) and (B, T, E)
        pitches = self.interval_head(states, anchors) + pitches  # (B, T, P)
        read = _ReadTokens(states, pitches, durations, recalled.weights, memory.entries.tokens)
        return read, NetworkState(bar_position, last_anchors, backbone, memory)


def check_sizes(dropout: float, **sizes: int) -> None:
    """Refuse sizes that are not integers of 1 to 65 536 (1 000 for ``num_layers``), and a dropout outside 0 to 1.

    A foreign configuration may name a larger size, and building such a network would take hours.

    Raises:
        ValueError: If a value is out of range; the message names it and what was expected.
    """
    for name, size in sizes.items():
        largest = _MAX_LAYERS if name == "num_layers" else _MAX_SIZE
        if not isinstance(size, int) or not 1 <= size <= largest:
            raise ValueError(f"{name} must be an integer of 1 to {largest}, got {size}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be at least 0 and less than 1, got {dropout}")
