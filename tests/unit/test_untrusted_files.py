"""Files that anybody may have written are refused in a sentence, whatever they hold."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.untrusted_files import parse_json, read_json, read_regular_file, unpack_zip

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
)  # fmt: skip

REFUSED = {
    "not a number": "[NaN]",
    "infinity": "[Infinity]",
    "minus infinity": "[-Infinity]",
    "a number that no float holds": "[1e400]",
    "an integer of 65 bits": f"[{2**64}]",
    "a negative integer of 65 bits": f"[{-(2**63) - 1}]",
    "an integer of 5000 digits": "[" + "9" * 5000 + "]",
    "a key twice": '{"epoch": 1, "epoch": 2}',
    "a key twice below": '{"a": [{"epoch": 1, "epoch": 2}]}',
    "65 lists": "[" * 65 + "]" * 65,
    "65 objects": '{"a":' * 65 + "1" + "}" * 65,
    "100 000 lists": "[" * 100_000,
    "100 000 lists that end": "[" * 100_000 + "]" * 100_000,
    "100 000 objects": '{"a":' * 100_000,
    "nothing": "",
    "half a word": "nul",
    "two values": "1 2",
    "a mark before it": "\ufeff{}",
}


@settings(max_examples=30)
@given(PLAIN)
def test_plain_values_are_parsed_as_they_were_written(values: object) -> None:
    assert parse_json(json.dumps(values).encode()) == values
    assert parse_json(json.dumps(values, ensure_ascii=False).encode()) == values


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_json_that_is_unsafe_to_use_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text.encode())
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="evaluate the run again") as refusal:
        read_json(path, "results", "evaluate the run again")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000


def test_sixty_four_levels_are_read() -> None:
    assert parse_json(b"[" * 64 + b"1" + b"]" * 64)


def test_more_values_than_any_run_has_are_refused_before_they_take_memory() -> None:
    with pytest.raises(ValueError, match="more than 5000000 values"):
        parse_json(b"[" + b"[]," * 2_600_000 + b"1]")


@pytest.mark.parametrize("text", ['{"title": "\\ud800"}', '{"\\udfff": 1}', '{"a": [["x\\udc80"]]}'])
def test_text_that_cannot_be_printed_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match="surrogates"):
        read_json(tmp_path / "results.json", "results", "evaluate the run again")


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(b'{"title": "\xff"}')
    with pytest.raises(InputError, match="utf-8"):
        read_json(tmp_path / "results.json", "results", "evaluate the run again")


def test_a_missing_file_has_no_values_and_other_values_are_refused(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json", "results", "evaluate") == {}
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(InputError, match="holds no results by name"):
        read_json(tmp_path / "list.json", "results", "evaluate")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"12345")
    assert read_regular_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_regular_file(path, 4)
    with path.open("wb") as sparse:
        sparse.truncate(10**12)
    with pytest.raises(OSError, match="larger than"):
        read_regular_file(path, 10**9)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_file_whose_reading_might_not_end_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "results.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(InputError, match=r"results\.json"):
        read_json(path, "results", "evaluate the run again")


def test_refused_numbers_would_have_been_read_by_python() -> None:
    assert math.isnan(json.loads("NaN"))
    assert json.loads('{"epoch": 1, "epoch": 2}') == {"epoch": 2}


def archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as written:
        for name, unpacked in entries:
            written.writestr(name, unpacked)
    return content.getvalue()


def unpacked(content: bytes, max_bytes: int = 1000) -> dict[str, bytes]:
    return dict(unpack_zip(content, max_bytes, lambda name: not name.startswith("other")))


def stating(n_bytes: int, content: bytes) -> bytes:
    """Change the size of the only entry as both headers of the archive state it."""
    changed = bytearray(content)
    changed[22:26] = struct.pack("<I", n_bytes)
    directory = changed.index(b"PK\x01\x02")
    changed[directory + 24 : directory + 28] = struct.pack("<I", n_bytes)
    return bytes(changed)


def encrypted(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[6] |= 1
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def test_wanted_entries_of_an_archive_are_unpacked() -> None:
    content = archive(("a", b"1" * 600), ("other", b"2" * 5000), ("folder/", b""), ("b", b"3" * 400))
    assert unpacked(content) == {"a": b"1" * 600, "b": b"3" * 400}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive(("a", b"1" * 1001)), "more than 1000 bytes"),
        (archive(("a", b"1" * 10_000_000)), "more than 1000 bytes"),
        (archive(("a", b"1" * 600), ("b", b"1" * 600)), "more than 1000 bytes"),
        (stating(2000, archive(("a", b"1" * 5000))), "damaged archive"),  # as only so many bytes are read
        (stating(900, archive(("a", b"1" * 5000))), "damaged archive"),
        (stating(2**31, archive(("a", b"1" * 5000))), "more than 1000 bytes"),
        (archive(("a", b"1" * 100), method=zipfile.ZIP_BZIP2), "unusual method"),
        (archive(("a", b"1" * 100), method=zipfile.ZIP_LZMA), "unusual method"),
        (encrypted(archive(("a", b"1" * 100))), "encrypted"),
        (archive(*((str(number), b"") for number in range(10_001))), "more than 10000 entries"),
        (archive(("a", b"1" * 100))[:-30], "damaged archive"),
        (b"no archive", "damaged archive"),
    ],
    ids=itertools.count(),  # archives hold the time at which they were made
)
def test_hostile_archives_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpacked(content)


def test_a_piece_that_unpacks_to_much_is_not_held_at_once() -> None:
    """Fifty megabytes of zeros in fifty kilobytes."""
    packed = archive(("a", b"0" * 50_000_000))
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        unpacked(packed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@given(st.data())
def test_a_damaged_archive_raises_nothing_else(data: st.DataObject) -> None:
    content = bytearray(archive(("a", b"1" * 50), ("b", bytes(range(200)))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert sum(map(len, unpacked(bytes(content)).values())) <= 1000


def test_a_file_of_holes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"beginning" * 10_000)
        file.truncate(50_000_000)
    with pytest.raises(OSError, match="hardly any content"):
        read_regular_file(path, 100_000_000)


@pytest.mark.parametrize("n_blocks", [0, 1])
def test_a_file_is_read_on_a_file_system_that_states_no_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_blocks: int
) -> None:
    path = tmp_path / "checkpoint"
    content = bytes(8_000_000) + bytes(range(256)) * 10_000  # a tenth is no zero
    path.write_bytes(content)
    real = os.fstat

    def without_blocks(file: int) -> SimpleNamespace:
        status = real(file)
        return SimpleNamespace(st_mode=status.st_mode, st_size=status.st_size, st_blocks=n_blocks)

    monkeypatch.setattr(os, "fstat", without_blocks)
    assert read_regular_file(path, 100_000_000) == content
