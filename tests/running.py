"""Helpers that compose configurations and run commands within the test process."""

from __future__ import annotations

import hashlib
import runpy
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from matplotlib.figure import Figure
from omegaconf import DictConfig, open_dict

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "train.py"
CONFIGS = ROOT / "configs"
SHARED_BY_DATASETS = CONFIGS / "dataset" / "default.yaml"  # no option by itself
# Overrides for a short run of any model, for a run of a small neural network, and for a run that writes little.
SHORT = ("num_sequences=40", "epochs=1", "trainer.accelerator=cpu")
TINY = (*SHORT, "hidden_size=16", "num_layers=1")
QUIET = (*SHORT, "logger=none", "callbacks=quiet")


def choices(group: str) -> list[str]:
    """Return the options of a configuration group."""
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml") if path != SHARED_BY_DATASETS)


@contextmanager
def composed(*overrides: str, directory: Path) -> Iterator[DictConfig]:
    """Compose the configuration of a single run in ``directory``, as the train command does."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        whole = compose("train", [*overrides], return_hydra_config=True)
    with open_dict(whole):
        whole.hydra.runtime.output_dir = str(directory)
        config = whole.copy()
        del config["hydra"]
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(whole)
    try:
        yield config
    finally:
        HydraConfig.instance().cfg = before


@dataclass(frozen=True)
class Ending:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


def run_script(
    *overrides: str, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, script: Path = SCRIPT
) -> Ending:
    """Run a script, by default the training script, within this process."""
    patch.setattr(sys, "argv", [str(script), *overrides])
    patch.setenv("COLUMNS", "200")
    capture.readouterr()
    code, message = 0, ""
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ending:
        if isinstance(ending.code, str):  # Python prints it and exits with 1
            code, message = 1, ending.code + "\n"
        else:
            code = int(ending.code or 0)
    printed = capture.readouterr()
    return Ending(code, printed.out, printed.err + message)


def train_once(*overrides: str, directory: Path) -> Path:
    """Train a run in ``directory``, unless this or another process has trained one with the same overrides there."""
    directory.mkdir(exist_ok=True)
    run = directory / hashlib.sha256("\0".join(overrides).encode()).hexdigest()[:12]
    is_complete = run.with_suffix(".complete")
    with FileLock(run.with_suffix(".lock")):
        if not is_complete.exists():
            shutil.rmtree(run, ignore_errors=True)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", [str(SCRIPT), *overrides, f"output_dir={run}"])
                runpy.run_path(str(SCRIPT), run_name="__main__")
            is_complete.touch()
    return run


_DRAW = Figure.draw


@contextmanager
def undrawn_figures() -> Iterator[None]:
    """Save figures empty. Drawing them takes as long as all the rest of a small run or sweep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "draw", lambda figure, renderer: None)
        yield


@contextmanager
def drawn_figures() -> Iterator[None]:
    """Draw figures as users see them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "draw", _DRAW)
        yield
