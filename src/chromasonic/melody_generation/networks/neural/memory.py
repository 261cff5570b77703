"""Memory of the tune so far: attention heads that find earlier states like the present one and what followed them.

Folk tunes repeat themselves, and a recurrent state is too narrow to hold the passages that return. Entry k joins the
state before token k with token k itself, so that a state that resembles an earlier one finds what followed there. This
is an induction head (Elhage et al. 2021, Olsson et al. 2022), built in rather than learned from two layers. Entries
that join a state with the token before it lose the gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.bar_position import BarTimes
from chromasonic.melody_generation.networks.neural.dropout import Dropout
from chromasonic.melody_generation.networks.neural.pointer import TokenPointer, ViewpointPointer
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints
from chromasonic.melody_generation.vocabulary import NoteVocabulary

MEMORY_HEADS = 4
# Longer matches and larger distances count as these.
LONGEST_MATCH = 8
FARTHEST_BAR = 33
_N_LENGTHS = LONGEST_MATCH + 1
_BITS = LONGEST_MATCH.bit_length()
MATCHED_VIEWPOINTS = ("token", "rhythm", "interval", "step")


class MemoryEntries(NamedTuple):
    """Tokens with their onsets, shape (B, K) each.

    Attributes:
        tokens: Token ids.
        positions: Onsets in ticks since the bar began.
        bars: Numbers of the bars.
        previous_pitches: Pitch class of the last sounding note before each token, or ``NONE``.
    """

    tokens: Tensor
    positions: Tensor
    bars: Tensor
    previous_pitches: Tensor


class MemoryState(NamedTuple):
    """Keys and values of the entries so far, both (B, H, K, D / H), the entries, and the last state (B, 1, D)."""

    keys: Tensor
    values: Tensor
    entries: MemoryEntries
    last_state: Tensor


class Recalled(NamedTuple):
    """States with what the memory adds to them (B, T, D), and the attention on every entry (B, H, T, K)."""

    states: Tensor
    weights: Tensor


class InductionAttention(nn.Module):
    """Causal attention heads over the earlier states of the same tune.

    The result of the attention is added to the state, and its weights serve two pointer heads: one for tokens
    (``token_pointer``) and one for viewpoints (``viewpoint_pointer``).

    Args:
        width: D.
        dropout: Fraction of the result that is dropped in training.
        n_heads: H.
    """

    def __init__(self, width: int, dropout: float, n_heads: int = MEMORY_HEADS) -> None:
        super().__init__()
        head_width = -(-width // n_heads)
        self._n_heads, self._scale = n_heads, head_width**-0.5
        self.query = nn.Linear(width, n_heads * head_width)
        self.key = nn.Linear(width, n_heads * head_width)
        self.value = nn.Linear(2 * width, n_heads * head_width)
        self.output = nn.Linear(n_heads * head_width, width)
        self.repetition_bias = RepetitionBias(n_heads)
        self.token_pointer = TokenPointer(width, n_heads)
        self.viewpoint_pointer = ViewpointPointer(NoteVocabulary(), width, n_heads)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        states: Tensor,
        embedded: Tensor,
        times: BarTimes,
        entries: MemoryEntries,
        state: MemoryState | None = None,
    ) -> tuple[Recalled, MemoryState]:
        """Add to each state what the memory holds for it.

        Args:
            states: State after each token, shape (B, T, D).
            embedded: Embeddings of the tokens, shape (B, T, D).
            times: Times after each token, shape (B, T) each.
            entries: The tokens and their onsets, shape (B, T) each.
            state: Memory before these tokens; None at the beginning of the sequences.

        Returns:
            The recalled states and their attention weights, and the memory with T more entries.
        """
        last_state = state.last_state if state else torch.zeros_like(states[:, :1])  # (B, 1, D)
        states_before = torch.cat([last_state, states[:, :-1]], dim=1)  # (B, T, D)
        keys = self._split_heads(self.key(states_before))  # (B, H, T, D / H)
        values = self._split_heads(self.value(torch.cat([states_before, embedded], dim=-1)))  # (B, H, T, D / H)
        if state:
            keys, values = torch.cat([state.keys, keys], dim=2), torch.cat([state.values, values], dim=2)
            entries = MemoryEntries(*(torch.cat(pair, dim=1) for pair in zip(state.entries, entries, strict=True)))
        # From here on keys and values are (B, H, K, D / H), and entries (B, K) each.
        products = self._split_heads(self.query(states) * self._scale) @ keys.transpose(-1, -2)  # (B, H, T, K)
        weights = (products + self.repetition_bias(times, entries)).softmax(dim=-1)  # (B, H, T, K)
        attended = (weights.to(values.dtype) @ values).transpose(1, 2).flatten(2)  # (B, T, D)
        recalled = Recalled(states + self.dropout(self.output(attended)), weights)
        return recalled, MemoryState(keys, values, entries, states[:, -1:])

    def _split_heads(self, vectors: Tensor) -> Tensor:
        n_sequences, n_tokens, _ = vectors.shape
        return vectors.view(n_sequences, n_tokens, self._n_heads, -1).transpose(1, 2)  # (B, H, T, D / H)


class RepetitionBias(nn.Module):
    """Attention bias of every head, learned from countable facts about a position and an entry.

    A phrase returns after two, four or eight bars at the same position in the bar, and one that has matched so far is
    likely to go on as before, in its tokens, its rhythm or its intervals. The facts are the number of matching tokens
    before both, from four viewpoints, and their distance in bars, each once for entries at the position in the bar
    of the next token and once for all others. Entry k stands before token k, so token k is what followed there.

    Args:
        n_heads: H.
    """

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.viewpoints = Viewpoints(NoteVocabulary())
        # Index 2 n stands for n matches or bars at another position in the bar, 2 n + 1 for the same position.
        self.match_tables = nn.ModuleDict(
            {viewpoint: nn.Embedding(2 * (LONGEST_MATCH + 1), n_heads) for viewpoint in MATCHED_VIEWPOINTS}
        )
        self.bars_table = nn.Embedding(2 * (FARTHEST_BAR + 1), n_heads)
        for table in self.parameters():
            nn.init.zeros_(table)

    def forward(self, times: BarTimes, entries: MemoryEntries) -> Tensor:
        """Return the bias of the last T positions towards all entries, minus infinity towards later ones, (B, H, T, K).

        Args:
            times: Times after each of the last T tokens, shape (B, T) each.
            entries: All tokens so far and their onsets, shape (B, K) each.
        """
        n_new, n_entries = times.position.shape[1], entries.tokens.shape[1]
        is_same_position = (times.position[:, :, None] == entries.positions[:, None, :]).long()  # (B, T, K)
        n_bars = (times.bar[:, :, None] - entries.bars[:, None, :]).clamp_(0, FARTHEST_BAR)  # (B, T, K)
        viewpoints = self.viewpoints(entries.tokens, entries.previous_pitches)
        token, rhythm, interval, step = _unpacked(
            pairwise_match_lengths((entries.tokens, viewpoints.rhythm, viewpoints.interval, viewpoints.step), n_new)
        )  # (B, T, K) each
        is_later = torch.ones(n_new, n_entries, dtype=torch.bool, device=token.device).triu(n_entries - n_new + 1)
        by_bars, by_matches = self._tables()
        # Rows of the tables, counted as in a number whose digits are the facts.
        row = ((2 * n_bars + is_same_position) * _N_LENGTHS + token).masked_fill_(is_later, by_bars.shape[1] - 1)
        bias = _look_up_by_head(by_bars, row)  # (B, H, T, K)
        row = ((is_same_position * _N_LENGTHS + rhythm) * _N_LENGTHS + interval) * _N_LENGTHS + step
        return bias + _look_up_by_head(by_matches, row)  # (B, H, T, K)

    def _tables(self) -> tuple[Tensor, Tensor]:
        """Return sums of the tables, so that two look-ups do for five, both of shape (H, rows).

        The rows of the first are for the distance in bars, whether the position is the same, and matching tokens; its
        last one is minus infinity. Those of the second are for whether the position is the same, and matching rhythms,
        intervals and steps.
        """
        n_heads = self.bars_table.weight.shape[1]
        bars = self.bars_table.weight.t().view(n_heads, -1, 2)  # (H, bars, 2)
        token, rhythm, interval, step = (
            self.match_tables.get_parameter(f"{viewpoint}.weight").t().view(n_heads, _N_LENGTHS, 2).transpose(1, 2)
            for viewpoint in MATCHED_VIEWPOINTS
        )  # (H, 2, lengths) each
        by_bars = (bars[..., None] + token[:, None]).flatten(1)  # (H, bars * 2 * lengths)
        by_matches = rhythm[..., None, None] + interval[..., None, :, None] + step[..., None, None, :]
        return nn.functional.pad(by_bars, (0, 1), value=-torch.inf), by_matches.flatten(1)  # (H, 2 * lengths^3)


def _look_up_by_head(table: Tensor, rows: Tensor) -> Tensor:
    """Return the values at ``rows`` (B, T, K) of a table (H, n), shape (B, H, T, K).

    This is an embedding, but the gradient of one, which is most of the work, takes ten times as long: torch accumulates
    it vector by vector, that of a gather by head.
    """
    n_sequences, n_heads = len(rows), len(table)
    flat = rows.flatten(1)[:, None].expand(-1, n_heads, -1)  # (B, H, T K)
    return table.expand(n_sequences, -1, -1).gather(2, flat).view(n_sequences, n_heads, *rows.shape[1:])


def pairwise_match_lengths(viewpoints: Sequence[Tensor], n_new: int) -> Tensor:
    """Return how many classes before each of the last positions equal those before each entry, for each viewpoint.

    Counted backwards from both, up to ``LONGEST_MATCH``; the class of the position itself is included, that of the
    entry is not.

    Args:
        viewpoints: Token ids, or classes of a viewpoint, -1 or more, shape (B, K) each; at most 7.
        n_new: T, number of last positions.

    Returns:
        Four bits of an integer for each viewpoint, those of the first one the lowest, shape (B, T, K).

    Example:
        >>> pairwise_match_lengths([torch.tensor([[5, 6, 7, 5, 6]])], 1)  # "5 6" came before the 7
        tensor([[[0, 0, 2, 0, 0]]], dtype=torch.int32)
    """
    # All viewpoints in one integer: one comparison counts for all lags, and one "and" for all viewpoints.
    n_sequences, n_entries = viewpoints[0].shape
    n_lags = LONGEST_MATCH - 1
    equal = torch.zeros(
        n_sequences, n_lags + n_new, n_lags + n_entries, dtype=torch.int32, device=viewpoints[0].device
    )  # begins LONGEST_MATCH - 1 before the first position, and before the first entry
    for index, classes in enumerate(viewpoints):
        at_position = nn.functional.pad(classes, (n_lags, 0), value=-2)[:, n_entries - n_new :]
        before_entry = nn.functional.pad(classes, (n_lags + 1, 0), value=-3)[:, :-1]
        equal.add_(at_position[:, :, None] == before_entry[:, None, :], alpha=1 << index * _BITS)
    matches_so_far = equal[:, n_lags:, n_lags:]  # (B, T, K)
    lengths = matches_so_far.clone()  # (B, T, K)
    for begin in reversed(range(n_lags)):
        matches_so_far = matches_so_far & equal[:, begin : begin + n_new, begin : begin + n_entries]
        lengths += matches_so_far
    return lengths


def _unpacked(lengths: Tensor) -> list[Tensor]:
    """Return the match lengths of each of ``MATCHED_VIEWPOINTS``."""
    return [lengths >> index * _BITS & (1 << _BITS) - 1 for index in range(len(MATCHED_VIEWPOINTS))]
