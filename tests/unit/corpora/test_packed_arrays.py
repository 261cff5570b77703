"""Arrays have as many items as the file has bytes for them, whatever the file declares."""

from __future__ import annotations

import io
import itertools
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray

from chromasonic.melody_generation.corpora.packed_arrays import ArrayLayout, read_arrays

LAYOUTS = {"notes": ArrayLayout("<i2"), "tunes": ArrayLayout("<i4", 3), "labels": ArrayLayout("|u1")}
ARRAYS: dict[str, NDArray[Any]] = {
    "notes": np.arange(5, dtype=np.int16),
    "tunes": np.arange(6, dtype=np.int32).reshape(2, 3),
    "labels": np.frombuffer(b"abc", dtype=np.uint8),
}


def saved(**arrays: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def entries() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(saved(**ARRAYS))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(parts: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of names that occur twice
        for name, content in parts:
            archive.writestr(name, content)
        archive.comment = comment
    return file.getvalue()


def array_of(descr: object, shape: object, data: bytes = b"", *, fortran: bool = False, version: int = 1) -> bytes:
    """Return an array with a header that declares anything."""
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape})[:-1] + ", }\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header.encode() + data


def with_notes(content: bytes) -> bytes:
    return archive_of(list((entries() | {"notes.npy": content}).items()))


def with_directory(change: Callable[[bytearray, int], None]) -> bytes:
    """Return a file whose first entry is changed in the directory; zipfile would write no such file."""
    payload = bytearray(saved(**ARRAYS))
    change(payload, payload.index(b"PK\x01\x02"))
    return bytes(payload)


def declare(offset: int, kind: str, value: int) -> Callable[[bytearray, int], None]:
    return lambda payload, begin: struct.pack_into(kind, payload, begin + offset, value)


@given(
    arrays_of.arrays(np.int16, st.integers(0, 20)),
    arrays_of.arrays(np.int32, st.tuples(st.integers(0, 5), st.just(3))),
    st.binary(),
)
@settings(max_examples=50)
def test_arrays_are_read_as_numpy_reads_them(notes: NDArray[Any], tunes: NDArray[Any], labels: bytes) -> None:
    payload = saved(notes=notes, tunes=tunes, labels=np.frombuffer(labels, dtype=np.uint8))
    read = read_arrays(payload, LAYOUTS)
    with np.load(io.BytesIO(payload)) as expected:
        for name in LAYOUTS:
            np.testing.assert_array_equal(read[name], expected[name])
            assert read[name].dtype == expected[name].dtype
            assert not read[name].flags.writeable


def test_an_array_without_items_may_have_one_dimension() -> None:
    read = read_arrays(saved(**(ARRAYS | {"tunes": np.zeros(0, dtype=np.int32)})), LAYOUTS)
    assert read["tunes"].shape == (0, 3)


HEADERS = {
    f"{descr!r:.20} {shape!r:.20}": array_of(descr, shape, data)
    for descr, shape, data in [
        *itertools.product(["|S0", "|V0", "<U0", "|V1", "|S1", "<U1"], [(2 * 10**8,), (10**12,)], [b""]),
        ("<i2", (10**12,), b""),
        ("<i2", (10**17,), b""),
        ("<i2", (10**30,), b""),
        ("<i2", (5 * 10**8,), bytes(8000)),
        ("<i2", (10**9, 0), b""),
        ("<i2", (0, 10**9), b""),
        ("<i2", (0,) * 33, b""),
        ("<i2", (-5,), bytes(10)),
        ("<i2", (), bytes(2)),
        ("<i2", (6,), bytes(10)),
        ("<i2", (4,), bytes(10)),
        ("<i2", (5, 1), bytes(10)),
        ("<i2", 5, bytes(10)),
        ("<i2", (True,), bytes(2)),
        ("<i2", tuple([1] * 4000), bytes(2)),
        (">i2", (5,), bytes(10)),
        ("<u2", (5,), bytes(10)),
        ("<f2", (5,), bytes(10)),
        ("<i4", (5,), bytes(20)),
        ("|b1", (5,), bytes(5)),
        ("<M8[ns]", (5,), bytes(40)),
        ("<c8", (5,), bytes(40)),
        ("|O", (1,), b"cos\nsystem\n(S'touch PWNED'\ntR."),
        ([("a", "<i2", (10**6,))], (1,), bytes(4000)),
        ([("a", "|V0")], (10**9,), b""),
        ([("", "<i2")], (5,), bytes(10)),
        (("<i2", (10**9,)), (0,), b""),
        ("<i2" + " " * 60_000, (5,), bytes(10)),
        ("i2", (5,), bytes(10)),
    ]
}
HEADERS |= {
    "order of Fortran": array_of("<i2", (5,), bytes(10), fortran=True),
    "format 2": array_of("<i2", (5,), bytes(10), version=2),
    "format 3": array_of("<i2", (5,), bytes(10), version=3),
    "header beyond the end": b"\x93NUMPY\x01\x00\xff\xff{}",
    "nested header": b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"(" * 60_000,
    "code as header": b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').system('false')\n",
    "no array": b"not an array",
    "nothing": b"",
    "half a magic number": b"\x93NUM",
    "pickle": b"\x80\x04.",
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_an_array_with_another_layout_or_size_is_refused(content: bytes) -> None:
    payload = with_notes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^notes "):
            read_arrays(payload, LAYOUTS)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


WHOLE = list(entries().items())
ARCHIVES = {
    "an array twice": archive_of([*WHOLE[1:], WHOLE[1]]),
    "an array twice, all others once": archive_of([*WHOLE, WHOLE[0]]),
    "an array is missing": archive_of(WHOLE[1:]),
    "an array more": archive_of([*WHOLE, ("more.npy", b"")]),
    "a path": archive_of([("../notes.npy", WHOLE[0][1]), *WHOLE[1:]]),
    "an absolute path": archive_of([("/tmp/notes.npy", WHOLE[0][1]), *WHOLE[1:]]),
    "another name": archive_of([("NOTES.npy", WHOLE[0][1]), *WHOLE[1:]]),
    "a folder": archive_of([("notes.npy/", b""), *WHOLE[1:]]),
    "2000 entries": archive_of([(str(number), b"") for number in range(2000)]),
    "compressed": archive_of(WHOLE, zipfile.ZIP_DEFLATED),
    "a compressed bomb": archive_of([("notes.npy", array_of("<i2", (5 * 10**6,), bytes(10**7))), *WHOLE[1:]], 8),
    "another compression": archive_of(WHOLE, zipfile.ZIP_BZIP2),
    "a comment": archive_of(WHOLE, comment=b"x"),
    "bytes after the end": saved(**ARRAYS) + b"x",
    "half": saved(**ARRAYS)[:300],
    "nothing": b"",
    "an end alone": b"PK\x05\x06" + bytes(18),
    "a size below the real one": with_directory(declare(24, "<L", 10)),
    "a size above the real one": with_directory(declare(24, "<L", 2**31)),
    "both sizes above the real one": with_directory(
        lambda payload, begin: struct.pack_into("<LL", payload, begin + 20, 2**31, 2**31)
    ),
    "both sizes a little above": with_directory(
        lambda payload, begin: struct.pack_into("<LL", payload, begin + 20, 600, 600)
    ),
    "a size of 64 bits": with_directory(declare(24, "<L", 2**32 - 1)),
    "an offset beyond the end": with_directory(declare(42, "<L", 2**31)),
    "an offset into another entry": with_directory(declare(42, "<L", 300)),
    "encrypted": with_directory(declare(8, "<H", 1)),
    "another checksum": with_directory(declare(16, "<L", 1)),
    "a name beyond the directory": with_directory(declare(28, "<H", 60_000)),
    "a comment of the entry beyond the directory": with_directory(declare(32, "<H", 60_000)),
    "method that there is not": with_directory(declare(10, "<H", 99)),
    "an end of 64 bits": saved(**ARRAYS)[:-22] + b"PK\x06\x07" + bytes(16) + saved(**ARRAYS)[-22:],
}


@pytest.mark.parametrize("payload", ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_of_another_kind_is_refused(payload: bytes) -> None:
    with pytest.raises((ValueError, zipfile.BadZipFile, NotImplementedError, struct.error, EOFError, RuntimeError)):
        read_arrays(payload, LAYOUTS)


def test_entries_that_overlap_give_no_more_bytes_than_the_file_has_for_each() -> None:
    """All three arrays begin with the same bytes, which each entry may claim once."""
    content = array_of("<i2", (5,), bytes(10))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(content), *[len(content)] * 2, 9, 0)
    body = local + b"notes.npy" + content
    directory = b"".join(
        struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, zlib.crc32(content), *[len(content)] * 2,
            len(name), 0, 0, 0, 0, 0, 0,
        )
        + name
        for name in (b"notes.npy", b"tunes.npy", b"labels.npy")
    )  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, len(directory), len(body), 0)
    with pytest.raises((ValueError, zipfile.BadZipFile)):
        read_arrays(body + directory + end, LAYOUTS)
