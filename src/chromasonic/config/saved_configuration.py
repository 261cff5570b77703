"""Save the configuration of a run in its directory, and read it back safely.

A configuration that the user types may name any class. A run directory may come from a stranger. So a configuration
that is read from one is resolved once, into plain values. What these values may name is in
:mod:`chromasonic.config.closed_set`, and it is checked again where something is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from chromasonic.config.closed_set import check_closed_set, reaches_in, restricted, without_other_logger_settings
from chromasonic.config.own_configurations import is_own_configuration, remember_configuration
from chromasonic.config.references import refers_only_to_values, resolve_references
from chromasonic.melody_generation.atomic_files import JsonObject, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.directory_lock import refuse_links
from chromasonic.melody_generation.runs.layout import MAX_CONFIGURATION_BYTES, RunLayout
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration
from chromasonic.melody_generation.untrusted_files import read_regular_file

_MAX_DEPTH = 20
_RUN_DIRECTORY = "${hydra:runtime.output_dir}"
# Values that say where a run is, or how it was started. They do not belong to the experiment.
_OF_THE_CALL = ("output_dir", "resume", "repeat", "trust_paths")


def save_configuration(config: DictConfig, directory: Path) -> None:
    """Write a configuration into a run directory, with values from the environment as they are now."""
    values = _values(config, keeps_reference=refers_only_to_values)
    values.pop("trust_paths", None)
    text = OmegaConf.to_yaml(OmegaConf.create(values))
    remember_configuration(text.encode())
    write_text(RunLayout(directory).configuration, text)


def plain_configuration(config: DictConfig) -> JsonObject:
    """Return the values that determine the result of a run, resolved; paths and loggers are left out."""
    values = _values(config, keeps_reference=lambda text: _RUN_DIRECTORY in text)
    return _of_the_experiment(values)


def is_same_configuration(config: DictConfig, directory: Path) -> bool:
    """Return whether the run in a directory was started with this configuration."""
    try:
        saved = read_configuration(directory)
    except InputError:
        return False
    both = (OmegaConf.to_container(each, resolve=True) for each in (saved, config))
    first, second = (_of_the_experiment(values) for values in both if isinstance(values, dict))
    return first == second


def _of_the_experiment(values: Mapping[Any, Any]) -> JsonObject:
    return {str(name): value for name, value in values.items() if name not in {*_OF_THE_CALL, "logger"}}


def check_resuming(directory: Path, overrides: list[str]) -> None:
    """Raise if there is no run to resume, or more was typed than a resumed run takes.

    Args:
        directory: The run directory.
        overrides: The overrides as typed.

    Raises:
        InputError: With what to leave out.
    """
    if not RunLayout(directory).configuration.is_file():
        raise InputError(f"resume={directory}: there is no run to continue (no config.yaml in that folder)")
    if refused := _not_among(overrides, {"resume", "epochs", "trust_paths"}):
        raise InputError(
            f"resume={directory} takes epochs=... and nothing else, and cannot take {' '.join(refused)} as well: leave "
            "that out, or start a new run"
        )


def check_repeating(original: Path, typed: DictConfig, overrides: list[str]) -> None:
    """Raise if there is no run to repeat, no folder to write to, or more was typed than a repeated run takes.

    Args:
        original: The directory of the run to repeat.
        typed: The configuration as composed from the overrides.
        overrides: The overrides as typed.

    Raises:
        InputError: With what to leave out or to add; or with a link in the run directory.
    """
    refuse_links(original)
    if not RunLayout(original).configuration.is_file():
        raise InputError(f"repeat={original}: there is no run to repeat (no config.yaml in that folder)")
    if refused := _not_among(overrides, {"repeat", "output_dir", "trust_paths"}):
        raise InputError(
            f"repeat={original} takes the run's own configuration and cannot take {' '.join(refused)} as well: leave "
            "that out, or start a new run"
        )
    if OmegaConf.is_missing(typed, "output_dir"):
        raise InputError(f"repeat={original} needs a new folder to write to: add output_dir=...")


def _not_among(overrides: list[str], names: set[str]) -> list[str]:
    return [override for override in overrides if override.split("=")[0] not in names]


def read_configuration(
    directory: Path, replaced: JsonObject | None = None, *, follows_paths: bool = True
) -> DictConfig:
    """Return the configuration in a run directory, whoever made it, upgraded to this version.

    Args:
        directory: The run directory.
        replaced: Values at the top that replace those of the run, such as the number of epochs.
        follows_paths: Whether the configuration may name folders to read from, devices and machines although another
            user made it.

    Returns:
        Plain values, without references. Objects of the closed set alone are built from it.

    Raises:
        InputError: If there is none, it cannot be read, or it asks for more than a run's configuration may.
    """
    path = RunLayout(directory).configuration
    try:
        content = read_regular_file(path, MAX_CONFIGURATION_BYTES)
        written = without_other_logger_settings(upgrade_configuration(_parse(content))) | (replaced or {})
        values = resolve_references(written, _run_directory(directory))
        check_closed_set(values)
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except InputError as problem:
        raise InputError(f"{path}: {problem}") from problem
    # OmegaConf asserts that a text holds names and values.
    except (yaml.YAMLError, OmegaConfBaseException, AssertionError, AttributeError, TypeError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:200] or "it holds no values by name"
        raise InputError(f"{path} is no configuration of a run: {reason}") from problem
    if not follows_paths and not is_own_configuration(content):
        for name, value in reaches_in(values).items():
            raise InputError(
                f"{path} was not written by you on this machine, and {name}={value[:200]} reaches beyond the run: "
                "add trust_paths=true if that is what you want"
            )
    return restricted(values)


def _run_directory(directory: Path) -> str:
    if not HydraConfig.initialized() or OmegaConf.is_missing(HydraConfig.get().runtime, "output_dir"):
        return str(directory)
    return str(HydraConfig.get().runtime.output_dir)


def _parse(content: bytes) -> JsonObject:
    """Return the values of a text in YAML; a reference that is not resolved later is not even parsed.

    Raises:
        ValueError: If it would unfold to far more than its length, is nested too deep to be read in time, holds no
            configuration, or refers to anything but its own values.
        yaml.YAMLError, OmegaConfBaseException: If it is no YAML.
    """
    text, depth = content.decode("utf-8"), 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it holds aliases")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
        if isinstance(event, yaml.ScalarEvent) and not refers_only_to_values(event.value):
            raise ValueError(f"it refers to something else than values of the run ({event.value[:80]})")
    values = OmegaConf.to_container(OmegaConf.create(text))
    if not isinstance(values, dict):
        raise ValueError("it holds no named values")
    if not isinstance(values.get("choices"), dict):
        raise ValueError("it does not name the choice of each group")
    return {str(name): value for name, value in values.items() if name != "trust_paths"}


def _values(config: DictConfig, keeps_reference: Callable[[str], bool]) -> JsonObject:
    """Return the resolved values of a configuration, except for texts that keep their references."""

    def choose(written: Any, resolved: Any) -> Any:
        if isinstance(written, str) and keeps_reference(written):
            return written
        if isinstance(written, dict) and isinstance(resolved, dict):
            return {str(name): choose(value, resolved[name]) for name, value in written.items()}
        if isinstance(written, list) and isinstance(resolved, list):
            return [choose(*pair) for pair in zip(written, resolved, strict=True)]
        return resolved

    values: JsonObject = choose(*(OmegaConf.to_container(config, resolve=resolve) for resolve in (False, True)))
    return values
