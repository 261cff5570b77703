"""Options of generation are refused by name if they are out of range, and have the defaults of the command."""

from __future__ import annotations

import math
from dataclasses import asdict

import pytest
import yaml
from tests.running import ROOT

from chromasonic.config.command_options import GenerateOptions
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.generation_config import GenerationConfig

COMMAND = yaml.safe_load((ROOT / "configs/generate.yaml").read_text(encoding="utf-8"))


def test_the_command_has_all_options_with_the_same_defaults() -> None:
    defaults = asdict(GenerationConfig())
    assert defaults.keys() <= COMMAND.keys()
    assert {name: COMMAND[name] for name in defaults} == defaults | {"count": 16}  # a page of melodies


def test_the_options_of_the_command_become_a_config() -> None:
    options = GenerateOptions.model_validate(COMMAND | {"run": "x", "key": "G", "upbeat": 0, "top_k": 5})
    assert options.generation_config() == GenerationConfig(count=16, key="G", upbeat="0", top_k=5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("temperature", value) for value in (-1.0, math.nan, math.inf)),
        ("top_k", -1),
        *(("top_p", value) for value in (0.0, -0.5, 1.01, math.nan)),
        *(("min_p", value) for value in (-0.1, 1.1, math.nan)),
        *((name, 0) for name in ("bars", "notes", "max_notes", "count")),
        ("seed", -1),
    ],
)
def test_values_out_of_range_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"^{name} is .*, got {value}$"):
        GenerationConfig().with_changes(**{name: value})


def test_bars_and_notes_together_are_refused() -> None:
    with pytest.raises(InputError, match="give one of them"):
        GenerationConfig(bars=8, notes=20)


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="no option temprature of generation, did you mean temperature"):
        GenerationConfig().with_changes(temprature=1.0)
    with pytest.raises(InputError, match="no option xyz of generation; there are count, key"):
        GenerationConfig().with_changes(xyz=1)


def test_changes_keep_all_other_options() -> None:
    config = GenerationConfig(key="G", bars=8, seed=3)
    assert config.with_changes(bars=4) == GenerationConfig(key="G", bars=4, seed=3)
    assert config.with_changes() == config
