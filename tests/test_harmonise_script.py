"""The command harmonise: the files, the page and the lines that it writes, and the input that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chromasonic.melody_generation.corpora.files import read_first_tune, read_music
from chromasonic.melody_generation.harmony.harmonise import harmonise as with_chords
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES
from chromasonic.melody_generation.io.tunes import WrittenTune
from tests.running import ROOT, Ending, run_script

Harmonise = Callable[..., Ending]
WALTZ = "X:1\nT:Waltz\nM:3/4\nL:1/4\nK:Eb\n|:EGB|c2B|AFD|E3:|\n"
JIG = 'X:2\nT:Jig\nM:6/8\nL:1/8\nK:D\n"A"DFA d2f|ecA "G"G3|\n'


@pytest.fixture
def harmonise(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Harmonise:
    """Runs the script in this process, in a folder with a file and a folder of music."""
    (tmp_path / "my waltz.abc").write_text(WALTZ)
    (tmp_path / "tunes" / "more").mkdir(parents=True)
    (tmp_path / "tunes" / "all.abc").write_text(f"{WALTZ}\n{JIG}\nX:3\nT:Rests\nL:1/4\nK:C\nz4|z4|\n")
    (tmp_path / "tunes" / "more" / "jig.abc").write_text(JIG)
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> Ending:
        return run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / "harmonise.py")

    return run_it


def test_a_tune_is_written_in_all_formats_with_its_chords(harmonise: Harmonise, tmp_path: Path) -> None:
    ended = harmonise("melodies=my waltz.abc")
    assert ended.code == 0, ended.err
    folder = tmp_path / "outputs" / "harmonised"
    assert {path.name for path in folder.iterdir()} == {
        "index.html",
        *(f"my_waltz_01{ending}" for ending in FORMAT_SUFFIXES.values()),
    }
    expected = with_chords(read_first_tune(tmp_path / "my waltz.abc"))
    assert len(expected.chords) >= 3
    for suffix in (".abc", ".musicxml"):
        read = read_first_tune(folder / f"my_waltz_01{suffix}")
        assert (read.chords, read.form, read.title) == (expected.chords, expected.form, "Waltz")
    assert '"Bb7"' in (folder / "my_waltz_01.abc").read_text()
    assert "my_waltz_01 (Waltz)" in ended.out
    page = (folder / "index.html").read_text()
    assert "chromasonic harmonise &#39;melodies=my waltz.abc&#39;" in page
    assert "GPL-3.0" in page
    assert (tmp_path / "my waltz.abc").read_text() == WALTZ


def test_a_folder_is_harmonised_and_what_is_left_out_is_named(harmonise: Harmonise, tmp_path: Path) -> None:
    ended = harmonise("melodies=tunes", "output_dir=new", "formats=abc")
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in (tmp_path / "new").glob("*.abc")) == [f"tunes_0{n}.abc" for n in (1, 2, 3)]
    assert "2 melodies had chords, which were replaced" in ended.out
    assert "left out all.abc:3" in ended.out
    jigs = [read_first_tune(tmp_path / "new" / f"tunes_0{number}.abc") for number in (2, 3)]
    assert jigs[0].chords == jigs[1].chords
    assert jigs[0].chords[0].root == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "melodies must be given"),
        (["melodies=none.abc"], "melodies=none.abc: there is no such file"),
        (["melodies=."], "has no melody"),
        (["melodies=tunes", "formats=pdf"], "formats=pdf: choose from midi"),
        (["melodies=tunes", "tempo=0"], "tempo is quarter notes per minute"),
        (["melodies=tunes", "output_dir=my waltz.abc"], "is no folder"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    harmonise: Harmonise, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    if "melodies=." in arguments:
        (tmp_path / "my waltz.abc").write_text("X:1\nK:C\nz4|\n")
        for path in tmp_path.rglob("tunes/**/*.abc"):
            path.unlink()
    ended = harmonise(*arguments)
    assert ended.code == 1
    assert sentence in ended.err
    assert not (tmp_path / "outputs").exists()


def test_tunes_of_a_file_and_of_a_folder_are_read_alike(harmonise: Harmonise, tmp_path: Path) -> None:
    del harmonise
    of_file = [tune.melody for tune in read_music(tmp_path / "my waltz.abc") if isinstance(tune, WrittenTune)]
    of_folder = [tune.melody for tune in read_music(tmp_path / "tunes") if isinstance(tune, WrittenTune)]
    assert of_file[0].pitches.tolist() == of_folder[0].pitches.tolist()
