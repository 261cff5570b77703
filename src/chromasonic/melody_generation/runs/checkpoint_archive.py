"""Read the archive of a checkpoint: what is checked is what is loaded.

``torch.save`` writes an uncompressed zip archive: a pickle of values, and the bytes of each storage. The file is read
once. Its checked parts are written into a new archive in memory, and torch loads that one, since two readers of zip
archives may read two things from one file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import torch

from chromasonic.melody_generation.runs.pickled_values import check_pickled_values
from chromasonic.melody_generation.threads.warning_filters import ignoring_warnings

_MAX_ENTRIES = 100_000  # tensors
_MAX_BYTES_OF_VALUES = 50_000_000
_VALUES = "data.pkl"
_STORAGE = re.compile(r"data/(0|[1-9]\d{0,8})")
_OTHERS = {"byteorder", "version", ".format_version", ".storage_alignment", ".data/serialization_id"}
_FLAGS = 0x808  # the name is UTF-8; sizes follow the content, and are in the directory as well


def load_values(content: bytes) -> Any:
    """Load the plain values and tensors of a checkpoint.

    Args:
        content: The bytes of the file.

    Raises:
        ValueError: If it holds anything else, or does not hold the bytes of its tensors; with the reason, as a sentence
            about "it".
        Exception: Of zipfile, pickle or torch, if it is damaged.
    """
    parts = _read_parts(content)
    storages = {match[1]: part for name, part in parts.items() if (match := _STORAGE.fullmatch(name))}
    check_pickled_values(parts[_VALUES], {key: len(part) for key, part in storages.items()})
    archive = _archive_of(parts[_VALUES], storages)
    with ignoring_warnings(""):  # torch warns of pickles that it has not written itself
        return torch.load(archive, map_location="cpu", weights_only=True)


def _read_parts(content: bytes) -> dict[str, bytes]:
    """Return the parts of an archive by name, without the folder that all are in."""
    if not content.startswith(b"PK\x03\x04"):
        raise zipfile.BadZipFile("neither the former format of torch.save nor a bare pickle is read")
    if content.count(b"PK\x01\x02") > _MAX_ENTRIES:
        raise ValueError(f"it has more than {_MAX_ENTRIES} parts")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names = [entry.filename.partition("/")[2] for entry in entries]
        folders = {entry.filename.partition("/")[0] for entry in entries}
        if len(folders) != 1 or len(set(names)) != len(names) or _VALUES not in names:
            raise ValueError("its parts are not those of a checkpoint")
        if sum(entry.file_size for entry in entries) > len(content):
            raise ValueError("it unpacks to more bytes than the file has")
        for name, entry in zip(names, entries, strict=True):
            if name != _VALUES and name not in _OTHERS and not _STORAGE.fullmatch(name):
                raise ValueError("its parts are not those of a checkpoint")
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise ValueError("it is compressed")
            if entry.flag_bits & ~_FLAGS:
                raise ValueError("it is encrypted, or of an unknown kind")
        if archive.getinfo(f"{folders.pop()}/{_VALUES}").file_size > _MAX_BYTES_OF_VALUES:
            raise ValueError("it holds more values than any run")
        parts = {name: archive.read(entry) for name, entry in zip(names, entries, strict=True)}
    if parts.get("byteorder", b"little") != b"little":
        raise ValueError("its bytes are in another order than on any computer of today")
    return parts


def _archive_of(values: bytes, storages: Mapping[str, bytes]) -> io.BytesIO:
    """Return the archive that ``torch.save`` would write for these parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"archive/{_VALUES}", values)
        archive.writestr("archive/byteorder", b"little")
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
        archive.writestr("archive/version", b"3\n")
    file.seek(0)
    return file
