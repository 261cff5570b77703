"""Counts of the symbols that follow a context, and their interpolation over contexts of several orders.

A counting model estimates the probability of a symbol after a context from its count there. The escape probability
goes to the next shorter context, down to the empty one. Method C (Moffat 1990) sets the escape count of a context to
the number of different symbols seen there. Spent on all symbols rather than on unseen ones only, it is the
interpolation of Witten and Bell (1991).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# A context is a hash of 50 bits, and 12 more bits hold the symbol that followed: together one sortable integer. The
# chance that any two of 100 000 contexts have the same hash is 5 in a million.
_SYMBOL_BITS, _CONTEXT_BITS = 12, 50
MAX_ORDER = 32
_SYMBOL_MASK = (1 << _SYMBOL_BITS) - 1
_MULTIPLIER = -7046029254386353131  # 2**64 over the golden ratio, odd, as a signed number (Fibonacci hashing)


def check_order(**orders: int) -> None:
    """Refuse orders that are not integers of 0 to ``MAX_ORDER``.

    Raises:
        ValueError: If an order is out of range; the message names it and what was expected.
    """
    for name, order in orders.items():
        if not isinstance(order, int) or not 0 <= order <= MAX_ORDER:
            raise ValueError(f"{name} must be an integer of 0 to {MAX_ORDER}, got {order}")


def add_feature(contexts: Tensor, feature: Tensor) -> Tensor:
    """Add one more feature to each context.

    Args:
        contexts: Hash of the features so far, shape (B, T); zeros for the empty context.
        feature: Integers, shape (B, T).

    Returns:
        Hashes of shape (B, T), equal where all features so far are equal, in the same order.
    """
    mixed = (contexts ^ (feature + 1)) * _MULTIPLIER
    return mixed ^ ((mixed >> 32) & 0xFFFFFFFF)


def stack_orders(contexts: Sequence[Tensor]) -> Tensor:
    """Stack contexts of ascending order, each of shape (B, T), into hashes of 50 bits, shape (orders, B, T).

    Contexts of different orders have different hashes, so that one table holds them all.
    """
    with_order = [add_feature(context, torch.full_like(context, order)) for order, context in enumerate(contexts)]
    return (torch.stack(with_order) >> _SYMBOL_BITS) & ((1 << _CONTEXT_BITS) - 1)  # (orders, B, T)


def lagged(values: Tensor, n_lags: int) -> list[Tensor]:
    """Return ``values`` (B, T) at lag 0, 1, ..., ``n_lags`` - 1, each of shape (B, T), with -1 before the first.

    Example:
        >>> [lag.tolist() for lag in lagged(torch.tensor([[5, 6, 7]]), 2)]
        [[[5, 6, 7]], [[-1, 5, 6]]]
    """
    n_values = values.shape[1]
    return [nn.functional.pad(values, (lag, 0), value=-1)[:, :n_values] for lag in range(n_lags)]


def nested_contexts(context: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
    """Return ``context`` with none of the features, with the first, the first two, and so on, each of shape (B, T)."""
    contexts = [context]
    for feature in features:
        contexts.append(add_feature(contexts[-1], feature))
    return contexts


def interpolate(counts: Tensor, shorter: Tensor) -> Tensor:
    """Interpolate counts after a context with the probabilities after a shorter one, by escape method C.

    With n the sum of the counts and k the number of different symbols counted: (counts + k * shorter) / (n + k);
    ``shorter`` where nothing was counted.

    Args:
        counts: Count of each symbol, shape (..., symbols).
        shorter: Probability of each symbol after the shorter context, shape (..., symbols).

    Returns:
        Probabilities, shape (..., symbols).

    Example:
        >>> interpolate(torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0.25, 0.25, 0.5]))
        tensor([0.5000, 0.3000, 0.2000])
    """
    n_different = (counts > 0).sum(-1, keepdim=True).clamp(min=1)  # (..., 1)
    return (counts + n_different * shorter) / (counts.sum(-1, keepdim=True) + n_different)


class SuccessorCounts(nn.Module):
    """Counts of the symbols that followed each context, as a sorted table that grows.

    The order of counting does not matter. The table is part of the state dict; loading one of another size replaces it.

    Args:
        n_symbols: Number of symbols.

    Raises:
        ValueError: If there are more symbols than a key can hold.

    Example:
        >>> counts = SuccessorCounts(3)
        >>> counts.add(torch.tensor([8, 8, 9]), torch.tensor([2, 2, 0]))
        >>> counts(torch.tensor([8, 7]))
        tensor([[0., 0., 2.],
                [0., 0., 0.]])
    """

    keys: Tensor
    counts: Tensor

    def __init__(self, n_symbols: int) -> None:
        super().__init__()
        if not 1 <= n_symbols <= 1 << _SYMBOL_BITS:
            raise ValueError(f"a table must have 1 to {1 << _SYMBOL_BITS} symbols, got {n_symbols}")
        self._n_symbols = n_symbols
        self.register_buffer("keys", torch.zeros(0, dtype=torch.long))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.long))

    def add(self, contexts: Tensor, symbols: Tensor) -> None:
        """Count one occurrence of each of ``symbols`` after its context; both of the same shape."""
        new = ((contexts << _SYMBOL_BITS) + symbols).flatten()
        keys, indices = torch.unique(torch.cat([self.keys, new]), return_inverse=True)
        counts = torch.cat([self.counts, torch.ones_like(new)])
        self.keys, self.counts = keys, torch.zeros_like(keys).index_add_(0, indices, counts)

    def forward(self, contexts: Tensor) -> Tensor:
        """Return the counts (..., symbols) of the symbols that followed each of ``contexts`` (...)."""
        queries = contexts.flatten()  # (Q,)
        # The keys of a context are one segment of the table.
        begins = torch.searchsorted(self.keys, queries << _SYMBOL_BITS)  # (Q,)
        lengths = torch.searchsorted(self.keys, (queries + 1) << _SYMBOL_BITS) - begins  # (Q,)
        query = torch.arange(len(queries), device=queries.device).repeat_interleave(lengths)  # (all keys found,)
        offset = torch.arange(len(query), device=queries.device) - (lengths.cumsum(0) - lengths)[query]
        indices = begins[query] + offset
        counts = torch.zeros(len(queries), self._n_symbols, device=queries.device)  # (Q, symbols)
        counts[query, self.keys[indices] & _SYMBOL_MASK] = self.counts[indices].to(counts.dtype)
        return counts.view(*contexts.shape, self._n_symbols)  # (..., symbols)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, object],
        prefix: str,
        local_metadata: dict[str, object],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Allocate a table of the size that is loaded, and refuse values that are no table."""
        keys, counts = (state_dict.get(prefix + name) for name in ("keys", "counts"))
        if isinstance(keys, Tensor) and isinstance(counts, Tensor):
            fault = self._table_fault(keys, counts)
            if fault:
                error_msgs.append(f"{prefix.rstrip('.') or 'the table'} {fault}")
                return
            self.keys, self.counts = (self.keys.new_empty(keys.shape) for _ in range(2))
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _table_fault(self, keys: Tensor, counts: Tensor) -> str:
        """Return what is wrong with a table; empty if nothing is."""
        if keys.dim() != 1 or keys.shape != counts.shape or {keys.dtype, counts.dtype} != {torch.long}:
            return f"should be two vectors of integers, got shapes {tuple(keys.shape)} and {tuple(counts.shape)}"
        if not (keys[1:] > keys[:-1]).all() or not (counts > 0).all():
            return "should hold ascending keys with counts of 1 or more"
        if not ((keys >= 0) & (keys & _SYMBOL_MASK < self._n_symbols)).all():
            return f"should hold symbols below {self._n_symbols}"
        return ""
