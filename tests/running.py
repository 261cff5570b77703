"""The training script and its configurations, for tests: composed, built and run in this very process."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from chromasonic.app import train_command

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "train.py"
CONFIGS = ROOT / "configs"
SHARED_BY_DATASETS = CONFIGS / "dataset" / "default.yaml"  # no option by itself
# What makes a run of any model short, and one of a network shorter still.
SHORT = ("num_sequences=40", "epochs=1", "trainer.accelerator=cpu")
TINY = (*SHORT, "hidden_size=16", "num_layers=1")


def choices(group: str) -> list[str]:
    """Return the options of a group of the configuration."""
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml") if path != SHARED_BY_DATASETS)


@contextmanager
def composed(*overrides: str, directory: Path) -> Iterator[DictConfig]:
    """The configuration of a single run in ``directory``, as the script gets it."""
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


def script() -> ModuleType:
    """The functions of the training script, none of them run."""
    return train_command


@dataclass(frozen=True)
class Ending:
    """How a run of the script ended."""

    code: int
    out: str
    err: str


def run_script(
    *overrides: str, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, script: Path = SCRIPT
) -> Ending:
    """Run a script, the training script if no other is named, without starting another process."""
    patch.setattr(sys, "argv", [str(script), *overrides])
    patch.setenv("COLUMNS", "200")
    capture.readouterr()
    code, last_words = 0, ""
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ending:
        if isinstance(ending.code, str):  # Python prints it and exits with 1
            code, last_words = 1, ending.code + "\n"
        else:
            code = int(ending.code or 0)
    printed = capture.readouterr()
    return Ending(code, printed.out, printed.err + last_words)
