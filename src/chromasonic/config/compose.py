"""Compose the configuration of a training run, and read plain YAML files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import CompactHydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from chromasonic.config.hydra_errors import sentence_of
from chromasonic.config.saved_configuration import plain_configuration
from chromasonic.config.typed_paths import quote_paths
from chromasonic.config.validation import check
from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError


def compose_training(configs: Path, overrides: Sequence[str]) -> JsonObject:
    """Return the configuration that ``chromasonic train`` makes of overrides, as plain values, without its loggers.

    Args:
        configs: The folder of configurations.
        overrides: Overrides as typed.

    Raises:
        InputError: If it cannot be composed, or cannot be run.
    """
    try:
        with initialize_config_dir(str(configs.absolute()), version_base="1.3"):
            config = compose("train", [*quote_paths(overrides), "logger=none"])
    except CompactHydraException as problem:
        raise InputError(sentence_of(problem)) from problem
    check(config)
    return plain_configuration(config)


def read_yaml(path: Path) -> JsonObject:
    """Return the content of a YAML file that holds values by name.

    Raises:
        InputError: If it cannot be read, or a name occurs twice.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except (YAMLError, OmegaConfBaseException, AttributeError, ValueError) as problem:
        raise InputError(f"{path} cannot be read: {' '.join(str(problem).split())}") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no named values")
    return {str(name): value for name, value in content.items()}
