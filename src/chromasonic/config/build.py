"""Build the objects that nodes of a configuration describe."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from chromasonic.melody_generation.errors import InputError

Built = TypeVar("Built")


def build_as(kind: type[Built], name: str, node: Any, **extra: Any) -> Built:
    """Return the object that a node describes, of the type that a run needs there.

    Args:
        kind: The type.
        name: Name of the node for the error message.
        node: The node.
        extra: Arguments that are no part of the configuration.

    Raises:
        InputError: If the node describes another type, nothing, or a constructor refuses its arguments.
    """
    built = build(node, **extra) if isinstance(node, DictConfig) else node
    if not isinstance(built, kind):
        raise InputError(f"{name} should describe a {kind.__name__}, got {type(built).__name__}")
    return built


def build(node: DictConfig, **extra: Any) -> Any:
    """Return the object that a node describes, built from plain values.

    Args:
        node: A node with a ``_target_``; nodes within it are built first.
        extra: Arguments that are no part of the configuration.

    Raises:
        InputError: If a constructor refuses its arguments; the message names the class.
    """
    try:
        return instantiate(node, _convert_="all", **extra)
    except InstantiationException as problem:
        cause = problem.__cause__
        # Of nested nodes the one that failed, not the outermost.
        failed = re.search(r"call to target '([^']*)'", str(problem))
        name = (failed[1] if failed else str(node.get("_target_"))).rpartition(".")[2]
        if isinstance(cause, MemoryError | RuntimeError) and ("memory" in str(cause) or isinstance(cause, MemoryError)):
            raise InputError(f"{name}: there is not enough memory for it: reduce its sizes") from problem
        if isinstance(cause, (ValueError, TypeError, ImportError, OverflowError)):
            raise InputError(f"{name}: {cause}") from problem
        raise
