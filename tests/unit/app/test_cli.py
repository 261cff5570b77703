"""The console command, in separate processes and in this one."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from chromasonic.app.cli import COMMANDS, main
from chromasonic.config.location import configs_directory


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        main(arguments)
        out = capsys.readouterr().out
        assert all(f"chromasonic {command} " in out for command in COMMANDS)


def test_version_is_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"chromasonic {version('chromasonic')}\n"


def test_an_unknown_command_is_refused_with_the_commands_that_exist() -> None:
    with pytest.raises(SystemExit) as ending:
        main(["tain"])
    assert "tain" in str(ending.value)
    assert all(command in str(ending.value) for command in COMMANDS)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "train"])
def test_help_of_a_command_is_its_configuration_file(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "--help"])
    expected = (configs_directory() / f"{command}.yaml").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == expected.strip()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_no_heavy_library(command: str) -> None:
    code = (
        "import sys\nfrom chromasonic.app.cli import main\n"
        f"try:\n    main([{command!r}, '--help'])\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = set(run.stderr.split())
    assert "chromasonic.app.cli" in loaded
    assert not loaded & {"torch", "numpy", "lightning", "matplotlib", "music21", "scipy"}


@pytest.mark.slow
def test_two_processes_train_one_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chromasonic", "train", "model=lstm", "dataset=synthetic", "num_sequences=40"]
    small = ["epochs=1", "hidden_size=8", "num_layers=1", "callbacks=quiet", "logger=none", "output_dir=run"]
    pair = ["trainer.accelerator=cpu", "trainer.devices=2", "+trainer.strategy=ddp"]
    run = subprocess.run(
        [*command, *small, *pair], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "MEMBER: 2/2" in run.stderr
    assert json.loads((tmp_path / "run/evaluation/results.json").read_text())["best_epoch"] == 1
