"""A run is repeated from its directory alone, bit for bit (about 15 seconds)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.runs.checkpoint import read_checkpoint
from chromasonic.melody_generation.runs.trained_model import load_model
from tests.breaking.forked import train, warm_up
from tests.breaking.kills import Setting, differences
from tests.running import ROOT, SCRIPT, drawn_figures

pytestmark = pytest.mark.slow
SETTING = Setting("transformer", "reduce_on_plateau", ("epochs=2", "seed=7", "optimizer.weight_decay=0.1"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warm_up()
    run = tmp_path_factory.mktemp("runs") / "original"
    with drawn_figures():  # as another process does
        ended = train(*SETTING.overrides, f"output_dir={run}")
    assert ended.code == 0, ended.output
    return run


@pytest.mark.usefixtures("drawn")
def test_a_run_is_repeated_from_its_directory_alone(original: Path, tmp_path: Path) -> None:
    ended = train(f"repeat={original}", f"output_dir={tmp_path / 'again'}")
    assert ended.code == 0, ended.output
    assert f"changed since {original} was trained: nothing known" in ended.output
    assert differences(original, tmp_path / "again") == []
    made = [json.loads((run / "provenance.json").read_text()) for run in (original, tmp_path / "again")]
    assert made[0] | {"command": []} == made[1] | {"command": []}
    carried = read_checkpoint(original).metadata.provenance
    assert carried["torch"] == torch.__version__ == made[0]["packages"]["torch"]


def test_differences_from_the_original_are_printed(original: Path, tmp_path: Path) -> None:
    record = original / "provenance.json"
    whole = record.read_text()
    changed = json.loads(whole)
    changed["packages"]["torch"] = "1.0"
    changed["hash"] = "0123"
    try:
        record.write_text(json.dumps(changed))
        ended = train(f"repeat={original}", f"output_dir={tmp_path / 'again'}")
    finally:
        record.write_text(whole)
    assert ended.code == 0, ended.output
    assert f"packages.torch 1.0 is now {torch.__version__}" in ended.output
    assert "hash 0123 is now" in ended.output


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["output_dir={new}", "repeat={new}"], "no run to repeat"),
        (["repeat={original}"], "add output_dir="),
        (["repeat={original}", "output_dir={new}", "seed=3"], "cannot take seed=3"),
        (["repeat={original}", "output_dir={original}"], "holds a run already"),
    ],
)
def test_a_run_that_cannot_be_repeated_is_refused_in_one_line(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)  # where Hydra makes a folder
    ended = train(*(each.format(original=original, new=tmp_path / "new") for each in typed))
    assert ended.code == 1
    assert said in ended.output
    assert len(ended.output.strip().splitlines()) == 1, ended.output


def test_another_process_trains_and_generates_the_same(original: Path, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "99"}
    other = tmp_path / "other"
    program = (
        f"import sys, runpy\nsys.argv = ['train.py', 'repeat={original}', 'output_dir={other}']\n"
        f"try:\n    runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\nexcept SystemExit as ending:\n"
        "    assert not ending.code, ending\n"
        "from chromasonic.melody_generation.runs.trained_model import load_model\n"
        "from chromasonic.melody_generation.generation.generate import generate\n"
        f"melodies = generate(load_model({str(other)!r}), count=3, seed=5, max_notes=30)\n"
        "print([melody.pitches.tolist() for melody in melodies])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert differences(original, other) == []
    here = [each.pitches.tolist() for each in generate(load_model(original), count=3, seed=5, max_notes=30)]
    assert ended.stdout.strip().splitlines()[-1] == str(here)
