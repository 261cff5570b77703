"""Save the configuration of a run in its directory, and read it back safely.

A configuration that the user types may name any class. A run directory may come from a stranger. So a configuration
read from one is restricted: no aliases that unfold to gigabytes, no references that read the environment, and only a
closed set of classes is built.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from chromasonic.melody_generation.atomic_files import JsonObject, write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration

TRUSTED = "CHROMASONIC_TRUSTED_PACKAGES"
_MAX_BYTES, _MAX_DEPTH = 100_000, 20
_RUN_DIRECTORY = "${hydra:runtime.output_dir}"
# References to other values and to the run directory; all others could read what a run must not read.
_HARMLESS = re.compile(r"\$\{(?:[A-Za-z_]\w*(?:\.\w+)*|hydra:runtime\.output_dir)\}")
# Besides classes of this package and torch's optimizers.
_ALLOWED = {
    "chromasonic.melody_generation.training.run_mixture.mixture_of",
    "lightning.Trainer",
    "lightning.pytorch.Trainer",
    *(f"lightning.pytorch.loggers.{name}" for name in ("CSVLogger", "TensorBoardLogger")),
    *(
        f"lightning.pytorch.callbacks.{name}"
        for name in (
            *("DeviceStatsMonitor", "EarlyStopping", "GradientAccumulationScheduler", "LearningRateMonitor"),
            *("ModelSummary", "RichModelSummary", "RichProgressBar", "TQDMProgressBar"),
            *("StochasticWeightAveraging", "Timer", "WeightAveraging"),
        )
    ),
}
_OWN = ("chromasonic.melody_generation.", "torch.optim.")


def save_configuration(config: DictConfig, directory: Path) -> None:
    """Write a configuration into a run directory, with values from the environment as they are now."""
    values = _values(config, keeps_reference=lambda text: not _reads_too_much(text))
    write_text(RunLayout(directory).configuration, OmegaConf.to_yaml(OmegaConf.create(values)))


def plain_configuration(config: DictConfig) -> JsonObject:
    """Return the values that determine the result of a run, resolved; paths and loggers are left out."""
    left_out = {"output_dir", "resume", "repeat", "logger"}
    values = _values(config, keeps_reference=lambda text: _RUN_DIRECTORY in text)
    return {name: value for name, value in values.items() if name not in left_out}


def is_same_configuration(config: DictConfig, directory: Path) -> bool:
    """Return whether the run in a directory was started with this configuration."""
    try:
        saved = read_configuration(directory)
    except InputError:
        return False
    return plain_configuration(saved) == plain_configuration(config)


def restore_configuration(directory: Path, typed: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration with which a run is resumed: its own, with the epochs that were typed.

    Args:
        directory: The run directory.
        typed: The configuration as composed from the overrides.
        overrides: The overrides as typed; besides ``resume`` only ``epochs`` may be among them.

    Raises:
        InputError: If there is no run, or more was typed.
    """
    if not RunLayout(directory).configuration.is_file():
        raise InputError(f"resume={directory}: there is no run to continue (no config.yaml in that folder)")
    refused = _not_among(overrides, {"resume", "epochs"})
    if refused:
        raise InputError(
            f"resume={directory} takes epochs=... and nothing else, and cannot take {' '.join(refused)} as well: leave "
            "that out, or start a new run"
        )
    config = read_configuration(directory)
    if any(override.startswith("epochs=") for override in overrides):
        config.epochs = typed.epochs
    return config


def repeat_configuration(original: Path, typed: DictConfig, overrides: list[str]) -> DictConfig:
    """Return the configuration of a run for repeating it in another directory.

    Args:
        original: The directory of the run to repeat.
        typed: The configuration as composed from the overrides.
        overrides: The overrides as typed; besides ``repeat`` only ``output_dir`` may be among them.

    Raises:
        InputError: If there is no run, no output directory was named, or more was typed.
    """
    if not RunLayout(original).configuration.is_file():
        raise InputError(f"repeat={original}: there is no run to repeat (no config.yaml in that folder)")
    refused = _not_among(overrides, {"repeat", "output_dir"})
    if refused:
        raise InputError(
            f"repeat={original} takes the run's own configuration and cannot take {' '.join(refused)} as well: leave "
            "that out, or start a new run"
        )
    if OmegaConf.is_missing(typed, "output_dir"):
        raise InputError(f"repeat={original} needs a new folder to write to: add output_dir=...")
    config = read_configuration(original)
    config.output_dir = typed.output_dir
    return config


def _not_among(overrides: list[str], names: set[str]) -> list[str]:
    return [override for override in overrides if override.split("=")[0] not in names]


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


def _reads_too_much(text: str) -> bool:
    return "${" in _HARMLESS.sub("", text)


def read_configuration(directory: Path) -> DictConfig:
    """Return the configuration in a run directory, whoever made it, upgraded to this version.

    Raises:
        InputError: If there is none, it cannot be read, or it asks for more than a run's configuration may.
    """
    path = RunLayout(directory).configuration
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is no configuration of a run: it is longer than {_MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        _check_plain_yaml(path, text)
        values = OmegaConf.to_container(OmegaConf.create(text))
        if not isinstance(values, dict):
            raise InputError(f"{path} is no configuration of a run: it holds no named values")
        if not isinstance(values.get("choices"), dict):
            raise InputError(f"{path} is no configuration of a run: it does not name the choice of each group")
        values = upgrade_configuration({str(name): value for name, value in values.items()})
        _check_harmless(path, values)
        return OmegaConf.create(values)
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except InputError:
        raise
    # OmegaConf asserts that a text holds names and values.
    except (yaml.YAMLError, OmegaConfBaseException, AssertionError, AttributeError, TypeError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{path} is no configuration of a run: {reason}") from problem


def _check_plain_yaml(path: Path, text: str) -> None:
    """Raise if a text would unfold to far more than its length, or is nested too deep to be read in time."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"{path} is no configuration of a run: it holds aliases")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise InputError(f"{path} is no configuration of a run: it is nested more than {_MAX_DEPTH} deep")


def _check_harmless(path: Path, values: Any) -> None:
    """Raise if a value refers to more than the run, or a target is not in the closed set."""
    for name, value in _leaves(values, ""):
        if isinstance(value, str) and _reads_too_much(value):
            raise InputError(
                f"{path}: {name} refers to something else than values of the run ({value[:80]}), which is not allowed"
            )
        if "_target_" in name.split(".") and not _is_allowed(value):
            raise InputError(
                f"{path}: {name} is {str(value)[:80]}, which is none of the classes that a run directory may name; "
                f"if it is your own, set {TRUSTED} to its package"
            )


def _leaves(values: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of every leaf."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from _leaves(value, f"{name}.{key}")
    elif isinstance(values, list) and values:
        for index, value in enumerate(values):
            yield from _leaves(value, f"{name}.{index}")
    else:
        yield name, values


def _is_allowed(target: Any) -> bool:
    """Return whether a run directory may name a target, decided by its name before anything is imported for it."""
    if not isinstance(target, str) or not re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", target):
        return False
    if target.partition(".")[0] in os.environ.get(TRUSTED, "").replace(" ", "").split(",") or target in _ALLOWED:
        return True
    package = next((package for package in _OWN if target.startswith(package)), None)
    if package is None:
        return False
    try:
        named = get_object(target)
    except Exception:  # there is no such object
        return False
    # A name may lead through an import of a module, such as its `os`: only classes defined in the package count.
    return inspect.isclass(named) and named.__module__.startswith(package.removesuffix("."))
