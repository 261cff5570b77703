"""Copying: what followed at the places that the memory looks at, as a part of the prediction itself.

Whole notes are copied as they are (:class:`TokenPointer`). Where only a part of a phrase returns, what stood there
still speaks for a pitch, a duration or an interval (:class:`ViewpointPointer`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.neural.repetition_bias import MemoryEntries
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# What a head may say at first, and at most, where the network's own distribution has 1; natural logarithms. The bound
# keeps the network's part from vanishing.
_FIRST_ODDS, _HIGHEST_ODDS = -2.0, 5.0
_TINY = 1e-30
# A class that is not looked at counts as if this share of the looks went to it.
_FLOOR = 0.01
# How much a view is trusted at first.
_FIRST_TRUST = 0.1


class TokenPointer(nn.Module):
    """Mixes a network's distribution with those of pointers (Vinyals et al. 2015; See et al. 2017).

    Each head of the memory predicts the tokens it looks at, each as likely as it is looked at. How much each has to
    say against the network is learned and depends on the state.

    Args:
        width: D.
        n_heads: H.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.odds = nn.Linear(width, n_heads)
        nn.init.zeros_(self.odds.weight)
        nn.init.constant_(self.odds.bias, _FIRST_ODDS)

    def forward(self, logits: Tensor, states: Tensor, weights: Tensor, tokens: Tensor) -> Tensor:
        """Lift the scores of what would be copied.

        Args:
            logits: The network's own, shape (B, T, V).
            states: Shape (B, T, D).
            weights: How much each head looks at each entry, shape (B, H, T, K), each row summing up to 1.
            tokens: What came next at each entry, shape (B, K).

        Returns:
            Logits of the mixture, shape (B, T, V).
        """
        odds = _HIGHEST_ODDS - nn.functional.softplus(_HIGHEST_ODDS - self.odds(states).float())
        looked_at = torch.einsum("bhtk,bth->btk", weights.float(), odds.exp()).float()
        places = tokens[:, None, :].expand_as(looked_at)
        # A token that stands in several entries is copied from all of them.
        copied = torch.zeros_like(logits, dtype=torch.float32).scatter_add(-1, places, looked_at).gather(-1, places)
        # p = softmax(logits) + copied, up to a factor: only what can be copied changes. At (B, T, V) every pass over
        # memory counts.
        logits = logits.float()
        surprise = logits.logsumexp(dim=-1, keepdim=True) - logits.gather(-1, places)
        lift = nn.functional.softplus(copied.clamp(min=_TINY).log() + surprise).where(copied > 0, 0)
        counts = torch.zeros_like(logits[:, 0]).scatter_add(-1, tokens, torch.ones_like(tokens, dtype=logits.dtype))
        return logits.scatter_add(-1, places, lift / counts.gather(-1, tokens)[:, None])


class ClassPointer(nn.Module):
    """Scores the classes of a view by how much the memory looks at each, on a scale of logarithms.

    Args:
        width: D.
        n_heads: H.
        n_classes: C.
    """

    def __init__(self, width: int, n_heads: int, n_classes: int) -> None:
        super().__init__()
        self._n_classes = n_classes
        self.share = nn.Linear(width, n_heads)
        self.trust = nn.Linear(width, 1)
        for linear, first in ((self.share, 0.0), (self.trust, _FIRST_TRUST)):
            nn.init.zeros_(linear.weight)
            nn.init.constant_(linear.bias, first)

    def shares(self, states: Tensor) -> Tensor:
        """What share each head has in this: states (B, T, D) to (B, T, H), which sum up to 1."""
        shares: Tensor = self.share(states).float().softmax(dim=-1)
        return shares

    def forward(self, states: Tensor, looked_at: Tensor, classes: Tensor) -> Tensor:
        """Score classes.

        Args:
            states: Which say what all of this is worth; shape (B, T, D).
            looked_at: How much each entry is looked at, by the shares of the heads, shape (B, T, K).
            classes: Of what came next at each entry, -1 where there is none, shape (B, K).

        Returns:
            Shape (B, T, C), 0 where nothing is looked at.
        """
        # What has no class goes to a column that is dropped.
        columns = classes.where(classes >= 0, self._n_classes)[:, None].expand_as(looked_at)
        shares = looked_at.new_zeros(*looked_at.shape[:-1], self._n_classes + 1).scatter_add(-1, columns, looked_at)
        scores: Tensor = self.trust(states) * (1 + shares[..., :-1] / _FLOOR).log()
        return scores


class ViewpointPointer(nn.Module):
    """Scores pitches and durations by what stood where the memory looks, seen by several views.

    Args:
        vocabulary: Says what tokens are.
        width: D.
        n_heads: H.
    """

    def __init__(self, vocabulary: NoteVocabulary, width: int, n_heads: int) -> None:
        super().__init__()
        self.views = Viewpoints(vocabulary)
        self.pitch = ClassPointer(width, n_heads, vocabulary.rest_class + 1)
        self.duration = ClassPointer(width, n_heads, len(vocabulary.duration_classes))
        self.interval = ClassPointer(width, n_heads, self.views.semitones.n_intervals)
        self.step = ClassPointer(width, n_heads, self.views.steps.n_intervals)

    def forward(self, states: Tensor, weights: Tensor, entries: MemoryEntries, last: Tensor) -> tuple[Tensor, Tensor]:
        """Score what comes next.

        Args:
            states: Shape (B, T, D).
            weights: How much each head looks at each entry, shape (B, H, T, K).
            entries: What came next at each entry, shape (B, K).
            last: Pitch class of the last note that sounded, -1 where there is none, shape (B, T).

        Returns:
            Scores of pitches (B, T, P), rests included, and of durations (B, T, durations).
        """
        views = self.views(entries.tokens, entries.leads)
        copies = (self.pitch, self.duration, self.interval, self.step)
        # All at once, since each pass over the heads' weights counts.
        shares = torch.stack([copy.shares(states) for copy in copies], dim=2)  # (B, T, 4, H)
        looked_at = (shares @ weights.transpose(1, 2).float()).float().unbind(dim=2)
        classes = (views.pitch, views.duration, views.interval, views.step)
        pitches, durations, intervals, steps = (
            copy(states, looks, each) for copy, looks, each in zip(copies, looked_at, classes, strict=True)
        )
        by_semitones = self.views.semitones.scores_of_pitches(intervals, last)
        return pitches + by_semitones + self.views.steps.scores_of_pitches(steps, last), durations
