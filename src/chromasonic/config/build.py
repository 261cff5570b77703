"""Build the objects that nodes of a configuration describe, from plain values."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from chromasonic.config.closed_set import check_node, is_restricted
from chromasonic.config.references import refuse_references
from chromasonic.melody_generation.errors import InputError

Built = TypeVar("Built")

# What constructors raise if they are given values that they cannot use.
REFUSALS = (AttributeError, ImportError, LookupError, MisconfigurationException, OverflowError, TypeError, ValueError)


def build_as(kind: type[Built], name: str, node: Any, /, **extra: Any) -> Built:
    """Return the object that a node describes, of the type that a run needs there.

    Args:
        kind: The type.
        name: The dotted name of the node.
        node: The node.
        extra: Arguments that are no part of the configuration.

    Raises:
        InputError: If the node describes another type, nothing, or a constructor refuses its arguments.
    """
    built = build(name, node, **extra) if isinstance(node, DictConfig) else node
    if not isinstance(built, kind):
        raise InputError(f"{name} should describe a {kind.__name__}, got {type(built).__name__}")
    return built


def build(name: str, node: DictConfig, /, **extra: Any) -> Any:
    """Return the object that a node describes.

    References are resolved once. A ``${`` that is left would be resolved by Hydra again, and is refused.

    Args:
        name: The dotted name of the node.
        node: A node with a ``_target_``; nodes within it are built first.
        extra: Arguments that are no part of the configuration.

    Raises:
        InputError: If a constructor refuses its arguments (the message names the class), or a run directory may not
            name the class or an argument.
    """
    values = OmegaConf.to_container(node, resolve=True)
    try:
        refuse_references(values, name)
    except ValueError as problem:
        raise InputError(str(problem)) from problem
    if is_restricted(node):
        check_node(name, values)
    try:
        return instantiate(values, _convert_="all", **extra)
    except InstantiationException as problem:
        cause = problem.__cause__
        # Of nested nodes the one that failed, not the outermost.
        failed = re.search(r"call to target '([^']*)'", str(problem))
        described = (failed[1] if failed else str(node.get("_target_"))).rpartition(".")[2]
        if isinstance(cause, MemoryError | RuntimeError) and ("memory" in str(cause) or isinstance(cause, MemoryError)):
            raise InputError(f"{described}: there is not enough memory for it: reduce its sizes") from problem
        if isinstance(cause, REFUSALS):
            raise InputError(f"{described}: {cause}") from problem
        raise
