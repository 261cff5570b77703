"""Sampling of melodies that keep to a plan, as the model itself would have written them.

A mask of forbidden tokens alone makes melodies that break off: the model did not know that it would have to end. So
several drafts of a melody are written at once, and each is weighed by the probability that the model gives to what was
asked for, which is the probability of all allowed tokens at each step. At the end of each stretch of the plan, drafts
are drawn again in proportion to their weights, so that unlikely ones are dropped and likely ones are copied; in the end
one of them is drawn. This is sequential Monte Carlo (Doucet et al. 2001; for language models Lew et al. 2023). With one
draft it is sampling with a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.constraints import DecodingConstraints, DecodingState
from chromasonic.melody_generation.generation.decoding import Decoder, select_sequences
from chromasonic.melody_generation.generation.melody_plan import PlanProgress
from chromasonic.melody_generation.generation.sampling import sample_from, token_probabilities
from chromasonic.melody_generation.melody import IntArray
from chromasonic.melody_generation.vocabulary import NoteVocabulary

_LEAST_LOGIT = -1e4  # of a token that the network rules out


@dataclass
class _Draft:
    """One draft of a melody.

    Attributes:
        tokens: Its tokens, prefix included.
        plan: Where it stands in the plan.
        log_weight: Logarithm of the probability of what was asked for, since the last drawing of drafts.
        marks: ``log_weight`` at the end of each stretch since then.
        row: Its row in the batch; -1 if it is complete.
    """

    tokens: list[int]
    plan: PlanProgress
    log_weight: float
    marks: list[float]
    row: int

    def copy(self) -> _Draft:
        return _Draft(list(self.tokens), self.plan.copy(), self.log_weight, list(self.marks), self.row)


class _DraftGroup:
    """The drafts of one melody, and its random numbers."""

    def __init__(self, drafts: list[_Draft], stream: np.random.Generator) -> None:
        self.drafts, self._stream = drafts, stream

    def uniforms(self) -> list[float]:
        """Return a random number for each draft that is not complete.

        Once all are complete none is drawn, so that other melodies of the batch change nothing.
        """
        if all(draft.row < 0 for draft in self.drafts):
            return []
        numbers = self._stream.random(len(self.drafts))
        return [float(number) for number, draft in zip(numbers, self.drafts, strict=True) if draft.row >= 0]

    def draw_again(self) -> None:
        """Draw drafts in proportion to their weights at the end of the last stretch that all have completed."""
        while all(draft.marks for draft in self.drafts) and len(self.drafts) > 1:
            weights = np.array([draft.marks[0] for draft in self.drafts])
            drawn = _systematic(weights, self._stream.random())
            self.drafts = [self.drafts[index].copy() for index in drawn]
            for draft in self.drafts:
                first = draft.marks.pop(0)
                draft.log_weight -= first
                draft.marks = [mark - first for mark in draft.marks]

    def chosen(self) -> list[int]:
        """Return the tokens of one draft, drawn by weight."""
        weights = np.array([draft.log_weight for draft in self.drafts])
        cumulative = np.cumsum(np.exp(weights - weights.max()))
        index = int(np.searchsorted(cumulative, self._stream.random() * cumulative[-1], side="right"))
        return self.drafts[min(index, len(self.drafts) - 1)].tokens


def _systematic(log_weights: np.ndarray[tuple[int], np.dtype[np.float64]], uniform: float) -> list[int]:
    """Return as many indices as there are weights, each about as often as its weight says (Kitagawa 1996)."""
    shares = np.exp(log_weights - log_weights.max())
    cumulative = np.cumsum(shares / shares.sum())
    points = (np.arange(len(shares)) + uniform) / len(shares)
    indices = np.searchsorted(cumulative, points, side="right").clip(max=len(shares) - 1)
    return [int(index) for index in indices]


def sample_drafts(
    decoder: Decoder,
    prefixes: Sequence[IntArray],
    tonics: Sequence[int],
    plans: Sequence[PlanProgress],
    streams: Sequence[np.random.Generator],
    constraints: DecodingConstraints,
    n_drafts: int,
) -> list[IntArray]:
    """Continue beginnings of equal length until all melodies are complete.

    Args:
        decoder: A decoder that has read nothing yet.
        prefixes: The tokens of each beginning, all of length T.
        tonics: The tonic of each melody.
        plans: The plan of each melody.
        streams: The random numbers of each melody.
        constraints: Masks of the tokens that may come next.
        n_drafts: The number of drafts of each melody.

    Returns:
        The tokens of each melody.

    Raises:
        InputError: If a beginning is too long already, or the network rules out every token that may come next.
    """
    repeated = np.repeat(np.stack(prefixes), n_drafts, axis=0)  # (B, T), B drafts of all melodies
    tokens = torch.from_numpy(repeated)
    state = constraints.begin(tokens, torch.tensor(tonics).repeat_interleave(n_drafts))
    groups = [
        _DraftGroup(
            [_Draft(prefix.tolist(), plan.copy(), 0.0, [], index * n_drafts + number) for number in range(n_drafts)],
            stream,
        )
        for index, (prefix, plan, stream) in enumerate(zip(prefixes, plans, streams, strict=True))
    ]
    if not constraints.config.is_rewriting:  # what continues a primer has a sounding note of its own
        state = state._replace(has_sounded=torch.zeros_like(state.has_sounded))
    constraints.check_length(state, [draft.plan for group in groups for draft in group.drafts])
    while active := _active(groups):
        logits = decoder.read(tokens)  # (B, V)
        progress = [draft.plan for draft in active]
        allowed = constraints.allowed(state, progress)  # (B, V)
        masked = logits.masked_fill(~allowed, -torch.inf)
        ruled_out = (masked.amax(-1) == -torch.inf).nonzero()[:, 0]
        if len(ruled_out):
            required = constraints.required(state, progress)[ruled_out]
            if bool((required < 0).any()):
                raise InputError("the network rules out every token that may come next, so no melody can be continued")
            masked[ruled_out, required] = _LEAST_LOGIT
        uniforms = torch.tensor([number for group in groups for number in group.uniforms()], dtype=torch.float64)
        new = sample_from(token_probabilities(masked, constraints.config), uniforms)  # (B,)
        if n_drafts > 1:
            _weigh(active, logits, masked, constraints)
        state, tokens = constraints.after(state, new), new[:, None]
        rows = _advance(groups, active, new.tolist(), state)
        if rows is not None:
            kept = torch.tensor(rows, dtype=torch.long)
            state, tokens = select_sequences(state, kept), tokens[kept]
            if rows:
                decoder.keep(kept)
    return [np.array(group.chosen(), dtype=np.int64) for group in groups]


def _active(groups: Sequence[_DraftGroup]) -> list[_Draft]:
    """Return the drafts that are not complete, in the order of the batch."""
    return [draft for group in groups for draft in group.drafts if draft.row >= 0]


def _weigh(active: Sequence[_Draft], logits: Tensor, masked: Tensor, constraints: DecodingConstraints) -> None:
    """Multiply the weight of each draft by the probability of all tokens that were allowed."""
    temperature = constraints.config.temperature or 1.0
    playable = logits.masked_fill(~constraints.playable, -torch.inf)
    log_shares = (masked / temperature).logsumexp(-1) - (playable / temperature).logsumexp(-1).clamp(min=_LEAST_LOGIT)
    for draft, log_share in zip(active, log_shares.tolist(), strict=True):
        draft.log_weight += log_share


def _advance(
    groups: Sequence[_DraftGroup], active: Sequence[_Draft], new: Sequence[int], state: DecodingState
) -> list[int] | None:
    """Add the new token to each draft, and draw drafts again where a stretch has ended.

    Returns:
        The rows of the batch that stay, in the order of the drafts; None if all stay as they are.
    """
    elapsed = state.elapsed.tolist()
    for draft, token in zip(active, new, strict=True):
        n_done = draft.plan.n_done
        draft.tokens.append(token)
        draft.plan.after(token, elapsed[draft.row])
        if token == NoteVocabulary.end:
            draft.row = -1
        if draft.plan.n_done > n_done and draft.row >= 0:
            draft.marks.append(draft.log_weight)
    for group in groups:
        group.draw_again()
    remaining = _active(groups)
    rows = [draft.row for draft in remaining]
    if rows == list(range(len(active))):
        return None
    for row, draft in enumerate(remaining):
        draft.row = row
    return rows
