"""The command generate: the files and lines that it writes, and the input that it refuses."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from chromasonic.melody_generation.corpora.files import read_first_tune
from chromasonic.melody_generation.generation.generate import generate as make_up
from chromasonic.melody_generation.harmony.harmonise import harmonise
from chromasonic.melody_generation.io.export import FORMAT_SUFFIXES
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.runs.directory_lock import lock_directory
from chromasonic.melody_generation.runs.trained_model import load_model
from tests.running import QUIET, ROOT, Ending, run_script

Generate = Callable[..., Ending]


@pytest.fixture(scope="module")
def trained(trained_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a run; one test writes melodies into it."""
    run = trained_run(*QUIET, "model=markov")
    return Path(shutil.copytree(run, tmp_path_factory.mktemp("runs") / "markov"))


@pytest.fixture
def generate(trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Generate:
    """Runs the script in this process, on the trained run unless another is named."""

    def run_it(*arguments: str) -> Ending:
        named = any(each.startswith("run=") for each in arguments)
        given = arguments if named else (f"run={trained}", *arguments)
        return run_script(*given, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / "generate.py")

    return run_it


def test_melodies_are_written_in_all_formats_and_listed(generate: Generate, trained: Path, tmp_path: Path) -> None:
    ended = generate("count=2", "key=G", "metre=6/8", "upbeat=1/8", "bars=4", "seed=7", f"output_dir={tmp_path}")
    assert ended.code == 0, ended.err
    expected = {f"melody_{number:02}{ending}" for number in (1, 2) for ending in FORMAT_SUFFIXES.values()}
    assert {each.name for each in tmp_path.iterdir()} == expected | {"index.html", "melodies.abc", "melodies.zip"}
    for number in (1, 2):
        tune = read_first_tune(tmp_path / f"melody_{number:02}.abc")
        assert (tune.metre, tune.start, tune.tonic, tune.mode) == (Metre(6, 8), 60, 7, "major")
        assert (tune.ticks, tune.n_bars) == (4 * 72, 4)
    for word in (
        "melody_01",
        "melody_02",
        "typicality",
        "notes in a row from a training tune",
        "Held-out real tunes score",
    ):
        assert word in ended.out, ended.out
    assert not (trained / "melodies").exists()


def test_melodies_go_into_the_run_by_default_and_a_seed_repeats_them(
    generate: Generate, trained: Path, tmp_path: Path
) -> None:
    shared = ("bars=2", "formats=[midi,abc]", "seed=3")
    checkpoint = trained / "markov_checkpoints" / "melody_markov_best.pt"
    assert generate("count=3", *shared, f"run={checkpoint}").code == 0
    melodies = trained / "melodies"
    assert generate("count=1", *shared, f"output_dir={tmp_path}").code == 0
    assert {each.suffix for each in melodies.iterdir()} == {".mid", ".abc", ".html", ".zip"}
    drawn = {path.read_bytes() for path in melodies.glob("melody_*.mid")}
    assert len(drawn) == 3
    assert (tmp_path / "melody_01.mid").read_bytes() in drawn


def test_the_best_melody_comes_first_and_is_said_to_be(generate: Generate, tmp_path: Path) -> None:
    ended = generate("count=2", "n_best=3", "bars=4", "formats=[abc]", f"output_dir={tmp_path}")
    assert ended.code == 0, ended.err
    assert "The best 2 of 6, best first, by typicality." in " ".join(ended.out.split())
    rows = [line.split() for line in ended.out.splitlines() if line.strip().startswith("melody_")]
    assert len(rows) == 2
    assert float(rows[0][3]) >= float(rows[1][3])
    assert "The best 2 of 6, best first" in (tmp_path / "index.html").read_text()
    tunebook = (tmp_path / "melodies.abc").read_text()
    assert f"output_dir={tmp_path}" not in tunebook
    ended = generate("count=1", f"primer={tmp_path}/melodies.abc", f"output_dir={tmp_path}")
    assert (ended.code, (tmp_path / "melodies.abc").read_text()) == (1, tunebook)
    assert "would be replaced by the melodies" in ended.err


def sounding_notes(melody: Melody) -> list[tuple[int, int, int]]:
    """Return onset, pitch and duration of each note; a rest over a bar line is written as several."""
    notes = zip(melody.onsets.tolist(), melody.pitches.tolist(), melody.durations.tolist(), strict=True)
    return [note for note in notes if note[1] != REST]


def test_generate_in_python_gives_the_melodies_of_the_command(
    generate: Generate, trained: Path, tmp_path: Path
) -> None:
    assert generate("count=3", "key=G", "metre=6/8", "seed=7", "formats=abc", f"output_dir={tmp_path}").code == 0
    melodies = make_up(load_model(trained), count=3, key="G", metre="6/8", seed=7)
    assert {melody.corpus for melody in melodies} == {"synthetic"}
    for number, melody in enumerate(melodies, 1):
        written = read_first_tune(tmp_path / f"melody_{number:02}.abc")
        assert sounding_notes(written) == sounding_notes(melody)


def test_melodies_come_with_chords(generate: Generate, tmp_path: Path) -> None:
    shared = ("count=2", "bars=4", "key=Eb", "seed=7", "formats=[abc,midi]")
    assert generate(*shared, "chords=true", f"output_dir={tmp_path}").code == 0
    assert generate(*shared, f"output_dir={tmp_path / 'plain'}").code == 0
    for name in ("melody_01.abc", "melody_02.abc"):
        plain, tune = read_first_tune(tmp_path / "plain" / name), read_first_tune(tmp_path / name)
        assert tune.chords == harmonise(plain).chords != ()
    assert (tmp_path / "melody_01.mid").read_bytes() != (tmp_path / "plain" / "melody_01.mid").read_bytes()
    assert "chords=true" in (tmp_path / "index.html").read_text()


def test_a_primer_is_continued_in_its_metre(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "my_tune.abc").write_text("X:1\nT:Ünder % Way\nM:3/4\nL:1/4\nK:D\nA|dfa|b2a|\n")
    ended = generate(
        "count=1", "bars=4", f"primer={tmp_path}/my_tune.abc", "primer_notes=4", f"output_dir={tmp_path}/x"
    )
    assert ended.code == 0, ended.err
    tune = read_first_tune(tmp_path / "x" / "after_under_01.abc")
    assert tune.pitches[:4].tolist() == [69, 74, 78, 81]
    assert (tune.metre, tune.start, tune.title) == (Metre(3, 4), 48, "After Ünder, 1")


def test_greedy_melodies_end(generate: Generate, tmp_path: Path) -> None:
    ended = generate("temperature=0", "count=1", "max_notes=40", "formats=abc", f"output_dir={tmp_path}")
    assert ended.code == 0, ended.err
    assert 0 < len(read_first_tune(tmp_path / "melody_01.abc")) < 300


def test_temperature_zero_generates_one_melody(generate: Generate, tmp_path: Path) -> None:
    ended = generate("temperature=0", "max_notes=20", "formats=abc", f"output_dir={tmp_path}")
    assert ended.code == 0, ended.err
    assert {path.name for path in tmp_path.iterdir()} == {"melody_01.abc", "index.html", "melodies.abc", "melodies.zip"}
    assert "gives the same melody 16 times" in ended.out
    assert "1 of 1 did not end within 20 notes" in " ".join(ended.out.split())


def test_greedy_sampling_varies_other_bars_each_time(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\n" + "CDEF|" * 8 + "\n")
    ended = generate(
        *("temperature=0", "count=3", f"primer={tmp_path}/tune.abc", "vary=0.2", "formats=abc"),
        f"output_dir={tmp_path}/new",
    )
    assert ended.code == 0, ended.err
    assert "gives the same melody" not in ended.out
    assert len({read_first_tune(path).pitches.tobytes() for path in (tmp_path / "new").glob("*.abc")}) > 1


def test_rounded_primers_and_unusual_conditions_give_a_remark(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/8\nK:C\nC5/4 D3/4 E2 | C8 |\n")
    shared = ("count=1", "bars=2", "formats=abc", f"output_dir={tmp_path}/new")
    assert "the durations of 1 notes of the primer were rounded" in generate(f"primer={tmp_path}/tune.abc", *shared).out
    odd = generate("metre=11/8", "mode=locrian", *shared).out
    assert re.search(r"none of the \d+ training tunes is in 11/8, and none is locrian", odd)
    assert "training tunes is in" not in generate(*shared).out


def test_two_programs_do_not_write_into_one_folder(generate: Generate, tmp_path: Path) -> None:
    with lock_directory(tmp_path, "writing melodies"):
        ended = generate("count=1", "bars=2", "formats=[abc]", f"output_dir={tmp_path}")
    assert (ended.code, ended.err) == (
        1,
        f"another program is writing melodies in {tmp_path}: wait for it, or stop it\n",
    )
    assert list(tmp_path.iterdir()) == []
    assert generate("count=1", "bars=2", "formats=[abc]", f"output_dir={tmp_path}").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"melody_01.abc", "index.html", "melodies.abc", "melodies.zip"}


def test_a_terminated_program_leaves_no_incomplete_file(
    generate: Generate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count(1)
    real = os.fsync

    def terminated(handle: int) -> None:
        if next(calls) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        real(handle)

    monkeypatch.setattr(os, "fsync", terminated)
    ended = generate("count=4", "bars=2", "formats=[abc,midi]", f"output_dir={tmp_path}")
    assert (ended.code, ended.err) == (143, "terminated\n")
    assert list(tmp_path.iterdir()) == []


def test_the_page_has_its_command_without_absolute_paths(generate: Generate, trained: Path, tmp_path: Path) -> None:
    assert generate("count=1", "bars=2", "seed=4", "formats=abc", f"output_dir={tmp_path}").code == 0
    html = (tmp_path / "index.html").read_text()
    assert f"chromasonic generate run={trained.name} count=1 bars=2 seed=4 formats=abc<" in html
    assert str(tmp_path.parent) not in html


def test_files_have_the_given_tempo(generate: Generate, tmp_path: Path) -> None:
    assert generate("count=1", "bars=2", "tempo=77", "formats=abc", f"output_dir={tmp_path}").code == 0
    assert "\nQ:1/4=77\n" in (tmp_path / "melody_01.abc").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("metre=13/8",), "melodies cannot be written in metre 13/8; near it are 12/8"),
        (("key=H",), "a key is a letter A to G"),
        (("mode=happy",), "no mode is called 'happy'"),
        (("upbeat=2",), "an upbeat is shorter than a bar"),
        (("temperature=-1",), "temperature is a number of 0 or more (0 is greedy), got -1"),
        (("temperature=.nan",), "temperature is"),
        (("temperature=warm",), "temperature"),
        (("top_k=100000",), "top_k is at most"),
        (("top_k=-1",), "top_k is how many tokens are kept"),
        (("top_p=0",), "top_p is a share above 0"),
        (("min_p=2",), "min_p is a share of 0 to 1, 0 for all, got 2"),
        (("count=0",), "count is how many melodies"),
        (("bars=0",), "bars is 1 or more, got 0"),
        (("bars=2", "notes=2"), "give one of them"),
        (("metre=free", "bars=2"), "bars cannot be counted in free metre"),
        (("seed=-1",), "seed is a whole number of 0 or more"),
        (("corpus=jazz",), "no corpus is called 'jazz'"),
        (("tempo=0",), "tempo is quarter notes per minute, 10 to 1000, got 0"),
        (("formats=[abc,mp3]",), "formats=mp3: choose from midi, musicxml"),
        (("primer_notes=3",), "no primer was given"),
        (("primer=missing.abc",), "primer=missing.abc: there is no such file"),
        (("run=missing",), "run=missing: there is no such run"),
        (("temprature=1",), "there is no temprature to set, did you mean temperature?"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(
    arguments: tuple[str, ...], says: str, generate: Generate, tmp_path: Path
) -> None:
    ended = generate(f"output_dir={tmp_path}/new", *arguments)
    assert ended.code == 1
    assert says in ended.err
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_primer_that_cannot_be_read_is_named(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "broken.musicxml").write_text("<score")
    ended = generate(f"primer={tmp_path}/broken.musicxml", f"output_dir={tmp_path}/new")
    assert ended.code == 1
    assert "broken.musicxml cannot be used: it is no well-formed XML" in ended.err
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_named(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    ended = generate(f"output_dir={tmp_path}/file", "count=1")
    assert (ended.code, (tmp_path / "file").read_text()) == (1, "here already")
    assert f"{tmp_path}/file cannot be written to" in ended.err


def test_without_a_run_the_model_of_the_package_plays_and_is_named_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("count=1", "bars=2", "drafts=1", "formats=[abc]")
    ended = run_script(*options, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / "generate.py")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("The model is run=pretrained, which comes with Chromasonic")
    melodies = tmp_path / "outputs" / "pretrained" / "melodies"
    assert read_first_tune(melodies / "melody_01.abc").n_bars == 2
    assert "chromasonic generate count=1 bars=2" in (melodies / "index.html").read_text()


def test_help_lists_every_option(generate: Generate) -> None:
    ended = generate("run=x", "--help")
    assert ended.code == 0
    for name in ("run: pretrained", "temperature: 1.0", "primer_notes: null", "formats: [midi,"):
        assert name in ended.out
