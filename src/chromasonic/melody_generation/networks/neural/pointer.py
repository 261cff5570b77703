"""Pointer heads: predict what followed at the positions that the memory attends to.

:class:`TokenPointer` copies whole tokens. :class:`ViewpointPointer` helps where a phrase returns varied: it scores the
pitches, durations, intervals and scale steps that followed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.contract import NextTokenScores
from chromasonic.melody_generation.networks.neural.factored_logits import FactoredLogits, summarise_logits
from chromasonic.melody_generation.networks.neural.joined_products import apply_together
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# The network's own distribution has the copy logit 0. The upper bound keeps its share from vanishing.
_INITIAL_COPY_LOGIT, _MAX_COPY_LOGIT = -2.0, 5.0
_TINY = 1e-30
# Attention at which the score of a class begins to rise.
_ATTENTION_FLOOR = 0.01
_INITIAL_GATE = 0.1


class TokenPointer(nn.Module):
    """Mixes the distribution of a network with one pointer distribution per attention head.

    A pointer distribution gives every token the attention on the entries that it followed (Vinyals et al. 2015). As in
    the pointer-generator network (See et al. 2017), the weights of the mixture are learned and depend on the state:
    here every head has a copy logit.

    Args:
        width: D.
        n_heads: H.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.copy_logits = nn.Linear(width, n_heads)
        nn.init.zeros_(self.copy_logits.weight)
        nn.init.constant_(self.copy_logits.bias, _INITIAL_COPY_LOGIT)

    def forward(self, logits: Tensor, states: Tensor, weights: Tensor, tokens: Tensor) -> Tensor:
        """Return the logits of the mixture, shape (B, T, V).

        Args:
            logits: Logits of the network, shape (B, T, V).
            states: Shape (B, T, D).
            weights: Attention of every head, which sums to 1 over the entries, shape (B, H, T, K).
            tokens: The token that followed at each entry, shape (B, K).
        """
        entry_weights = self._entry_weights(states, weights)  # (B, T, K)
        entry_tokens = tokens[:, None, :].expand_as(entry_weights)  # (B, T, K)
        # The weight of a token is the sum over all entries that hold it.
        copied = torch.zeros_like(logits, dtype=torch.float32).scatter_add(-1, entry_tokens, entry_weights)  # (B, T, V)
        copied = copied.gather(-1, entry_tokens)  # (B, T, K)
        # p = softmax(logits) + copied, up to a factor, so only the logits of copied tokens change. At (B, T, V) every
        # pass over memory counts.
        logits = logits.float()
        surprisal = logits.logsumexp(dim=-1, keepdim=True) - logits.gather(-1, entry_tokens)  # (B, T, K)
        increase = nn.functional.softplus(copied.clamp(min=_TINY).log() + surprisal).where(copied > 0, 0)  # (B, T, K)
        # Several entries with one token add to the same logit.
        counts = torch.zeros_like(logits[:, 0]).scatter_add(
            -1, tokens, torch.ones_like(tokens, dtype=logits.dtype)
        )  # (B, V)
        return logits.scatter_add(-1, entry_tokens, increase / counts.gather(-1, tokens)[:, None])  # (B, T, V)

    def score(
        self, logits: FactoredLogits, states: Tensor, weights: Tensor, tokens: Tensor, targets: Tensor
    ) -> NextTokenScores:
        """Score targets by the mixture, without its logits.

        Args:
            logits: Parts of the logits of the network, for B T positions.
            states: Shape (B, T, D).
            weights: Attention of every head, which sums to 1 over the entries, shape (B, H, T, K).
            tokens: The token that followed at each entry, shape (B, K).
            targets: Token ids, shape (B, T).
        """
        entry_weights = self._entry_weights(states, weights)  # (B, T, K)
        entry_tokens = tokens[:, None].expand_as(entry_weights)  # (B, T, K)
        summary = summarise_logits(logits, targets.flatten(), entry_tokens.flatten(0, 1))
        log_total = summary.log_total.view_as(targets)  # (B, T)
        copied = entry_weights.where(entry_tokens == targets[..., None], 0).sum(-1)  # (B, T)
        surprisal = log_total - summary.target.view_as(targets)  # (B, T)
        increase = nn.functional.softplus(copied.clamp(min=_TINY).log() + surprisal).where(copied > 0, 0)  # (B, T)
        nats = surprisal - increase + entry_weights.sum(-1).log1p()  # (B, T)
        with torch.no_grad():
            # The best token is the network's own, or one of those that are copied.
            is_same = (tokens[:, :, None] == tokens[:, None]).to(entry_weights)  # (B, K, K)
            own = (summary.others.view_as(entry_weights) - log_total[..., None]).exp()  # (B, T, K)
            copy = (own + entry_weights @ is_same).max(-1)  # (B, T) each
            is_copied = copy.values > (summary.highest.view_as(log_total) - log_total).exp()  # (B, T)
            best = torch.where(is_copied, tokens.gather(1, copy.indices), summary.best.view_as(targets))  # (B, T)
        return NextTokenScores(nats, best)

    def _entry_weights(self, states: Tensor, weights: Tensor) -> Tensor:
        """Return the weight of every entry in the mixture, shape (B, T, K); the network's own is 1."""
        # A smooth upper bound.
        excess = _MAX_COPY_LOGIT - self.copy_logits(states).float()  # (B, T, H)
        copy_logits = _MAX_COPY_LOGIT - nn.functional.softplus(excess)  # (B, T, H)
        return torch.einsum("bhtk,bth->btk", weights.float(), copy_logits.exp()).float()


class ClassPointer(nn.Module):
    """Scores the classes of a viewpoint by the logarithm of the attention on each class, times a gate.

    Args:
        width: D.
        n_heads: H.
        n_classes: Number of classes.
    """

    def __init__(self, width: int, n_heads: int, n_classes: int) -> None:
        super().__init__()
        self._n_classes = n_classes
        self.share = nn.Linear(width, n_heads)
        self.gate = nn.Linear(width, 1)
        for linear, bias in ((self.share, 0.0), (self.gate, _INITIAL_GATE)):
            nn.init.zeros_(linear.weight)
            nn.init.constant_(linear.bias, bias)

    def forward(self, states: Tensor, entry_weights: Tensor, classes: Tensor) -> Tensor:
        """Return scores (B, T, classes), 0 for classes without attention.

        Args:
            states: Shape (B, T, D).
            entry_weights: Attention on each entry, averaged over the heads by their shares, shape (B, T, K).
            classes: The class that followed at each entry, or ``NONE``, shape (B, K).
        """
        return self.gated_scores(self.gate(states), entry_weights, classes)

    def gated_scores(self, gate: Tensor, entry_weights: Tensor, classes: Tensor) -> Tensor:
        """Return the scores of ``forward`` for gates (B, T, 1)."""
        # Entries without a class go to a last column, which is dropped.
        columns = classes.where(classes >= 0, self._n_classes)[:, None].expand_as(entry_weights)  # (B, T, K)
        class_weights = entry_weights.new_zeros(*entry_weights.shape[:-1], self._n_classes + 1).scatter_add(
            -1, columns, entry_weights
        )[..., :-1]  # (B, T, classes)
        scores: Tensor = gate * (1 + class_weights / _ATTENTION_FLOOR).log()
        return scores


class ViewpointPointer(nn.Module):
    """Scores pitches and durations by what followed at the attended entries, from several viewpoints.

    Args:
        vocabulary: Gives the classes of tokens.
        width: D.
        n_heads: H.
    """

    def __init__(self, vocabulary: NoteVocabulary, width: int, n_heads: int) -> None:
        super().__init__()
        self.viewpoints = Viewpoints(vocabulary)
        self.pitch = ClassPointer(width, n_heads, vocabulary.rest_class + 1)
        self.duration = ClassPointer(width, n_heads, len(vocabulary.duration_classes))
        self.interval = ClassPointer(width, n_heads, self.viewpoints.semitones.n_intervals)
        self.step = ClassPointer(width, n_heads, self.viewpoints.steps.n_intervals)

    def forward(
        self, states: Tensor, weights: Tensor, tokens: Tensor, previous_pitches: Tensor, last_pitches: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return scores of pitches (B, T, P) and of durations (B, T, E).

        Args:
            states: Shape (B, T, D).
            weights: Attention of every head on each entry, shape (B, H, T, K).
            tokens: The token that followed at each entry, shape (B, K).
            previous_pitches: Pitch class of the last sounding note before each token, or ``NONE``, shape (B, K).
            last_pitches: Pitch class of the last sounding note at each state, or ``NONE``, shape (B, T).
        """
        viewpoints = self.viewpoints(tokens, previous_pitches)  # (B, K) each
        pointers = (self.pitch, self.duration, self.interval, self.step)
        classes = (viewpoints.pitch, viewpoints.duration, viewpoints.interval, viewpoints.step)
        layers = [pointer.share for pointer in pointers] + [pointer.gate for pointer in pointers]
        outputs = apply_together(layers, states)  # 4 times (B, T, H), and 4 times (B, T, 1)
        # Each sums to 1 over the heads. All four in one product, since every pass over the attention counts.
        shares = torch.stack(outputs[:4], dim=2).float().softmax(dim=-1)  # (B, T, 4, H)
        entry_weights = (shares @ weights.transpose(1, 2).float()).float().unbind(dim=2)  # 4 times (B, T, K)
        pitches, durations, intervals, steps = map(
            ClassPointer.gated_scores, pointers, outputs[4:], entry_weights, classes
        )  # (B, T, classes) each
        by_semitones = self.viewpoints.semitones.pitch_scores(intervals, last_pitches)  # (B, T, P)
        return pitches + by_semitones + self.viewpoints.steps.pitch_scores(steps, last_pitches), durations
