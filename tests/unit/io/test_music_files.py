"""Files of any format by their names; the readers of each format have their own tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chromasonic.melody_generation.io import music_files
from chromasonic.melody_generation.io.music_files import read_music_file
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

TWO_TUNES = "X:1\nT:One\nK:C\nCDE|\nX:2\nT:Two\nK:C\nCDE|\n"


def test_all_tunes_or_only_the_first_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ABC"
    path.write_text(TWO_TUNES)
    for only_first, titles in ((False, ["One", "Two"]), (True, ["One"])):
        tunes = read_music_file(path, "a.ABC", only_first=only_first)
        assert [tune.melody.title for tune in tunes if isinstance(tune, WrittenTune)] == titles


def test_a_file_that_cannot_be_opened_is_dropped_for_now(tmp_path: Path) -> None:
    [dropped] = read_music_file(tmp_path / "none.mid", "none.mid")
    assert dropped == DroppedTune("none.mid", "cannot be read: No such file or directory", depends_on_machine=True)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.abc")
    [dropped] = read_music_file(tmp_path / "pipe.abc", "pipe.abc")
    assert isinstance(dropped, DroppedTune)
    assert dropped.reason == "cannot be read: it is no regular file"


def test_a_file_that_is_too_large_is_dropped_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music_files, "MAX_COLLECTION_BYTES", 10)
    (tmp_path / "a.abc").write_text(TWO_TUNES)
    [dropped] = read_music_file(tmp_path / "a.abc", "a.abc")
    assert dropped == DroppedTune("a.abc", "cannot be read: it is larger than 10 bytes")


def test_pieces_of_a_collection_have_the_fields_of_its_header_and_each_tune_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(music_files, "_PIECE_BYTES", 40)
    (tmp_path / "a.abc").write_text(f"L:1/4\n\nT:Zero\nK:C\nCDE|\n\n{TWO_TUNES}")
    tunes = [tune.melody for tune in read_music_file(tmp_path / "a.abc", "a.abc") if isinstance(tune, WrittenTune)]
    assert [tune.title for tune in tunes] == ["Zero", "One", "Two"]
    assert [tune.durations.tolist() for tune in tunes] == [[24] * 3] * 3
