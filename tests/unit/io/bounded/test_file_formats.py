"""ABC as users write it; the other formats have their own tests."""

from __future__ import annotations

from xml.etree.ElementTree import ParseError

import pytest

from chromasonic.melody_generation.io.bounded import file_formats
from chromasonic.melody_generation.io.bounded.file_formats import tunes_of_file
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune


def test_a_file_with_too_many_tunes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_formats, "_MAX_TUNES", 3)
    assert len(list(tunes_of_file(b"X:\n" * 3, ".abc", "a.abc"))) == 3
    [dropped] = tunes_of_file(b"X:\n" * 4, ".abc", "a.abc")
    assert isinstance(dropped, DroppedTune)
    assert dropped.reason.startswith("it has 4 tunes, more than the limit of 3")


def test_a_file_that_cannot_be_used_is_one_dropped_tune() -> None:
    [dropped] = tunes_of_file(b"no music", ".krn", "a.krn")
    assert isinstance(dropped, DroppedTune)
    assert dropped.source == "a.krn"
    assert dropped.reason.startswith("cannot be read as krn: ")


def test_tunes_have_the_source_of_the_file() -> None:
    tunes = list(tunes_of_file(b"X:3\nK:C\nC\nX:4\nK:D\nD\n", ".abc", "in/a.abc"))
    assert [tune.melody.source for tune in tunes if isinstance(tune, WrittenTune)] == ["in/a.abc:3", "in/a.abc:4"]


@pytest.mark.parametrize("lack", [MemoryError(), ParseError("out of memory: line 7, column 0")])
def test_a_lack_of_memory_is_no_fault_of_the_file(lack: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> WrittenTune:
        try:
            raise lack
        except (MemoryError, ParseError):
            raise ZeroDivisionError  # noqa: B904  a library that fails as it answers the lack

    monkeypatch.setattr("chromasonic.melody_generation.io.read_score._parsers", fail)
    with pytest.raises(MemoryError):
        list(tunes_of_file(b"", ".krn", "a.krn"))
