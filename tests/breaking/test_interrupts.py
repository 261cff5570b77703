"""Ctrl-C and SIGTERM end a program wherever it is, say how to go on, and lose nothing (about 30 seconds)."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.breaking.forked import at_call, signals, train, warm_up
from tests.breaking.kills import Setting, differences, go_on, uninterrupted
from tests.running import undrawn_figures

from chromasonic.app import jobs
from chromasonic.melody_generation import testing
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.training.lightning_module import MelodyModule

pytestmark = pytest.mark.slow
STEP = (MelodyModule, "training_step")
SETTING = Setting("lstm", "step", ("epochs=2",))  # five batches an epoch
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupts."""
    warm_up()
    return uninterrupted(SETTING, tmp_path_factory.mktemp("runs"))[0]


@pytest.mark.parametrize(
    ("function", "call", "way_on", "number"),
    [
        ((jobs, "check"), 1, "start afresh", signal.SIGTERM),
        ((MelodyDataModule, "setup"), 1, "start afresh", signal.SIGINT),
        (STEP, 8, "resume=", signal.SIGINT),
        ((torch, "save"), 4, "resume=", signal.SIGTERM),
        ((MelodyModule, "test_step"), 1, "resume=", signal.SIGTERM),
    ],
    ids=["typed", "data", "second-epoch", "saving", "testing"],
)
def test_an_interrupt_says_how_to_go_on_and_costs_nothing(
    whole: Path, tmp_path: Path, function: tuple[object, str], call: int, way_on: str, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    ended = go_on(SETTING, run, sabotage=at_call(*function, call, signals(number)), limit=60)
    assert ended.code == CODES[number], ended.printed
    assert "Traceback" not in ended.printed
    last = ended.printed.strip().splitlines()[-1]
    assert last.startswith({130: "interrupted", 143: "terminated"}[ended.code])
    assert str(run) in last
    assert way_on in last
    assert go_on(SETTING, run).code == 0
    assert differences(whole, run) == []


def test_a_second_signal_is_not_waited_for(tmp_path: Path) -> None:
    def twice() -> None:
        signals(signal.SIGTERM)()
        signals(signal.SIGTERM)()

    ended = go_on(SETTING, tmp_path / "run", sabotage=at_call(*STEP, 1, twice), limit=60)
    assert ended.code in {143, -signal.SIGTERM}


def sweep(directory: Path) -> list[str]:
    """The arguments of a sweep of three short runs."""
    few = [f"hydra.callbacks.comparison.{each}" for each in ("n_samples=3", "max_notes=24")]
    return ["-m", *SETTING.overrides, "seed=1,2,3", f"output_dir={directory}", *few]


def compared(directory: Path) -> Any:
    """A sweep's comparison without what no two sweeps share."""
    text = (directory / "comparison_results" / "model_comparison.json").read_text()
    # The hash of a checkpoint is over all that it holds, the time that was spent as well.
    return json.loads(text, object_hook=lambda values: values | {"cost": None, "checkpoint": None})


def stamps(run: Path) -> dict[str, int]:
    """When each file of a run was last written, save Hydra's own record."""
    return {
        path.relative_to(run).as_posix(): path.stat().st_mtime_ns
        for path in run.rglob("*")
        if path.is_file() and ".hydra" not in path.parts
    }


@pytest.fixture(scope="module")
def whole_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warm_up()
    directory = tmp_path_factory.mktemp("sweeps") / "whole"
    with undrawn_figures():
        ended = train(*sweep(directory))
    assert ended.code == 0, ended.printed
    return directory


@pytest.mark.usefixtures("undrawn")
def test_a_sweep_that_is_interrupted_goes_on_and_repeats_nothing(whole_sweep: Path, tmp_path: Path) -> None:
    directory = tmp_path / "sweep"
    ended = train(
        *sweep(directory), sabotage=at_call(*STEP, 17, signals(signal.SIGINT))
    )  # in the second epoch of the second
    assert ended.code == 130, ended.printed
    assert f"same command and output_dir={directory}" in ended.printed
    assert "Traceback" not in ended.printed
    before = stamps(directory / "0_lstm")
    assert not (directory / "2_lstm").exists()

    again = train(*sweep(directory))
    assert again.code == 0, again.printed
    assert stamps(directory / "0_lstm") == before
    assert "0_lstm is complete already" in again.printed
    for job in ("0_lstm", "1_lstm", "2_lstm"):
        assert differences(whole_sweep / job, directory / job) == [], job
    assert compared(directory) == compared(whole_sweep)


@pytest.mark.usefixtures("undrawn")
def test_a_sweep_that_is_interrupted_while_it_compares_goes_on(whole_sweep: Path, tmp_path: Path) -> None:
    directory = tmp_path / "sweep"
    ended = train(*sweep(directory), sabotage=at_call(testing, "compare_runs", 2, signals(signal.SIGTERM)))
    assert ended.code == 143, ended.printed
    assert "Traceback" not in ended.printed
    before = stamps(directory / "0_lstm")
    assert train(*sweep(directory)).code == 0
    assert stamps(directory / "0_lstm") == before
    assert compared(directory) == compared(whole_sweep)
