"""What is checked of a checkpoint's archive is what torch loads."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from chromasonic.melody_generation.runs.checkpoint_archive import load_values

VALUES = {"weights": {"a": torch.arange(4.0), "b": torch.arange(3)}, "epoch": 3, "losses": [1.5, float("inf")]}


def saved(value: object = VALUES, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(saved())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of names that occur twice
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def changed(**changes: bytes | None) -> bytes:
    """Return the archive with other parts; None removes one."""
    names = {name.rpartition("/")[2]: name for name in parts()}
    others = {names.get(name, f"archive/{name}"): content for name, content in changes.items()}
    return archive_of([(name, content) for name, content in (parts() | others).items() if content is not None])


def declared(name: bytes, offset: int, kind: str, *values: int) -> bytes:
    """Return the file with other numbers in an entry of the directory."""
    payload = bytearray(saved())
    begin = payload.rindex(b"PK\x01\x02", 0, payload.rindex(name))
    struct.pack_into(kind, payload, begin + offset, *values)
    return bytes(payload)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other) and one.dtype == other.dtype and one.stride() == other.stride()
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def test_values_are_those_that_torch_loads(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(saved())
    assert same(load_values(saved()), torch.load(tmp_path / "model.pt", weights_only=True))
    assert same(load_values(changed()), VALUES)


def test_parts_that_older_versions_of_torch_did_not_write_may_be_missing() -> None:
    assert same(load_values(changed(byteorder=None, serialization_id=None, **{".format_version": None})), VALUES)


REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "half": lambda: saved()[: len(saved()) // 2],
    "the former format": lambda: saved(_use_new_zipfile_serialization=False),
    "text": lambda: b"Dear reader",
    "an archive of tar": lambda: b"sys_info".ljust(100, b"\0") + b"0000644\0".ljust(412, b"\0"),
    "an archive after other bytes": lambda: b"x" + saved(),
    "compressed": lambda: archive_of(list(parts().items()), zipfile.ZIP_DEFLATED),
    "a compressed bomb": lambda: archive_of([*parts().items(), ("archive/data/9", bytes(10**7))], zipfile.ZIP_LZMA),
    "TorchScript": lambda: changed(**{"constants.pkl": b"\x80\x02)."}),
    "code of TorchScript": lambda: archive_of([*parts().items(), ("archive/code/__torch__.py", b"")]),
    "a part twice": lambda: archive_of([*parts().items(), ("archive/data.pkl", b"\x80\x02N.")]),
    "two folders": lambda: archive_of([*parts().items(), ("other/version", b"3\n")]),
    "a path": lambda: archive_of([*parts().items(), ("archive/../../evil", b"")]),
    "an absolute path": lambda: archive_of([*parts().items(), ("/archive/data/7", b"")]),
    "no folder": lambda: archive_of([(name.rpartition("/")[2], content) for name, content in parts().items()]),
    "no values": lambda: archive_of([(name, content) for name, content in parts().items() if "pkl" not in name]),
    "big-endian": lambda: changed(byteorder=b"big"),
    "a storage too short": lambda: archive_of(list((parts() | {"archive/data/0": bytes(4)}).items())),
    "a storage too long": lambda: archive_of(list((parts() | {"archive/data/0": bytes(40)}).items())),
    "no storage": lambda: archive_of([(name, part) for name, part in parts().items() if name != "archive/data/0"]),
    "more bytes than there are": lambda: declared(b"archive/data/0", 20, "<LL", 2**31, 2**31),
    "a declared size": lambda: declared(b"archive/data/0", 24, "<L", 2**31),
    "another checksum": lambda: declared(b"archive/data/0", 16, "<L", 7),
    "an offset into another part": lambda: declared(b"archive/data/0", 42, "<L", 0),
    "encrypted": lambda: declared(b"archive/data/0", 8, "<H", 1),
    "an unknown method": lambda: declared(b"archive/data/0", 10, "<H", 99),
    "200 000 parts": lambda: b"PK\x03\x04" + b"PK\x01\x02" * 200_000,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_archives_are_refused(kind: str) -> None:
    with pytest.raises((ValueError, LookupError, zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error)):
        load_values(REFUSED[kind]())


def test_of_two_archives_in_one_file_the_one_that_is_checked_is_loaded() -> None:
    assert load_values(saved() + archive_of([("archive/data.pkl", b"\x80\x02K\x07.")])) == 7


def test_torch_sees_no_part_that_was_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def load(file: io.BytesIO, **options: Any) -> None:
        assert options == {"map_location": "cpu", "weights_only": True}
        seen.append(file.read())

    monkeypatch.setattr(torch, "load", load)
    load_values(saved())
    with zipfile.ZipFile(io.BytesIO(seen[0])) as archive:
        names = archive.namelist()
    assert names == [f"archive/{name}" for name in ("data.pkl", "byteorder", "data/0", "data/1", "version")]
