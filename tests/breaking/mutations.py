"""Mutate valid inputs: their bytes, their parts and their values."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

MAX_BYTES = 100_000

# Numbers that have broken readers before.
NUMBERS = (
    *("0", "-1", "1", "-0", "007", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "null", "true", "0x10", "1_000"),
    *("255", "256", "32767", "65536", "2147483647", "2147483648", "-2147483649", "9223372036854775807"),
    *("9223372036854775808", "99999999999999999999999", "9" * 400, "1/0", "0/0", "1/3", "3/7", "½", "٣", "²"),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e308, 1e-308),
    *(float("nan"), float("inf"), float("-inf"), "", "x", "\x00", "\x1b[31m", "../../etc/passwd", "${oc.env:HOME}"),
    *("os.system", "9" * 50, "\ud800", [], {}, [[]], [None], {"": None}, {"_target_": "os.system"}, [1] * 100),
)


def mutated(draw: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return one of the seeds after one to eight mutations."""
    content = draw.choice(seeds)
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        content = draw.choice(_CHANGES)(draw, content, seeds, tokens)[:MAX_BYTES]
    return content


def _flip(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del seeds, tokens
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        if changed:
            index = draw.randrange(len(changed))
            changed[index] = draw.choice((changed[index] ^ (1 << draw.randrange(8)), draw.randrange(256)))
    return bytes(changed)


def _span(draw: random.Random, content: bytes) -> tuple[int, int]:
    begin = draw.randrange(len(content) + 1)
    return begin, min(len(content), begin + draw.choice((1, 1, 2, 4, 16, 64, 1024)))


def _cut_out(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del seeds, tokens
    begin, end = _span(draw, content)
    return content[:begin] + content[end:]


def _cut_short(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del seeds, tokens
    return content[: draw.randrange(len(content) + 1)]


def _repeat(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del seeds, tokens
    begin, end = _span(draw, content)
    return content[:begin] + content[begin:end] * draw.choice((2, 3, 10, 100, 5000)) + content[end:]


def _splice(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del tokens
    other = draw.choice(seeds)
    return content[: draw.randrange(len(content) + 1)] + other[draw.randrange(len(other) + 1) :]


def _insert(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del seeds
    begin, end = _span(draw, content)
    token = draw.choice(tokens) if tokens and draw.random() < 0.7 else draw.choice(NUMBERS).encode()
    return content[:begin] + token * draw.choice((1, 1, 1, 2, 50)) + content[draw.choice((begin, end)) :]


def _swap_lines(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    del seeds, tokens
    lines = content.split(b"\n")
    one, other = (draw.randrange(len(lines)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    if draw.random() < 0.3:
        del lines[draw.randrange(len(lines))]
    return b"\n".join(lines)


def _renumber(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Replace a number or word by another one."""
    del seeds, tokens
    words = list(re.finditer(rb"\d+|[A-Za-z]+", content[:20_000]))
    if not words:
        return content
    word = draw.choice(words)
    instead = draw.choice((draw.choice(NUMBERS).encode(), str(draw.randrange(-2, 130)).encode(), draw.choice(words)[0]))
    return content[: word.start()] + instead + content[word.end() :]


def _swap_elements(draw: random.Random, content: bytes, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Drop, repeat or move an XML element, or a line if there is no element."""
    elements = list(re.finditer(rb"<(\w+)[^>]*>(?:(?!</\1>).)*</\1>", content[:20_000], re.S))
    if not elements:
        return _swap_lines(draw, content, seeds, tokens)
    one, other = draw.choice(elements), draw.choice(elements)
    if draw.random() < 0.3:
        return content[: one.start()] + content[one.end() :]
    return content[: other.start()] + one[0] * draw.choice((1, 1, 2, 50)) + content[other.start() :]


Change = Callable[[random.Random, bytes, Sequence[bytes], Sequence[bytes]], bytes]
_CHANGES: tuple[Change, ...] = (
    *(_flip, _cut_out, _cut_short, _repeat, _splice, _insert, _insert, _swap_lines),
    *(_renumber, _renumber, _renumber, _swap_elements, _swap_elements),
)


def mutated_values(draw: random.Random, values: Any, others: Sequence[Any] = ()) -> Any:
    """Return a copy of a tree of plain values with one to four mutations.

    Args:
        draw: Random numbers.
        values: Dictionaries, lists and their contents.
        others: Values to insert, besides those of this module.
    """
    for _ in range(draw.choice((1, 1, 2, 4))):
        values = _changed(draw, values, others)
    return values


def _changed(draw: random.Random, values: Any, others: Sequence[Any]) -> Any:
    """Return the tree with one mutation, more often deep down than near the root."""
    if isinstance(values, dict) and values and draw.random() < 0.85:
        return _changed_dictionary(draw, values, others)
    if isinstance(values, list | tuple) and values and draw.random() < 0.85:
        return _changed_list(draw, list(values), others)
    match draw.randrange(5):
        case 0 if others:
            return draw.choice(list(others))
        case 1 if isinstance(values, int | float):
            return values * draw.choice((-1, 2, 10, 1000, 10**6))
        case 2:
            return [values] * draw.choice((1, 2, 5))
        case _:
            return draw.choice(_VALUES)


def _changed_dictionary(draw: random.Random, values: dict[Any, Any], others: Sequence[Any]) -> dict[Any, Any]:
    name = draw.choice(list(values))
    copy = dict(values)
    match draw.randrange(12):
        case 0:
            del copy[name]
        case 1:
            copy[draw.choice(("", "x", "_target_", str(name) * 2, str(name).upper()))] = copy[name]
        case 2:
            copy[name] = draw.choice(list(values.values()))
        case _:
            copy[name] = _changed(draw, values[name], others)
    return copy


def _changed_list(draw: random.Random, values: list[Any], others: Sequence[Any]) -> list[Any]:
    index = draw.randrange(len(values))
    match draw.randrange(8):
        case 0:
            del values[index]
        case 1:
            values *= draw.choice((0, 2, 3))
        case 2:
            draw.shuffle(values)
        case _:
            values[index] = _changed(draw, values[index], others)
    return values


def as_json(values: Any) -> bytes:
    """Return values as JSON, including surrogates and NaN."""
    return json.dumps(values).encode()
