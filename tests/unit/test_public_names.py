"""The names of ``import chromasonic``: all there, each from its module, none loaded before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import chromasonic
from chromasonic.melody_generation import training

PACKAGES = [chromasonic, training]


@pytest.mark.parametrize("module", ["chromasonic", "chromasonic.app.cli", "chromasonic.melody_generation.training"])
def test_import_loads_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(run.stdout.split())
    assert module in loaded
    assert not loaded & {"torch", "numpy", "lightning", "hydra", "matplotlib", "music21"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_dir_lists_every_public_name_before_it_is_imported(package: object) -> None:
    name = package.__name__  # type: ignore[attr-defined]
    code = f"import {name} as package; assert {{*package.__all__}} <= {{*dir(package)}}"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_type_checkers_see_every_public_name(package: object) -> None:
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = {
        alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert sorted(imports) == sorted(package.__all__)  # type: ignore[attr-defined]
    for name, module in imports.items():
        assert getattr(package, name) is getattr(import_module(str(module)), name)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_an_unknown_name_is_an_attribute_error(package: object) -> None:
    with pytest.raises(AttributeError, match="no attribute 'Melodies'"):
        package.Melodies  # type: ignore[attr-defined]  # noqa: B018
