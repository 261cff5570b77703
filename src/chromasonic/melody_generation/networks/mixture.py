"""A mixture: several trained networks whose predictions are averaged, each with a weight.

Models that fail in different places are better together: one that counts what the tune has played, and one that has
learned what folk tunes do. The weights are those that predict the validation tunes best, found by expectation
maximisation (Dempster, Laird & Rubin 1977), which for weights of fixed distributions has a single maximum. They may
differ by how long the tune has been repeating itself, since that decides who knows more (Jelinek & Mercer 1980, who
chose weights by how often a context had come).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import StatefulNetwork, next_token_targets
from chromasonic.melody_generation.networks.counting.match_lengths import MatchState, match_lengths

# Lengths of the longest earlier match from which each set of weights holds: 0, 1-2, 3-5, 6-10, 11 and more.
MATCHES_FROM = (0, 1, 3, 6, 11)
MAX_PARTS = 32
_MAX_ROUNDS, _SETTLED = 2000, 1e-9


class MixtureState(NamedTuple):
    """What each part carries, and the matches within the tune."""

    parts: tuple[Any, ...]
    matches: MatchState


class MixtureNetwork(nn.Module):
    """Tokens (B, T) to log-probabilities (B, T, V): the weighted average of what the parts predict.

    The parts stay as they are, without dropout, also in training; :meth:`fit` finds the weights.

    Args:
        parts: Trained stateful networks, none of them a mixture.
        by_match: Whether weights differ by the length of the longest earlier match within the tune.
        split_hash: The split that all parts were trained on.

    Raises:
        ValueError: If there are fewer than two parts or more than ``MAX_PARTS``, or one is a mixture or cannot read on.
    """

    weights: Tensor

    def __init__(self, parts: Sequence[nn.Module], *, by_match: bool = True, split_hash: str = "") -> None:
        super().__init__()
        if not 2 <= len(parts) <= MAX_PARTS:
            raise ValueError(f"a mixture has 2 to {MAX_PARTS} parts, got {len(parts)}")
        for part in parts:
            if isinstance(part, MixtureNetwork) or not isinstance(part, StatefulNetwork):
                raise ValueError(f"a part of a mixture is a network that reads on, got {type(part).__name__}")
        self.hyperparameters = {"by_match": bool(by_match), "split_hash": str(split_hash)}
        self.by_match, self.split_hash = bool(by_match), str(split_hash)
        self.parts = nn.ModuleList(parts).requires_grad_(False)
        n_sets = len(MATCHES_FROM) if by_match else 1
        self.register_buffer("weights", torch.full((n_sets, len(parts)), 1 / len(parts)))
        self.train()  # like any new module, though the parts come as they were loaded

    @torch.no_grad()
    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Take the weights that predict validation best; on it no part alone is better.

        Args:
            training: What the parts were trained on; not used.
            validation: Batches of token ids, each of shape (B, T).
        """
        del training
        scores, sets = [], []
        for tokens in validation:
            targets, is_scored = next_token_targets(tokens)
            predicted = [_log_probabilities(part.forward_with_state(tokens, None)[0]) for part in self._readers()]
            scored = targets[is_scored][:, None]
            scores.append(torch.cat([each[is_scored].gather(1, scored) for each in predicted], dim=1).double())
            sets.append(self._set_of(match_lengths(tokens)[0])[is_scored])
        log_probabilities, set_of = torch.cat(scores), torch.cat(sets)
        overall = best_weights(log_probabilities, torch.full_like(self.weights[0], 1 / len(self.parts)).double())
        for index in range(len(self.weights)):
            self.weights[index] = best_weights(log_probabilities[set_of == index], overall)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the token after each of ``tokens``: ids (B, T) to log-probabilities (B, T, V)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: MixtureState | None = None) -> tuple[Tensor, MixtureState]:
        """Read on from where ``state`` stood: the whole sequence at once or in parts gives the same.

        Args:
            tokens: Token ids, shape (B, T).
            state: The state that the call with the tokens before these returned; None at the beginning.

        Returns:
            Log-probabilities of shape (B, T, V), and the state after the last token.
        """
        lengths, matches = match_lengths(tokens, state.matches if state else None)
        log_weights = self.weights.log()[self._set_of(lengths)]  # (B, T, parts)
        mixed, states = None, []
        for index, part in enumerate(self._readers()):
            logits, part_state = part.forward_with_state(tokens, state.parts[index] if state else None)
            weighed = _log_probabilities(logits) + log_weights[..., index, None]
            mixed = weighed if mixed is None else torch.logaddexp(mixed, weighed)
            states.append(part_state)
        if mixed is None:
            raise ValueError("a mixture without parts predicts nothing")
        return mixed, MixtureState(tuple(states), matches)

    def _set_of(self, lengths: Tensor) -> Tensor:
        """Which set of weights holds after matches of such lengths."""
        if not self.by_match:
            return torch.zeros_like(lengths)
        return torch.bucketize(lengths, torch.tensor(MATCHES_FROM, device=lengths.device), right=True) - 1

    def _readers(self) -> Iterable[Any]:
        """The parts, as they are in evaluation whatever the mixture is in."""
        for part in self.parts:
            if part.training:
                part.eval()
            yield part


def _log_probabilities(logits: Tensor) -> Tensor:
    return logits.log_softmax(dim=-1)


def best_weights(log_probabilities: Tensor, begin: Tensor) -> Tensor:
    """The weights of a mixture under which what came was most probable, by expectation maximisation.

    Args:
        log_probabilities: How probable each of K parts found what came, N times, shape (N, K), float64.
        begin: Weights to begin with, all above 0, shape (K,); they stay where there is nothing to learn from.

    Returns:
        Weights that sum to 1, shape (K,): at least as good as each part alone.

    Example:
        >>> best_weights(torch.tensor([[0.0, -1.0], [0.0, -9.0]]).double(), torch.tensor([0.5, 0.5]).double()).tolist()
        [1.0, 0.0]
    """
    known = log_probabilities[log_probabilities.amax(dim=1) > -torch.inf]
    if not len(known):
        return begin
    likelihoods = (known - known.amax(dim=1, keepdim=True)).exp()
    weights = begin
    for _ in range(_MAX_ROUNDS):
        shares = likelihoods * weights
        new = (shares / shares.sum(dim=1, keepdim=True)).mean(dim=0)
        settled = bool((new - weights).abs().max() < _SETTLED)
        weights = new
        if settled:
            break
    # Towards a part that is best alone it only creeps.
    candidates = torch.cat([weights[None], torch.eye(len(weights), dtype=weights.dtype, device=weights.device)])
    found = (likelihoods @ candidates.T).log().sum(dim=0)
    return candidates[int(found.argmax())]
