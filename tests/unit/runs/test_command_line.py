"""The command of a configuration composes to that configuration."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from tests.running import composed

from chromasonic.melody_generation.runs.command_line import training_command

# Values that the command leaves out, since they do not change what is learned.
LEFT_OUT = ("callbacks", "logger", "output_dir", "resume")


def configuration(*overrides: str, directory: Path) -> dict[str, Any]:
    with composed(*overrides, directory=directory) as config:
        values = OmegaConf.to_container(config, resolve=True)
        runtime = {"model": "lstm", "dataset": "synthetic", "optimizer": "adamw", "scheduler": "reduce_on_plateau"}
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items() if key not in LEFT_OUT} | {"choices": runtime}


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("model=transformer", "dataset=folk", "dataset.corpus.essen=false", "scheduler=step", "scheduler.gamma=0.25"),
        ("dataset=nottingham", "optimizer=sgd", "scheduler=one_cycle", "max_melody_length=64", "seed=7"),
        ("model=markov", "dataset=nottingham", "dataset.corpus.repeats=played", "dataset.split_seed=3"),
        ("optimizer.weight_decay=0.05", "model.memory=false", "trainer.precision=bf16-mixed", "learning_rate=3e-5"),
        ("dataset=files", r"""dataset.corpus.folder='my tunes, it\'s "these"'"""),
    ],
    ids=str,
)
def test_the_command_composes_to_the_configuration(overrides: tuple[str, ...], tmp_path: Path) -> None:
    wanted = configuration(*overrides, directory=tmp_path)
    for override in overrides:
        group, _, choice = override.partition("=")
        if group in wanted["choices"]:
            wanted["choices"][group] = choice
    program, script, *typed = shlex.split(training_command(wanted))
    assert (program, script) == ("chromasonic", "train")
    again = configuration(*typed, directory=tmp_path)
    assert again | {"choices": None} == wanted | {"choices": None}
