"""Checks that all networks make of the sizes they are given."""

from __future__ import annotations


def check_sizes(dropout: float, **sizes: int) -> None:
    """Refuse sizes that are no whole number of 1 or more, and a dropout that drops all.

    Raises:
        ValueError: Naming the value and what was expected.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is a whole number of 1 or more, got {size}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is at least 0 and less than 1, got {dropout}")
