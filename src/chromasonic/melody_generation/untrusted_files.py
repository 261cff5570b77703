"""Read files that anybody may have written: at once, up to a limit; archives and JSON without surprises.

The size of a file bounds the memory and the time of reading it.
"""

from __future__ import annotations

import errno
import io
import itertools
import json
import math
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError

MAX_JSON_BYTES = 100_000_000  # the manifest of a split of half a million tunes
_MAX_JSON_VALUES = 5_000_000  # ten times the values of a collection of 50 000 tunes
_MAX_JSON_LEVELS = 64
_MAX_ZIP_ENTRIES = 10_000
_PIECE = 1 << 16  # bytes that are read or unpacked at once
_LARGE_FILE = 10_000_000  # bytes; smaller files are read without a look at their content
# The other methods of compression unpack a piece at once, however large it is.
_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_TOO_DEEP = f"it has more than {_MAX_JSON_LEVELS} levels"


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """Read a file at once, up to a limit.

    Args:
        path: The file. A pipe or a device, whose reading might not end, is refused.
        max_bytes: The largest size.

    Raises:
        OSError: If it cannot be read, is no regular file, or is larger.
    """

    def open_at_once(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for its writer

    with open(path, "rb", opener=open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if status.st_size > max_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {max_bytes} bytes", str(path))
        if status.st_size > _LARGE_FILE and _is_hollow(file, status.st_size):
            raise OSError(errno.EFBIG, "it has hardly any content for its size", str(path))
        content = file.read(status.st_size + 1)
    if len(content) != status.st_size:
        raise OSError(errno.EIO, "it changes while it is read", str(path))
    return content


def _is_hollow(file: BinaryIO, size: int) -> bool:
    """Return whether nearly all of a file is zeros, as in one of terabytes that takes no space on a disk.

    The number of blocks on the disk does not tell: some file systems state none until they have written a file. As soon
    as a hundredth of the pieces hold something else, the rest is not looked at.
    """
    n_needed = size // _PIECE // 100
    while n_needed > 0 and (piece := file.read(_PIECE)):
        n_needed -= piece.count(0) < len(piece)
    file.seek(0)
    return n_needed > 0


def unpack_zip(content: bytes, max_bytes: int, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Unpack entries of a zip archive one by one.

    What counts is the number of bytes that are unpacked, and not the number that the archive states.

    Args:
        content: The archive.
        max_bytes: The most bytes that all entries together may have.
        is_wanted: Tells by the name of an entry whether to unpack it.

    Yields:
        Names, which may be paths to anywhere, and contents.

    Raises:
        ValueError: If it is no such archive, is damaged, encrypted or compressed by an unusual method, has more than
            10 000 entries, or unpacks to more bytes.
    """
    n_left = max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > _MAX_ZIP_ENTRIES:
                raise ValueError(f"it has more than {_MAX_ZIP_ENTRIES} entries")
            for entry in archive.infolist():
                if entry.is_dir() or not is_wanted(entry.filename):
                    continue
                unpacked = _unpack_entry(archive, entry, n_left)
                n_left -= len(unpacked)
                if n_left < 0:
                    raise ValueError(f"it unpacks to more than {max_bytes} bytes")
                yield entry.filename, unpacked
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as problem:
        raise ValueError("it is a damaged archive") from problem


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """Return the content of an entry, or more than ``max_bytes`` bytes of it."""
    if entry.flag_bits & 1 or entry.compress_type not in _ZIP_METHODS:
        raise ValueError(f"its entry {entry.filename!r:.100} is encrypted, or compressed by an unusual method")
    unpacked = bytearray()
    with archive.open(entry) as stream:
        while len(unpacked) <= max_bytes and (piece := stream.read(_PIECE)):
            unpacked += piece
    return bytes(unpacked)


def parse_json(content: bytes) -> Any:
    """Parse JSON that anybody may have written.

    Raises:
        ValueError: If it is no JSON, has NaN or infinite numbers, integers of more than 64 bits, a key twice in an
            object, more than 64 levels, or too many values.

    Example:
        >>> parse_json(b'{"epoch": [1, 2]}')
        {'epoch': [1, 2]}
    """
    text = content.decode("utf-8")
    if sum(map(text.count, ",[{")) > _MAX_JSON_VALUES:
        raise ValueError(f"it has more than {_MAX_JSON_VALUES} values")
    try:
        values = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_levels(values)
    return values


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("it has a key twice in an object")
    return values


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise ValueError(f"the integer {digits[:20]} has more than 64 bits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is no finite number")
    return number


def _check_levels(values: Any) -> None:
    containers = _containers([values])
    for _ in range(_MAX_JSON_LEVELS):
        parts = (value.values() if isinstance(value, dict) else value for value in containers)
        containers = _containers(itertools.chain.from_iterable(parts))
        if not containers:
            return
    raise ValueError(_TOO_DEEP)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def read_json(path: Path, noun: str, advice: str) -> JsonObject:
    """Read a JSON file that holds an object; return an empty dict if there is no such file.

    Args:
        path: The file.
        noun: The word for its values in the error message.
        advice: The advice for a damaged file in the error message, after its removal.

    Raises:
        InputError: If the file is damaged, or has text that cannot be written.
    """
    try:
        values = parse_json(read_regular_file(path, MAX_JSON_BYTES))
        _check_characters(values)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise InputError(f"{path} cannot be read ({reason}): remove it, and {advice}") from problem
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no {noun} by name: remove it, and {advice}")
    return values


def _check_characters(values: Any) -> None:
    """Raise if a text has half a surrogate pair, which no file and no terminal takes."""
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            value.encode("utf-8")
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
