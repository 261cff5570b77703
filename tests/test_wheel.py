"""The wheel: complete, and its commands work without a clone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from chromasonic.melody_generation.runs.shipped.pretrained import shipped_checkpoint

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "chromasonic"
# The build backend is a test requirement; where it is not installed, pip fetches it.
ISOLATION = ["--no-build-isolation"] if find_spec("hatchling") else []

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Run a command, and return what it prints."""
    process = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout + process.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *ISOLATION, "-w", folder, ROOT, folder=folder)
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    package = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    configs = {path.relative_to(ROOT) for path in (ROOT / "configs").rglob("*.yaml")}
    assert {Path("py.typed"), shipped_checkpoint().relative_to(PACKAGE)} <= package
    assert len(configs) > 20
    assert {name for name in names if name.startswith("chromasonic/")} == {
        f"chromasonic/{path.as_posix()}" for path in package | configs
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel and, from this environment, its requirements; commands run in an empty folder."""

    programs: Path
    folder: Path

    def __call__(self, program: str, *arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment["COLUMNS"] = "200"
        return run(self.programs / program, *arguments, folder=self.folder, environment=environment)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    root = tmp_path_factory.mktemp("installed")
    venv.create(root / "venv", symlinks=os.name != "nt")
    scheme = {"base": str(root / "venv"), "platbase": str(root / "venv")}
    programs = Path(sysconfig.get_path("scripts", "venv", scheme))
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    # The requirements are those of this environment. Its own editable chromasonic is not: a path is no site folder.
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    run(
        *(sys.executable, "-m", "pip", "--python", programs / "python"),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        folder=root,
    )
    (root / "empty").mkdir()
    return Installation(programs, root / "empty")


def test_the_package_is_the_installed_one(installed: Installation) -> None:
    code = (
        "import chromasonic\n"
        "from chromasonic.app.results_command import OWN_PLAN\n"
        "from chromasonic.config.location import configs_directory\n"
        "print(chromasonic.__file__, configs_directory() / OWN_PLAN)"
    )
    for path in map(Path, installed("python", "-c", code).split()):
        assert path.is_relative_to(installed.programs.parent)
        assert path.is_file()


def test_an_installed_package_trains_and_generates(installed: Installation) -> None:
    small = ["epochs=1", "num_sequences=100", "hidden_size=16", "num_layers=1", "trainer.accelerator=cpu"]
    printed = installed("chromasonic", "train", "model=lstm", "dataset=synthetic", *small, "output_dir=outputs/first")
    for word in ("best epoch", "bits per note", "validation", "tensorboard --logdir", "melody_lstm_curves.png"):
        assert word in printed.lower(), printed
    # No library's notes, warnings or log lines, not even on standard error.
    assert not [noise for noise in ("INFO", "Warning", "Tip", "GPU available") if noise in printed]
    installed("chromasonic", "generate", "run=outputs/first", "count=2", "bars=2", "formats=[abc,midi]")
    melodies = {path.name for path in (installed.folder / "outputs/first/melodies").iterdir()}
    assert {"melody_01.abc", "melody_01.mid", "melody_02.abc", "melody_02.mid", "index.html"} <= melodies
