"""A file over a bound is refused with a sentence, the next file is read, and only processor time counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from chromasonic.melody_generation.io.bounded import reader_process
from chromasonic.melody_generation.io.bounded.reader_process import (
    ReaderProcess,
    ReaderUnavailableError,
    ReadingBounds,
)
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

GOOD = b"X:1\nT:Scale\nM:4/4\nL:1/8\nK:C\nCDEF|GABc|\n"
# It takes ten seconds.
SLOW = b"**kern\n*M3/4\n" + b"*k[f#]\n*G:\n*M3/4\n4g\n=1\n8aL\n8bJ\n4cc\n" * 50_000 + b"*-\n"
LARGE = b"X:1\nM:4/4\nL:1/8\nK:C\n" + b"C" * 90_000 + b"|\n"


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with closing(ReaderProcess(ReadingBounds())) as process:
        yield process


def titles(reader: ReaderProcess) -> list[str]:
    """Read a good file, and return the titles of its tunes."""
    return [tune.melody.title for tune in reader.read(GOOD, ".abc", "good.abc") if isinstance(tune, WrittenTune)]


@pytest.mark.slow
def test_a_file_that_takes_too_much_processor_time_is_refused_and_the_next_is_read(reader: ReaderProcess) -> None:
    before = reader.bounds
    reader.bounds = ReadingBounds(seconds=0.3, seconds_per_megabyte=0)
    try:
        [dropped] = reader.read(SLOW, ".krn", "slow.krn")
    finally:
        reader.bounds = before
    reason = "cannot be used: reading it takes more than 0.3 seconds of processor time"
    assert dropped == DroppedTune("slow.krn", reason, depends_on_machine=True)
    assert titles(reader) == ["Scale"]


@pytest.mark.slow
def test_a_file_that_takes_too_much_memory_is_refused_and_the_next_is_read() -> None:
    with closing(ReaderProcess(ReadingBounds(memory=30_000_000))) as reader:
        assert titles(reader) == ["Scale"]
        [dropped] = reader.read(LARGE, ".abc", "large.abc")
        reason = "cannot be used: reading it takes more than 30 MB of memory"
        assert dropped == DroppedTune("large.abc", reason, depends_on_machine=True)
        assert titles(reader) == ["Scale"]


def test_a_larger_file_has_more_time() -> None:
    assert ReadingBounds(seconds=60, seconds_per_megabyte=30).seconds_for(2_000_000) == 120


@pytest.mark.slow
def test_time_in_which_the_process_is_stopped_does_not_count(reader: ReaderProcess) -> None:
    assert titles(reader) == ["Scale"]
    process = reader.process_id
    assert process is not None
    before = reader.bounds
    reader.bounds = ReadingBounds(seconds=0.5, seconds_per_megabyte=0)
    os.kill(process, signal.SIGSTOP)
    began = time.monotonic()
    waking = threading.Timer(1.5, os.kill, (process, signal.SIGCONT))
    waking.start()
    try:
        assert titles(reader) == ["Scale"]
    finally:
        waking.join()
        reader.bounds = before
    assert time.monotonic() - began > 1
    assert reader.process_id == process


@pytest.mark.slow
def test_a_process_that_was_killed_between_two_files_is_replaced(reader: ReaderProcess) -> None:
    assert titles(reader) == ["Scale"]
    process = reader.process_id
    assert process is not None
    os.kill(process, signal.SIGKILL)
    assert titles(reader) == ["Scale"]
    assert reader.process_id not in {None, process}


def test_a_file_that_ends_the_process_is_refused_with_the_exit_code(
    reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import os; os.write(1, b'0\\n'); os.read(0, 10); os._exit(70)"
    with closing(ReaderProcess(ReadingBounds())) as broken, monkeypatch.context() as patch:
        patch.setattr(reader_process, "_START", program)
        [dropped] = broken.read(GOOD, ".abc", "a.abc")
    reason = "cannot be used: it ends the process that reads it, with exit code 70"
    assert dropped == DroppedTune("a.abc", reason, depends_on_machine=True)
    assert titles(reader) == ["Scale"]


@pytest.mark.slow
def test_an_interrupt_ends_the_process_and_the_next_file_gets_its_own_answer(reader: ReaderProcess) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    assert titles(reader) == ["Scale"]
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            reader.read(SLOW, ".krn", "slow.krn")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert reader.process_id is None
    assert titles(reader) == ["Scale"]


@pytest.mark.slow
def test_a_forked_child_starts_its_own_process(reader: ReaderProcess) -> None:
    assert titles(reader) == ["Scale"]
    process = reader.process_id
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads
        child = os.fork()
    if child == 0:
        os._exit(0 if reader.process_id is None and titles(reader) == ["Scale"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert titles(reader) == ["Scale"]
    assert reader.process_id == process


@pytest.mark.parametrize("program", ["/no/such/program", "/bin/false"])
def test_a_process_that_cannot_be_started_is_no_fault_of_the_file(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with (
        closing(ReaderProcess(ReadingBounds())) as reader,
        pytest.raises(ReaderUnavailableError, match=r"process .* music .*: close other programs"),
    ):
        reader.read(GOOD, ".abc", "a.abc")


@pytest.mark.slow
def test_a_file_beside_the_music_is_not_imported(tmp_path: Path) -> None:
    """Neither in the current folder nor as music21 or a module of the standard library."""
    for name in ("json", "music21", "signal", "chromasonic"):
        (tmp_path / f"{name}.py").write_text("open('PWNED', 'w')")
    (tmp_path / "a.abc").write_bytes(GOOD)
    program = (
        "from pathlib import Path\n"
        "from chromasonic.melody_generation.io.music_files import read_music_file\n"
        "[tune] = read_music_file(Path('a.abc'), 'a.abc')\n"
        "print(tune.melody.title)"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-P", "-c", program]
    environment = {**os.environ, "PYTHONPATH": paths}
    ending = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ending.stdout, ending.returncode) == ("Scale\n", 0), ending.stderr
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.slow
def test_a_program_that_found_this_package_by_a_relative_path_reads_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_bytes(GOOD)
    package = Path(reader_process.__file__).parents[4]
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from chromasonic.melody_generation.io.music_files import read_music_file\n"
        "os.chdir(sys.argv[1])\n"
        "[tune] = read_music_file(Path('a.abc'), 'a.abc')\n"
        "print(tune.melody.title)"
    )
    paths = os.pathsep.join([package.name, *(path for path in sys.path if path and Path(path) != package)])
    command = [sys.executable, "-P", "-c", program, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": paths}
    ending = subprocess.run(command, cwd=package.parent, env=environment, capture_output=True, text=True, check=False)
    assert (ending.stdout, ending.returncode) == ("Scale\n", 0), ending.stderr
