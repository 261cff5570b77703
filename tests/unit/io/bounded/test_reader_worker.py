"""The reading process refuses whatever libraries raise, and leaves nothing on its standard output but answers."""

from __future__ import annotations

import time

import pytest

from chromasonic.melody_generation.io.bounded import reader_worker
from chromasonic.melody_generation.io.bounded.tune_messages import OUT_OF_TIME, ReadingRequest
from chromasonic.melody_generation.io.tunes import DroppedTune

REQUEST = ReadingRequest(0, ".abc", "a.abc", only_first=False, part=None, seconds=1)


@pytest.mark.parametrize("problem", [RuntimeError("two\nlines"), StopIteration("two lines"), OSError("two  lines")])
def test_an_unexpected_error_refuses_the_file_in_one_line(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[DroppedTune]:
        raise problem

    monkeypatch.setattr(reader_worker, "tunes_of_file", fail)
    [dropped] = reader_worker._tunes(REQUEST, b"")
    name = type(problem).__name__
    assert dropped == DroppedTune("a.abc", f"cannot be read: its content makes the reader fail ({name})")


def test_exhausted_memory_is_no_verdict_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[DroppedTune]:
        raise MemoryError

    monkeypatch.setattr(reader_worker, "tunes_of_file", fail)
    with pytest.raises(MemoryError):
        reader_worker._tunes(REQUEST, b"")


def test_without_a_timer_of_the_system_a_thread_watches_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    codes: list[int] = []
    monkeypatch.delattr("signal.ITIMER_PROF")
    monkeypatch.setattr("os._exit", codes.append)
    with reader_worker._bounded_time(0.05):
        end = time.process_time() + 3
        while not codes and time.process_time() < end:
            pass
    assert codes[:1] == [OUT_OF_TIME]


def test_the_watching_thread_ends_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.delattr("signal.ITIMER_PROF")
    monkeypatch.setattr("os._exit", codes.append)
    with reader_worker._bounded_time(0.2):
        pass
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass
    assert codes == []
