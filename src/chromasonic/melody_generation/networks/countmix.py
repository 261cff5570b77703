"""Context mixing: a log-linear mixture of counts in many contexts, the strongest reference without a neural network.

As in PAQ (Mahoney 2005) and cmix, many simple models count what followed the present context, and a mixer with few
weights joins them: contexts of pitch, duration, interval, position and form, each in all training tunes or in the tune
so far, and copies of what was played some bars ago. The next token has two factors: its pitch, or the control token
that it is, and its duration. Each is predicted by a log-linear mixture
(:mod:`~chromasonic.melody_generation.networks.counting.mixed_factor`), and the predictions are multiplied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import next_token_targets
from chromasonic.melody_generation.networks.counting.log_linear import fit_mixture
from chromasonic.melody_generation.networks.counting.mixed_contexts import DURATION_MODELS, PITCH_MODELS
from chromasonic.melody_generation.networks.counting.mixed_factor import Factor, MixedFactor
from chromasonic.melody_generation.networks.counting.tune_features import TuneFeatures
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Most frequent control tokens that have a symbol of their own; all others share one more.
MAX_CONTROLS = 24
_TUNES_AT_ONCE = 16


class CountMixState(NamedTuple):
    """All tokens so far, shape (B, K)."""

    tokens: Tensor


class CountMixNetwork(nn.Module):
    """Maps tokens (B, T) to log-probabilities (B, T, V) of the next token, by mixing counts in many contexts.

    :meth:`fit` counts every training tune, then finds the weights that predict training tunes best, each with its own
    counts left out. An untrained network gives every pitch and every duration the same probability.

    Args:
        weight_tokens: Number of training tokens, in whole tunes, on which weights are fitted; all tunes are counted.

    Raises:
        ValueError: If ``weight_tokens`` is not a positive integer.
    """

    symbol_of: Tensor
    duration_of: Tensor
    is_note: Tensor

    def __init__(self, weight_tokens: int = 100_000) -> None:
        super().__init__()
        if not isinstance(weight_tokens, int) or weight_tokens < 1:
            raise ValueError(f"weight_tokens must be a positive integer, got {weight_tokens}")
        self.hyperparameters = {"weight_tokens": weight_tokens}
        self._weight_tokens = weight_tokens
        vocabulary = NoteVocabulary()
        self.features = TuneFeatures(vocabulary)
        n_pitches, n_durations = self.features.n_pitches, self.features.n_durations
        self.pitches = MixedFactor(PITCH_MODELS, n_pitches + MAX_CONTROLS + 1, vocabulary.rest_class)
        self.durations = MixedFactor(DURATION_MODELS, n_durations, 0)
        pitch, duration = torch.from_numpy(vocabulary.token_pitch), torch.from_numpy(vocabulary.token_duration)
        self.register_buffer("is_note", pitch >= 0, persistent=False)
        self.register_buffer("duration_of", duration.clamp(min=0), persistent=False)
        # The symbol of each token: its pitch class, or above those a control symbol.
        self.register_buffer("symbol_of", torch.where(pitch >= 0, pitch, n_pitches + MAX_CONTROLS))

    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Count the training tunes, and fit the weights with every tune's own counts left out.

        Args:
            training: Batches of token ids, each of shape (B, T).
            validation: Not used.
        """
        del validation
        batches = list(training)
        self._choose_controls(batches)
        self._count(batches)
        self._fit_weights(batches)

    def _choose_controls(self, batches: list[Tensor]) -> None:
        """Give the most frequent control tokens symbols of their own."""
        counts = torch.zeros_like(self.symbol_of)
        for tokens in batches:
            targets, is_scored = next_token_targets(tokens)
            counts += torch.bincount(targets[is_scored], minlength=len(counts))
        counts[self.is_note] = 0
        controls = counts.argsort(descending=True, stable=True)[:MAX_CONTROLS]
        controls = controls[counts[controls] > 0]
        first = self.features.n_pitches
        self.symbol_of[~self.is_note] = first + MAX_CONTROLS
        self.symbol_of[controls] = first + torch.arange(len(controls), device=controls.device)

    @torch.no_grad()
    def _count(self, batches: list[Tensor]) -> None:
        factors = [self._factors(tokens) for tokens in batches]
        self.pitches.count([pitches for pitches, _ in factors])
        self.durations.count([durations for _, durations in factors])

    @torch.no_grad()
    def _fit_weights(self, batches: list[Tensor]) -> None:
        chosen = self._weight_batches(batches)
        for index, network in enumerate((self.pitches, self.durations)):
            fit_mixture(network, [self._factors(tokens)[index] for tokens in chosen])

    def _weight_batches(self, batches: list[Tensor]) -> list[Tensor]:
        """Return batches of tunes whose tokens amount to ``weight_tokens``, whatever the order of the batches was."""
        pad, device = NoteVocabulary.pad, batches[0].device if batches else None
        tunes = sorted(row[row != pad].tolist() for tokens in batches for row in tokens if (row != pad).any())
        step = max(1.0, sum(map(len, tunes)) / self._weight_tokens)
        chosen = sorted((tunes[int(index * step)] for index in range(int(len(tunes) / step))), key=len)
        parts = [chosen[begin : begin + _TUNES_AT_ONCE] for begin in range(0, len(chosen), _TUNES_AT_ONCE)]
        return [
            nn.utils.rnn.pad_sequence([torch.tensor(tune, device=device) for tune in part], True, pad) for part in parts
        ]

    def forward(self, tokens: Tensor) -> Tensor:
        """Return log-probabilities (B, T, V) of the token after each of ``tokens`` (B, T)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: CountMixState | None = None) -> tuple[Tensor, CountMixState]:
        """Return log-probabilities (B, T, V), and the state after the last token.

        Args:
            tokens: Token ids, shape (B, T).
            state: State after the tokens before ``tokens``; None at the beginning of the sequences.
        """
        tokens_so_far = torch.cat([state.tokens, tokens], dim=1) if state else tokens  # (B, K)
        n_new = tokens.shape[1]
        pitch_factor, duration_factor = self._factors(tokens_so_far)
        is_control = ~self.is_note
        n_tokens_of = torch.bincount(self.symbol_of[is_control], minlength=self.pitches.n_symbols)  # (S,)
        scores = self.pitches(pitch_factor, n_new)  # (B, T, S)
        n_pitches = self.features.n_pitches
        scores[..., n_pitches:] = scores[..., n_pitches:].masked_fill(n_tokens_of[n_pitches:] == 0, -torch.inf)
        # Control tokens that share a symbol share its probability.
        symbols = scores.log_softmax(-1) - n_tokens_of.clamp(min=1).log()
        durations = self.durations(duration_factor, n_new).log_softmax(-1)  # (B, T, E)
        logits = symbols[..., self.symbol_of] + durations[..., self.duration_of].where(self.is_note, 0)  # (B, T, V)
        return logits, CountMixState(tokens_so_far)

    def _factors(self, tokens: Tensor) -> tuple[Factor, Factor]:
        """Return the pitches (or control symbols) and durations of the next tokens of sequences (B, K)."""
        features = self.features(tokens)
        targets, is_scored = next_token_targets(tokens)
        pitch, kind = self.features.pitch_of[targets], self.features.kind_of[targets]
        is_note = pitch < self.features.n_pitches
        symbols = self.symbol_of[targets]
        durations = torch.where(is_note, kind, 0)
        return Factor(features, symbols, is_scored), Factor(features, durations, is_scored & is_note)
