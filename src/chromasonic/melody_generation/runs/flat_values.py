"""Nested plain values, such as a configuration: as one level, and the differences between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chromasonic.melody_generation.errors import InputError

_NOT_GIVEN = "not given"
# A dotted key is as long as all names above it, so that a small file could unfold to gigabytes.
_MAX_VALUES, _MAX_LEVELS, _MAX_LETTERS = 10_000, 20, 200


def flat_values(values: Mapping[str, object]) -> dict[str, object]:
    """Return all values that are no mappings by their dotted keys.

    Raises:
        InputError: If there are more than 10 000 values, more than 20 levels, or names of more than 200 letters.

    Example:
        >>> flat_values({"epochs": 3, "model": {"memory": True, "layers": {}}})
        {'epochs': 3, 'model.memory': True}
    """
    flat: dict[str, object] = {}
    level: list[tuple[str, Mapping[str, object]]] = [("", values)]
    n_values = 0
    for _ in range(_MAX_LEVELS):
        below: list[tuple[str, Mapping[str, object]]] = []
        for prefix, mapping in level:
            n_values += len(mapping)
            if n_values > _MAX_VALUES or any(len(str(name)) > _MAX_LETTERS for name in mapping):
                raise InputError(
                    f"a configuration has up to {_MAX_VALUES} values with names of up to {_MAX_LETTERS} letters"
                )
            for name, value in mapping.items():
                if isinstance(value, Mapping):
                    below.append((f"{prefix}{name}.", value))
                else:
                    flat[f"{prefix}{name}"] = value
        level = below
    if level:
        raise InputError(f"a configuration has up to {_MAX_LEVELS} levels")
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
