from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io import export
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES, FORMATS, check_folder, render, write_files
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.melody import Melody, Metre

JIG = Melody([67, 71, 74, 72], [12, 24, 48, 36], Metre(6, 8), 60, tonic=7, title="A jig")


def test_all_formats_are_written_under_one_stem(tmp_path: Path) -> None:
    paths = export.export(JIG, tmp_path / "new" / "folder", "a_jig")
    assert {name: path.name for name, path in paths.items()} == {
        name: f"a_jig{FORMAT_SUFFIXES[name]}" for name in FORMATS
    }
    assert set((tmp_path / "new/folder").iterdir()) == set(paths.values())
    assert paths["midi"].read_bytes()[:4] == b"MThd"
    assert paths["wav"].read_bytes()[:4] == b"RIFF"
    assert paths["abc"].read_text().startswith("X:1\nT:A jig\n")
    for name in ("musicxml", "svg"):
        ElementTree.parse(paths[name])
    for name in ("png", "roll"):
        with Image.open(paths[name]) as image:
            assert image.width >= 800


def test_only_requested_formats_are_written(tmp_path: Path) -> None:
    assert list(export.export(JIG, tmp_path, "x", formats=["abc", "midi"])) == ["midi", "abc"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.abc", "x.mid"]


def test_the_default_tempo_is_that_of_the_metre() -> None:
    assert render(JIG, formats=["midi"])["midi"] == to_midi(JIG, 156)
    assert render(JIG, 99, ["midi"])["midi"] == to_midi(JIG, 99)


def test_the_same_melody_gives_the_same_bytes() -> None:
    assert render(JIG) == render(JIG)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formats": ["abc", "mp3"]}, "unknown format 'mp3'"),
        ({"formats": []}, "formats is empty"),
        ({"tempo": 3}, "tempo is quarter notes per minute"),
    ],
)
def test_invalid_arguments_raise_an_error_before_anything_is_written(
    arguments: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        export.export(JIG, tmp_path / "new", "x", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_an_error_in_one_format_leaves_no_file_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(svg: str) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "svg_to_png", broken)
    with pytest.raises(OSError, match="No space left"):
        export.export(JIG, tmp_path / "new", "x")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="is no folder"):
            check_folder(folder)
        with pytest.raises(InputError, match="cannot be written: "):
            write_files({"abc": b""}, folder, "x")
    assert (tmp_path / "file").read_text() == "here already"


def test_a_folder_without_permission_raises_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match="no permission to write in"):
        check_folder(tmp_path / "new")


def test_checking_a_folder_does_not_create_it(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
