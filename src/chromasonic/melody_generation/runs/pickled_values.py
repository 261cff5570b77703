"""Check the pickled values of a checkpoint without building them.

The opcodes of the pickle are followed on a stack of descriptions; ``pickletools`` decodes them and runs nothing.
They may describe plain values and tensors only. The file must have the bytes of every tensor, wherever it is: a weight,
a part of the optimizer, a callback's. So the size of a file bounds the number and the size of its values.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MAX_OPCODES = 1_000_000  # far more than any run needs: a history has about twenty numbers per epoch
_MAX_DIMENSIONS = 16
# The same storage may be a weight, a weight in Lightning's state, and both in a mixture or in tied layers.
_MAX_SHARING = 4

# Bytes of an item of each type of storage.
_ITEM_SIZES = {
    **{"DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2},
    **{"LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1},
}
_TENSOR = "torch._utils _rebuild_tensor_v2"
_ORDERED_DICT = "collections OrderedDict"
_GLOBALS = {_TENSOR, _ORDERED_DICT, *(f"torch {name}" for name in _ITEM_SIZES)}
_LOCATION = re.compile(r"(cpu|cuda|mps|xpu|hpu)(:\d{1,4})?")  # not "meta", which has no bytes


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Storage:
    n_items: int
    item_size: int


@dataclass(frozen=True)
class _Tensor:
    n_bytes: int


@dataclass(eq=False, slots=True)
class _Container:
    """A list or a dict; it may be filled until it is an argument of a call."""

    is_list: bool = False
    is_ordered: bool = False
    n_items: int = 0
    last_key: object = None
    is_argument: bool = False


_MARK = object()


@dataclass
class _Machine:
    """The stack and the memo of the pickle's opcodes, with descriptions in place of values."""

    record_sizes: Mapping[str, int]
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: dict[str, tuple[str, _Storage]] = field(default_factory=dict)
    n_tensor_bytes: int = 0

    def pop(self, kind: type | tuple[type, ...]) -> Any:
        value = self.stack.pop()
        if not isinstance(value, kind):
            raise ValueError("its values are in no order")
        return value

    def pop_to_mark(self) -> list[Any]:
        begin = len(self.stack) - 1
        while self.stack[begin] is not _MARK:
            begin -= 1
            if begin < 0:
                raise ValueError("its values are in no order")
        values = self.stack[begin + 1 :]
        del self.stack[begin:]
        return values

    def push_tuple(self, n_values: int) -> None:
        values = tuple(self.stack[len(self.stack) - n_values :])
        if len(values) != n_values or _MARK in values:
            raise ValueError("its values are in no order")
        del self.stack[len(self.stack) - n_values :]
        self.stack.append(values)

    def append(self, values: Sequence[Any]) -> None:
        container = self.container(is_list=True)
        container.n_items += len(values)

    def set_items(self, values: Sequence[Any]) -> None:
        container = self.container(is_list=False)
        # The hash of nested tuples may take exponential time.
        if len(values) % 2 or not all(isinstance(key, str | int) for key in values[::2]):
            raise ValueError("it has keys that are neither text nor integers")
        container.n_items += len(values) // 2
        container.last_key = values[-2] if values else container.last_key

    def container(self, *, is_list: bool) -> _Container:
        container = self.stack[-1]
        if not isinstance(container, _Container) or container.is_list != is_list or container.is_argument:
            raise ValueError("its values are in no order")
        return container

    def load_storage(self) -> None:
        match self.pop(tuple):
            case ("storage", _Global(name=name), str() as key, str() as location, int() as n_items):
                kind = name.removeprefix("torch ")
            case _:
                raise ValueError("it refers to other than the bytes of tensors")
        if kind not in _ITEM_SIZES or not _LOCATION.fullmatch(location):
            raise ValueError("it has tensors of a kind or on a device that no run has")
        storage = _Storage(n_items, _ITEM_SIZES[kind])
        if n_items < 0 or self.record_sizes.get(key) != n_items * storage.item_size:
            raise ValueError(f"it does not hold the {n_items} numbers of a tensor")
        if self.storages.setdefault(key, (kind, storage)) != (kind, storage):
            raise ValueError("it has the same bytes with two types")
        self.stack.append(storage)

    def call(self) -> None:
        arguments, function = self.pop(tuple), self.pop(_Global)
        if function.name == _ORDERED_DICT and not arguments:
            self.stack.append(_Container(is_ordered=True))
        elif function.name == _TENSOR:
            tensor = _tensor(arguments)
            self.n_tensor_bytes += tensor.n_bytes
            self.stack.append(tensor)
        else:
            raise ValueError("it holds more than plain values and tensors")

    def set_attributes(self) -> None:
        """Allow the versions of modules, which torch keeps as an attribute of a state dict."""
        state, target = self.pop(_Container), self.stack[-1]
        is_versions = not state.is_list and state.n_items == 1 and state.last_key == "_metadata"
        if not isinstance(target, _Container) or not target.is_ordered or not is_versions or state.is_argument:
            raise ValueError("it holds more than plain values and tensors")
        state.is_argument = True


def _tensor(arguments: tuple[Any, ...]) -> _Tensor:
    match arguments:
        case (
            _Storage() as storage,
            int() as offset,
            tuple() as shape,
            tuple() as strides,
            bool(),
            _Container() as hooks,
        ):
            pass
        case _:
            raise ValueError("it has a tensor that is none")
    numbers = (offset, *shape, *strides)
    if not hooks.is_ordered or hooks.n_items or len(shape) != len(strides) or len(shape) > _MAX_DIMENSIONS:
        raise ValueError("it has a tensor that is none")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("it has a tensor of a negative size")
    hooks.is_argument = True
    n_items = math.prod(shape)
    if offset + n_items > storage.n_items:
        raise ValueError(f"it has a tensor of {n_items} numbers with bytes for {max(0, storage.n_items - offset)}")
    if n_items and not _is_dense(shape, strides):
        raise ValueError("it has a tensor whose numbers share bytes, or leave gaps")
    return _Tensor(n_items * storage.item_size)


def _is_dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Return whether each number has bytes of its own, without gaps, in some order of the dimensions."""
    expected = 1
    for stride, length in sorted((stride, length) for stride, length in zip(strides, shape, strict=True) if length > 1):
        if stride != expected:
            return False
        expected *= length
    return True


def _push(machine: _Machine, argument: Any) -> None:
    if isinstance(argument, str):
        argument.encode("utf-8")  # half a surrogate pair cannot be printed
    if isinstance(argument, int) and not -(2**63) <= argument < 2**64:
        raise ValueError("it has an integer of more than 64 bits")
    machine.stack.append(argument)


def _push_global(machine: _Machine, name: str) -> None:
    if name not in _GLOBALS:
        raise ValueError("it holds more than plain values and tensors")
    machine.stack.append(_Global(name))


def _memoize(machine: _Machine, index: int) -> None:
    if machine.stack[-1] is _MARK:
        raise ValueError("its values are in no order")
    machine.memo[index] = machine.stack[-1]


# The opcodes that torch.save writes for plain values and tensors. All others are refused.
_OPCODES: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, argument: None,
    "MARK": lambda machine, argument: machine.stack.append(_MARK),
    **dict.fromkeys(("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), _push),
    "NONE": lambda machine, argument: machine.stack.append(None),
    "NEWTRUE": lambda machine, argument: machine.stack.append(True),
    "NEWFALSE": lambda machine, argument: machine.stack.append(False),
    "EMPTY_DICT": lambda machine, argument: machine.stack.append(_Container()),
    "EMPTY_LIST": lambda machine, argument: machine.stack.append(_Container(is_list=True)),
    "EMPTY_TUPLE": lambda machine, argument: machine.stack.append(()),
    "TUPLE": lambda machine, argument: machine.stack.append(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, argument: machine.push_tuple(1),
    "TUPLE2": lambda machine, argument: machine.push_tuple(2),
    "TUPLE3": lambda machine, argument: machine.push_tuple(3),
    "APPEND": lambda machine, argument: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine, argument: machine.append(machine.pop_to_mark()),
    "SETITEM": lambda machine, argument: machine.set_items([machine.stack.pop(), machine.stack.pop()][::-1]),
    "SETITEMS": lambda machine, argument: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": _push_global,
    "BINPERSID": lambda machine, argument: machine.load_storage(),
    "REDUCE": lambda machine, argument: machine.call(),
    "BUILD": lambda machine, argument: machine.set_attributes(),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _memoize),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, index: machine.stack.append(machine.memo[index])),
}


def check_pickled_values(content: bytes, record_sizes: Mapping[str, int]) -> None:
    """Raise if a pickle is more than plain values and tensors whose bytes the file has.

    Args:
        content: The pickle.
        record_sizes: Bytes of the record of each storage, by key.

    Raises:
        ValueError: With the reason, as a sentence about "it".
        LookupError: If the opcodes take more than they have left.
    """
    machine = _Machine(record_sizes)
    for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if opcode.name == "STOP":
            break
        if number >= _MAX_OPCODES:
            raise ValueError("it holds more values than any run")
        if opcode.name not in _OPCODES:
            raise ValueError("it holds more than plain values and tensors")
        _OPCODES[opcode.name](machine, argument)
    if len(machine.stack) != 1:
        raise ValueError("its values are in no order")
    n_bytes = sum(record_sizes.values())
    if machine.n_tensor_bytes > _MAX_SHARING * n_bytes:
        raise ValueError(f"its tensors have {machine.n_tensor_bytes} bytes, and the file {n_bytes} for them")
