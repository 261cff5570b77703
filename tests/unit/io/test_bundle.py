"""The tunebook and the archive of several melodies: complete, readable, and the same for the same melodies."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.made_tunes import walking_tune

from chromasonic.melody_generation.corpora.files import read_music
from chromasonic.melody_generation.io.bundle import Bundle
from chromasonic.melody_generation.io.export import render
from chromasonic.melody_generation.io.tunes import WrittenTune

TUNES = [walking_tune(seed, n_bars=4) for seed in range(3)]


def bundle(folder: Path, *formats: str) -> Path:
    with Bundle(folder) as files:
        for number, tune in enumerate(TUNES, 1):
            files.add(render(tune, 120, formats), f"tune_{number}")
    return folder / "melodies.zip"


def test_the_tunebook_has_every_melody_and_the_archive_every_file(tmp_path: Path) -> None:
    archive = ZipFile(bundle(tmp_path, "abc", "midi"))
    assert archive.testzip() is None
    assert set(archive.namelist()) == {"melodies.abc"} | {
        f"tune_{n}{end}" for n in (1, 2, 3) for end in (".abc", ".mid")
    }
    assert archive.read("tune_2.mid") == render(TUNES[1], 120, ["midi"])["midi"]
    assert archive.read("melodies.abc") == (tmp_path / "melodies.abc").read_bytes()
    assert [line for line in (tmp_path / "melodies.abc").read_text().splitlines() if line.startswith("X:")] == [
        "X:1",
        "X:2",
        "X:3",
    ]
    read = list(read_music(tmp_path / "melodies.abc"))
    assert [tune.melody.pitches.tolist() for tune in read if isinstance(tune, WrittenTune)] == [
        tune.pitches.tolist() for tune in TUNES
    ]


def test_the_same_melodies_give_the_same_archive(tmp_path: Path) -> None:
    first, second = bundle(tmp_path / "a", "abc", "midi"), bundle(tmp_path / "b", "abc", "midi")
    assert first.read_bytes() == second.read_bytes()


def test_without_abc_an_earlier_tunebook_goes(tmp_path: Path) -> None:
    bundle(tmp_path, "abc")
    assert set(ZipFile(bundle(tmp_path, "midi")).namelist()) == {"tune_1.mid", "tune_2.mid", "tune_3.mid"}
    assert [path.name for path in tmp_path.iterdir()] == ["melodies.zip"]


def test_a_bundle_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with Bundle(tmp_path) as files:
            files.add({"abc": b"X:1\n"}, "tune_1")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert list(tmp_path.iterdir()) == []
