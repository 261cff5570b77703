"""A mixture: the weighted average of the predictions of several trained networks.

Networks with different errors predict better together: one that counts what the tune has played, and one that has
learned what folk tunes do. The weights maximise the likelihood of the validation tunes, by expectation maximisation
(Dempster, Laird & Rubin 1977), which has a single maximum for the weights of fixed distributions. They may depend on
the length of the present repetition within the tune, after Jelinek & Mercer (1980), whose weights depend on the count
of a context.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import is_stateful, next_token_targets
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

# Shortest match of each set of weights: 0, 1-2, 3-5, 6-10, and 11 or more tokens.
MATCH_BINS = (0, 1, 3, 6, 11)
MAX_PARTS = 32
_MAX_ITERATIONS, _TOLERANCE = 2000, 1e-9


class MatchState(NamedTuple):
    """Tokens so far (B, K), and the length of the match that ends with the last and with each of them (B, K)."""

    tokens: Tensor
    lengths: Tensor


class MixtureState(NamedTuple):
    """State of every part, and the matches within the tune."""

    parts: tuple[Any, ...]
    matches: MatchState


class MixtureNetwork(nn.Module):
    """Maps tokens (B, T) to log-probabilities (B, T, V): the weighted average of the distributions of its parts.

    The parts are frozen and always in evaluation mode; :meth:`fit` finds the weights.

    Args:
        parts: Trained stateful networks, none of them a mixture.
        by_match: Whether weights depend on the length of the longest earlier match within the tune.
        split_hash: The split that all parts were trained on.

    Raises:
        ValueError: If there are fewer than two parts or more than ``MAX_PARTS``, or one is a mixture or not stateful.
    """

    weights: Tensor

    def __init__(self, parts: Sequence[nn.Module], *, by_match: bool = True, split_hash: str = "") -> None:
        super().__init__()
        if not 2 <= len(parts) <= MAX_PARTS:
            raise ValueError(f"a mixture must have 2 to {MAX_PARTS} parts, got {len(parts)}")
        for part in parts:
            if isinstance(part, MixtureNetwork) or not is_stateful(part):
                raise ValueError(
                    f"a part of a mixture must have forward_with_state and be no mixture, got {type(part).__name__}"
                )
        self.hyperparameters = {"by_match": bool(by_match), "split_hash": str(split_hash)}
        self.by_match, self.split_hash = bool(by_match), str(split_hash)
        self.parts = nn.ModuleList(parts).requires_grad_(False)
        n_sets = len(MATCH_BINS) if by_match else 1
        self.register_buffer("weights", torch.full((n_sets, len(parts)), 1 / len(parts)))
        self.train()  # the mode of any new module, though parts may come in evaluation mode

    @torch.no_grad()
    def fit(self, training: Iterable[Tensor], validation: Iterable[Tensor]) -> None:
        """Set the weights that predict validation best, which no part alone predicts better.

        Args:
            training: Not used; the parts were trained on it.
            validation: Batches of token ids, each of shape (B, T).
        """
        del training
        target_scores, set_indices = [], []
        for tokens in validation:
            targets, is_scored = next_token_targets(tokens)
            predictions = [part.forward_with_state(tokens, None)[0].log_softmax(dim=-1) for part in self._eval_parts()]
            scored = targets[is_scored][:, None]  # (scored, 1)
            target_scores.append(
                torch.cat([prediction[is_scored].gather(1, scored) for prediction in predictions], dim=1).double()
            )  # (scored, parts)
            set_indices.append(self._weight_set(earlier_match_lengths(tokens)[0])[is_scored])  # (scored,)
        log_probabilities, set_index = torch.cat(target_scores), torch.cat(set_indices)
        overall = fit_weights(log_probabilities, torch.full_like(self.weights[0], 1 / len(self.parts)).double())
        for index in range(len(self.weights)):
            self.weights[index] = fit_weights(log_probabilities[set_index == index], overall)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return log-probabilities (B, T, V) of the token after each of ``tokens`` (B, T)."""
        return self.forward_with_state(tokens)[0]

    def forward_with_state(self, tokens: Tensor, state: MixtureState | None = None) -> tuple[Tensor, MixtureState]:
        """Return log-probabilities (B, T, V), and the state after the last token.

        Args:
            tokens: Token ids, shape (B, T).
            state: State after the tokens before ``tokens``; None at the beginning of the sequences.
        """
        lengths, matches = earlier_match_lengths(tokens, state.matches if state else None)  # (B, T)
        log_weights = self.weights.log()[self._weight_set(lengths)]  # (B, T, parts)
        mixed, part_states = None, []
        for index, part in enumerate(self._eval_parts()):
            logits, part_state = part.forward_with_state(tokens, state.parts[index] if state else None)
            weighted = logits.log_softmax(dim=-1) + log_weights[..., index, None]  # (B, T, V)
            mixed = weighted if mixed is None else torch.logaddexp(mixed, weighted)
            part_states.append(part_state)
        if mixed is None:
            raise ValueError("a mixture without parts predicts nothing")
        return mixed, MixtureState(tuple(part_states), matches)

    def _weight_set(self, lengths: Tensor) -> Tensor:
        """Return the index of the set of weights for matches of ``lengths``, of the same shape."""
        if not self.by_match:
            return torch.zeros_like(lengths)
        return torch.bucketize(lengths, torch.tensor(MATCH_BINS, device=lengths.device), right=True) - 1

    def _eval_parts(self) -> Iterable[Any]:
        """Yield the parts in evaluation mode, also while the mixture is in training mode."""
        for part in self.parts:
            if part.training:
                part.eval()
            yield part


def fit_weights(log_probabilities: Tensor, initial: Tensor) -> Tensor:
    """Return the weights of a mixture that maximise the likelihood of tokens, by expectation maximisation.

    Args:
        log_probabilities: Log-probability of each token from each part, shape (tokens, parts), float64.
        initial: First weights, all above 0, shape (parts,); returned if no part predicts any token.

    Returns:
        Weights that sum to 1, shape (parts,): at least as good as each part alone.

    Example:
        >>> fit_weights(torch.tensor([[0.0, -1.0], [0.0, -9.0]]).double(), torch.tensor([0.5, 0.5]).double()).tolist()
        [1.0, 0.0]
    """
    possible = log_probabilities[log_probabilities.amax(dim=1) > -torch.inf]  # (up to tokens, parts)
    if not len(possible):
        return initial
    likelihoods = (possible - possible.amax(dim=1, keepdim=True)).exp()
    weights = initial
    for _ in range(_MAX_ITERATIONS):
        responsibilities = likelihoods * weights
        new_weights = (responsibilities / responsibilities.sum(dim=1, keepdim=True)).mean(dim=0)  # (parts,)
        has_converged = bool((new_weights - weights).abs().max() < _TOLERANCE)
        weights = new_weights
        if has_converged:
            break
    # Convergence is slow where one part alone is best, so these are candidates too.
    one_part = torch.eye(len(weights), dtype=weights.dtype, device=weights.device)
    candidates = torch.cat([weights[None], one_part])  # (1 + parts, parts)
    scores = (likelihoods @ candidates.T).log().sum(dim=0)  # (1 + parts,)
    return candidates[int(scores.argmax())]


def earlier_match_lengths(tokens: Tensor, state: MatchState | None = None) -> tuple[Tensor, MatchState]:
    """Return, for every token, the length of the longest suffix that already occurred earlier in the tune.

    The control prefix is not part of any match. The values are those of ``measures.earlier_matches``, for batches of
    sequences and with a state.

    Args:
        tokens: Token ids, shape (B, T).
        state: State after the tokens before ``tokens``; None at the beginning of the sequences.

    Returns:
        Lengths in tokens, shape (B, T), and the state after the last token.

    Example:
        >>> earlier_match_lengths(torch.tensor([[9] * PREFIX_LENGTH + [50, 60, 50, 60, 70]]))[0].tolist()
        [[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0]]
    """
    n_before = state.tokens.shape[1] if state else 0
    tokens_so_far = torch.cat([state.tokens, tokens], dim=1) if state else tokens  # (B, K)
    lengths = state.lengths if state else tokens.new_zeros(len(tokens), 0)  # (B, n_before)
    longest = torch.zeros_like(tokens)
    for step in range(tokens.shape[1]):
        position = n_before + step
        # A match of the previous token with the one before an equal token is one longer here.
        is_same = tokens_so_far[:, :position] == tokens_so_far[:, position, None]  # (B, position)
        is_same[:, :PREFIX_LENGTH] = False
        lengths = (nn.functional.pad(lengths, (1, 0))[:, :position] + 1) * is_same  # (B, position)
        if position:
            longest[:, step] = lengths.amax(dim=1)
        lengths = nn.functional.pad(lengths, (0, 1))  # (B, position + 1); no token matches itself
    return longest, MatchState(tokens_so_far, lengths)
