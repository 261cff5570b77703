"""PPM: prediction by partial match with a long-term and a short-term model, as in IDyOM (Pearce 2005).

The long-term model counts over all training tunes, the short-term model over the tune so far, whose phrases return.
Both interpolate contexts of several orders by escape method C (Moffat 1990). The two distributions are averaged for
every token, each weighted inversely to its entropy (Conklin 1990; Pearce, Conklin & Wiggins 2004). The kind of the
next token (its duration, or which control token) and its pitch are predicted separately, each from separate contexts
(:mod:`~chromasonic.melody_generation.networks.counting.contexts`), and multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.counting.contexts import FactorContexts, PPMContexts
from chromasonic.melody_generation.networks.counting.counts import (
    SuccessorCounts,
    add_feature,
    check_order,
    interpolate,
)
from chromasonic.melody_generation.vocabulary import NoteVocabulary

MODELS = ("both", "long", "short")
MAX_BIAS = 8
# Candidates for the weight of the short-term model; the long-term model has 1.
SHORT_WEIGHTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_POSITIONS_AT_ONCE = 256
_MIN_ENTROPY = 1e-3  # nats; bounds the weight of a model that is certain


class PPMState(NamedTuple):
    """All tokens so far, shape (B, K)."""

    tokens: Tensor


class PPMNetwork(nn.Module):
    """Maps tokens (B, T) to log-probabilities (B, T, V) of the next token, by counts over all tunes and over this one.

    :meth:`fit` counts each training tune once. The defaults were chosen on Nottingham's validation tunes.

    Args:
        long_order: Number of past notes in the longest context of the long-term model.
        short_order: Number of past notes in the longest context of the short-term model.
        short_weight: Weight of the short-term model where both have the same entropy; the long-term model has 1.
            ``fit`` chooses it.
        bias: Weights are entropies to the power of minus ``bias``.
        models: ``"both"``, or ``"long"`` or ``"short"`` for one alone.
        update_exclusion: Whether the short-term model counts a symbol in a context only where it was new in the next
            longer one (Moffat 1990), so that a passage that returns does not drown what is rare.

    Raises:
        ValueError: If an order is not an integer of 0 to ``MAX_ORDER``, ``short_weight`` is not above 0 and finite,
            ``bias`` is not within 0 to ``MAX_BIAS``, or ``models`` is none of the three.
    """

    def __init__(
        self,
        long_order: int = 2,
        short_order: int = 8,
        short_weight: float = 0.5,
        bias: float = 1.0,
        models: str = "both",
        update_exclusion: bool = True,
    ) -> None:
        super().__init__()
        check_order(long_order=long_order, short_order=short_order)
        if not 0 < short_weight < math.inf or not 0 <= bias <= MAX_BIAS:
            raise ValueError(f"short_weight must be above 0 and bias 0 to {MAX_BIAS}, got {short_weight} and {bias}")
        if models not in MODELS:
            raise ValueError(f"models must be one of {', '.join(MODELS)}, got {models!r}")
        self.hyperparameters = {
            "long_order": long_order,
            "short_order": short_order,
            "short_weight": short_weight,
            "bias": bias,
            "models": models,
            "update_exclusion": bool(update_exclusion),
        }
        self.contexts = PPMContexts(long_order, short_order)
        # Without counts every token is equally likely.
        n_pitches, n_durations = self.contexts.n_pitches, self.contexts.n_durations
        uniform_kinds = torch.full((self.contexts.n_kinds,), 1 / len(NoteVocabulary()))
        uniform_kinds[:n_durations] *= n_pitches
        self._weighting = EntropyWeighting(short_weight, bias, models)
        self.kinds = FactorModel(uniform_kinds, update_exclusion=update_exclusion)
        self.pitches = FactorModel(torch.full((n_pitches,), 1 / n_pitches), update_exclusion=update_exclusion)

    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Count the training tunes, then choose the weight of the short-term model that predicts validation best.

        Args:
            training: Batches of token ids, each of shape (B, T).
            validation: Batches of tunes that are not counted, each of shape (B, T).
        """
        for tokens in training:
            self.count(tokens)
        if self._weighting.models == "both":
            self._choose_weight(validation)

    @torch.no_grad()
    def _choose_weight(self, validation: Iterable[Tensor]) -> None:
        nats = dict.fromkeys(SHORT_WEIGHTS, 0.0)
        for tokens in validation:
            kinds, pitches = self.contexts(tokens)
            n_tokens = tokens.shape[1]
            for factor, models in (
                (kinds, self._kind_probabilities(kinds, n_tokens)),
                (pitches, self.pitches(pitches, n_tokens)),
            ):
                long, short = (probabilities[factor.is_counted] for probabilities in models)  # (counted, symbols) each
                symbols = factor.symbols[factor.is_counted][:, None]  # (counted, 1)
                for weight in nats:
                    averaged = self._weighting._replace(short_weight=weight)(long, short)  # (counted, symbols)
                    nats[weight] -= float(averaged.gather(-1, symbols).double().log().sum())
        best = min(nats, key=nats.__getitem__)
        self._weighting = self._weighting._replace(short_weight=best)
        self.hyperparameters["short_weight"] = best

    @torch.no_grad()
    def count(self, tokens: Tensor) -> None:
        """Count the successors in sequences of token ids, shape (B, T), padded at the end."""
        kinds, pitches = self.contexts(tokens)
        self.kinds.count(kinds)
        self.pitches.count(pitches)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return log-probabilities (B, T, V) of the token after each of ``tokens`` (B, T)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: PPMState | None = None) -> tuple[Tensor, PPMState]:
        """Return log-probabilities (B, T, V), and the state after the last token.

        Args:
            tokens: Token ids, shape (B, T).
            state: State after the tokens before ``tokens``; None at the beginning of the sequences.
        """
        tokens_so_far = torch.cat([state.tokens, tokens], dim=1) if state else tokens  # (B, K)
        n_new = tokens.shape[1]
        kind_contexts, pitch_contexts = self.contexts(tokens_so_far)
        kinds = self._weighting(*self._kind_probabilities(kind_contexts, n_new)).log()  # (B, T, kinds)
        pitches = self._weighting(*self.pitches(pitch_contexts, n_new)).log()  # (B, T, P)
        durations, controls = kinds.tensor_split([self.contexts.n_durations], dim=-1)  # (B, T, E), (B, T, V - P E)
        notes = pitches[..., :, None] + durations[..., None, :]  # (B, T, P, E)
        return torch.cat([controls, notes.flatten(-2)], dim=-1), PPMState(tokens_so_far)  # (B, T, V)

    def _kind_probabilities(self, contexts: FactorContexts, n_new: int) -> tuple[Tensor, Tensor]:
        """Return the probabilities of kinds of the long-term and the short-term model, each (B, n_new, kinds).

        The short-term model has never seen the end of the tune, and seldom a departing bar or a change of metre. Where
        both models are averaged, it takes the probabilities of control tokens from the long-term model.
        """
        long, short = self.kinds(contexts, n_new)
        if self._weighting.models != "both":
            return long, short
        controls, notes = long[..., self.contexts.n_durations :], short[..., : self.contexts.n_durations]
        notes_total = 1 - controls.sum(-1, keepdim=True)  # (B, n_new, 1)
        return long, torch.cat([notes * (notes_total / notes.sum(-1, keepdim=True)), controls], dim=-1)


class EntropyWeighting(NamedTuple):
    """Average of the two models, each weighted inversely to its entropy; see :class:`PPMNetwork`."""

    short_weight: float
    bias: float
    models: str

    def __call__(self, long: Tensor, short: Tensor) -> Tensor:
        """Return the weighted average of two distributions, each of shape (..., symbols)."""
        if self.models != "both":
            return long if self.models == "long" else short
        long_weight = entropy(long) ** -self.bias  # (..., 1)
        short_weight = self.short_weight * entropy(short) ** -self.bias  # (..., 1)
        return (long_weight * long + short_weight * short) / (long_weight + short_weight)


def entropy(probabilities: Tensor) -> Tensor:
    """Return the entropy in nats, at least 0.001, of distributions without zeros (..., symbols), shape (..., 1)."""
    nats: Tensor = torch.special.entr(probabilities).sum(-1, keepdim=True)
    return nats.clamp(min=_MIN_ENTROPY)


class FactorModel(nn.Module):
    """PPM for one factor of the next token, such as its pitch.

    Args:
        uniform: Probabilities without any counts, shape (symbols,).
        update_exclusion: Whether the short-term model excludes updates; see :class:`PPMNetwork`.
    """

    uniform: Tensor

    def __init__(self, uniform: Tensor, *, update_exclusion: bool = False) -> None:
        super().__init__()
        self._update_exclusion = update_exclusion
        self.successors = SuccessorCounts(len(uniform))
        self.register_buffer("uniform", uniform, persistent=False)

    def count(self, contexts: FactorContexts) -> None:
        """Count a batch of training tunes."""
        symbols = contexts.symbols[contexts.is_counted]  # (counted,)
        self.successors.add(contexts.long[:, contexts.is_counted], symbols.expand(len(contexts.long), -1))

    def forward(self, contexts: FactorContexts, n_new: int) -> tuple[Tensor, Tensor]:
        """Return the probabilities of the long-term and of the short-term model, each (B, n_new, symbols).

        Args:
            contexts: The factor and its contexts in the tokens so far, shape (B, K).
            n_new: Number of last tokens for whose successors to return probabilities.
        """
        long = short = self.uniform  # (symbols,)
        for order_contexts in contexts.long[:, :, contexts.long.shape[2] - n_new :]:  # (B, n_new)
            long = interpolate(self.successors(order_contexts), long)  # (B, n_new, symbols)
        for order, order_contexts in enumerate(contexts.short):  # (B, K)
            counted = contexts
            if self._update_exclusion and order + 1 < len(contexts.short):
                is_new = contexts.is_counted & ~has_occurred(contexts.short[order + 1], contexts.symbols)
                counted = contexts._replace(is_counted=is_new)
            short = interpolate(earlier_counts(order_contexts, counted, n_new, len(self.uniform)), short)
        return long, short


def earlier_counts(order_contexts: Tensor, contexts: FactorContexts, n_new: int, n_symbols: int) -> Tensor:
    """Count the symbols that followed the same context earlier in the tune.

    Args:
        order_contexts: Contexts of one order, shape (B, K).
        contexts: The factor; its symbol at position j is known from position j + 1 on.
        n_new: Number of last positions for which to count.
        n_symbols: Number of symbols.

    Returns:
        Counts, shape (B, n_new, n_symbols).
    """
    n_sequences, n_tokens = order_contexts.shape
    symbols = contexts.symbols.where(contexts.is_counted, 0)[:, None, :]  # (B, 1, K)
    counts = torch.zeros(n_sequences, n_new, n_symbols, device=order_contexts.device)
    first_new = n_tokens - n_new
    for begin in range(0, n_new, _POSITIONS_AT_ONCE):
        end = min(begin + _POSITIONS_AT_ONCE, n_new)
        current = order_contexts[:, first_new + begin : first_new + end, None]  # (B, N, 1)
        is_same = current == order_contexts[:, None, :]  # (B, N, K)
        is_same &= contexts.is_counted[:, None, :]
        is_same = is_same.tril(first_new + begin - 1)
        counts[:, begin:end].scatter_add_(2, symbols.expand(-1, end - begin, -1), is_same.to(counts.dtype))
    return counts


def has_occurred(contexts: Tensor, symbols: Tensor) -> Tensor:
    """Return where a symbol has already followed the same context, earlier in the tune.

    Args:
        contexts: Contexts of one order, shape (B, K).
        symbols: The symbols after them, shape (B, K).

    Returns:
        Mask, shape (B, K).

    Example:
        >>> has_occurred(torch.tensor([[1, 2, 1, 1]]), torch.tensor([[5, 5, 5, 6]])).tolist()
        [[False, False, True, False]]
    """
    pairs = add_feature(contexts, symbols)
    order = pairs.argsort(dim=1, stable=True)
    in_order = pairs.gather(1, order)
    is_repeated = nn.functional.pad(in_order[:, 1:] == in_order[:, :-1], (1, 0))
    return torch.zeros_like(is_repeated).scatter(1, order, is_repeated)
