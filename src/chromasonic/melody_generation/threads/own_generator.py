"""Random numbers of torch that one thread draws from a generator of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Self

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd


class _Generators(threading.local):
    """The generators of the blocks that a thread is in, the innermost last."""

    def __init__(self) -> None:
        self.stack: list[torch.Generator] = []


_generators = _Generators()


def cpu_generator() -> torch.Generator:
    """Return the generator from which this thread draws random numbers on the CPU."""
    return _generators.stack[-1] if _generators.stack else torch.default_generator


class OwnGenerator(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A block in which this thread draws random numbers on the CPU from a generator instead of torch's global one.

    Layers that take no generator, such as dropout, draw from it as well. The numbers are those of a global generator in
    the same state. Calls of operators take longer, those of small tensors twice as long.

    Args:
        generator: A generator of the CPU.

    Example:
        >>> with OwnGenerator(torch.Generator().manual_seed(1)):
        ...     own = torch.rand(3)
        >>> bool((own == torch.rand(3, generator=torch.Generator().manual_seed(1))).all())
        True
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = generator

    def __enter__(self) -> Self:
        """Begin the block."""
        super().__enter__()  # type: ignore[no-untyped-call]
        _generators.stack.append(self._generator)
        return self

    def __exit__(self, *problem: object) -> None:
        """End the block."""
        _generators.stack.pop()
        super().__exit__(*problem)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        operator: OpOverload,
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call an operator, with the generator if it draws random numbers and was given none."""
        del types
        named = named or {}
        if not _is_random(operator) or not _is_on_cpu(arguments, named):
            return operator(*arguments, **named)
        taking = _taking_generator(operator)
        if taking is None:
            if not _is_composite(operator):
                return operator(*arguments, **named)
            with self:  # dropout and layers with dropout consist of operators that take a generator
                return operator._op_dk(_COMPOSITE, *arguments, **named)
        position = [argument.name for argument in taking._schema.arguments].index("generator")
        if named.get("generator") or any(isinstance(argument, torch.Generator) for argument in arguments[position:]):
            return operator(*arguments, **named)
        return taking(*arguments[:position], **{**named, "generator": self._generator})


class SkippedInitialisation(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A block in which this thread initialises no weights at random: a network is built whose weights are read next.

    Random operators that change a tensor leave it as it is. Weights that are not replaced have no meaning.

    Example:
        >>> with SkippedInitialisation():
        ...     float(torch.zeros(()).normal_())
        0.0
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: otherwise the first operator in a block imports the compiler, which takes a second."""
        return False

    def __torch_dispatch__(
        self,
        operator: OpOverload,
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call an operator unless it changes a tensor at random."""
        del types
        if _is_random(operator) and operator._schema.is_mutable:
            return arguments[0]
        return operator(*arguments, **(named or {}))


@cache
def _is_random(operator: OpOverload) -> bool:
    return torch.Tag.nondeterministic_seeded in operator.tags


@cache
def _is_composite(operator: OpOverload) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(operator.name(), _COMPOSITE)  # type: ignore[no-untyped-call]


def _is_on_cpu(arguments: Sequence[Any], named: Mapping[str, Any]) -> bool:
    """Return whether a random operator makes or changes a tensor on the CPU."""
    if named.get("device") is not None:
        return torch.device(named["device"]).type == "cpu"
    tensors = [argument for argument in (*arguments, *named.values()) if isinstance(argument, Tensor)]
    return all(tensor.device.type == "cpu" for tensor in tensors)


@cache
def _taking_generator(operator: OpOverload) -> OpOverload | None:
    """Return the overload of an operator that differs by its generator; None if there is none."""
    names = {argument.name for argument in operator._schema.arguments} | {"generator"}
    packet = operator.overloadpacket
    overloads: list[OpOverload] = [operator, *(getattr(packet, name) for name in packet.overloads())]
    for overload in overloads:
        if {argument.name for argument in overload._schema.arguments} == names:
            return overload
    return None
