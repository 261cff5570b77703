"""Resolve the references of a configuration that anybody may have written, once, into plain values.

Only references to other values of the same configuration (``${optimizer.lr}``) and to the run directory are resolved.
OmegaConf would run functions (``${oc.env:HOME}``), and would read a value that references were joined into once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from chromasonic.melody_generation.atomic_files import JsonObject

_RUN_DIRECTORY = "hydra:runtime.output_dir"
_REFERENCE = re.compile(rf"\$\{{({_RUN_DIRECTORY}|[A-Za-z_]\w*(?:\.\w+)*)\}}")
_MAX_LEVELS = 30
_MAX_VALUES = 10_000
_MAX_CHARACTERS = 200_000


def refers_only_to_values(text: str) -> bool:
    """Return whether a text has no references but those to values and to the run directory.

    Example:
        >>> refers_only_to_values("${optimizer.lr}"), refers_only_to_values("${oc.env:HOME}")
        (True, False)
    """
    return "${" not in _REFERENCE.sub("", text)


def resolve_references(values: JsonObject, run_directory: str) -> JsonObject:
    """Return a configuration with plain values in place of its references.

    Args:
        values: The configuration, as nested dicts and lists.
        run_directory: The text for references to the run directory.

    Raises:
        ValueError: If a reference leads nowhere or in a circle, the values would unfold to far more than a
            configuration has, or a ``${`` is left.

    Example:
        >>> resolve_references({"rate": 0.1, "optimizer": {"lr": "${rate}"}}, "outputs/run")
        {'rate': 0.1, 'optimizer': {'lr': 0.1}}
    """
    resolved: JsonObject = _Resolver(values, run_directory).resolve(values, 0)
    refuse_references(resolved)
    return resolved


def refuse_references(values: Any, name: str = "") -> None:
    """Raise if a name or a value has a ``${``: whoever builds from the values might resolve it.

    Raises:
        ValueError: If it has; the message names the value.
    """
    for leaf, value in _leaves(values, name):
        for text in (leaf, value):
            if isinstance(text, str) and "${" in text:
                raise ValueError(f"{leaf[:80]} refers to something else than values of the run ({text[:80]})")


def _leaves(values: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of every leaf."""
    if isinstance(values, dict | list) and values:
        items = values.items() if isinstance(values, dict) else enumerate(values)
        for key, value in items:
            yield from _leaves(value, f"{name}.{key}".removeprefix("."))
    else:
        yield name, values


class _Resolver:
    def __init__(self, values: JsonObject, run_directory: str) -> None:
        self._values, self._run_directory = values, run_directory
        self._n_values = self._n_characters = 0

    def resolve(self, value: Any, level: int) -> Any:
        self._n_values += 1
        if level > _MAX_LEVELS:
            raise ValueError("its references lead in a circle")
        if isinstance(value, dict):
            resolved: Any = {key: self.resolve(item, level + 1) for key, item in value.items()}
        elif isinstance(value, list):
            resolved = [self.resolve(item, level + 1) for item in value]
        elif isinstance(value, str):
            resolved = self._resolve_text(value, level + 1)
        else:
            resolved = value
        if self._n_values > _MAX_VALUES or self._n_characters > _MAX_CHARACTERS:
            raise ValueError("its references unfold to far more than a configuration has")
        return resolved

    def _resolve_text(self, text: str, level: int) -> Any:
        if whole := _REFERENCE.fullmatch(text):
            return self._referred(whole[1], level)
        joined = _REFERENCE.sub(lambda found: str(self._referred(found[1], level)), text)
        self._n_characters += len(joined)
        return joined

    def _referred(self, name: str, level: int) -> Any:
        if name == _RUN_DIRECTORY:
            return self._run_directory
        node: Any = self._values
        for part in name.split("."):
            if isinstance(node, str) and _REFERENCE.fullmatch(node):
                node = self.resolve(node, level)
            if isinstance(node, dict) and part in node:
                node = node[part]
            elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
                node = node[int(part)]
            else:
                raise ValueError(f"it refers to {name[:80]}, which it does not have")
        return self.resolve(node, level)
