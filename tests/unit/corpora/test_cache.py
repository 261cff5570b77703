"""The cache gives back what was read, and never what is stale, damaged or half-written."""

from __future__ import annotations

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
from chromasonic.melody_generation.corpora.cache import cache_key, parsed_directory, read_cached, source_directory
from chromasonic.melody_generation.corpora.corpus import CorpusReading, CorpusReport
from chromasonic.melody_generation.io.tunes import DroppedTune
from chromasonic.melody_generation.melody import Melody

READING = CorpusReading(
    (Melody([60, 62], [24, 24], title="Scale", source="a.abc:1"),),
    CorpusReport(n_tunes=2, n_melodies=1, n_notes=2, dropped=(DroppedTune("a.abc:2", "no notes"),)),
)


class Decoder:
    """Gives READING and counts how often it was asked."""

    def __init__(self) -> None:
        self.n_reads = 0

    def __call__(self) -> CorpusReading:
        self.n_reads += 1
        return READING


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_second_time_nothing_is_read() -> None:
    read = Decoder()
    assert read_cached("tunes", "k", read) == read_cached("tunes", "k", read) == READING
    assert read.n_reads == 1


def test_another_key_is_read_again_and_the_old_file_removed() -> None:
    read = Decoder()
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
    read = Decoder()
    read_cached("tunes", "k", read)
    path = parsed_directory() / "tunes.k.npz"
    path.write_bytes(damage(path.read_bytes()))
    assert read_cached("tunes", "k", read) == READING
    assert read_cached("tunes", "k", read) == READING
    assert read.n_reads == 2


def test_what_a_killed_run_left_is_cleared_away() -> None:
    parsed_directory().mkdir(parents=True)
    (parsed_directory() / "tunes.abcd1234.npz").write_bytes(b"half")
    read_cached("tunes", "k", Decoder())
    assert [path.name for path in parsed_directory().glob("*.npz")] == ["tunes.k.npz"]


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the directory should be")
    read = Decoder()
    assert read_cached("tunes", "k", read) == READING
    assert read.n_reads == 1


def test_a_fault_while_reading_is_passed_on_and_nothing_is_kept() -> None:
    def read() -> CorpusReading:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        read_cached("tunes", "k", read)
    assert not list(parsed_directory().glob("*.npz"))


def test_two_that_start_at_once_read_once() -> None:
    read, found, both = Decoder(), [], threading.Barrier(2)

    def run() -> None:
        both.wait()
        found.append(read_cached("tunes", "k", read))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [READING, READING]
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


def test_sources_lie_where_the_variable_says_else_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMASONIC_DATA_DIR", str(tmp_path))
    assert source_directory("nottingham") == tmp_path / "nottingham"
    monkeypatch.delenv("CHROMASONIC_DATA_DIR")
    assert source_directory("nottingham").name == "nottingham"
    assert tmp_path / "cache" in source_directory("nottingham").parents


def in_a_process(do: Callable[[], None]) -> int:
    """Start a process of its own that does something and ends; its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads in this one
        child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def test_processes_that_start_at_once_all_succeed_and_read_once(tmp_path: Path) -> None:
    reads = tmp_path / "reads"

    def read() -> CorpusReading:
        with reads.open("ab") as file:
            file.write(b"x")
        time.sleep(0.2)  # the others come while it reads
        return READING

    def run() -> None:
        if read_cached("tunes", "key", read) != READING:
            raise AssertionError

    children = [in_a_process(run) for _ in range(4)]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert reads.read_bytes() == b"x"
    assert sorted(path.name for path in parsed_directory().iterdir()) == ["tunes.key.npz", "tunes.lock"]


def test_a_process_that_is_killed_in_the_middle_stops_nobody_and_leaves_nothing() -> None:
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
    assert read_cached("tunes", "key", Decoder()) == READING
    assert sorted(path.name for path in parsed_directory().iterdir()) == ["tunes.key.npz", "tunes.lock"]


def test_a_full_disk_costs_the_cache_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert read_cached("tunes", "key", Decoder()) == READING
    assert [path.name for path in parsed_directory().iterdir()] == ["tunes.lock"]
