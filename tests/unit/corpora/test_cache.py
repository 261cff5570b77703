"""The cache returns the reading, and never stale, damaged or partial content."""

from __future__ import annotations

import ast
import errno
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from chromasonic.melody_generation.corpora import cache
from chromasonic.melody_generation.corpora.cache import (
    cache_key,
    parsed_directory,
    read_cached,
    reading_code,
    source_directory,
)
from chromasonic.melody_generation.corpora.corpus import CorpusReading, CorpusReport
from chromasonic.melody_generation.io.tunes import DroppedTune
from chromasonic.melody_generation.melody import Melody

READING = CorpusReading(
    (Melody([60, 62], [24, 24], title="Scale", source="a.abc:1"),),
    CorpusReport(n_tunes=2, n_melodies=1, n_notes=2, dropped=(DroppedTune("a.abc:2", "no notes"),)),
)


class CountingReader:
    """Returns READING and counts the calls."""

    def __init__(self) -> None:
        self.n_reads = 0

    def __call__(self) -> CorpusReading:
        self.n_reads += 1
        return READING


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_cached_reading_is_not_read_again() -> None:
    read = CountingReader()
    assert read_cached("tunes", "k", read) == read_cached("tunes", "k", read) == READING
    assert read.n_reads == 1


def test_a_new_key_is_read_and_replaces_the_old_file() -> None:
    read = CountingReader()
    for key in ("old", "new"):
        read_cached("tunes", key, read)
    read_cached("tunes-played", "old", read)
    assert read.n_reads == 3
    assert sorted(path.name for path in parsed_directory().glob("*.npz")) == [
        "tunes-played.old.npz",
        "tunes.new.npz",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
        lambda content: b"no cache at all" * 100,
    ],
)
def test_a_damaged_file_is_read_again_from_the_sources(damage: Callable[[bytes], bytes]) -> None:
    read = CountingReader()
    read_cached("tunes", "k", read)
    path = parsed_directory() / "tunes.k.npz"
    path.write_bytes(damage(path.read_bytes()))
    assert read_cached("tunes", "k", read) == READING
    assert read_cached("tunes", "k", read) == READING
    assert read.n_reads == 2


def test_the_file_of_a_killed_process_is_removed() -> None:
    parsed_directory().mkdir(parents=True)
    (parsed_directory() / "tunes.abcd1234.npz").write_bytes(b"half")
    read_cached("tunes", "k", CountingReader())
    assert [path.name for path in parsed_directory().glob("*.npz")] == ["tunes.k.npz"]


def test_a_cache_that_cannot_be_written_is_not_needed(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the directory should be")
    read = CountingReader()
    assert read_cached("tunes", "k", read) == READING
    assert read.n_reads == 1


def test_an_error_while_reading_is_raised_and_nothing_is_cached() -> None:
    def read() -> CorpusReading:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        read_cached("tunes", "k", read)
    assert not list(parsed_directory().glob("*.npz"))


def test_two_threads_that_start_together_read_once() -> None:
    read, readings, both = CountingReader(), [], threading.Barrier(2)

    def run() -> None:
        both.wait()
        readings.append(read_cached("tunes", "k", read))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert readings == [READING, READING]
    assert read.n_reads == 1


def test_the_key_covers_names_contents_order_and_options() -> None:
    keys = {
        cache_key([("a", b"1"), ("b", b"2")], {"repeats": "written"}),
        cache_key([("a", b"1"), ("b", b"2")], {"repeats": "played"}),
        cache_key([("b", b"2"), ("a", b"1")], {"repeats": "written"}),
        cache_key([("a", b"1"), ("b", b"3")], {"repeats": "written"}),
        cache_key([("a", b"1"), ("c", b"2")], {"repeats": "written"}),
        cache_key([("a", b"1")], {"repeats": "written"}),
    }
    assert len(keys) == 6


def test_the_key_covers_the_version_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key([], {})
    monkeypatch.setattr(cache, "_code_version", lambda: "another")
    assert cache_key([], {}) != before


def test_the_key_covers_all_code_that_corpora_import_to_read() -> None:
    """Errors, locks, what is printed, and files as such do not affect the melodies."""
    root = Path(cache.__file__).parents[1]
    queue = [root / "corpora" / f"{name}.py" for name in ("files", "folk", "nottingham", "synthetic")]
    queue.append(root / "io" / "bounded" / "reader_worker.py")  # which another process imports
    imported: set[Path] = set()
    while queue:
        path = queue.pop()
        if path in imported or not path.exists():
            continue
        imported.add(path)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        names = [module.split(".")[2:] for module in modules if module.startswith("chromasonic.melody_generation.")]
        queue += [root.joinpath(*name).with_suffix(".py") for name in names]
    assert root / "notation" / "repeats.py" in imported
    others = {root / f"{name}.py" for name in ("errors", "atomic_files", "untrusted_files")}
    others |= {root / "printing" / f"{name}.py" for name in ("masked_secrets", "terminal_output")}
    others |= {root / "threads" / "process_lock.py"}
    assert imported - set(reading_code()) == others


def test_the_source_directory_is_that_of_the_variable_or_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMASONIC_DATA_DIR", str(tmp_path))
    assert source_directory("nottingham") == tmp_path / "nottingham"
    monkeypatch.delenv("CHROMASONIC_DATA_DIR")
    assert source_directory("nottingham").name == "nottingham"
    assert tmp_path / "cache" in source_directory("nottingham").parents


def in_a_process(do: Callable[[], None]) -> int:
    """Fork a process that calls a function, and return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads in this process
        child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def test_processes_that_start_together_read_once(tmp_path: Path) -> None:
    reads = tmp_path / "reads"

    def read() -> CorpusReading:
        with reads.open("ab") as file:
            file.write(b"x")
        time.sleep(0.2)  # the others start meanwhile
        return READING

    def run() -> None:
        if read_cached("tunes", "key", read) != READING:
            raise AssertionError

    children = [in_a_process(run) for _ in range(4)]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert reads.read_bytes() == b"x"
    assert sorted(path.name for path in parsed_directory().iterdir()) == ["tunes.key.npz", "tunes.lock"]


def test_a_killed_process_blocks_no_other_and_leaves_no_file() -> None:
    real = Path.replace

    def die(self: Path, target: Path) -> Path:
        if str(target).endswith(".npz"):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, target)

    def run() -> None:
        Path.replace = die  # type: ignore[assignment, method-assign]
        read_cached("tunes", "key", lambda: READING)

    _, status = os.waitpid(in_a_process(run), 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert len(list(parsed_directory().glob(".tunes.key.unfinished-*"))) == 1
    assert read_cached("tunes", "key", CountingReader()) == READING
    assert sorted(path.name for path in parsed_directory().iterdir()) == ["tunes.key.npz", "tunes.lock"]


def test_a_full_disk_prevents_only_the_caching(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert read_cached("tunes", "key", CountingReader()) == READING
    assert [path.name for path in parsed_directory().iterdir()] == ["tunes.lock"]
