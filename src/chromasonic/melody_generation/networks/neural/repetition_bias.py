"""Which earlier place of a tune is like the present one, by what can be counted rather than learned.

A phrase comes back after two, four or eight bars at the same place in the bar, and one that has come back so far will
mostly go on as it did before, be it in its notes, its rhythm or its intervals alone. These are plain facts about two
places; what they are worth is learned.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.bar_position import BarTimes
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Longer matches and distances count as these.
LONGEST_MATCH = 8
FARTHEST_BAR = 33
MATCHED_VIEWS = ("token", "rhythm", "interval", "step")


class MemoryEntries(NamedTuple):
    """Tokens and where they fall, shape (B, K) each.

    Attributes:
        tokens: Token ids.
        positions: Ticks since the bar began.
        bars: Numbers of the bars.
        leads: Pitch class of the last note that sounded before each, -1 where there is none.
    """

    tokens: Tensor
    positions: Tensor
    bars: Tensor
    leads: Tensor


class RepetitionBias(nn.Module):
    """How much each head should look from one place to another, before it looks at states.

    Entry k is the place before token k, so that the token itself is what came next there. Compared are how many
    tokens up to the two places are the same, and how many are by their rhythm, their intervals and their steps; how
    many bars lie between them; and whether what comes next begins at the same position in the bar.

    Args:
        n_heads: H.
    """

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.views = Viewpoints(NoteVocabulary())
        # Two rows for each match and each distance: at another position in the bar, and at the same.
        self.match_tables = nn.ModuleDict(
            {view: nn.Embedding(2 * (LONGEST_MATCH + 1), n_heads) for view in MATCHED_VIEWS}
        )
        self.bars_table = nn.Embedding(2 * (FARTHEST_BAR + 1), n_heads)
        for table in self.parameters():
            nn.init.zeros_(table)

    def forward(self, times: BarTimes, entries: MemoryEntries) -> Tensor:
        """Compare the place after each of the last tokens with all entries.

        Args:
            times: Where the music stands after each of the last tokens, shape (B, T).
            entries: All tokens so far and where they fall, shape (B, K).

        Returns:
            Shape (B, H, T, K), of which what lies ahead is not to be used.
        """
        same_position = (times.position[:, :, None] == entries.positions[:, None, :]).long()  # (B, T, K)
        n_bars = (times.bar[:, :, None] - entries.bars[:, None, :]).clamp(0, FARTHEST_BAR)
        likeness = _rows_by_head(self.bars_table, 2 * n_bars + same_position)
        views = self.views(entries.tokens, entries.leads)._asdict() | {"token": entries.tokens}
        for view, table in self.match_tables.items():
            n_matching = match_lengths(views[view], times.position.shape[1])
            likeness = likeness + _rows_by_head(table, 2 * n_matching + same_position)
        return likeness.transpose(0, 1)


def _rows_by_head(table: nn.Module, rows: Tensor) -> Tensor:
    """Rows (B, T, K) of an embedding, as (H, B, T, K).

    The same numbers as by calling it, but their gradient, which is most of the work, takes a tenth of the time: torch
    adds up gradients of an embedding row by row, those of a gather by head.
    """
    by_head: Tensor = table.get_parameter("weight").t()
    return by_head.gather(1, rows.flatten().expand(len(by_head), -1)).view(-1, *rows.shape)


def match_lengths(tokens: Tensor, n_new: int) -> Tensor:
    """How many tokens, up to ``LONGEST_MATCH``, are the same up to a place and before an earlier token.

    Args:
        tokens: Token ids, or the classes of a view, -1 or more, shape (B, K).
        n_new: T, how many of the last places are asked for.

    Returns:
        Shape (B, T, K).

    Example:
        >>> match_lengths(torch.tensor([[5, 6, 7, 5, 6]]), 1)  # "5 6" came before the 7
        tensor([[[0, 0, 2, 0, 0]]])
    """
    n_tokens = tokens.shape[1]
    running = torch.ones(len(tokens), n_new, n_tokens, dtype=torch.bool, device=tokens.device)
    lengths = torch.zeros_like(running, dtype=torch.long)
    for back in range(LONGEST_MATCH):
        here = nn.functional.pad(tokens, (back, 0), value=-2)[:, n_tokens - n_new : n_tokens]
        there = nn.functional.pad(tokens, (back + 1, 0), value=-3)[:, :n_tokens]
        running = running & (here[:, :, None] == there[:, None, :])
        lengths += running
    return lengths
