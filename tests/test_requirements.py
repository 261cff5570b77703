"""Requirements: lower bounds, their constraints, and the licence in both distributions."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from tools.floors import floors

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Oldest versions without a known fault that files or servers of others could use.
ADVISORIES = {
    "torch": "2.10",
    "lightning": "2.6.4",
    "hydra-core": "1.3.6",
    "requests": "2.32.4",
    "urllib3": "2.7.0",
    "filelock": "3.20.3",
    "jinja2": "3.1.6",
}


def constraints() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def requirements() -> list[Requirement]:
    extras = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]
    return [Requirement(line) for line in [*PROJECT["dependencies"], *extras] if not line.startswith("chromasonic")]


@pytest.mark.parametrize("name", ADVISORIES)
def test_floors_are_not_below_the_advisories(name: str) -> None:
    assert Version(dict(floors(PROJECT))[name]) >= Version(ADVISORIES[name])


def test_every_requirement_has_one_constraint_that_it_allows() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in constraints()}
    assert len(pins) == len(constraints())
    for requirement in requirements():
        [specifier] = pins[canonicalize_name(requirement.name)].specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version), requirement


def test_constraints_name_no_place_and_no_build() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = re.compile(r"[a-z0-9.-]+==[0-9][0-9a-z.]*(; sys_platform == \"linux\")?")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(pins.fullmatch(line) for line in lines)
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0])


def test_the_tool_prints_the_floors_and_leaves_out_what_it_is_told() -> None:
    command = [sys.executable, str(ROOT / "tools" / "floors.py"), "--except", "torch"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "numpy==2.2" in lines
    assert not any(line.startswith("torch==") for line in lines)
    with pytest.raises(ValueError, match="no lower bound"):
        list(floors({"dependencies": ["torch<3"], "optional-dependencies": {"test": []}}))


@pytest.mark.slow
def test_the_source_distribution_holds_the_licence(tmp_path: Path) -> None:
    pytest.importorskip("hatchling.build")
    command = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", command, tmp_path], cwd=ROOT, capture_output=True, check=True)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
        assert {"LICENSE", "pyproject.toml", "constraints.txt"} <= names
        description = next(name for name in file.getnames() if name.endswith("/PKG-INFO"))
        text = file.extractfile(description).read().decode()  # type: ignore[union-attr]
    assert PROJECT["license"] == "MIT"
    assert "License-Expression: MIT" in text
    assert "License-File: LICENSE" in text
