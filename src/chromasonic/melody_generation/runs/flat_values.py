"""Nested plain values, such as a configuration: as one level, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_NOT_GIVEN = "not given"


def flat_values(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return all values that are no mappings by their dotted keys.

    Example:
        >>> flat_values({"epochs": 3, "model": {"memory": True, "layers": {}}})
        {'epochs': 3, 'model.memory': True}
    """
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flat_values(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Return the differences between two configurations, a phrase for each value.

    Example:
        >>> changes({"epochs": 10, "model": {"memory": True}}, {"epochs": 12, "model": {}, "guard": None})
        ['epochs was 10 and is 12', 'model.memory was True and is not given', 'guard was not given and is None']
    """
    return [f"{key} was {old} and is {new}" for key, old, new in _differing(before, now, "")]


def _differing(
    before: Mapping[str, object], now: Mapping[str, object], prefix: str
) -> Iterator[tuple[str, object, object]]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name, _NOT_GIVEN), now.get(name, _NOT_GIVEN)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differing(old, new, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name}", old, new
