"""What is to be done with a run: nothing, begin it, go on with it, or make it anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.evaluate import SampleSettings
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.study import steps
from chromasonic.melody_generation.study.plan import PlannedRun
from chromasonic.melody_generation.study.steps import (
    RECORD,
    Judging,
    Training,
    changes,
    core_seconds,
    core_seconds_in_all,
    read_record,
)


def training(folder: Path, needs: tuple[Path, ...] = (), **configuration: Any) -> Training:
    run = PlannedRun("lstm", 1, folder / "lstm" / "1", ("epochs=3", "seed=1"), needs)
    return Training(run, {"epochs": 3, "seed": 1} | configuration)


def checkpoint(run: Path, content: bytes = b"weights") -> None:
    (run / "lstm_checkpoints").mkdir(parents=True, exist_ok=True)
    for which in ("best", "last"):
        (run / "lstm_checkpoints" / f"melody_lstm_{which}.pt").write_bytes(content)


@pytest.fixture
def _complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run that has an epoch is complete."""
    monkeypatch.setattr(steps, "planned_epochs", lambda files: 3)
    monkeypatch.setattr(steps, "is_complete", lambda *_: True)


@pytest.fixture
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run is complete."""
    monkeypatch.setattr(steps, "planned_epochs", lambda files: 3)
    monkeypatch.setattr(steps, "is_complete", lambda *_: False)


def test_a_run_is_begun_with_its_overrides(tmp_path: Path) -> None:
    step = training(tmp_path)
    assert not step.is_done()
    command, remark = step.begin()
    assert command[1:] == ["-m", "chromasonic", "train", "epochs=3", "seed=1", f"output_dir={tmp_path / 'lstm/1'}"]
    assert remark == ""
    assert read_record(step.run.directory)["overrides"] == ["epochs=3", "seed=1"]


@pytest.mark.usefixtures("_complete")
def test_a_complete_run_is_done(tmp_path: Path) -> None:
    step = training(tmp_path)
    step.begin()
    checkpoint(step.run.directory)
    assert step.is_done()


@pytest.mark.usefixtures("_stopped")
def test_a_run_that_was_stopped_is_gone_on_with(tmp_path: Path) -> None:
    step = training(tmp_path)
    step.begin()
    step.note_time(60.0)
    checkpoint(step.run.directory)
    assert not step.is_done()
    command, remark = step.begin()
    assert command[1:] == ["-m", "chromasonic", "train", f"resume={step.run.directory}"]
    assert remark == "goes on where it was stopped"
    step.note_time(30.0)
    assert read_record(step.run.directory)["core_seconds"] == 90.0


@pytest.mark.usefixtures("_complete")
def test_a_run_that_was_made_otherwise_is_set_aside_and_made_anew(tmp_path: Path) -> None:
    before = training(tmp_path)
    before.begin()
    before.note_time(60.0)
    checkpoint(before.run.directory)
    step = training(tmp_path, epochs=5)
    assert not step.is_done()
    command, remark = step.begin()
    assert remark == "made anew: epochs was 3 and is 5"
    assert "epochs=3" in command
    assert read_record(step.run.directory)["core_seconds"] == 0.0
    assert (tmp_path / "lstm/1.before/lstm_checkpoints/melody_lstm_best.pt").exists()
    # A knob that came or went is a change too: the page tells the command of today.
    checkpoint(step.run.directory)
    assert training(tmp_path, epochs=5).is_done()
    assert not training(tmp_path, epochs=5, another_knob=1).is_done()


@pytest.mark.usefixtures("_complete")
def test_a_run_is_made_anew_where_what_it_begins_with_was(tmp_path: Path) -> None:
    other = tmp_path / "before" / "1"
    checkpoint(other)
    step = training(tmp_path, needs=(other,))
    step.begin()
    checkpoint(step.run.directory)
    assert step.is_done()
    checkpoint(other, b"other weights")
    assert not step.is_done()
    assert step.begin()[1] == "made anew: what it begins with was made anew"


def test_a_folder_with_words_and_commas_reaches_the_script_as_it_is(tmp_path: Path) -> None:
    step = training(tmp_path / "mine, and yours")
    assert step.begin()[0][-1] == f"output_dir='{tmp_path}/mine, and yours/lstm/1'"


def test_judging_is_recorded_apart_from_what_a_run_costs(tmp_path: Path) -> None:
    step = training(tmp_path)
    step.begin()
    step.note_time(60.0)
    judging = Judging(step.run, SampleSettings(6, max_notes=64))
    assert judging.needs == (step.name,)
    assert not judging.is_done()
    assert judging.begin()[0][1:] == [
        *("-m", "chromasonic", "evaluate"),
        f"run={step.run.directory}",
        "n_samples=6",
        "seed=0",
        "max_notes=64",
    ]
    judging.note_time(9.0)
    judging.note_time(5.0)  # once more, in another way
    record = read_record(step.run.directory)
    assert (core_seconds(record), core_seconds_in_all(record)) == (60.0, 65.0)


@pytest.mark.usefixtures("_complete")
def test_a_run_of_unknown_origin_is_made_anew(tmp_path: Path) -> None:
    step = training(tmp_path)
    checkpoint(step.run.directory)
    assert not step.is_done()
    assert step.begin()[1] == "made anew: what made it is not recorded"


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    step = training(tmp_path)
    checkpoint(step.run.directory)
    (step.run.directory / RECORD).write_text("{")
    with pytest.raises(InputError, match=r"part\.json cannot be read"):
        step.is_done()


def test_what_came_of_it_is_its_score_on_validation(tmp_path: Path) -> None:
    step = training(tmp_path)
    with pytest.raises(InputError, match="has no scores"):
        step.outcome()
    write_json(RunLayout(step.run.directory).results, {"validation": {"bits_per_note": 2.0344}})
    assert step.outcome() == "2.034 bits per note on validation"


def test_changes_are_of_values_and_of_what_only_one_has() -> None:
    before = {"model": {"memory": True, "old": 1}, "list": [1], "scheduler": {"gamma": 1}}
    now = {"model": {"memory": False, "new": 2}, "list": [1, 2], "scheduler": "x", "guard": {"seed": 0}}
    assert changes(before, json.loads(json.dumps(now))) == [
        "model.memory was True and is False",
        "model.old was 1 and is not given",
        "model.new was not given and is 2",
        "list was [1] and is [1, 2]",
        "scheduler was {'gamma': 1} and is x",
        "guard was not given and is {'seed': 0}",
    ]


def test_a_step_is_called_after_its_run(tmp_path: Path) -> None:
    step = training(tmp_path)
    assert replace(step).name == "lstm, seed 1"
    assert step.log == tmp_path / "lstm/1/train.log"
