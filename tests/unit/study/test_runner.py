"""Steps are carried out once each, in order, side by side; what fails or is stopped leaves the rest whole."""

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
from chromasonic.melody_generation.study.runner import carry_out


@dataclass
class Fake:
    """Runs a few lines of Python; done once its file is there."""

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

    def begin(self) -> tuple[list[str], str]:
        body = f"import pathlib, sys, time, os\n{self.lines}\npathlib.Path({str(self.file)!r}).touch()"
        return [sys.executable, "-c", body], ""

    def note_time(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def outcome(self) -> str:
        return "2.034 bits per note"


def carried_out(*steps: Fake, n_at_once: int = 2) -> tuple[list[str], dict[str, str]]:
    said: list[str] = []
    failures = carry_out(steps, n_at_once, said.append)
    return said, failures


def test_each_is_run_when_what_it_needs_is_done(tmp_path: Path) -> None:
    seen = f"assert pathlib.Path({str(tmp_path / 'first')!r}).exists(); print(os.environ['OMP_NUM_THREADS'])"
    first = Fake("first", tmp_path, "sum(range(10**6))")
    said, failures = carried_out(Fake("second", tmp_path, seen, needs=("first",)), first)
    assert failures == {}
    assert said[0].startswith("1 of 2  first  done in 0.0 min  2.034 bits per note")
    assert said[1].startswith("2 of 2  second")
    assert (tmp_path / "second.log").read_text() == "1\n"
    assert 0 < first.seconds[0] < 30


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "first").touch()
    said, failures = carried_out(Fake("first", tmp_path, "raise SystemExit(1)"), Fake("second", tmp_path))
    assert failures == {}
    assert len(said) == 1
    assert said[0].startswith("2 of 2  second")


def test_what_most_others_wait_for_is_begun_first(tmp_path: Path) -> None:
    said, _ = carried_out(
        Fake("alone", tmp_path), Fake("last", tmp_path, needs=("first",)), Fake("first", tmp_path), n_at_once=1
    )
    assert [line.split()[3] for line in said] == ["first", "alone", "last"]


def test_a_failure_is_told_in_a_line_and_stops_only_what_needs_it(tmp_path: Path) -> None:
    said, failures = carried_out(
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
    assert all("\n" not in line for line in said)
    assert len(said) == 5


def interrupted_when(is_time: Callable[[], bool]) -> threading.Thread:
    """Presses Ctrl-C as soon as it is time."""

    def press() -> None:
        latest = time.monotonic() + 30
        while not is_time() and time.monotonic() < latest:
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_ctrl_c_ends_the_programs_and_the_same_call_goes_on(tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    lines = f"""
import signal
def end(*_):
    pathlib.Path({str(ended)!r}).touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
pathlib.Path({str(begun)!r}).touch()
time.sleep(60)
"""
    quick, slow = Fake("quick", tmp_path), Fake("slow", tmp_path, lines)
    thread = interrupted_when(lambda: begun.exists() and quick.file.exists())
    with pytest.raises(KeyboardInterrupt):
        carried_out(quick, slow)
    thread.join()
    assert ended.exists()
    assert len(slow.seconds) == 1  # what it took until then counts
    said, failures = carried_out(quick, Fake("slow", tmp_path))
    assert failures == {}
    assert len(said) == 1
