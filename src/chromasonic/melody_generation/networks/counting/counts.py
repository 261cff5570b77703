"""What counting models share: contexts as numbers, how often each symbol followed each, and the blend of orders.

A model that counts estimates how likely a symbol is after a context from how often it came there, and gives what is
left, the escape, to a shorter context, down to one that knows nothing. Method C (Moffat 1990) sets the escape
after a context to the number of different symbols seen there; spent on all symbols rather than only on those
not yet seen, it is the interpolation of Witten and Bell (1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# A context is a number of 50 bits, and 12 more hold the symbol that followed: together one sortable integer. That
# any two of 100 000 contexts get the same number has a chance of 5 in a million.
_SYMBOL_BITS, _CONTEXT_BITS = 12, 50
MAX_ORDER = 32
_SYMBOL_MASK = (1 << _SYMBOL_BITS) - 1
_MULTIPLIER = -7046029254386353131  # 2**64 over the golden ratio, odd, as a signed number (Fibonacci hashing)


def check_order(**orders: int) -> None:
    """Refuse orders that are no whole number of 0 to ``MAX_ORDER``.

    Raises:
        ValueError: Naming the value and what was expected.
    """
    for name, order in orders.items():
        if not isinstance(order, int) or not 0 <= order <= MAX_ORDER:
            raise ValueError(f"{name} is a whole number of 0 to {MAX_ORDER}, got {order}")


def joined(contexts: Tensor, feature: Tensor) -> Tensor:
    """Add one more feature to each context.

    Args:
        contexts: What was joined so far, shape (B, T); zeros for the empty context.
        feature: Whole numbers, shape (B, T).

    Returns:
        Integers of shape (B, T), equal where all features joined so far are, in the same order.
    """
    mixed = (contexts ^ (feature + 1)) * _MULTIPLIER
    return mixed ^ ((mixed >> 32) & 0xFFFFFFFF)


def ladder(contexts: Sequence[Tensor]) -> Tensor:
    """Finish contexts of rising order, each of shape (B, T), into numbers of shape (K, B, T).

    Contexts of different orders never share a number, so that one table holds them all.
    """
    numbered = [joined(each, torch.full_like(each, order)) for order, each in enumerate(contexts)]
    return (torch.stack(numbered) >> _SYMBOL_BITS) & ((1 << _CONTEXT_BITS) - 1)


def lags(values: Tensor, n_lags: int) -> list[Tensor]:
    """The value at each place, the one before it, and so on: ``n_lags`` tensors of shape (B, T), -1 before the first.

    Example:
        >>> [lag.tolist() for lag in lags(torch.tensor([[5, 6, 7]]), 2)]
        [[[5, 6, 7]], [[-1, 5, 6]]]
    """
    length = values.shape[1]
    return [nn.functional.pad(values, (shift, 0), value=-1)[:, :length] for shift in range(n_lags)]


def longer_and_longer(context: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
    """``context``, then with the first feature, then with the first two, and so on; each of shape (B, T)."""
    found = [context]
    for feature in features:
        found.append(joined(found[-1], feature))
    return found


def interpolated(counts: Tensor, shorter: Tensor) -> Tensor:
    """Blend counts after a context with the probabilities after a shorter one, by escape method C.

    With n the sum of the counts and k the number of those that are not 0: (counts + k * shorter) / (n + k);
    ``shorter`` where nothing was counted.

    Args:
        counts: How often each symbol came, shape (..., S).
        shorter: Probabilities of the symbols, shape (..., S).

    Returns:
        Probabilities, shape (..., S).

    Example:
        >>> interpolated(torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0.25, 0.25, 0.5]))
        tensor([0.5000, 0.3000, 0.2000])
    """
    n_different = (counts > 0).sum(-1, keepdim=True).clamp(min=1)
    return (counts + n_different * shorter) / (counts.sum(-1, keepdim=True) + n_different)


class SuccessorCounts(nn.Module):
    """How often each symbol followed each context: a sorted table that grows with what is counted.

    The order of counting does not matter. The table is part of the state dict, and takes its size from the one
    that is loaded.

    Args:
        n_symbols: S, the number of symbols.

    Raises:
        ValueError: If a key has no room for so many symbols.

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
            raise ValueError(f"a table holds 1 to {1 << _SYMBOL_BITS} symbols, got {n_symbols}")
        self._n_symbols = n_symbols
        self.register_buffer("keys", torch.zeros(0, dtype=torch.long))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.long))

    def add(self, contexts: Tensor, symbols: Tensor) -> None:
        """Count that each of ``symbols`` followed the context at its place; both of the same shape."""
        new = ((contexts << _SYMBOL_BITS) + symbols).flatten()
        keys, places = torch.unique(torch.cat([self.keys, new]), return_inverse=True)
        counts = torch.cat([self.counts, torch.ones_like(new)])
        self.keys, self.counts = keys, torch.zeros_like(keys).index_add_(0, places, counts)

    def forward(self, contexts: Tensor) -> Tensor:
        """How often each symbol followed each of ``contexts``: numbers of shape (...) to counts (..., S)."""
        wanted = contexts.flatten()
        begins = torch.searchsorted(self.keys, wanted << _SYMBOL_BITS)
        lengths = torch.searchsorted(self.keys, (wanted + 1) << _SYMBOL_BITS) - begins
        rows = torch.arange(len(wanted), device=wanted.device).repeat_interleave(lengths)
        within = torch.arange(len(rows), device=wanted.device) - (lengths.cumsum(0) - lengths)[rows]
        places = begins[rows] + within
        found = torch.zeros(len(wanted), self._n_symbols, device=wanted.device)
        found[rows, self.keys[places] & _SYMBOL_MASK] = self.counts[places].to(found.dtype)
        return found.view(*contexts.shape, self._n_symbols)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Make room for a table of another size, and refuse what is no table."""
        keys, counts = (state_dict.get(prefix + name) for name in ("keys", "counts"))
        if isinstance(keys, Tensor) and isinstance(counts, Tensor):
            fault = self._fault(keys, counts)
            if fault:
                error_msgs.append(f"{prefix.rstrip('.') or 'the table'} {fault}")
                return
            self.keys, self.counts = (self.keys.new_empty(keys.shape) for _ in range(2))
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _fault(self, keys: Tensor, counts: Tensor) -> str:
        if keys.dim() != 1 or keys.shape != counts.shape or {keys.dtype, counts.dtype} != {torch.long}:
            return f"should be two rows of integers, got shapes {tuple(keys.shape)} and {tuple(counts.shape)}"
        if not (keys[1:] > keys[:-1]).all() or not (counts > 0).all():
            return "should hold rising keys with counts of 1 or more"
        if not ((keys >= 0) & (keys & _SYMBOL_MASK < self._n_symbols)).all():
            return f"should hold symbols below {self._n_symbols}"
        return ""
