from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from chromasonic.melody_generation.atomic_files import (
    JOURNAL,
    digests_of,
    remove_file,
    replaced_together,
    write_text,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.directory_lock import (
    lock_directory,
    refuse_links,
    refuse_links_of,
    refuse_second_run,
)


def test_only_a_run_with_a_checkpoint_is_protected(tmp_path: Path) -> None:
    refuse_second_run(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "lstm_checkpoints").mkdir()
    (tmp_path / "lstm_checkpoints" / ".melody_lstm_best.unfinished-x.pt").write_text("")
    refuse_second_run(tmp_path)
    (tmp_path / "lstm_checkpoints" / "melody_lstm_last.pt").write_text("")
    with pytest.raises(InputError, match="holds a run already"):
        refuse_second_run(tmp_path)


@pytest.mark.parametrize("problem", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError()])
def test_a_file_system_without_locks_gives_a_warning(
    problem: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: object) -> None:
        raise problem

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with lock_directory(tmp_path):
        pass
    assert "cannot be locked" in capsys.readouterr().err


def test_one_program_at_a_time_holds_a_directory_and_an_error_releases_it(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="of the block"), lock_directory(tmp_path):  # noqa: PT012
        with pytest.raises(InputError, match="another program is training"), lock_directory(tmp_path):
            pass
        raise TimeoutError("of the block")
    with lock_directory(tmp_path):
        pass


def test_another_error_of_the_lock_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(PermissionError), lock_directory(tmp_path):
        pass


def test_a_lock_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(InputError, match="is a folder, and no file of a run"), lock_directory(tmp_path):
        pass


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path) -> None:
    with lock_directory(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert not (tmp_path / "a").exists()
    with lock_directory(tmp_path / "a" / "b"):
        (tmp_path / "a" / "file").write_text("")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


def test_links_and_pipes_are_found_at_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "run" / "a" / "b"
    deep.mkdir(parents=True)
    refuse_links(tmp_path / "run")
    refuse_links(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path / "run", target_is_directory=True)
    refuse_links(tmp_path / "link")
    (deep / "x").symlink_to("nowhere")
    for folder in ("run", "link"):
        with pytest.raises(InputError, match="x is a link"):
            refuse_links(tmp_path / folder)


def test_only_the_named_entries_are_searched(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").symlink_to("nowhere")
    (tmp_path / "c").symlink_to("nowhere")
    refuse_links(tmp_path, ["b", "d"])
    refuse_links(tmp_path, [])
    for names, link in ((["a"], "x"), (["c"], "c"), (["d", "c"], "c")):
        with pytest.raises(InputError, match=f"{link} is a link"):
            refuse_links(tmp_path, names)


def test_a_file_that_another_program_has_just_renamed_is_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    real = os.walk

    def walk(*arguments: Any, **named: Any) -> Iterator[Any]:
        for entry in real(*arguments, **named):
            (tmp_path / "file").unlink()
            yield entry

    monkeypatch.setattr(os, "walk", walk)
    refuse_links(tmp_path)


def test_a_folder_that_cannot_be_listed_is_refused_unless_nothing_in_it_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This test does not rely on permissions, which the superuser does not have to keep."""
    (tmp_path / "hidden").mkdir()
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "hidden":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError, match="hidden"):
        refuse_links(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refuse_links(tmp_path)


def test_the_folder_of_a_copied_checkpoint_is_not_searched(tmp_path: Path) -> None:
    checkpoint = tmp_path / "my_checkpoints" / "model.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_text("")
    (tmp_path / "x").symlink_to("nowhere")
    refuse_links_of(checkpoint)
    refuse_links_of(tmp_path / "nothing")
    (tmp_path / "tunes.npz").write_text("")
    for model in (checkpoint, tmp_path):
        with pytest.raises(InputError, match="x is a link"):
            refuse_links_of(model)


class Killed(BaseException):
    """The end of a program, at which no handler runs."""


def write_set(folder: Path, number: int) -> None:
    """Write the files of a set: the second has no c, and p is written last."""
    with replaced_together(journal_folder=folder):
        for name in ("abcp", "abp")[number - 1]:
            write_text(folder / name, f"{name} of set {number}")
        if number == 2:
            remove_file(folder / "c")


@pytest.fixture
def melodies(tmp_path: Path) -> Path:
    """A folder with the first set, and a file of the user's."""
    folder = tmp_path / "melodies"
    folder.mkdir()
    (folder / "mine").write_text("of the user")
    write_set(folder, 1)
    return folder


def show_next_program(folder: Path, left: set[str]) -> None:
    """Lock a folder after a program was killed in it, and compare the files that are left."""
    assert (folder / JOURNAL).exists()
    (folder / ".a.unfinished-x").write_text("")
    with lock_directory(folder):
        assert {path.name for path in folder.iterdir()} == left | {".lock", "mine"}


@pytest.mark.parametrize("n_renamed", range(3))
def test_the_next_program_removes_a_mix_of_two_sets(
    n_renamed: int, melodies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, n_calls = os.replace, itertools.count()

    def replace(source: Any, target: Any) -> None:
        if next(n_calls) == n_renamed + 1:  # the first is that of the journal
            raise Killed
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Killed):
            write_set(melodies, 2)
    assert not (melodies / "p").exists()
    show_next_program(melodies, set())


@pytest.mark.parametrize(("at", "left"), [("p", {*"abcp"}), ("c", {*"abp"}), (JOURNAL, {*"abp"})])
def test_the_next_program_keeps_a_whole_set(
    at: str, left: set[str], melodies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == at:
            raise Killed
        real(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        with pytest.raises(Killed):
            write_set(melodies, 2)
    show_next_program(melodies, left)
    number = 1 if "c" in left else 2
    assert {(melodies / name).read_text() for name in left} == {f"{name} of set {number}" for name in left}


@pytest.mark.parametrize("text", ["[]", "{", '{"before": 1}', '{"other": {}}', '{"after": {"a": 2}}'])
def test_a_damaged_journal_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text(text)
    with pytest.raises(InputError, match=JOURNAL), lock_directory(tmp_path):
        pass
    (tmp_path / JOURNAL).unlink()
    with lock_directory(tmp_path):
        pass


def test_a_journal_removes_no_file_of_another_content_or_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (tmp_path / "mine", folder / "mine", folder / "theirs"):
        path.write_text(path.name)
    digest = digests_of([tmp_path / "mine"])["mine"]
    after = {"../mine": digest, "mine": "0" * 64, "theirs": digest, str(tmp_path / "mine"): digest}
    (folder / JOURNAL).write_text(json.dumps({"before": {}, "after": after}))
    with lock_directory(folder):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["mine", "mine", "theirs"]
