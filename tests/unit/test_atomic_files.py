import errno
import stat
from pathlib import Path

import pytest

from chromasonic.melody_generation.atomic_files import atomic_file, remove_unfinished, write_text


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_block_that_ends_well_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with atomic_file(path) as unfinished:
        assert unfinished.parent == path.parent
        assert unfinished.suffix == ".json"
        unfinished.write_text("[1]")
        assert not path.exists()
    assert path.read_text() == "[1]"
    assert names_in(tmp_path) == ["scores.json"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_as_it_was_and_nothing_behind(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "scores.json"
    write_text(path, "old")
    with pytest.raises(failure), atomic_file(path) as unfinished:  # noqa: PT012  the block is the subject
        unfinished.write_text("new, but only ha")
        raise failure
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["scores.json"]


def test_an_error_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "new.bin"):
        raise ZeroDivisionError
    assert names_in(tmp_path) == []


def test_a_writer_that_replaces_the_temporary_file_itself_is_served_too(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with atomic_file(path) as unfinished:
        unfinished.unlink()
        unfinished.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


def test_missing_folders_are_made_and_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "title.txt"
    write_text(str(path), "Für Elise\n")
    assert path.read_bytes() == "Für Elise\n".encode()


def test_others_may_read_the_file_as_they_may_read_any_other(tmp_path: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    write_text(tmp_path / "whole.txt", "")
    assert stat.S_IMODE((tmp_path / "whole.txt").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_the_system_refuses_names_the_file_that_was_wanted(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with pytest.raises(OSError, match="No space left") as refused, atomic_file(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (refused.value.errno, refused.value.filename) == (errno.ENOSPC, str(path))
    other = OSError(errno.ENOENT, "No such file", "/elsewhere/source.txt")
    with pytest.raises(OSError, match="source") as passed_on, atomic_file(path):
        raise other
    assert passed_on.value is other
    unnumbered = OSError("image file is truncated")
    with pytest.raises(OSError, match="truncated") as passed_on, atomic_file(path):
        raise unnumbered
    assert passed_on.value is unnumbered
    assert names_in(tmp_path) == []


def test_what_killed_programs_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    kept = [tmp_path / "scores.json", tmp_path / ".hidden", tmp_path / "deeper" / "best.unfinished-x.pt"]
    left = [tmp_path / ".scores.unfinished-abc.json", tmp_path / "deeper" / ".best.unfinished-x.pt"]
    for path in [*kept, *left]:
        path.write_text("")
    remove_unfinished(tmp_path, "scores*")
    assert [path.exists() for path in left] == [False, True]
    remove_unfinished(tmp_path)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)
    remove_unfinished(tmp_path / "nothing")
