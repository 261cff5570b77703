"""Mixtures are trained, evaluated and refused by the commands like any other run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import QUIET, ROOT, run_script


@pytest.fixture(scope="module")
def parts(trained_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the same split; no test changes them."""
    folder = tmp_path_factory.mktemp("parts")
    for name in ("markov", "ppm"):
        shutil.copytree(trained_run(*QUIET, f"model={name}"), folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_a_mixture_is_trained_and_evaluated_without_its_parts(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = Path(shutil.copytree(parts, tmp_path / "parts"))
    mixed = tmp_path / "mixed"
    command = (*QUIET, "model=mixture", f"model.runs=[{copies / 'markov'},{copies / 'ppm'}]", f"output_dir={mixed}")
    ended = run_script(*command, capture=capsys, patch=monkeypatch)
    assert ended.code == 0, ended.err
    losses = [
        json.loads((run / "evaluation/results.json").read_text())["validation"]["loss"]
        for run in (mixed, copies / "markov", copies / "ppm")
    ]
    assert losses[0] <= min(losses[1:]) + 1e-6

    shutil.rmtree(copies)
    arguments = (f"run={mixed}", "n_samples=2", "surprise=[2,1]")
    evaluate = ROOT / "scripts/evaluate.py"
    ended = run_script(*arguments, capture=capsys, patch=monkeypatch, script=evaluate)
    assert ended.code == 0, ended.err
    for word in ("Where its bits go", "last quarter", "Hardest test tunes", "surprise_2.svg", "surprise.html"):
        assert word in ended.out, ended.out
    results = json.loads((mixed / "evaluation/results.json").read_text())
    bits = sum(tune["bits"] for tune in results["tunes"])
    for division in ("quarter", "match", "copying", "metre", "mode", "key"):
        parts_of_it = results["diagnosis"][division]
        assert sum(part["notes"] for part in parts_of_it) == results["n_test_notes"]
        assert sum(part["bits"] for part in parts_of_it) == pytest.approx(bits)
    for picture in ("diagnosis.png", "surprise_1.svg", "surprise_2.svg", "surprise.html"):
        assert (mixed / "evaluation" / picture).stat().st_size > 10_000
    assert "Where its bits go" in (mixed / "evaluation/scores.md").read_text()

    ended = run_script(f"run={mixed}", "surprise=99", capture=capsys, patch=monkeypatch, script=evaluate)
    assert ended.code == 1
    assert "surprise=99" in ended.err


def test_a_mixture_on_another_split_than_its_parts_is_refused(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (*QUIET, "model=mixture", f"model.runs=[{parts / 'markov'},{parts / 'ppm'}]", "dataset.split_seed=4")
    ended = run_script(*command, f"output_dir={tmp_path / 'mixed'}", capture=capsys, patch=monkeypatch)
    assert ended.code == 1
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert "split_seed" in ended.err
    assert not list(tmp_path.rglob("*.pt"))
