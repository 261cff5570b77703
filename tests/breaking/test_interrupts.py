"""Ctrl-C and SIGTERM end a program at any point, with a message how to resume, and lose nothing."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.breaking.forked import at_call, signals, train, warm_up
from tests.breaking.kills import Setting, differences, go_on, uninterrupted

from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.reporting import run_evaluation
from chromasonic.melody_generation.training.lightning_module import MelodyModule

pytestmark = pytest.mark.slow
STEP = (MelodyModule, "training_step")
SETTING = Setting("lstm", "step", ("epochs=2",))  # five batches per epoch
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an uninterrupted run."""
    warm_up()
    return uninterrupted(SETTING, tmp_path_factory.mktemp("runs"))[0]


@pytest.mark.parametrize(
    ("function", "call", "advice", "number"),
    [
        ((MelodyDataModule, "setup"), 1, "start again", signal.SIGINT),
        (STEP, 8, "resume=", signal.SIGINT),
        ((torch, "save"), 4, "resume=", signal.SIGTERM),
        ((MelodyModule, "test_step"), 1, "resume=", signal.SIGTERM),
    ],
    ids=["data", "second-epoch", "saving", "testing"],
)
def test_an_interrupted_run_is_resumed_without_loss(
    whole: Path, tmp_path: Path, function: tuple[object, str], call: int, advice: str, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    ended = go_on(SETTING, run, sabotage=at_call(*function, call, signals(number)), limit=60)
    assert ended.code == CODES[number], ended.output
    assert "Traceback" not in ended.output
    last = ended.output.strip().splitlines()[-1]
    assert last.startswith({130: "interrupted", 143: "terminated"}[ended.code])
    assert str(run) in last
    assert advice in last
    assert go_on(SETTING, run).code == 0
    assert differences(whole, run) == []


def test_a_second_signal_ends_the_run_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        signals(signal.SIGTERM)()
        signals(signal.SIGTERM)()

    ended = go_on(SETTING, tmp_path / "run", sabotage=at_call(*STEP, 1, twice), limit=60)
    assert ended.code in {143, -signal.SIGTERM}


def sweep(directory: Path) -> list[str]:
    """Return the arguments of a sweep of two short runs."""
    few = [f"hydra.callbacks.comparison.{option}" for option in ("n_samples=1", "max_notes=24")]
    return ["-m", *SETTING.overrides, "seed=1,2", f"output_dir={directory}", *few]


def comparison_of(directory: Path) -> Any:
    """Return the comparison of a sweep without the values that differ between equal sweeps."""
    text = (directory / "comparison_results" / "model_comparison.json").read_text()
    # The hashes of a checkpoint and of a report cover the time spent.
    return json.loads(text, object_hook=lambda values: values | {"cost": None, "checkpoint": None, "files": None})


def stamps(run: Path) -> dict[str, int]:
    """Return the time at which each file of a run was written, except for Hydra's own files."""
    return {
        path.relative_to(run).as_posix(): path.stat().st_mtime_ns
        for path in run.rglob("*")
        if path.is_file() and ".hydra" not in path.parts
    }


def test_a_sweep_is_resumed_after_each_interrupt_and_repeats_nothing(tmp_path: Path) -> None:
    warm_up()
    whole, directory = tmp_path / "whole", tmp_path / "sweep"
    assert train(*sweep(whole)).code == 0
    # In the second epoch of the first run.
    ended = train(*sweep(directory), sabotage=at_call(*STEP, 7, signals(signal.SIGINT)))
    assert ended.code == 130, ended.output
    assert f"same command and output_dir={directory}" in ended.output
    assert "Traceback" not in ended.output
    assert not (directory / "1_lstm").exists()

    # After the second run, which is evaluated by then.
    ended = train(*sweep(directory), sabotage=at_call(run_evaluation, "compare_runs", 2, signals(signal.SIGTERM)))
    assert ended.code == 143, ended.output
    assert "Traceback" not in ended.output
    before = {job: stamps(directory / job) for job in ("0_lstm", "1_lstm")}

    again = train(*sweep(directory))
    assert again.code == 0, again.output
    assert {job: stamps(directory / job) for job in before} == before
    assert again.output.count("is complete already") == 2
    for job in before:
        assert differences(whole / job, directory / job) == [], job
    assert comparison_of(directory) == comparison_of(whole)
