import errno
import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chromasonic.melody_generation.atomic_files import (
    are_unchanged,
    atomic_file,
    digests_of,
    remove_file,
    remove_unfinished,
    replaced_together,
    write_text,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_successful_block_leaves_only_the_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with atomic_file(path) as unfinished:
        assert unfinished.parent == path.parent
        assert unfinished.suffix == ".json"
        unfinished.write_text("[1]")
        assert not path.exists()
    assert path.read_text() == "[1]"
    assert names_in(tmp_path) == ["scores.json"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_unchanged(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "scores.json"
    write_text(path, "old")
    with pytest.raises(failure), atomic_file(path) as unfinished:  # noqa: PT012  the block is the subject
        unfinished.write_text("new, but only ha")
        raise failure
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["scores.json"]


def test_an_error_leaves_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "new.bin"):
        raise ZeroDivisionError
    assert names_in(tmp_path) == []


def test_a_writer_may_replace_the_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with atomic_file(path) as unfinished:
        unfinished.unlink()
        unfinished.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def test_missing_folders_are_created_and_text_is_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "title.txt"
    write_text(str(path), "Für Elise\n")
    assert path.read_bytes() == "Für Elise\n".encode()


def test_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    write_text(tmp_path / "whole.txt", "")
    assert stat.S_IMODE((tmp_path / "whole.txt").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_system_errors_name_the_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with pytest.raises(OSError, match="No space left") as disk_full, atomic_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (disk_full.value.errno, disk_full.value.filename) == (errno.ENOSPC, str(path))
    other = OSError(errno.ENOENT, "No such file", "/elsewhere/source.txt")
    with pytest.raises(OSError, match="source") as other_error, atomic_file(path):
        raise other
    assert other_error.value is other
    unnumbered = OSError("image file is truncated")
    with pytest.raises(OSError, match="truncated") as other_error, atomic_file(path):
        raise unnumbered
    assert other_error.value is unnumbered
    assert names_in(tmp_path) == []


def raising(number: int) -> Callable[..., None]:
    def operation(*arguments: object, **named: object) -> None:
        del arguments, named
        raise OSError(number, os.strerror(number))

    return operation


@pytest.mark.parametrize("operation", ["chmod", "fsync"])
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM])
def test_a_file_system_without_an_operation_gets_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int
) -> None:
    monkeypatch.setattr(os, operation, raising(number))
    write_text(tmp_path / "scores.json", "[1]")
    assert (tmp_path / "scores.json").read_text() == "[1]"
    assert names_in(tmp_path) == ["scores.json"]


@pytest.mark.parametrize("operation", ["chmod", "fsync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_failing_operation_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int
) -> None:
    write_text(tmp_path / "scores.json", "old")
    monkeypatch.setattr(os, operation, raising(number))
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as problem:
        write_text(tmp_path / "scores.json", "new")
    assert problem.value.filename == str(tmp_path / "scores.json")
    assert (tmp_path / "scores.json").read_text() == "old"
    assert names_in(tmp_path) == ["scores.json"]


def test_an_unsupported_operation_of_the_writer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="permitted"), atomic_file(tmp_path / "a.txt"):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))
    assert names_in(tmp_path) == []


def test_only_unfinished_files_of_the_folders_are_removed(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    deep = tmp_path / "deeper" / ".best.unfinished-x.pt"
    kept = [tmp_path / "scores.json", tmp_path / ".hidden", tmp_path / "best.unfinished-x.pt", deep]
    unfinished = [tmp_path / ".scores.unfinished-abc.json", tmp_path / ".best.unfinished-x.pt"]
    for path in [*kept, *unfinished]:
        path.write_text("")
    remove_unfinished(tmp_path, pattern="scores*")
    assert [path.exists() for path in unfinished] == [False, True]
    remove_unfinished(tmp_path)
    assert not any(path.exists() for path in unfinished)
    assert all(path.exists() for path in kept)
    remove_unfinished(tmp_path / "nothing", tmp_path / "deeper")
    assert not deep.exists()


def test_files_that_belong_together_are_renamed_when_all_are_written(tmp_path: Path) -> None:
    for name in ("a", "b", "old"):
        (tmp_path / name).write_text("before")
    with replaced_together() as files:
        write_text(tmp_path / "a", "first")
        write_text(tmp_path / "a", "second")
        write_text(tmp_path / "folder" / "c", "c")
        remove_file(tmp_path / "old")
        assert [(tmp_path / name).read_text() for name in ("a", "b", "old")] == ["before"] * 3
        digests = files.digests(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == {
        "a": "second",
        "b": "before",
        "c": "c",
    }
    assert digests == {name: hashlib.sha256(text).hexdigest() for name, text in (("a", b"second"), ("folder/c", b"c"))}
    assert not are_unchanged(tmp_path, digests)  # one of them is in another folder
    del digests["folder/c"]
    assert are_unchanged(tmp_path, digests)
    assert digests_of([tmp_path / "a", tmp_path / "nothing"]) == digests
    (tmp_path / "a").write_text("third")
    assert not are_unchanged(tmp_path, digests)
    (tmp_path / "a").unlink()
    assert are_unchanged(tmp_path, digests)


def test_nothing_is_replaced_if_one_of_them_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    with pytest.raises(OSError, match="No space left"), replaced_together():  # noqa: PT012  the block is the subject
        write_text(tmp_path / "a", "after")
        remove_file(tmp_path / "a")
        with atomic_file(tmp_path / "b"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "before"
    write_text(tmp_path / "a", "alone")  # the block has ended
    assert (tmp_path / "a").read_text() == "alone"


def test_another_thread_replaces_its_files_at_once(tmp_path: Path) -> None:
    with replaced_together():
        thread = threading.Thread(target=write_text, args=(tmp_path / "a", "x"))
        thread.start()
        thread.join()
        assert (tmp_path / "a").read_text() == "x"
