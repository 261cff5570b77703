"""Steps run once each, in order and side by side; a step that fails or is stopped leaves the others whole."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.study.runner import run_steps


@dataclass
class Fake:
    """A step that runs a few lines of Python, and is done when its file exists."""

    name: str
    folder: Path
    lines: str = ""
    needs: tuple[str, ...] = ()
    seconds: list[float] = field(default_factory=list)
    refuses: bool = False

    @property
    def file(self) -> Path:
        return self.folder / self.name

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def is_done(self) -> bool:
        if self.refuses:
            raise InputError("what it begins with is damaged")
        return self.file.exists()

    def prepare(self) -> tuple[list[str], str]:
        body = f"import pathlib, sys, time, os\n{self.lines}\npathlib.Path({str(self.file)!r}).touch()"
        return [sys.executable, "-c", body], ""

    def record_time(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def outcome(self) -> str:
        return "2.034 bits per note"


def run_all(*steps: Fake, n_at_once: int = 2) -> tuple[list[str], dict[str, str]]:
    lines: list[str] = []
    failures = run_steps(steps, n_at_once, lines.append)
    return lines, failures


def test_a_step_runs_after_the_steps_that_it_needs(tmp_path: Path) -> None:
    seen = f"assert pathlib.Path({str(tmp_path / 'first')!r}).exists(); print(os.environ['OMP_NUM_THREADS'])"
    first = Fake("first", tmp_path, "sum(range(10**6))")
    lines, failures = run_all(Fake("second", tmp_path, seen, needs=("first",)), first)
    assert failures == {}
    assert lines[0].startswith("1 of 2  first  done in 0.0 min  2.034 bits per note")
    assert lines[1].startswith("2 of 2  second")
    assert (tmp_path / "second.log").read_text() == "1\n"
    assert 0 < first.seconds[0] < 30


def test_a_step_that_is_done_does_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "first").touch()
    lines, failures = run_all(Fake("first", tmp_path, "raise SystemExit(1)"), Fake("second", tmp_path))
    assert failures == {}
    assert len(lines) == 1
    assert lines[0].startswith("2 of 2  second")


def test_the_step_with_the_longest_chain_of_followers_runs_first(tmp_path: Path) -> None:
    lines, _ = run_all(
        Fake("alone", tmp_path), Fake("last", tmp_path, needs=("first",)), Fake("first", tmp_path), n_at_once=1
    )
    assert [line.split()[3] for line in lines] == ["first", "alone", "last"]


def test_a_failure_is_reported_in_a_line_and_stops_only_its_followers(tmp_path: Path) -> None:
    lines, failures = run_all(
        Fake("broken", tmp_path, "sys.exit('the disk is full')"),
        Fake("after", tmp_path, needs=("broken",)),
        Fake("long_after", tmp_path, needs=("after",)),
        Fake("refusing", tmp_path, refuses=True),
        Fake("other", tmp_path),
    )
    assert failures == {
        "broken": f"failed: the disk is full; see {tmp_path / 'broken.log'}",
        "after": "not started, since broken failed",
        "long_after": "not started, since after failed",
        "refusing": "failed: what it begins with is damaged",
    }
    assert (tmp_path / "other").exists()
    assert all("\n" not in line for line in lines)
    assert len(lines) == 5


def interrupted_when(is_time: Callable[[], bool]) -> threading.Thread:
    """Press Ctrl-C as soon as it is time."""

    def press() -> None:
        latest = time.monotonic() + 30
        while not is_time() and time.monotonic() < latest:
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_ctrl_c_ends_the_programs_and_the_same_call_resumes(tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    program = f"""
import signal
def end(*_):
    pathlib.Path({str(ended)!r}).touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
pathlib.Path({str(begun)!r}).touch()
time.sleep(60)
"""
    quick, slow = Fake("quick", tmp_path), Fake("slow", tmp_path, program)
    thread = interrupted_when(lambda: begun.exists() and quick.file.exists())
    with pytest.raises(KeyboardInterrupt):
        run_all(quick, slow)
    thread.join()
    assert ended.exists()
    assert len(slow.seconds) == 1  # what it took until then counts
    lines, failures = run_all(quick, Fake("slow", tmp_path))
    assert failures == {}
    assert len(lines) == 1
