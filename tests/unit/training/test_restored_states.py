"""States of callbacks, loops, optimizers and schedules in a checkpoint that a training is resumed from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback, StochasticWeightAveraging, Timer, WeightAveraging
from tests.resumed_runs import changed, layout, train
from torch import optim

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.checkpoint import Checkpoint, read_checkpoint
from chromasonic.melody_generation.training.callbacks import HistoryRecorder
from chromasonic.melody_generation.training.resume import StateCheck
from chromasonic.melody_generation.training.schedules import Constant, Cosine, OneCycle, ReduceOnPlateau, Schedule, Step

NAN, INF = float("nan"), float("inf")
CHECKS = ("check_callbacks", "check_loops", "check_optimizers", "check_schedulers")
STOPPING = "EarlyStopping{'monitor': 'validation/loss', 'mode': 'min'}"
LOOP = "epoch_loop.batch_progress"
# Part, path to a value, and other values: of another type, out of range, or not those of the configuration.
DAMAGE: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...]], ...] = (
    ("lr_schedulers", (0, "best"), ("x", None, True, NAN, -1.0, torch.zeros(3))),
    ("lr_schedulers", (0, "num_bad_epochs"), ("x", 0.5, -1, 3, 10**18, None)),
    ("lr_schedulers", (0, "last_epoch"), ("x", -1, 10**18)),
    ("lr_schedulers", (0, "_last_lr"), ("x", [], ["x"], [-1.0], [0.1, 0.1])),
    ("lr_schedulers", (0, "patience"), (None, "x", 6, 5.0)),
    ("lr_schedulers", (0, "factor"), (0.1, "x")),
    ("lr_schedulers", (0, "mode"), ("max", 3)),
    ("lr_schedulers", (0, "min_lrs"), ([1, 2, 3], "x")),
    ("lr_schedulers", (0, "step"), (3,)),
    ("lr_schedulers", (0, "optimizer"), (3,)),
    ("lr_schedulers", (0,), (1, None, {}, [])),
    ("lr_schedulers", (), ([], 3, None, [1, 2])),
    ("optimizer_states", (0, "param_groups", 0, "lr"), ("x", -5.0, NAN, INF, True)),
    ("optimizer_states", (0, "param_groups", 0, "betas"), ("x", (0.9,), (0.9, 0.9), None)),
    ("optimizer_states", (0, "param_groups", 0, "maximize"), ("x", True, 0)),
    ("optimizer_states", (0, "param_groups", 0, "eps"), (NAN, "x", None)),
    ("optimizer_states", (0, "param_groups", 0, "fused"), (True,)),
    ("optimizer_states", (0, "param_groups", 0, "params"), ([0], [], "x")),
    ("optimizer_states", (0, "param_groups"), ([], [1], {}, None)),
    ("optimizer_states", (0, "state", 0, "step"), (torch.tensor(-3.0), NAN, torch.tensor(INF))),
    ("optimizer_states", (0, "state", 0, "exp_avg"), (torch.full((3, 5), NAN), NAN)),
    ("optimizer_states", (0, "state", 0), (1, [])),
    ("optimizer_states", (0, "state", 10**6), ({},)),
    ("optimizer_states", (0, "state"), (None, [], 3)),
    ("callbacks", (STOPPING, "best_score"), ("x", torch.zeros(3), torch.zeros((), dtype=torch.int64), 1.0, None)),
    ("callbacks", (STOPPING, "wait_count"), ("x", -1, 3, 0.5)),
    ("callbacks", (STOPPING, "patience"), (None, "x", -1)),
    ("callbacks", (STOPPING, "stopping_reason"), ("x",)),
    ("callbacks", (STOPPING, "others"), (1,)),
    ("callbacks", ("HistoryRecorder", "rows"), ([1, 2], [], [{"a": "b"}] * 2, [{1: 2}] * 2, "x", None)),
    ("callbacks", ("HistoryRecorder", "rows", 0, "train/loss"), ("x", None, 1)),
    ("callbacks", ("HistoryRecorder", "seconds"), ("x", INF, NAN, -1.0, None)),
    ("callbacks", ("HistoryRecorder", "history", "epoch"), ([1, 9], [0, 1], "x")),
    ("callbacks", ("HistoryRecorder", "history"), ({}, None, [])),
    ("callbacks", ("HistoryRecorder",), ({}, None, 1)),
    ("callbacks", ("RunCheckpoints", "best_loss"), ("x", NAN, -1.0, None)),
    ("callbacks", ("RunCheckpoints", "epoch"), ("x", -1, None)),
    ("callbacks", ("RandomState", "cpu"), ("x", torch.zeros(3), torch.zeros(5056))),
    ("callbacks", ("RandomState", "cuda"), (3, None)),
    ("loops", ("fit_loop", "epoch_progress", "current", "processed"), ("x", 10**18, -10, 1, None)),
    ("loops", ("fit_loop", "epoch_progress", "current", "completed"), (None, 10, -10)),
    ("loops", ("fit_loop", LOOP, "total", "completed"), (None, 0.5, -1, 10**18)),
    ("loops", ("fit_loop", LOOP, "is_last_batch"), ("x", None, 1)),
    ("loops", ("fit_loop", LOOP), (3, None, {})),
    ("loops", ("fit_loop", "__class__"), ({},)),
    ("loops", ("fit_loop",), (3, {}, None)),
)  # fmt: skip
CASES = [
    pytest.param((part, *path), value, id=f"{'.'.join(map(str, (part, *path)))}={value!r:.20}")
    for part, path, values in DAMAGE
    for value in values
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "whole"
    train(folder, 2)
    return folder


@pytest.fixture(scope="module")
def fresh(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The fresh states with which a resumed training compares those of its checkpoint, by the name of the check."""
    folder, found = tmp_path_factory.mktemp("run") / "resumed", {}
    changed(whole, folder, lambda values: None)
    with pytest.MonkeyPatch.context() as patch:
        for name in CHECKS:
            # Copies, since Lightning takes over the states next.
            patch.setattr(StateCheck, name, lambda check, state, name=name: found.update({name: copy.deepcopy(state)}))
        train(folder, 3)
    return found


@pytest.fixture(scope="module")
def checkpoint(whole: Path, fresh: dict[str, Any]) -> Checkpoint:
    """The last checkpoint of the run, whose states are those of the configuration."""
    checkpoint = read_checkpoint(layout(whole).last)
    check_all(checkpoint, fresh)
    return checkpoint


def check_all(checkpoint: Checkpoint, fresh: dict[str, Any]) -> None:
    for name, state in fresh.items():
        getattr(StateCheck(checkpoint, L.__version__), name)(state)
    HistoryRecorder(layout(checkpoint.path.parent)).load_state_dict(
        checkpoint.training_state["callbacks"]["HistoryRecorder"]
    )


def replacing(path: tuple[Any, ...], value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: Any) -> None:
        for name in path[:-1]:
            values = values[name]
        values[path[-1]] = value

    return change


@pytest.mark.parametrize(("path", "value"), CASES)
def test_a_damaged_state_is_refused(
    checkpoint: Checkpoint, fresh: dict[str, Any], path: tuple[Any, ...], value: object
) -> None:
    states = copy.deepcopy(dict(checkpoint.training_state))
    replacing(path, value)(states)
    checkpoint = replace(checkpoint, training_state=states)
    with pytest.raises(ValueError, match=r"should be|lacks|has a value|does not have|no number|ascending"):
        check_all(checkpoint, fresh)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("lr_schedulers", 0, "best"), "x"),
        (("optimizer_states", 0, "state", 0, "exp_avg"), torch.zeros(3, 5, 7)),
        (("callbacks", STOPPING, "best_score"), torch.zeros(3)),
        (("callbacks", STOPPING, "stopping_reason"), 77),
        (("callbacks", "HistoryRecorder", "rows"), [1, 2]),
        (("callbacks", "RandomState", "cpu"), torch.zeros(5056, dtype=torch.uint8)),
        (("loops", "fit_loop", "epoch_progress", "current", "processed"), 10**18),
        (("pytorch-lightning_version",), "x"),
        (("pytorch-lightning_version",), "1.0.0"),
    ],
)
def test_a_training_is_not_resumed_from_a_damaged_state(
    whole: Path, tmp_path: Path, path: tuple[Any, ...], value: object
) -> None:
    changed(whole, tmp_path / "run", replacing(path, value))
    with pytest.raises(InputError) as refusal:
        train(tmp_path / "run", 3)
    message = str(refusal.value)
    assert message.startswith(f"{layout(tmp_path / 'run').last} cannot be resumed from")
    assert message.endswith("remove the file to resume from an earlier checkpoint, or start a new run")
    assert "\n" not in message


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["HistoryRecorder", "RandomState", "RunCheckpoints"])
def test_a_state_that_is_missing_is_named(whole: Path, tmp_path: Path, missing: str) -> None:
    changed(whole, tmp_path / "run", lambda values: values["callbacks"].pop(missing))
    with pytest.raises(InputError, match=f"it lacks the state of {missing}"):
        train(tmp_path / "run", 3)


@pytest.mark.slow
def test_a_checkpoint_of_an_older_version_may_lack_newer_settings(whole: Path, tmp_path: Path) -> None:
    def drop(values: dict[str, Any], torch_version: str) -> None:
        del values["optimizer_states"][0]["param_groups"][0]["decoupled_weight_decay"]
        del values["callbacks"][STOPPING]["stopping_reason"]
        values["provenance"] = {"torch": torch_version}

    changed(whole, tmp_path / "run", lambda values: drop(values, "2.10.0"))
    train(tmp_path / "run", 3)
    changed(whole, tmp_path / "same", lambda values: drop(values, str(torch.__version__)))
    with pytest.raises(InputError, match="lacks stopping_reason"):
        train(tmp_path / "same", 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schedule", "callback", "optimizer"),
    [
        (Constant(), Timer, optim.Adafactor),
        (Step(1), lambda: StochasticWeightAveraging(0.1, swa_epoch_start=1), optim.SGD),
        (ReduceOnPlateau(patience=0), WeightAveraging, partial(optim.AdamW, amsgrad=True)),
    ],
)
def test_a_training_with_other_states_is_resumed_twice(
    tmp_path: Path, schedule: Schedule, callback: Callable[[], Callback], optimizer: Any
) -> None:
    for n_epochs in (2, 3, 4):
        run = train(tmp_path, n_epochs, callback(), optimizer=partial(optimizer, lr=0.001), schedule=schedule)
        assert run.history.epoch == list(range(1, n_epochs + 1))


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [Cosine(), OneCycle()])
def test_a_training_whose_schedule_spans_it_is_resumed(tmp_path: Path, schedule: Schedule) -> None:
    train(tmp_path, 2, schedule=schedule)
    # As after a kill while the run was tested.
    assert train(tmp_path, 2, schedule=schedule).history.epoch == [1, 2]
