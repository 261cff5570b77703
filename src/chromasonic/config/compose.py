"""Configurations that other programs are going to run, composed beforehand, so that their faults are told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import CompactHydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from chromasonic.config.saved_configuration import plain
from chromasonic.config.validation import check, sentence_of
from chromasonic.melody_generation.errors import InputError


def composed(configs: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration that ``scripts/train.py`` makes of overrides, as plain values, without its loggers.

    Args:
        configs: The folder of configurations.
        overrides: What is typed.

    Raises:
        InputError: If it cannot be composed, or not be run.
    """
    try:
        with initialize_config_dir(str(configs.absolute()), version_base="1.3"):
            config = compose("train", [*overrides, "logger=none"])
    except CompactHydraException as problem:
        raise InputError(sentence_of(problem)) from problem
    check(config)
    return plain(config)


def plain_values(path: Path) -> dict[str, Any]:
    """The content of a YAML file that holds values by name.

    Raises:
        InputError: If it cannot be read, or a name stands there twice.
    """
    try:
        found = OmegaConf.to_container(OmegaConf.load(path))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except (YAMLError, OmegaConfBaseException, AttributeError, ValueError) as problem:
        raise InputError(f"{path} cannot be read: {' '.join(str(problem).split())}") from problem
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no values by name")
    return {str(name): value for name, value in found.items()}
