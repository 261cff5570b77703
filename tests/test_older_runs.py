"""What a run of version 0.1 records is read by this version; its checkpoints, of an older vocabulary, are refused."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from chromasonic.config.saved_configuration import read_configuration
from chromasonic.config.validation import check
from chromasonic.melody_generation.evaluation.records import read_evaluation
from chromasonic.melody_generation.runs.checkpoint import FORMAT
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.training.history import TrainingHistory
from tests.running import ROOT, run_script

DATA = ROOT / "tests" / "data" / "run_of_version_0_1"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs as version 0.1 left them; no test changes them."""
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(DATA / "runs.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("run", ["stopped", "sweep/0_markov", "sweep/1_lstm"])
def test_the_configuration_passes_the_check(unpacked: Path, run: str) -> None:
    check(read_configuration(unpacked / run))


@pytest.mark.parametrize("run", ["sweep/0_markov", "sweep/1_lstm"])
def test_the_scores_are_read(unpacked: Path, run: str) -> None:
    written = read_json(unpacked / run / "evaluation/results.json")
    record = read_evaluation(unpacked / run)
    assert record is not None
    for name, estimate in written["scores"].items():
        assert record.scores[name].value == pytest.approx(estimate["value"]), name
    assert record.n_test_notes == written["n_test_notes"]
    assert record.to_json()["scores"] == written["scores"]


def test_the_history_and_the_tunes_are_read(unpacked: Path) -> None:
    run = unpacked / "sweep/1_lstm"
    history = TrainingHistory.load(RunLayout(run).checkpoints_of("lstm").history)
    assert len(history.val_loss) == 2
    sizes = read_json(run / "split.json")["counts"]
    assert {side: len(tunes) for side, tunes in load_split_tunes(RunLayout(run).tunes).items()} == sizes


@pytest.mark.parametrize(
    "command",
    [
        ("train.py", "resume=stopped"),
        ("train.py", "resume=sweep/1_lstm", "epochs=3"),
        ("train.py", "repeat=sweep/1_lstm", "output_dir=again"),
        ("evaluate.py", "run=sweep/1_lstm", "n_samples=4"),
        ("compare.py", "runs=sweep"),
        ("generate.py", "run=stopped", "count=2"),
    ],
    ids=" ".join,
)
def test_what_needs_the_checkpoint_is_refused_in_one_sentence(
    command: tuple[str, ...],
    unpacked: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = Path(shutil.copytree(unpacked, tmp_path / "older"))
    before = content_of(older)
    monkeypatch.chdir(older)
    script, *arguments = command
    ending = run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / script)
    assert ending.code == 1
    assert f"is written in format 3, this version reads format {FORMAT}: load it with the version" in ending.err
    assert ending.err.count("\n") <= 2
    assert "Traceback" not in ending.err
    assert content_of(older).items() >= before.items()  # nothing is lost
