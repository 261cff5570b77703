"""Read the arguments of classes and functions from their source, so that checking them imports nothing heavy.

Torch and Lightning take seconds to import. A wrong value is reported without that: of our own classes and those of
torch and Lightning, the files are parsed. Everything else is imported and inspected.
"""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, reduce
from importlib.util import find_spec
from operator import or_
from pathlib import Path
from typing import Any, Literal

from hydra.utils import get_object

# Packages whose classes have no decorators that change their arguments.
_READ_AS_SOURCE = {"chromasonic", "lightning", "torch"}
_PLAIN_TYPES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "None": None}
_PLAIN = {int, float, str, bool, types.NoneType}
_MAX_STEPS = 20  # from a public name to the module that defines it


@dataclass(frozen=True)
class Signature:
    """The arguments of a class or function.

    Attributes:
        name: Its name.
        hints: For each argument its type, or None where values of a configuration cannot be checked against it.
        takes_any: Whether it takes arguments of any name.
    """

    name: str
    hints: Mapping[str, Any]
    takes_any: bool


@cache
def signature_of(target: str) -> Signature:
    """Return the signature of what a ``_target_`` names.

    Raises:
        Exception: If there is no such class or function; importing a user's own module can raise anything.

    Example:
        >>> signature_of("torch.optim.SGD").hints["nesterov"], signature_of("lightning.Trainer").takes_any
        (<class 'bool'>, False)
    """
    return read_signature(target) or inspect_signature(target)


def inspect_signature(target: str) -> Signature:
    """Import a class or function, and return its signature; errors as in :func:`signature_of`."""
    found = get_object(target)
    parameters = inspect.signature(found).parameters
    try:
        hints = typing.get_type_hints(found.__init__ if inspect.isclass(found) else found)
    except (NameError, TypeError):  # annotations that only a type checker can resolve
        hints = {}
    return Signature(
        found.__name__,
        {name: plain_type(hints.get(name)) for name in parameters},
        any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()),
    )


def plain_type(hint: Any) -> Any:
    """Return a type against which values of a configuration can be checked, else None.

    A tensor in a union is left out, since no configuration holds one.
    """
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        members = [member for member in typing.get_args(hint) if getattr(member, "__name__", "") != "Tensor"]
        return typing.Union[tuple(members)] if all(map(plain_type, members)) else None  # noqa: UP007
    return hint if hint in _PLAIN or typing.get_origin(hint) is Literal else None


def read_signature(target: str) -> Signature | None:
    """Return the signature of a class or function from its source; None if the source does not say it plainly."""
    if target.partition(".")[0] not in _READ_AS_SOURCE:
        return None
    found = _find(*target.rpartition(".")[::2])
    return _signature_of(*found) if found else None


def _signature_of(module: str, node: ast.stmt) -> Signature | None:
    """Return the signature of a definition in a module; None for what is neither a class nor a function."""
    if isinstance(node, ast.FunctionDef):
        return _signature(node.name, node.args, module)
    if not isinstance(node, ast.ClassDef):
        return None
    if any(ast.unparse(each).partition("(")[0] == "dataclass" for each in node.decorator_list):
        return _signature_of_dataclass(node, module)
    constructors = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    if constructors:  # the last of overloads is the one that runs
        return _signature(node.name, constructors[-1].args, module, is_method=True)
    if not node.bases:
        return Signature(node.name, {}, takes_any=False)
    base = _find(module, ast.unparse(node.bases[0])) if len(node.bases) == 1 else None
    inherited = _signature_of(*base) if base else None
    return replace(inherited, name=node.name) if inherited else None


def _signature(name: str, arguments: ast.arguments, module: str, *, is_method: bool = False) -> Signature:
    listed = [*arguments.posonlyargs, *arguments.args][int(is_method) :] + arguments.kwonlyargs
    hints = {each.arg: _type(each.annotation, module) for each in listed}
    others = [each.arg for each in (arguments.vararg, arguments.kwarg) if each]
    return Signature(name, hints | dict.fromkeys(others), arguments.kwarg is not None)


def _signature_of_dataclass(node: ast.ClassDef, module: str) -> Signature | None:
    if node.bases:
        return None
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    hints = {
        each.target.id: _type(each.annotation, module)
        for each in fields
        if isinstance(each.target, ast.Name) and not ast.unparse(each.annotation).startswith("ClassVar")
    }
    return Signature(node.name, hints, takes_any=False)


def _type(annotation: ast.expr | None, module: str, steps: int = 0) -> Any:
    """Return the plain type that an annotation stands for, else None."""
    if isinstance(annotation, ast.Constant):
        return types.NoneType if annotation.value is None else None
    if isinstance(annotation, ast.BinOp):
        return _union([annotation.left, annotation.right], module, steps)
    if isinstance(annotation, ast.Subscript):
        return _subscripted(annotation, module, steps)
    if not isinstance(annotation, ast.Name) or steps > _MAX_STEPS:
        return None
    found = None if annotation.id in _PLAIN_TYPES else _find(module, annotation.id)
    if found is None:
        return _PLAIN_TYPES.get(annotation.id)
    is_alias = isinstance(found[1], ast.Assign | ast.AnnAssign)
    return _type(found[1].value, found[0], steps + 1) if is_alias else None  # type: ignore[attr-defined]


def _subscripted(annotation: ast.Subscript, module: str, steps: int) -> Any:
    inner = [*annotation.slice.elts] if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    kind = ast.unparse(annotation.value).rpartition(".")[2]
    if kind == "Literal":
        values = tuple(each.value for each in inner if isinstance(each, ast.Constant))
        return Literal[values]
    if kind == "Optional":
        inner.append(ast.Constant(None))
    return _union(inner, module, steps) if kind in {"Union", "Optional"} else None


def _union(members: list[ast.expr], module: str, steps: int) -> Any:
    kept = [member for member in members if ast.unparse(member) not in {"Tensor", "torch.Tensor"}]
    plain = [_type(member, module, steps + 1) for member in kept]
    return None if None in plain or not plain else reduce(or_, plain)


def _find(module: str, name: str) -> tuple[str, ast.stmt] | None:
    """Return the statement that defines a name, and its module, followed through imports; None if there is none."""
    for _ in range(_MAX_STEPS):
        path = _file_of(module)
        if path is None or not name:
            return None
        definitions = _definitions(path)
        node = definitions.get(name)
        if not isinstance(node, ast.ImportFrom):
            return (module, node) if node is not None else None
        name = next(each.name for each in node.names if name in (each.asname, each.name))
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        module = node.module or "" if not node.level else ".".join(filter(None, (package, node.module)))
    return None


@cache
def _definitions(path: Path) -> dict[str, ast.stmt]:
    """Return what a module defines or imports at its top, by name; of several, the last one."""
    return dict(_named(ast.parse(path.read_text(encoding="utf-8")).body))


def _named(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ImportFrom):
            yield from ((each.asname or each.name, node) for each in node.names)
        elif isinstance(node, ast.Assign):
            yield from ((each.id, node) for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node


def _file_of(module: str) -> Path | None:
    """Return the file of a module, found without importing its packages."""
    top, *inner = module.split(".")
    spec = find_spec(top) if top in _READ_AS_SOURCE else None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        base = Path(folder, *inner)
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py") if inner else (base / "__init__.py",):
            if path.is_file():
                return path
    return None
