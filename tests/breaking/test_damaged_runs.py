"""A run with damaged or inconsistent files is not resumed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.breaking.forked import train, warm_up
from tests.breaking.kills import Setting

pytestmark = pytest.mark.slow
LAST = Path("lstm_checkpoints", "melody_lstm_last.pt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warm_up()
    run = tmp_path_factory.mktemp("runs") / "whole"
    ended = train(*Setting("lstm", "step", ("epochs=2", "logger=none")).overrides, f"output_dir={run}")
    assert ended.code == 0, ended.output
    return run


def reshaped(state: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint whose optimizer state belongs to weights of other shapes."""
    for entry in state["optimizer_states"][0]["state"].values():
        entry["exp_avg"] = entry["exp_avg"].new_zeros(3, 5, 7)
    return state


# Many more are refused in tests/unit/training.
FAULTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "an optimizer of other shapes": reshaped,
    "weights of another shape": lambda state: state | {
        "state_dict": {name: torch.zeros(2) for name in state["state_dict"]}
    },
    "other data": lambda state: state | {"hash": "0123456789abcdef"},
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_that_does_not_fit_the_run_is_refused(whole: Path, tmp_path: Path, fault: str) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    torch.save(FAULTS[fault](torch.load(run / LAST, weights_only=True)), run / LAST)
    before = (run / LAST).read_bytes()
    ended = train(f"resume={run}", "epochs=3")
    assert ended.code == 1, ended.output
    assert "Traceback" not in ended.output
    message = ended.output.strip().splitlines()[-1]
    assert str(run / LAST) in message
    assert (run / LAST).read_bytes() == before


def test_a_configuration_that_names_a_foreign_class_is_refused(whole: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    saved = run / "config.yaml"
    touched = tmp_path / "touched"
    text = saved.read_text()
    assert "logger: {}" in text
    saved.write_text(
        text.replace("logger: {}", f"logger:\n  mine:\n    _target_: os.system\n    command: touch {touched}")
    )
    for arguments in ([f"resume={run}", "epochs=3"], [f"repeat={run}", f"output_dir={tmp_path / 'again'}"]):
        ended = train(*arguments)
        assert ended.code == 1
        assert "none of the classes that a run directory may name" in ended.output
        assert len(ended.output.strip().splitlines()) == 1
    assert not touched.exists()
