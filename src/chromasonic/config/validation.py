"""Validate a run's configuration before anything is built.

Hydra itself refuses misspelt names. Types and ranges at the top are checked against the schema, and the arguments of
each group against the signature of what it builds. All faults are reported at once, one sentence each.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from chromasonic.config.guidance.typed_words import number_advice
from chromasonic.config.guidance.usual_names import meant_name, meant_value
from chromasonic.config.schema import MOST, RunConfig
from chromasonic.config.signatures import signature_of
from chromasonic.melody_generation.errors import InputError

_MISSING = "???"
# What is needed where pydantic reports an error of this type.
_NEEDED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text",
}
_BOUNDS = {"gt": "above {}", "ge": "of {} or more", "lt": "below {}", "le": "of {} or less"}
# Arguments of Hydra's own that any node may have.
_OF_HYDRA: dict[str, Any] = {"_partial_": bool, "_recursive_": bool, "_args_": list, "_convert_": str}


@dataclass(frozen=True)
class Fault:
    """A fault of one value.

    Attributes:
        name: The value's dotted name.
        sentence: The fault, for the user.
    """

    name: str
    sentence: str


def check(config: DictConfig) -> None:
    """Raise if a configuration cannot be run.

    Raises:
        InputError: With a line for each fault.
    """
    try:
        resolved = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as problem:
        raise InputError(str(problem).partition("\n")[0]) from problem
    written = OmegaConf.to_container(config)
    if not isinstance(resolved, dict) or not isinstance(written, dict):
        raise InputError("a configuration is made of names and values")
    faults = _faults_at_top(resolved)
    # A value that only refers to a faulty one is not reported again.
    references = {f"${{{fault.name}}}" for fault in faults}
    for name, node in resolved.items():
        faults += _faults_of_node(str(name), node, written[name], references)
    if faults:
        sentences = {fault.name: fault.sentence for fault in reversed(faults)}  # the first one of each value
        raise InputError(*reversed(sentences.values()))


def _faults_at_top(values: Mapping[Any, Any]) -> list[Fault]:
    faults = []
    try:
        RunConfig.model_validate(values)
    except ValidationError as problem:
        faults = faults_in(problem)
    shortest, longest = (values.get(f"{which}_melody_length") for which in ("min", "max"))
    if isinstance(shortest, int) and isinstance(longest, int) and longest < shortest:
        sentence = f"max_melody_length={longest} is less than min_melody_length={shortest}: no melody passes both"
        faults.append(Fault("max_melody_length", sentence))
    return faults


def faults_in(problem: ValidationError, name: str = "") -> list[Fault]:
    """Return one fault for each value that pydantic refuses, also where it fits none of several types.

    Args:
        problem: Pydantic's error.
        name: The dotted name of the value that was validated; empty for the whole configuration.
    """
    faults: dict[str, Fault] = {}
    for error in problem.errors():
        path = [str(part) for part in error["loc"]]
        value_name = name or (".".join(path) if path[0] in {"dataset", "guard", "trainer"} else path[0])
        shown = "" if error["type"] == "missing" else f"={str(error['input'])[:80]}"
        faults.setdefault(value_name, Fault(value_name, f"{value_name}{shown}: {_advice(value_name, error)}"))
    return list(faults.values())


def _advice(name: str, error: ErrorDetails) -> str:
    """Return what to type in place of a value that pydantic refuses."""
    bounds, value = error.get("ctx", {}), str(error["input"])
    if error["type"] in _NEEDED:
        return number_advice(name, value) or f"{_NEEDED[error['type']]} is needed"
    if error["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", bounds["expected"])
        return f"choose one of {', '.join(choices) or bounds['expected']}{meant_value(name, value, choices)}"
    for kind, words in _BOUNDS.items():
        if error["type"].startswith("greater_than" if kind in {"gt", "ge"} else "less_than") and kind in bounds:
            return f"write a number {words.format(bounds[kind])}"
    text = error["msg"].removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def _faults_of_node(name: str, node: Any, written: Any, references: set[str]) -> list[Fault]:
    """Return the faults of a node of the configuration and of all nodes below it.

    Args:
        name: The node's dotted name.
        node: The node, resolved.
        written: The node as written, with its references to other values.
        references: References to values that are faulty themselves.
    """
    if not isinstance(node, dict):
        return []
    if not isinstance(written, dict):  # the node refers to another one as a whole
        written = node
    faults = [
        fault
        for key, value in node.items()
        for fault in _faults_of_node(f"{name}.{key}", value, written[key], references)
    ]
    if "_target_" not in node:
        missing = [f"{name}.{key}" for key, value in node.items() if value == _MISSING]
        return [*faults, *(Fault(each, f"{each} must be given: {each}=...") for each in missing)]
    try:
        target = signature_of(node["_target_"])
    except Exception:  # a module of the user's own can raise anything when it is imported
        return [*faults, Fault(f"{name}._target_", f"{name}._target_={node['_target_']}: no such class or function")]
    for key, value in node.items():
        value_name = f"{name}.{key}"
        if not isinstance(key, str):
            faults.append(Fault(value_name, f"{value_name}: {target.name} takes named arguments only"))
        elif key.startswith("_"):
            faults += _faults_of_type(value_name, value, _OF_HYDRA.get(key, Any))
        elif isinstance(written[key], str) and written[key] in references:
            continue
        elif value == _MISSING:
            faults.append(Fault(value_name, f"{value_name} must be given: {value_name}=..."))
        elif key not in target.hints and not target.takes_any:
            hint = meant_name(key, target.hints)
            faults.append(Fault(value_name, f"{value_name}: {target.name} takes no {key}{hint}"))
        elif (plain_type := target.hints.get(key)) is not None:
            faults += _faults_of_type(value_name, value, plain_type) or _faults_of_size(
                value_name, value, MOST.get(key)
            )
    return faults


def _faults_of_type(name: str, value: Any, kind: Any) -> list[Fault]:
    try:
        TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as problem:
        if choices := [choice for choice in _choices_in(kind) if isinstance(choice, str)]:
            listed = f"choose one of {', '.join(choices)}{meant_value(name, str(value), choices)}"
            return [Fault(name, f"{name}={str(value)[:80]}: {listed}")]
        return faults_in(problem, name)
    return []


def _choices_in(kind: Any) -> Iterator[Any]:
    """Yield the values of the literals in a type."""
    for argument in typing.get_args(kind):
        if typing.get_origin(kind) is typing.Literal:
            yield argument
        else:
            yield from _choices_in(argument)


def _faults_of_size(name: str, value: Any, most: int | None) -> list[Fault]:
    if most is None or not isinstance(value, int) or value <= most:
        return []
    return [Fault(name, f"{name}={value}: write a number of {most} or less")]
