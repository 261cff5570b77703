"""Log-linear mixing of count-based predictions of one factor of the next token, such as its pitch.

Every context of a tune offers counts of the symbols that followed it, in the training tunes or in the tune so far. A
symbol's score is the sum, over all contexts, of functions of its count there, each with a weight of its own context and
confidence: log-linear interpolation (Klakow 1998), the multi-symbol form of the logistic mixing of PAQ (Mahoney 2005;
Mattern 2012). As PAQ selects sets of weights by a small context, parts of the weights depend on gates: the longest
agreement with earlier bars, the bar within eight, and the position in the bar. The softmax of the scores is the
prediction. There is no hidden layer, so the likelihood is concave in the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.networks.counting.counts import SuccessorCounts, add_feature
from chromasonic.melody_generation.networks.counting.mixed_contexts import ContextModel, CopyModel
from chromasonic.melody_generation.networks.counting.tune_features import AGREEMENTS, BAR_LAGS, Features

# Confidence in a context: the classes of its number of counts (1, 2, 3-4, ...), times 1, 2-3 or more different symbols.
_COUNT_EDGES, _VARIETY_EDGES = (1.5, 2.5, 4.5, 8.5, 16.5, 32.5, 128.5), (1.5, 3.5)
N_CONFIDENCES = (len(_COUNT_EDGES) + 1) * (len(_VARIETY_EDGES) + 1)
_COUNT_SCALE = 3.0
_CONTEXT_BITS = 50
_BARS, _POSITION_CLASSES, _TICKS_PER_CLASS = 8, 25, 6
GATE_SIZES = (len(AGREEMENTS), _BARS, _POSITION_CLASSES)
# Pairs of positions that are compared at once.
_MAX_PAIRS = 2**23


class Factor(NamedTuple):
    """The values of one factor, in whole sequences.

    Attributes:
        features: Features of the tunes, shape (B, K) each.
        symbols: The factor of the next token, shape (B, K).
        is_counted: Mask of next tokens that are scored and have the factor, shape (B, K).
    """

    features: Features
    symbols: Tensor
    is_counted: Tensor


class Evidence(NamedTuple):
    """The values that one model gives the next symbol, at N positions of each sequence.

    Attributes:
        confidence: Confidence class, shape (B, N).
        values: Functions of each symbol's count, 0 for symbols that were not seen, each of shape (B, N, S).
    """

    confidence: Tensor
    values: tuple[Tensor, ...]


def n_values(model: ContextModel | CopyModel) -> int:
    """Return the number of values that a model has of each symbol."""
    if isinstance(model, CopyModel):
        return 1
    return 2 if model.is_long else 3


class MixedFactor(nn.Module):
    """Scores of the S symbols of one factor.

    Args:
        models: Contexts and copies that predict the factor.
        n_symbols: Number of symbols S.
        n_pitches: Number of first symbols that are sounding pitches, for contexts that count intervals.
    """

    confidence_weights: Tensor
    gate_weights: Tensor

    def __init__(self, models: Sequence[ContextModel | CopyModel], n_symbols: int, n_pitches: int) -> None:
        super().__init__()
        self.models, self.n_symbols, self._n_pitches = tuple(models), n_symbols, n_pitches
        self.n_slots = sum(map(n_values, models))
        # Sounding symbols are intervals above the last pitch; all symbols without an interval follow.
        self._n_intervals = 2 * n_pitches + n_symbols
        self.counts = SuccessorCounts(n_symbols)
        self.interval_counts = SuccessorCounts(self._n_intervals)
        self.register_buffer("confidence_weights", torch.zeros(self.n_slots, N_CONFIDENCES))
        self.register_buffer("gate_weights", torch.zeros(self.n_slots, sum(GATE_SIZES)))

    def count(self, factors: Sequence[Factor]) -> None:
        """Count all training tunes at once."""
        for is_interval, table in ((False, self.counts), (True, self.interval_counts)):
            contexts: list[Tensor] = []
            symbols: list[Tensor] = []
            for index, model in enumerate(self.models):
                if not isinstance(model, ContextModel) or not model.is_long or model.is_interval != is_interval:
                    continue
                for factor in factors:
                    contexts.append(_hashes(factor, model, index)[factor.is_counted])
                    symbols.append(self._classes(factor, is_interval=is_interval)[factor.is_counted])
            if contexts:
                table.add(torch.cat(contexts), torch.cat(symbols))

    def forward(self, factor: Factor, n_new: int) -> Tensor:
        """Return scores (B, n_new, S) of the next symbol at the last ``n_new`` positions."""
        n_tokens = factor.symbols.shape[1]
        scores = [self._scores(factor, begin, end) for begin, end in ranges(factor, n_tokens - n_new)]
        return torch.cat(scores, dim=1) if scores else self.confidence_weights.new_zeros(0)

    def _scores(self, factor: Factor, begin: int, end: int) -> Tensor:
        shape = (len(factor.symbols), end - begin, self.n_symbols)
        scores = torch.zeros(shape, device=factor.symbols.device)
        gates = gate_indices(factor, begin, end)  # (B, N, gates)
        slot = 0
        for evidence in self.evidence(factor, begin, end, leave_out=False):
            for values in evidence.values:
                weights = self.confidence_weights[slot][evidence.confidence]  # (B, N)
                weights = weights + self.gate_weights[slot][gates].sum(-1)
                scores.addcmul_(weights[..., None], values)
                slot += 1
        return scores

    def evidence(self, factor: Factor, begin: int, end: int, *, leave_out: bool) -> Iterator[Evidence]:
        """Yield the evidence of each model at positions ``begin`` to ``end`` of whole sequences.

        Args:
            factor: Whole sequences of K tokens.
            begin: First position.
            end: Position after the last.
            leave_out: Whether to subtract the sequence's own counts from those of the training tunes.
        """
        classes = {
            kind: self._classes(factor, is_interval=kind).where(factor.is_counted, 0)
            for kind in {model.is_interval for model in self.models if isinstance(model, ContextModel)}
        }
        one_hot = {
            kind: nn.functional.one_hot(values, self._n_intervals if kind else self.n_symbols).float()
            for kind, values in classes.items()
        }  # (B, K, S) each
        interval_of = self._interval_of_symbols(factor, begin, end) if True in classes else None
        for index, model in enumerate(self.models):
            if isinstance(model, CopyModel):
                yield self._copy(factor, model, begin, end)
                continue
            is_interval = model.is_interval
            contexts = _hashes(factor, model, index)  # (B, K)
            last = None
            if model.is_long:
                counts = (self.interval_counts if is_interval else self.counts)(contexts[:, begin:end])
                if leave_out:
                    counts = counts - torch.bmm(_same(factor, contexts, begin, end), one_hot[is_interval])
            else:
                same = _same(factor, contexts, begin, end).tril(begin - 1)  # (B, N, K), earlier positions
                counts = torch.bmm(same, one_hot[is_interval])
                last = _most_recent(same, classes[is_interval], counts.shape[-1])
            yield _evidence(counts, last, interval_of if is_interval else None)

    def _copy(self, factor: Factor, model: CopyModel, begin: int, end: int) -> Evidence:
        symbol = factor.features[model.symbol][:, begin:end]  # (B, N)
        is_known = (symbol >= 0) & (symbol < self.n_symbols)
        values = nn.functional.one_hot(torch.where(is_known, symbol, self.n_symbols), self.n_symbols + 1)
        return Evidence(factor.features[model.agreement][:, begin:end], (values[..., :-1].float(),))

    def _classes(self, factor: Factor, *, is_interval: bool) -> Tensor:
        """Return the class that is counted at each position, shape (B, K)."""
        if not is_interval:
            return factor.symbols
        sounding = factor.features["sounding"]
        has_interval = (factor.symbols < self._n_pitches) & (sounding >= 0)
        interval = factor.symbols - sounding + self._n_pitches
        return torch.where(has_interval, interval, 2 * self._n_pitches + factor.symbols)

    def _interval_of_symbols(self, factor: Factor, begin: int, end: int) -> Tensor:
        """Return the interval class of every symbol, shape (B, N, S)."""
        sounding = factor.features["sounding"][:, begin:end, None]  # (B, N, 1)
        symbols = torch.arange(self.n_symbols, device=sounding.device)
        has_interval = (symbols < self._n_pitches) & (sounding >= 0)
        return torch.where(has_interval, symbols - sounding + self._n_pitches, 2 * self._n_pitches + symbols)


def gate_indices(factor: Factor, begin: int, end: int) -> Tensor:
    """Return the index of each gate's weights, shape (B, N, gates)."""
    features = factor.features
    agreement = torch.stack([features[f"A{lag}"] for lag in BAR_LAGS]).amax(0)
    position = (features["position"] // _TICKS_PER_CLASS).clamp(max=_POSITION_CLASSES - 1)
    first, second, _ = GATE_SIZES
    gates = torch.stack([agreement, first + features["bar8"], first + second + position], dim=-1)  # (B, K, gates)
    return gates[:, begin:end]


def ranges(factor: Factor, begin: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of positions from ``begin`` on that bound the memory for pairs of positions."""
    n_sequences, n_tokens = factor.symbols.shape
    step = max(1, _MAX_PAIRS // max(1, n_sequences * n_tokens))
    for first in range(begin, n_tokens, step):
        yield first, min(first + step, n_tokens)


def _hashes(factor: Factor, model: ContextModel, index: int) -> Tensor:
    """Return hashes of a context in 50 bits, different from those of other contexts, shape (B, K)."""
    hashes = torch.zeros_like(factor.symbols)
    for feature in (torch.full_like(hashes, index), *(factor.features[name] for name in model.features)):
        hashes = add_feature(hashes, feature)
    return (hashes >> 12) & ((1 << _CONTEXT_BITS) - 1)


def _same(factor: Factor, contexts: Tensor, begin: int, end: int) -> Tensor:
    """Return 1.0 where a position has the same context as a counted one, shape (B, N, K)."""
    is_same = contexts[:, begin:end, None] == contexts[:, None, :]
    return (is_same & factor.is_counted[:, None, :]).float()


def _most_recent(same: Tensor, classes: Tensor, n_classes: int) -> Tensor:
    """Return a one-hot vector of the class that followed the same context last, shape (B, N, classes)."""
    steps = torch.arange(1, same.shape[-1] + 1, device=same.device)
    index = (same * steps).amax(-1).long() - 1  # (B, N)
    recent = torch.where(index >= 0, classes.gather(1, index.clamp(min=0)), n_classes)
    return nn.functional.one_hot(recent, n_classes + 1)[..., :-1].float()


def _evidence(counts: Tensor, last: Tensor | None, interval_of: Tensor | None) -> Evidence:
    """Return the values of counts (B, N, classes), read by symbol if they are of intervals."""
    edges, variety_edges = (torch.tensor(edges, device=counts.device) for edges in (_COUNT_EDGES, _VARIETY_EDGES))
    n_classes = len(_VARIETY_EDGES) + 1
    seen = counts > 0
    confidence = torch.bucketize(counts.sum(-1), edges) * n_classes
    confidence += torch.bucketize(seen.sum(-1).float(), variety_edges)  # (B, N)
    if interval_of is not None:
        counts = counts.gather(-1, interval_of)  # (B, N, S)
        seen = counts > 0
        last = None if last is None else last.gather(-1, interval_of)
    values = (torch.log1p(_COUNT_SCALE * counts), seen.float())
    return Evidence(confidence, values if last is None else (*values, last))
