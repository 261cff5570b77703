"""PPM: prediction by partial match with a long-term and a short-term model, as in IDyOM (Pearce 2005).

The long-term model counts over all training tunes, the short-term model over the tune so far, whose phrases come
back. Both blend contexts of several orders by escape method C (Moffat 1990). At every note the two are averaged,
each weighted by how sure it is: inversely to the entropy of what it predicts (Conklin 1990; Pearce, Conklin &
Wiggins 2004). The kind of the next token (its duration, or which control token) and its pitch are predicted apart,
each from contexts of its own (:mod:`~chromasonic.melody_generation.networks.counting.contexts`), and multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.counting.contexts import ContextKind, PPMContexts
from chromasonic.melody_generation.networks.counting.counts import SuccessorCounts, check_order, interpolated
from chromasonic.melody_generation.vocabulary import NoteVocabulary

MODELS = ("both", "long", "short")
MAX_BIAS = 8
# What is tried for the weight of the short-term model, where the long-term model has 1.
SHORT_WEIGHTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_LEAST_ENTROPY = 1e-3  # nats: no model is surer than this


class PPMState(NamedTuple):
    """The tune so far: all tokens that were read, shape (B, K)."""

    tokens: Tensor


class PPMNetwork(nn.Module):
    """Tokens (B, T) to log-probabilities (B, T, V) of the next one, from counts over all tunes and over this one.

    Nothing is descended: :meth:`fit` reads each training tune once. The defaults were chosen on Nottingham's
    validation tunes.

    Args:
        long_order: How many past notes the longest context of the long-term model holds.
        short_order: The same for the short-term model.
        short_weight: Weight of the short-term model where both are equally sure; the long-term model has 1. ``fit``
            chooses it.
        bias: How much surer counts for more: weights are entropies to the power of minus ``bias``.
        models: ``"both"``, or ``"long"`` or ``"short"`` for one alone.

    Raises:
        ValueError: If an order is no whole number of 0 to ``MAX_ORDER``, ``short_weight`` is not above 0 and
            finite, ``bias`` is not within 0 to ``MAX_BIAS``, or ``models`` is none of the three.
    """

    def __init__(
        self,
        long_order: int = 2,
        short_order: int = 5,
        short_weight: float = 0.5,
        bias: float = 1.0,
        models: str = "both",
    ) -> None:
        super().__init__()
        check_order(long_order=long_order, short_order=short_order)
        if not 0 < short_weight < math.inf or not 0 <= bias <= MAX_BIAS:
            raise ValueError(f"short_weight is above 0 and bias is 0 to {MAX_BIAS}, got {short_weight} and {bias}")
        if models not in MODELS:
            raise ValueError(f"models is one of {', '.join(MODELS)}, got {models!r}")
        self.hyperparameters = {
            "long_order": long_order,
            "short_order": short_order,
            "short_weight": short_weight,
            "bias": bias,
            "models": models,
        }
        views = PPMContexts(long_order, short_order)
        self.viewpoints = views
        # What is known before anything was counted: every token is as likely.
        uniform = torch.full((views.n_kinds,), 1 / len(NoteVocabulary()))
        uniform[: views.n_durations] *= views.n_pitches
        self._mixture = Mixture(short_weight, bias, models)
        self.kinds = FactorModel(uniform)
        self.pitches = FactorModel(torch.full((views.n_pitches,), 1 / views.n_pitches))

    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Count the training tunes, then take the weight of the short-term model that predicts validation best.

        Args:
            training: Batches of token ids, each of shape (B, T).
            validation: The same, of tunes that are not counted.
        """
        for tokens in training:
            self.count(tokens)
        if self._mixture.models == "both":
            self._choose_weight(validation)

    @torch.no_grad()
    def _choose_weight(self, validation: Iterable[Tensor]) -> None:
        nats = dict.fromkeys(SHORT_WEIGHTS, 0.0)
        for tokens in validation:
            kinds, pitches = self.viewpoints(tokens)
            n = tokens.shape[1]
            for view, models in ((kinds, self._kinds(kinds, n)), (pitches, self.pitches(pitches, n))):
                long, short = (part[view.is_counted] for part in models)
                symbols = view.symbols[view.is_counted][:, None]
                for weight in nats:
                    mixed = self._mixture._replace(short_weight=weight)(long, short)
                    nats[weight] -= float(mixed.gather(-1, symbols).double().log().sum())
        best = min(nats, key=nats.__getitem__)
        self._mixture = self._mixture._replace(short_weight=best)
        self.hyperparameters["short_weight"] = best

    @torch.no_grad()
    def count(self, tokens: Tensor) -> None:
        """Count what followed what in sequences of token ids, shape (B, T), padded behind."""
        kinds, pitches = self.viewpoints(tokens)
        self.kinds.count(kinds)
        self.pitches.count(pitches)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the token after each of ``tokens``: ids (B, T) to log-probabilities (B, T, V)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: PPMState | None = None) -> tuple[Tensor, PPMState]:
        """Read on from where ``state`` stood: the whole sequence at once or in parts gives the same.

        Args:
            tokens: Token ids, shape (B, T).
            state: The state that the call with the tokens before these returned; None at the beginning.

        Returns:
            Log-probabilities of shape (B, T, V), and the state after the last token.
        """
        read = torch.cat([state.tokens, tokens], dim=1) if state else tokens
        n_new = tokens.shape[1]
        kind_view, pitch_view = self.viewpoints(read)
        kinds = self._mixture(*self._kinds(kind_view, n_new)).log()  # (B, T, kinds)
        pitches = self._mixture(*self.pitches(pitch_view, n_new)).log()  # (B, T, pitches)
        durations, controls = kinds.tensor_split([self.viewpoints.n_durations], dim=-1)
        notes = pitches[..., :, None] + durations[..., None, :]
        return torch.cat([controls, notes.flatten(-2)], dim=-1), PPMState(read)

    def _kinds(self, view: ContextKind, n_new: int) -> tuple[Tensor, Tensor]:
        """What the two models expect of the kind of token.

        A tune has never come to its end before, so of ends, departing bars and changes of metre the short-term model
        knows nothing: where both are mixed, it expects them as often as the long-term model does.
        """
        long, short = self.kinds(view, n_new)
        if self._mixture.models != "both":
            return long, short
        controls, notes = long[..., self.viewpoints.n_durations :], short[..., : self.viewpoints.n_durations]
        room = 1 - controls.sum(-1, keepdim=True)
        return long, torch.cat([notes * (room / notes.sum(-1, keepdim=True)), controls], dim=-1)


class Mixture(NamedTuple):
    """How the two models are averaged; see :class:`PPMNetwork`."""

    short_weight: float
    bias: float
    models: str

    def __call__(self, long: Tensor, short: Tensor) -> Tensor:
        """The weighted average of two distributions, each of shape (..., S)."""
        if self.models != "both":
            return long if self.models == "long" else short
        long_weight = entropy(long) ** -self.bias
        short_weight = self.short_weight * entropy(short) ** -self.bias
        return (long_weight * long + short_weight * short) / (long_weight + short_weight)


def entropy(probabilities: Tensor) -> Tensor:
    """Entropy in nats of distributions without zeros (..., S), shape (..., 1); at least one thousandth."""
    nats: Tensor = torch.special.entr(probabilities).sum(-1, keepdim=True)
    return nats.clamp(min=_LEAST_ENTROPY)


class FactorModel(nn.Module):
    """PPM for one aspect of the next token, such as its pitch.

    Args:
        uniform: What is expected before anything was counted, shape (S,).
    """

    uniform: Tensor

    def __init__(self, uniform: Tensor) -> None:
        super().__init__()
        self.successors = SuccessorCounts(len(uniform))
        self.register_buffer("uniform", uniform, persistent=False)

    def count(self, view: ContextKind) -> None:
        """Count a batch of training tunes."""
        symbols = view.symbols[view.is_counted]
        self.successors.add(view.long[:, view.is_counted], symbols.expand(len(view.long), -1))

    def forward(self, view: ContextKind, n_new: int) -> tuple[Tensor, Tensor]:
        """Probabilities of what comes after each of the last ``n_new`` tokens, each of shape (B, n_new, S).

        Returns:
            Those of the long-term model, and those of the short-term model.
        """
        long = short = self.uniform
        for contexts in view.long[:, :, view.long.shape[2] - n_new :]:
            long = interpolated(self.successors(contexts), long)
        for contexts in view.short:
            short = interpolated(earlier_counts(contexts, view, n_new, len(self.uniform)), short)
        return long, short


def earlier_counts(contexts: Tensor, view: ContextKind, n_new: int, n_symbols: int) -> Tensor:
    """How often each symbol followed the same context earlier in the tune.

    Args:
        contexts: One order's contexts, shape (B, T).
        view: The aspect; its symbol at place j is known from place j + 1 on.
        n_new: How many of the last places are asked for.
        n_symbols: S.

    Returns:
        Counts, shape (B, n_new, S).
    """
    n_sequences, length = contexts.shape
    same = contexts[:, length - n_new :, None] == contexts[:, None, :]  # (B, n_new, T)
    same &= view.is_counted[:, None, :]
    same = same.tril(length - n_new - 1)
    symbols = view.symbols.where(view.is_counted, 0)[:, None, :].expand(-1, n_new, -1)
    counts = torch.zeros(n_sequences, n_new, n_symbols, device=contexts.device)
    return counts.scatter_add_(2, symbols, same.to(counts.dtype))
