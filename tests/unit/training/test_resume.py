"""Conditions for resuming a run (under two seconds)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_networks import small_lstm

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.training.resume import check_resumable, is_complete, planned_epochs
from chromasonic.melody_generation.training.schedules import Constant, Cosine, OneCycle


def saved(path: Path, **others: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    network = small_lstm()
    values = {**describe(network), "model_state_dict": network.state_dict(), "epoch": 3, "hash": "abc", "n_epochs": 10}
    parts = {"state_dict": {"a": 1}, "optimizer_states": [1], "callbacks": {"a": 1}, "loops": {"a": 1}}
    torch.save(values | parts | others, path)
    return path


def scored(run: Path, n_epochs: int) -> None:
    RunLayout(run).results.parent.mkdir(exist_ok=True)
    RunLayout(run).results.write_text(json.dumps({"n_epochs": n_epochs}))


@pytest.fixture
def files(tmp_path: Path) -> CheckpointLayout:
    """Checkpoints of a run of ten epochs, stopped after the third."""
    found = CheckpointLayout(tmp_path / "lstm_checkpoints", "melody_lstm")
    saved(found.last)
    return found


def test_an_incomplete_run_may_be_resumed(tmp_path: Path, files: CheckpointLayout) -> None:
    assert RunLayout(tmp_path).has_epoch
    assert planned_epochs(files) == 10
    check_resumable(tmp_path, files, "abc", 10, OneCycle())
    check_resumable(tmp_path, files, "abc", 20, Constant())  # further than first planned


def test_a_run_that_cannot_be_resumed_is_refused_with_the_reason(tmp_path: Path, files: CheckpointLayout) -> None:
    with pytest.raises(InputError, match="was trained on other data"):
        check_resumable(tmp_path, files, "xyz", 10, Constant())
    with pytest.raises(InputError, match=r"OneCycle .* \(10\), so it cannot be resumed with epochs=20"):
        check_resumable(tmp_path, files, "abc", 20, OneCycle())
    with pytest.raises(InputError, match=r"Cosine .* \(10\), so it cannot be resumed with epochs=20"):
        check_resumable(tmp_path, files, "abc", 20, Cosine())
    with pytest.raises(InputError, match="complete after 3 of 2 epochs"):
        check_resumable(tmp_path, files, "abc", 2, Constant())


def test_a_run_is_complete_once_it_has_its_final_checkpoint_and_its_scores(
    tmp_path: Path, files: CheckpointLayout
) -> None:
    assert not is_complete(tmp_path, files, 10)
    saved(files.final)  # stopped early
    assert not is_complete(tmp_path, files, 10)
    check_resumable(tmp_path, files, "abc", 10, Constant())
    scored(tmp_path, 10)
    with pytest.raises(InputError, match="complete after 3 of 10 epochs"):
        check_resumable(tmp_path, files, "abc", 10, Constant())
    check_resumable(tmp_path, files, "abc", 20, Constant())
    RunLayout(tmp_path).results.write_text("{")  # damaged: it will be replaced
    assert not is_complete(tmp_path, files, 10)


def test_a_run_killed_before_its_test_may_be_resumed(tmp_path: Path) -> None:
    files = CheckpointLayout(tmp_path / "lstm_checkpoints", "melody_lstm")
    saved(files.last, epoch=10)
    check_resumable(tmp_path, files, "abc", 10, OneCycle())


def test_a_run_stopped_within_additional_epochs_may_be_resumed(tmp_path: Path) -> None:
    files = CheckpointLayout(tmp_path / "lstm_checkpoints", "melody_lstm")
    saved(files.final, epoch=2, n_epochs=2)  # of its first end, as are the scores
    scored(tmp_path, 2)
    saved(files.last, epoch=5)
    check_resumable(tmp_path, files, "abc", planned_epochs(files), Constant())


def test_a_run_without_a_last_checkpoint_is_resumed_from_its_best(tmp_path: Path) -> None:
    files = CheckpointLayout(tmp_path / "lstm_checkpoints", "melody_lstm")
    assert not RunLayout(tmp_path).has_epoch
    assert files.latest is None
    saved(files.best, epoch=1)
    assert RunLayout(tmp_path).has_epoch
    assert files.latest == files.best
    assert CheckpointLayout.find(tmp_path) == files
    check_resumable(tmp_path, files, "abc", 10, Constant())


def test_a_number_of_epochs_of_the_wrong_type_is_refused(tmp_path: Path, files: CheckpointLayout) -> None:
    saved(files.last, n_epochs="ten")
    with pytest.raises(InputError, match="n_epochs should be of type int"):
        planned_epochs(files)


@pytest.mark.parametrize("part", ["state_dict", "optimizer_states", "callbacks", "loops"])
@pytest.mark.parametrize("instead", [None, [], {}, "text"])
def test_a_checkpoint_without_a_part_is_refused(
    tmp_path: Path, files: CheckpointLayout, part: str, instead: object
) -> None:
    saved(files.last, **{part: instead})
    with pytest.raises(InputError, match=f"it lacks {part}"):
        check_resumable(tmp_path, files, "abc", 10, Constant())
