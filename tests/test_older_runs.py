"""Runs of version 0.1 are resumed, repeated, evaluated, compared and sampled by this version (about a minute)."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chromasonic.config.saved_configuration import read_configuration
from chromasonic.config.validation import check
from tests.running import ROOT, Ending, run_script

DATA = ROOT / "tests" / "data" / "run_of_version_0_1"
SWEEP = [
    *(
        "-m",
        "model=markov,lstm",
        "++hidden_size=2",
        "++num_layers=1",
        "num_sequences=30",
        "epochs=2",
        "callbacks=quiet",
    ),
    *("logger=none", "optimizer=sgd", "optimizer.momentum=0.0", "learning_rate=0.1"),
    *("hydra.callbacks.comparison.n_samples=4", "hydra.callbacks.comparison.max_notes=24"),
]
Script = Callable[..., Ending]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs as version 0.1 left them; no test changes them."""
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(DATA / "runs.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def older(unpacked: Path, tmp_path: Path) -> Path:
    """A copy of the runs, to be continued and evaluated."""
    return Path(shutil.copytree(unpacked, tmp_path / "older"))


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Script:
    """Run a script in this process."""

    def run(name: str, *arguments: str) -> Ending:
        ending = run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / name)
        assert ending.code == 0, ending.err
        return ending

    return run


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def history_of(run: Path) -> dict[str, Any]:
    return read_json(next(run.glob("*_checkpoints/*_history.json")))


def approximately(values: dict[str, Any]) -> dict[str, Any]:
    """Return lists of numbers that compare as equal where only the machine differs."""
    return {name: pytest.approx(value, rel=1e-4) for name, value in values.items()}


@pytest.mark.parametrize("run", ["stopped", "sweep/0_markov", "sweep/1_lstm"])
def test_the_configuration_passes_the_check(unpacked: Path, run: str) -> None:
    check(read_configuration(unpacked / run))


def test_a_stopped_run_is_resumed_with_the_same_losses(script: Script, older: Path) -> None:
    ending = script("train.py", f"resume={older / 'stopped'}")
    assert "configuration" not in ending.out  # new names are no differences
    assert history_of(older / "stopped") == approximately(read_json(DATA / "stopped_history.json"))


def test_a_complete_run_goes_on_to_more_epochs(script: Script, older: Path) -> None:
    script("train.py", f"resume={older / 'sweep/1_lstm'}", "epochs=3")
    expected = read_json(DATA / "stopped_history.json")
    assert history_of(older / "sweep/1_lstm")["val_loss"] == pytest.approx(expected["val_loss"][:3], rel=1e-4)


def test_a_run_is_repeated_with_the_same_losses(script: Script, unpacked: Path, tmp_path: Path) -> None:
    script("train.py", f"repeat={unpacked / 'sweep/1_lstm'}", f"output_dir={tmp_path / 'again'}")
    assert history_of(tmp_path / "again") == approximately(history_of(unpacked / "sweep/1_lstm"))


@pytest.mark.slow
def test_a_finished_sweep_is_not_trained_again(script: Script, older: Path) -> None:
    before = {path: path.read_bytes() for path in older.glob("sweep/*/*_checkpoints/*.pt")}
    ending = script("train.py", *SWEEP, f"output_dir={older / 'sweep'}")
    assert ending.out.count("complete already") == 2
    assert len(before) == 6
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.slow
def test_a_run_is_evaluated_with_the_same_scores(script: Script, older: Path) -> None:
    results = older / "sweep/1_lstm/evaluation/results.json"
    before = read_json(results)
    results.unlink()
    script("evaluate.py", f"run={older / 'sweep/1_lstm'}", "n_samples=4", "max_notes=24")
    after = read_json(results)
    for name, score in before["scores"].items():
        assert after["scores"][name] == approximately(score), name
    assert after["n_test_notes"] == before["n_test_notes"]


@pytest.mark.slow
def test_runs_are_compared_by_their_recorded_scores(script: Script, older: Path) -> None:
    before = read_json(older / "sweep/comparison_results/model_comparison.json")["models"]
    script("compare.py", f"runs={older / 'sweep'}")
    after = read_json(older / "sweep/comparison_results/model_comparison.json")["models"]
    assert after.keys() == before.keys()
    for name, model in before.items():
        for score, estimate in model["scores"].items():
            assert after[name]["scores"][score] == approximately(estimate), (name, score)


def test_melodies_are_generated_from_a_run(script: Script, older: Path, tmp_path: Path) -> None:
    output = f"output_dir={tmp_path / 'melodies'}"
    script("generate.py", f"run={older / 'stopped'}", "count=2", "max_notes=24", "formats=[midi,abc]", output)
    assert len(list((tmp_path / "melodies").glob("*.mid"))) == 2
