"""The examples of CONTRIBUTING.md: their tests pass, their configurations build, and they keep the rules."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from chromasonic.config.build import build
from chromasonic.config.validation import check
from tests.test_architecture import docstring_faults, library_faults

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```(?:python|yaml)\n# (\S+\.(?:py|yaml))\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
MODULES = [path for path in EXAMPLES if path.startswith("src/")]
TESTS = [path for path in EXAMPLES if path.startswith("tests/")]
CONFIGS = [path for path in EXAMPLES if path.startswith("configs/")]


@pytest.fixture(autouse=True)
def _examples_are_part_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for path, text in EXAMPLES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    for path in MODULES:
        package = importlib.import_module(module_name(path).rpartition(".")[0])
        folder = str((tmp_path / path).parent)
        monkeypatch.setattr(package, "__path__", [*package.__path__, folder])
    yield
    for path in MODULES:
        sys.modules.pop(module_name(path), None)


def module_name(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").replace("/", ".")


def test_there_are_three_examples_with_their_tests() -> None:
    assert (len(MODULES), len(TESTS), len(CONFIGS)) == (3, 3, 2)
    assert all(text.count("\n") < 45 for text in EXAMPLES.values())


@pytest.mark.parametrize("path", TESTS)
def test_the_tests_of_an_example_pass(path: str, tmp_path: Path) -> None:
    names: dict[str, object] = {}
    exec(compile((tmp_path / path).read_text(), path, "exec"), names)
    functions = [value for name, value in names.items() if name.startswith("test_") and inspect.isfunction(value)]
    assert len(functions) >= 2
    for function in functions:
        function(**{"tmp_path": tmp_path} if "tmp_path" in inspect.signature(function).parameters else {})


@pytest.mark.parametrize("path", MODULES)
def test_an_example_keeps_the_rules(path: str) -> None:
    module = importlib.import_module(module_name(path))
    assert doctest.testmod(module).failed == 0
    inside = path.removeprefix("src/chromasonic/")
    assert docstring_faults(inside, EXAMPLES[path]) + library_faults(inside, EXAMPLES[path]) == []
    assert all(len(line) <= 120 for line in EXAMPLES[path].splitlines())


@pytest.mark.parametrize("path", CONFIGS)
def test_the_configuration_of_an_example_builds(path: str, tmp_path: Path) -> None:
    group, name = Path(path).parent.name, Path(path).stem
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        searched = f"hydra.searchpath=[file://{(tmp_path / 'configs').as_posix()}]"
        config = compose("train", [f"{group}={name}", "logger=none", searched])
    check(config)
    built = build(group, config[group])
    assert type(built).__name__ == {"gru": "GRUNetwork", "scales": "MelodyDataModule"}[name]


def test_a_measure_enters_the_table_of_features() -> None:
    from chromasonic.melody_generation.measures.features import Feature

    leaps = importlib.import_module("chromasonic.melody_generation.measures.leaps")
    [line] = re.findall(r"^Feature\(.*\)$", PAGE, re.MULTILINE)
    feature = eval(line, {"Feature": Feature, "leap_share": leaps.leap_share})
    assert feature.name == feature.function.__name__
