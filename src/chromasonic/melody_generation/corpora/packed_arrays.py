"""Read the arrays of an ``.npz`` file of this project that anybody may have written.

Names, types and dimensions of the arrays are known beforehand. The number of items that a header declares must equal
the number for which the file has bytes.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The end of an archive without comment: signature, numbers of disks and entries, size of the directory, its offset.
_END = struct.Struct("<4s4H2LH")
_END_OF_64_BITS = b"PK\x06\x07"
_ENTRY_BYTES = 200  # the directory has 46 bytes and the name for each entry
# As numpy writes it for an array of plain numbers, in format 1.0.
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|][iu]\d)', 'fortran_order': False, 'shape': \((\d{1,18}), ?(\d{1,18})?\), \} *\n"
)


@dataclass(frozen=True)
class ArrayLayout:
    """The layout of an array.

    Attributes:
        kind: The type of its items, such as ``"<i4"``.
        n_columns: The length of its second dimension; None if it has one dimension.
    """

    kind: str
    n_columns: int | None = None


def read_arrays(
    payload: bytes, layouts: Mapping[str, ArrayLayout], added: Mapping[str, ArrayLayout] | None = None
) -> dict[str, NDArray[Any]]:
    """Read all arrays of an uncompressed ``.npz`` file.

    Args:
        payload: The content of the file.
        layouts: The layout of each array by name. An array without items may have one dimension.
        added: The layouts of arrays that files of earlier versions lack, all or none. They are then left out.

    Returns:
        Read-only arrays by name, views of no more bytes than the file has for each.

    Raises:
        ValueError: If the names differ, or an array has another layout or fewer bytes than it declares.
        zipfile.BadZipFile: If the archive is damaged.
    """
    n_arrays = int.from_bytes(payload[-_END.size + 10 : -_END.size + 12], "little")
    if added and n_arrays != len(layouts):
        layouts = {**layouts, **added}
    _check_directory(payload, len(layouts))
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        entries = archive.infolist()
        if sorted(entry.filename for entry in entries) != sorted(f"{name}.npy" for name in layouts):
            raise ValueError(f"its arrays are not {', '.join(layouts)}")
        return {
            name: _array(name, _stored_bytes(archive, archive.getinfo(f"{name}.npy"), len(payload)), layout)
            for name, layout in layouts.items()
        }


def _check_directory(payload: bytes, n_entries: int) -> None:
    """Raise if the archive lists other than so many entries, before they are read."""
    end = payload[-_END.size :]
    if len(end) < _END.size or end[:4] != b"PK\x05\x06":
        raise ValueError("it is no archive, or incomplete")
    _, disk, first_disk, n_here, n_all, n_bytes, _, n_comment = _END.unpack(end)
    is_64_bits = payload[-_END.size - 20 :][:4] == _END_OF_64_BITS
    if (disk, first_disk, n_here, n_all, n_comment) != (0, 0, n_entries, n_entries, 0) or is_64_bits:
        raise ValueError(f"it does not hold {n_entries} arrays")
    if n_bytes > n_entries * _ENTRY_BYTES:
        raise ValueError("its list of arrays is too long")


def _stored_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """Return the bytes of an entry, whatever size it declares."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise ValueError(f"{entry.filename} is compressed, so that it may unpack to more bytes than the file has")
    if entry.flag_bits & ~0x800:  # of which one bit says that the name is UTF-8
        raise ValueError(f"{entry.filename} is encrypted, or of an unknown kind")
    if entry.file_size > limit:
        raise ValueError(f"{entry.filename} is larger than the file")
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise ValueError(f"{entry.filename} has other than {entry.file_size} bytes")
    return content


def _array(name: str, content: bytes, layout: ArrayLayout) -> NDArray[Any]:
    begin = len(_MAGIC) + 2
    if content[: len(_MAGIC)] != _MAGIC or len(content) < begin:
        raise ValueError(f"{name} is no array")
    end = begin + int.from_bytes(content[len(_MAGIC) : begin], "little")
    header = _HEADER.fullmatch(content[begin:end])
    dtype = np.dtype(layout.kind)
    if not header or header[1].decode() != dtype.str:
        raise ValueError(f"{name} is no array of type {dtype.str}")
    n_rows, n_columns = int(header[2]), int(header[3]) if header[3] else None
    if n_columns != layout.n_columns and not (n_rows == 0 and n_columns is None):
        raise ValueError(f"{name} should have {layout.n_columns or 'no'} columns")
    n_items = n_rows * (1 if n_columns is None else n_columns)
    if n_items * dtype.itemsize != len(content) - end:
        raise ValueError(f"{name} declares {n_items} items, and has {len(content) - end} bytes")
    items = np.frombuffer(content, dtype=dtype, offset=end)
    return items if layout.n_columns is None else items.reshape(-1, layout.n_columns)
