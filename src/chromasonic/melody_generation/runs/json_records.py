"""Read and write dataclasses as JSON. A number that is not defined is null in JSON and NaN in a dataclass."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError

from chromasonic.melody_generation.errors import InputError

Record = TypeVar("Record")
MAX_COUNT = 2**53  # larger integers are no exact floats
MAX_AMOUNT = 1e15  # bits, minutes, notes a second


def nan_for_null(values: Any) -> Any:
    """Replace null by NaN inside the objects and arrays of a JSON value."""
    if isinstance(values, dict):
        return {key: math.nan if value is None else nan_for_null(value) for key, value in values.items()}
    if isinstance(values, list):
        return [math.nan if value is None else nan_for_null(value) for value in values]
    return values


def null_for_nan(values: Any) -> Any:
    """Replace NaN and infinity by None in a JSON value.

    Example:
        >>> null_for_nan({"value": math.nan, "bits": [1.0, math.inf]})
        {'value': None, 'bits': [1.0, None]}
    """
    if isinstance(values, dict):
        return {key: null_for_nan(value) for key, value in values.items()}
    if isinstance(values, list):
        return [null_for_nan(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def _bounded(number: float) -> float:
    """Return a number if it is so small that sums of its squares are finite, or NaN."""
    if abs(number) > MAX_AMOUNT:
        raise ValueError(f"should be up to {MAX_AMOUNT:.0e}")
    return number


Amount = Annotated[float, AfterValidator(_bounded)]
NanForNull = BeforeValidator(nan_for_null)


def validated(adapter: TypeAdapter[Record], values: Any, name: str) -> Record:
    """Return the record in JSON values.

    Args:
        adapter: The type of the record.
        values: The values.
        name: Name of the run for the error message.

    Raises:
        InputError: If a value is missing, or has the wrong type.
    """
    try:
        return adapter.validate_python(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(map(str, first["loc"])) or "a number"
        raise InputError(
            f"the results of {name} are incomplete ({key}: {first['msg'].lower()}): evaluate the run again"
        ) from problem
