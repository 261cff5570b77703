"""Folders with any letters are typed as they are, a run may be moved, and typed secrets are not kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import QUIET, ROOT, TINY, Ending, run_script

pytestmark = pytest.mark.slow
Run = Callable[..., Ending]
FEW = ("n_samples=2", "max_notes=24")
TUNE = "X:1\nT:Tune {number}\nM:4/4\nL:1/8\nK:G\n{bars}|]\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a script in this process, with a home folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def run_it(name: str, *arguments: str) -> Ending:
        ended = run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / f"{name}.py")
        assert ended.code == 0, ended.err
        return ended

    return run_it


def test_typed_secrets_are_kept_nowhere(run: Run, tmp_path: Path) -> None:
    of_login = ("+hydra.job.env_set.API_TOKEN=hunter2", "+hydra.job.env_set.ADDRESS='https://me:hunter2@host/'")
    ended = run("train", *QUIET, "model=markov", *of_login, f"output_dir={tmp_path / 'run'}")
    assert "hunter2" not in ended.out + ended.err
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert [path for path in files if b"hunter2" in path.read_bytes()] == []
    command = json.loads((tmp_path / "run/provenance.json").read_text())["command"]
    assert "+hydra.job.env_set.API_TOKEN=***" in command
    assert "API_TOKEN: '***'" in (tmp_path / "run/.hydra/hydra.yaml").read_text()


def write_tunes(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(12):
        bars = " | ".join("CDEFGABcdefg"[(number * bar) % 5 :][:8] for bar in range(1, 9))
        (folder / f"{number}.abc").write_text(TUNE.format(number=number, bars=bars))


def test_a_run_in_any_folder_is_resumed_evaluated_compared_and_sampled_wherever_it_is_moved(
    run: Run, tmp_path: Path
) -> None:
    write_tunes(tmp_path / "Stücke, [2] {x}")
    tiny = (*QUIET[1:], *TINY[3:], "dataset=files", "dataset.corpus.folder=~/Stücke, [2] {x}")
    run("train", *tiny, "output_dir=~/Läufe/it's a, (b)")
    first = tmp_path / "Läufe/it's a, (b)"
    assert (first / "config.yaml").is_file()
    run("train", "resume=~/Läufe/it's a, (b)", "epochs=2")

    moved = first.rename(tmp_path / "Läufe/蝶々 007")
    run("train", "resume=~/Läufe/蝶々 007", "epochs=3")
    [history] = moved.glob("*_checkpoints/*_history.json")
    assert len(json.loads(history.read_text())["val_loss"]) == 3
    run("evaluate", "run=~/Läufe/蝶々 007", *FEW)
    run("compare", "runs=[~/Läufe/蝶々 007]", "output_dir=~/null, 1e3", *FEW)
    assert (tmp_path / "null, 1e3/model_comparison.md").is_file()
    run("generate", "run=~/Läufe/蝶々 007", "count=1", "output_dir=~/#1")
    assert [*(tmp_path / "#1").glob("*.mid")]
    assert not first.exists()
