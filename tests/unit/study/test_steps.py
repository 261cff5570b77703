"""A run is begun, resumed, trained again, or complete."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.runs.flat_values import changes
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.training_record import TokenMeasures, TrainingRecord
from chromasonic.melody_generation.study import steps
from chromasonic.melody_generation.study.plan import PlannedRun
from chromasonic.melody_generation.study.run_files import PART_RECORD, PartRecord
from chromasonic.melody_generation.study.steps import EvaluationStep, TrainingStep


def step_of(folder: Path, needs: tuple[Path, ...] = (), **configuration: Any) -> TrainingStep:
    run = PlannedRun("lstm", 1, folder / "lstm" / "1", ("epochs=3", "seed=1"), needs)
    return TrainingStep(run, {"epochs": 3, "seed": 1} | configuration)


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
    step = step_of(tmp_path)
    assert not step.is_done()
    command, remark = step.prepare()
    assert command[1:] == ["-m", "chromasonic", "train", "epochs=3", "seed=1", f"output_dir={tmp_path / 'lstm/1'}"]
    assert remark == ""
    assert PartRecord.read(step.run.directory).overrides == ("epochs=3", "seed=1")


@pytest.mark.usefixtures("_complete")
def test_a_complete_run_is_done(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    step.prepare()
    checkpoint(step.run.directory)
    assert step.is_done()


@pytest.mark.usefixtures("_stopped")
def test_a_stopped_run_is_resumed(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    step.prepare()
    step.record_time(60.0)
    checkpoint(step.run.directory)
    assert not step.is_done()
    command, remark = step.prepare()
    assert command[1:] == ["-m", "chromasonic", "train", f"resume={step.run.directory}"]
    assert remark == "resumed"
    step.record_time(30.0)
    assert PartRecord.read(step.run.directory).training_seconds == 90.0


@pytest.mark.usefixtures("_complete")
def test_a_run_of_another_configuration_is_set_aside_and_trained_again(tmp_path: Path) -> None:
    before = step_of(tmp_path)
    before.prepare()
    before.record_time(60.0)
    checkpoint(before.run.directory)
    step = step_of(tmp_path, epochs=5)
    assert not step.is_done()
    command, remark = step.prepare()
    assert remark == "trained again: epochs was 3 and is 5"
    assert "epochs=3" in command
    assert PartRecord.read(step.run.directory).training_seconds == 0.0
    assert (tmp_path / "lstm/1.before/lstm_checkpoints/melody_lstm_best.pt").exists()
    # A new or removed option is a change too: the page shows the command of today.
    checkpoint(step.run.directory)
    assert step_of(tmp_path, epochs=5).is_done()
    assert not step_of(tmp_path, epochs=5, another_option=1).is_done()


@pytest.mark.usefixtures("_complete")
def test_a_run_is_trained_again_if_a_model_that_it_begins_with_was(tmp_path: Path) -> None:
    other = tmp_path / "before" / "1"
    checkpoint(other)
    step = step_of(tmp_path, needs=(other,))
    step.prepare()
    checkpoint(step.run.directory)
    assert step.is_done()
    checkpoint(other, b"other weights")
    assert not step.is_done()
    assert step.prepare()[1] == "trained again: a model that it begins with was trained again"


def test_a_folder_with_spaces_and_commas_is_typed_as_it_is(tmp_path: Path) -> None:
    step = step_of(tmp_path / "mine, and yours")
    assert step.prepare()[0][-1] == f"output_dir={tmp_path}/mine, and yours/lstm/1"


def test_the_time_of_an_evaluation_is_recorded_apart(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    step.prepare()
    step.record_time(60.0)
    evaluation = EvaluationStep(step.run, SampleSettings(6, max_notes=64))
    assert evaluation.needs == (step.name,)
    assert not evaluation.is_done()
    assert evaluation.prepare()[0][1:] == [
        *("-m", "chromasonic", "evaluate"),
        f"run={step.run.directory}",
        "n_samples=6",
        "seed=0",
        "max_notes=64",
    ]
    evaluation.record_time(9.0)
    evaluation.record_time(5.0)  # again, with other settings
    record = PartRecord.read(step.run.directory)
    assert (record.training_seconds, record.total_seconds) == (60.0, 65.0)


@pytest.mark.usefixtures("_complete")
def test_a_run_of_unknown_origin_is_trained_again(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    checkpoint(step.run.directory)
    assert not step.is_done()
    assert step.prepare()[1] == "trained again: its origin is not recorded"


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    checkpoint(step.run.directory)
    (step.run.directory / PART_RECORD).write_text("{")
    with pytest.raises(InputError, match=r"part\.json cannot be read"):
        step.is_done()


def test_the_outcome_is_the_score_on_validation(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    with pytest.raises(InputError, match="has no scores"):
        step.outcome()
    training = TrainingRecord(ModelMetadata(), validation=TokenMeasures(bits_per_note=2.0344))
    write_json(RunLayout(step.run.directory).results, training.to_json())
    assert step.outcome() == "2.034 bits per note on validation"


def test_changed_new_and_removed_values_are_changes() -> None:
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


def test_a_step_has_the_name_of_its_run(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    assert replace(step).name == "lstm, seed 1"
    assert step.log == tmp_path / "lstm/1/train.log"
