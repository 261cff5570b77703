"""Every command and option of README.md and docs/ is accepted by the program."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from chromasonic.config.command_options import (
    CommandOptions,
    CompareOptions,
    EvaluateOptions,
    GenerateOptions,
    HarmoniseOptions,
    JudgeOptions,
    ListenOptions,
    ResultsOptions,
    read_options,
)
from chromasonic.config.compose import read_yaml
from chromasonic.config.validation import check
from chromasonic.melody_generation.study.plan import Plan
from tests.docs.markdown_files import ROOT, Command, commands, named_options, text_of
from tests.running import choices

CONFIGS = ROOT / "configs"
SCHEMAS: dict[str, type[CommandOptions]] = {
    "evaluate": EvaluateOptions,
    "compare": CompareOptions,
    "generate": GenerateOptions,
    "harmonise": HarmoniseOptions,
    "listen": ListenOptions,
    "judge": JudgeOptions,
    "results": ResultsOptions,
}
REQUIRED = {
    "evaluate": ["run=r"],
    "generate": ["run=r"],
    "compare": ["runs=r"],
    "harmonise": ["melodies=m"],
    "listen": ["runs=r"],
    "judge": ["answers=a", "key=k"],
}
TRAINING = ROOT / "docs" / "training.md"


def jobs(overrides: list[str]) -> list[list[str]]:
    """Return the jobs of a command: one, or with -m one for each combination."""
    parsed = OverridesParser.create().parse_overrides([override for override in overrides if override != "-m"])
    values = [
        [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]
        if override.is_sweep_override()
        else [override.input_line or ""]
        for override in parsed
    ]
    return [list(job) for job in product(*values)]


def test_there_are_commands_and_options_to_test() -> None:
    assert len(commands("train")) >= 20
    assert len(commands("generate")) >= 4
    assert len(commands("harmonise")) >= 2
    assert len(commands("evaluate")) >= 2
    assert len(commands("compare")) >= 2
    assert len(named_options()) >= 15


@pytest.mark.parametrize("command", commands("train"), ids=str)
def test_every_training_command_composes_and_passes_the_check(command: Command) -> None:
    overrides = list(command.arguments)
    if any(override.startswith(("resume=", "repeat=")) for override in overrides):
        assert overrides in (["resume=outputs/<run>"], ["repeat=outputs/<run>", "output_dir=outputs/again"])
        return
    composed = jobs(overrides)
    assert len(composed) == 1 or "-m" in overrides
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for job in composed:
            check(compose("train", [*job, "logger=none"]))


@pytest.mark.parametrize("command", commands(*SCHEMAS), ids=str)
def test_every_other_command_is_accepted(command: Command) -> None:
    if not command.arguments and command.name != "results":
        return  # the name of a command within the text
    chosen = read_options(CONFIGS / f"{command.name}.yaml", SCHEMAS[command.name], list(command.arguments))
    if isinstance(chosen, ResultsOptions):
        plan = Plan.of(read_yaml(CONFIGS / "results_plan.yaml"), "results_plan.yaml")
        assert set(chosen.parts or ()) <= set(plan.parts)


@pytest.mark.parametrize("option", named_options())
def test_every_option_in_the_text_is_accepted(option: str) -> None:
    name, _, value = option.partition("=")
    for command, schema in SCHEMAS.items():
        required = REQUIRED.get(command, [])
        if name in schema.model_fields:
            read_options(CONFIGS / f"{command}.yaml", schema, [*required, f"{name}={value}"])
            return
    groups = {"dataset": choices("dataset"), "model": choices("model"), "scheduler": choices("scheduler")}
    contexts = [[option], *([option, f"{group}={choice}"] for group, names in groups.items() for choice in names)]
    guarded = [option, "guard=files", "dataset=files"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        assert any(_composes(context) for context in [*contexts, guarded]), option


def _composes(overrides: list[str]) -> bool:
    try:
        compose("train", overrides)
    except HydraException:
        return False
    return True


def test_the_table_of_usual_options_has_every_value_and_group() -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        values = {str(key) for key in compose("train")}
    listed = set(re.findall(r"^\| `([a-z_]+)=`", text_of(TRAINING), re.MULTILINE))
    groups = {folder.name for folder in CONFIGS.iterdir() if folder.is_dir()}
    assert values | groups == listed


@pytest.mark.parametrize("group", sorted(folder.name for folder in CONFIGS.iterdir() if folder.is_dir()))
def test_the_table_of_usual_options_has_every_choice(group: str) -> None:
    [row] = re.findall(rf"^\| `{group}=`.*$", text_of(TRAINING), re.MULTILINE)
    assert [name for name in choices(group) if f"`{name}`" not in row] == []
