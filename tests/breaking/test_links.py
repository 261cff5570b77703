"""Directories that a stranger made, with links to files elsewhere: no command replaces, removes or reads them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.running import QUIET, ROOT, Ending, run_script

pytestmark = pytest.mark.slow

Run = Callable[..., Ending]
MARKOV = (*QUIET, "model=markov")
FEW = ("hydra.callbacks.comparison.n_samples=2", "hydra.callbacks.comparison.max_notes=24")


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder of somebody's files, with the names of files of a run and of a comparison; it must not change."""
    folder = tmp_path / "victim"
    folder.mkdir()
    names = ("chapter1.tex", "report.html", "results.json", "config.yaml", ".report.unfinished-x.html", "0_markov.json")
    for name in names:
        (folder / name).write_text("a year's work")
    yield folder
    assert {path.name for path in folder.iterdir()} == set(names)
    assert {path.read_text() for path in folder.iterdir()} == {"a year's work"}


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return a function that runs a command in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: str) -> Ending:
        return run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / f"{name}.py")

    return run


def refused(ending: Ending, path: Path) -> bool:
    """Return whether a command ended with one sentence about a link."""
    return ending.code == 1 and ending.err.startswith(f"{path} is a link") and ending.err.count("\n") == 1


@pytest.mark.parametrize(
    "name",
    [
        "comparison_results",
        "comparison_results/tensorboard",
        "multirun.yaml",
        "0_markov",
        "0_markov/.hydra/config.yaml",
        "0_markov/evaluation",
    ],
)
def test_a_sweep_is_not_continued_through_a_link(name: str, command: Run, victim: Path, tmp_path: Path) -> None:
    link = tmp_path / "sweep" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(victim if "." not in link.name else victim / "config.yaml")
    before = sorted(tmp_path.rglob("*"))
    ending = command("train", "-m", *MARKOV, *FEW, f"output_dir={tmp_path / 'sweep'}")
    assert refused(ending, link), ending.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "option"), [("evaluation", "output_dir"), (".hydra", "hydra.run.dir"), ("tensorboard/a", "output_dir")]
)
def test_a_new_run_is_not_written_through_a_link(
    name: str, option: str, command: Run, victim: Path, tmp_path: Path
) -> None:
    link = tmp_path / "new" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    ending = command("train", *MARKOV, f"{option}={tmp_path / 'new'}")
    assert refused(ending, link), ending.err


def test_the_name_of_a_directory_may_refer_to_other_values(command: Run, victim: Path, tmp_path: Path) -> None:
    (tmp_path / "a_7").mkdir()
    (tmp_path / "a_7/.hydra").symlink_to(victim)
    assert refused(command("train", *MARKOV, "seed=7", "output_dir=a_${seed}"), Path("a_7/.hydra"))


@pytest.mark.parametrize("name", ["comparison_results", "0_markov", "comparison_results/jobs"])
def test_a_sweep_is_not_compared_through_a_link(
    name: str, command: Run, victim: Path, trained_run: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep"
    shutil.copytree(trained_run(*MARKOV), tmp_path / "other")
    shutil.copytree(trained_run(*MARKOV), sweep / "0_markov")
    target = tmp_path / "other" if name == "0_markov" else victim
    shutil.rmtree(sweep / name, ignore_errors=True)
    (sweep / name).parent.mkdir(exist_ok=True)
    (sweep / name).symlink_to(target)
    before = (tmp_path / "other/evaluation/results.json").read_bytes()
    assert refused(command("compare", f"runs={sweep}", "n_samples=3", "max_notes=30"), sweep / name)
    assert (tmp_path / "other/evaluation/results.json").read_bytes() == before
    assert len(list((tmp_path / "other/evaluation").iterdir())) == 1


def test_a_run_is_not_repeated_or_learned_from_through_a_link(
    command: Run, trained_run: Callable[..., Path], tmp_path: Path
) -> None:
    run, other = tmp_path / "theirs", tmp_path / "other"
    small = (*QUIET, "model=lstm", "hidden_size=16", "num_layers=1")
    shutil.copytree(trained_run(*small), run)
    shutil.copytree(run, other)
    for name in ("config.yaml", "lstm_checkpoints"):
        kept = run.with_name("kept")
        (run / name).rename(kept)
        (run / name).symlink_to(other / name)
        checkpoint = run / "lstm_checkpoints/melody_lstm_best.pt"
        for arguments in ([f"repeat={run}"], *([*small, f"{option}={run}"] for option in ("init_from", "teacher"))):
            ending = command("train", *arguments, f"output_dir={tmp_path / 'new'}")
            assert ending.code == 1
            assert f"{run / name} is a link" in ending.err
            assert not list((tmp_path / "new").glob("*"))
        for path in (run, checkpoint):
            assert refused(command("generate", f"run={path}", f"output_dir={tmp_path / 'new'}"), run / name)
        (run / name).unlink()
        kept.rename(run / name)


def test_a_sweep_that_cannot_be_compared_fails_and_removes_files_of_a_comparison_alone(
    command: Run, victim: Path, tmp_path: Path
) -> None:
    results = tmp_path / "sweep/comparison_results"
    shutil.copytree(victim, results)
    (results / "my.notes").mkdir()
    (results / "jobs").mkdir()
    (results / "jobs/9_x.json").write_text("{")
    ending = command("train", "-m", *MARKOV, *FEW, f"output_dir={tmp_path / 'sweep'}")
    assert ending.code == 1
    assert "9_x.json cannot be read" in ending.err
    assert "the sweep could not be compared" in ending.err
    assert "Traceback" not in ending.err
    left = {path.name for path in results.iterdir()}
    assert {path.name for path in victim.iterdir()} - left <= {"report.html", ".report.unfinished-x.html"}
    assert (results / "my.notes").is_dir()

    (results / "jobs/9_x.json").unlink()
    (results / "report.html").mkdir()
    ending = command("train", "-m", *MARKOV, *FEW, f"output_dir={tmp_path / 'sweep'}")
    assert ending.code == 1
    assert f"{results / 'report.html'}" in ending.err


def test_the_record_of_a_job_names_no_run_elsewhere(
    command: Run, trained_run: Callable[..., Path], tmp_path: Path
) -> None:
    """The stem of ``...json`` is ``..``."""
    shutil.copytree(trained_run(*MARKOV), tmp_path / "run")
    jobs = tmp_path / "run/sweep/comparison_results/jobs"
    jobs.mkdir(parents=True)
    (jobs / "...json").write_text(json.dumps({"status": "completed", "reason": "", "overrides": []}))
    before = (tmp_path / "run/evaluation/results.json").read_bytes()
    assert command("train", "-m", *MARKOV, *FEW, f"output_dir={tmp_path / 'run/sweep'}").code == 0
    assert (tmp_path / "run/evaluation/results.json").read_bytes() == before


def test_a_checkpoint_outside_a_run_is_read_without_a_look_at_its_folder(
    command: Run, victim: Path, trained_run: Callable[..., Path], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    (home / "my_checkpoints").mkdir()
    os.symlink(victim, home / "project/python")
    checkpoint = trained_run(*MARKOV) / "markov_checkpoints/melody_markov_best.pt"
    for name in ("model.pt", "my_checkpoints/model.pt"):
        shutil.copy(checkpoint, home / name)
        few = (f"run={home / name}", "count=1", "bars=2", "formats=abc")
        assert command("generate", *few, "output_dir=melodies").code == 0
        assert command("generate", *few).code == 0
        shutil.rmtree(home / "melodies")
        (home / "melodies").symlink_to(victim)
        assert refused(command("generate", *few), home / "melodies")
        (home / "melodies").unlink()
