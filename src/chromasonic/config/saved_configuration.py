"""A run's configuration as it is kept in its directory, and read back from there.

What a user types is the user's own: it may name any class. A run directory may come from anybody, so what is read
from one is held to less: no aliases that unfold to gigabytes, no references that read the environment, and nothing
to be built but a closed set of classes.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from chromasonic.melody_generation.atomic_files import write_text
from chromasonic.melody_generation.errors import InputError

TRUSTED = "CHROMASONIC_TRUSTED_PACKAGES"
LOCK = ".lock"
_FILE = "config.yaml"
_MAX_BYTES, _MAX_DEPTH = 100_000, 20
_RUN_DIRECTORY = "${hydra:runtime.output_dir}"
# References to other values, and to where the run lies; all others could read what is none of a run's business.
_HARMLESS = re.compile(r"\$\{(?:[A-Za-z_]\w*(?:\.\w+)*|hydra:runtime\.output_dir)\}")
# Besides classes of our own and torch's optimizers.
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
# Where classes that older configurations name are now.
_MOVED = {
    f"chromasonic.melody_generation.{old}": f"chromasonic.melody_generation.{new}"
    for old, new in {
        "mixtures.mixture_of": "training.run_mixture.mixture_of",
        "schedules.Constant": "training.schedules.Constant",
        "schedules.Cosine": "training.schedules.Cosine",
        "schedules.OneCycle": "training.schedules.OneCycle",
        "schedules.ReduceOnPlateau": "training.schedules.ReduceOnPlateau",
        "schedules.Step": "training.schedules.Step",
        "progress.EpochProgress": "training.progress.EpochProgress",
        "audition.Audition": "training.sample_logger.SampleLogger",
        "tensorboard.PairedTensorBoardLogger": "training.tensorboard.PairedTensorBoardLogger",
    }.items()
}


def keep(config: DictConfig, directory: Path) -> None:
    """Write the configuration to where ``restore`` reads it; what it took from the environment as it was then."""
    values = _values(config, keeps=lambda text: not _asks_too_much(text))
    write_text(directory / _FILE, OmegaConf.to_yaml(OmegaConf.create(values)))


def plain(config: DictConfig) -> dict[str, Any]:
    """The configuration as plain values: all that is given and bears on the result, with its references resolved."""
    places = {"output_dir", "resume", "repeat", "logger"}  # where it went is no part of what was done
    values = _values(config, keeps=lambda text: _RUN_DIRECTORY in text)
    return {name: value for name, value in values.items() if name not in places}


def _values(config: DictConfig, keeps: Callable[[str], bool]) -> dict[str, Any]:
    """The values of a configuration, resolved save for texts that are kept as written."""

    def chosen(written: Any, resolved: Any) -> Any:
        if isinstance(written, str) and keeps(written):
            return written
        if isinstance(written, dict) and isinstance(resolved, dict):
            return {str(name): chosen(each, resolved[name]) for name, each in written.items()}
        if isinstance(written, list) and isinstance(resolved, list):
            return [chosen(*pair) for pair in zip(written, resolved, strict=True)]
        return resolved

    values: dict[str, Any] = chosen(*(OmegaConf.to_container(config, resolve=resolve) for resolve in (False, True)))
    return values


def _asks_too_much(text: str) -> bool:
    return "${" in _HARMLESS.sub("", text)


def read_kept(directory: Path) -> DictConfig:
    """The configuration that a run directory holds, whoever made it.

    Raises:
        InputError: If there is none, it cannot be read, or it asks for more than a configuration of a run may.
    """
    path = directory / _FILE
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is no configuration of a run: it is longer than {_MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        _check_plain_yaml(path, text)
        found = OmegaConf.create(text)
        if not isinstance(found, DictConfig):
            raise InputError(f"{path} is no configuration of a run: it holds no values by name")
        values = _with_moved_targets(OmegaConf.to_container(found))
        _check_harmless(path, values)
        found = OmegaConf.create(values)
        if not isinstance(found, DictConfig) or not isinstance(found.get("choices"), DictConfig):
            raise InputError(f"{path} is no configuration of a run: it does not say what was chosen")
        return found
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from problem
    except InputError:
        raise
    # OmegaConf asserts that a text is one of names and values.
    except (yaml.YAMLError, OmegaConfBaseException, AssertionError, AttributeError, TypeError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{path} is no configuration of a run: {reason}") from problem


def _with_moved_targets(values: Any) -> Any:
    """Replace the old path of a class by its new one, at any depth."""
    if isinstance(values, list):
        return [_with_moved_targets(value) for value in values]
    if not isinstance(values, dict):
        return values
    return {
        name: _MOVED.get(value, value) if name == "_target_" and isinstance(value, str) else _with_moved_targets(value)
        for name, value in values.items()
    }


def _check_plain_yaml(path: Path, text: str) -> None:
    """Refuse what would unfold to far more than its text, or take forever to be read."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"{path} is no configuration of a run: it holds aliases")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise InputError(f"{path} is no configuration of a run: it is nested more than {_MAX_DEPTH} deep")


def _check_harmless(path: Path, values: Any) -> None:
    for place, value in _leaves(values, ""):
        if isinstance(value, str) and _asks_too_much(value):
            raise InputError(
                f"{path}: {place} refers to more than other values of the run ({value[:80]}): not resolved"
            )
        if "_target_" in place.split(".") and not _is_known(value):
            raise InputError(
                f"{path}: {place} is {str(value)[:80]}, which is none of the classes that a run directory may name; "
                f"if it is your own, set {TRUSTED} to its package"
            )


def _leaves(values: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict) and values:
        for name, each in values.items():
            yield from _leaves(each, f"{place}.{name}")
    elif isinstance(values, list) and values:
        for index, each in enumerate(values):
            yield from _leaves(each, f"{place}.{index}")
    else:
        yield place, values


def _is_known(target: Any) -> bool:
    """Whether a run directory may name a target: decided by its name before anything is imported for it."""
    if not isinstance(target, str) or not re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", target):
        return False
    if target.partition(".")[0] in os.environ.get(TRUSTED, "").replace(" ", "").split(",") or target in _ALLOWED:
        return True
    home = next((home for home in _OWN if target.startswith(home)), None)
    if home is None:
        return False
    try:
        found = get_object(target)
    except Exception:  # there is no such thing
        return False
    # A name may lead through what a module imports, such as its `os`: only what is defined there counts.
    return inspect.isclass(found) and found.__module__.startswith(home.removesuffix("."))


def restore(directory: Path, typed: DictConfig, overrides: list[str]) -> DictConfig:
    """The configuration that a run was started with, for going on with it.

    Only the number of epochs may be changed.

    Args:
        directory: The run's directory.
        typed: The configuration as composed from what was typed now.
        overrides: What was typed now.

    Raises:
        InputError: If there is no such run, or other overrides were typed beside ``resume``.
    """
    if not (directory / _FILE).is_file():
        raise InputError(f"resume={directory}: there is no run to go on with (no {_FILE} in that folder)")
    others = [each for each in overrides if each.split("=")[0] not in {"resume", "epochs"}]
    if others:
        raise InputError(
            f"resume={directory} goes on with the run's own configuration and cannot take {' '.join(others)} "
            "as well: leave that out, or start a new run"
        )
    restored = read_kept(directory)
    if any(each.startswith("epochs=") for each in overrides):
        restored.epochs = typed.epochs
    return restored


def repeated(original: Path, typed: DictConfig, overrides: list[str]) -> DictConfig:
    """The configuration of a run, for doing it once more in another folder.

    Args:
        original: The run's directory.
        typed: The configuration as composed from what was typed now.
        overrides: What was typed now.

    Raises:
        InputError: If there is no such run, no folder was named, or something else was typed beside these.
    """
    if not (original / _FILE).is_file():
        raise InputError(f"repeat={original}: there is no run to repeat (no {_FILE} in that folder)")
    others = [each for each in overrides if each.split("=")[0] not in {"repeat", "output_dir"}]
    if others:
        raise InputError(
            f"repeat={original} takes the run's own configuration and cannot take {' '.join(others)} as well: leave "
            "that out, or start a new run"
        )
    if OmegaConf.is_missing(typed, "output_dir"):
        raise InputError(f"repeat={original} needs a new folder to write to: add output_dir=...")
    config = read_kept(original)
    config.output_dir = typed.output_dir
    return config


def is_same(config: DictConfig, directory: Path) -> bool:
    """Whether the run in a directory was started with this configuration."""
    try:
        kept = read_kept(directory)
    except InputError:
        return False
    return plain(kept) == plain(config)


@contextmanager
def alone_in(directory: Path, work: str = "training") -> Iterator[None]:
    """Hold a directory, so that no other program does the same in it meanwhile.

    Args:
        directory: A run's, or another.
        work: What programs do there, in words that go on after "another program is".

    Raises:
        InputError: If one does.
    """
    lock = FileLock(directory / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(f"another program is {work} in {directory}: wait for it, or stop it") from None
    except (OSError, NotImplementedError):  # some network file systems have no locks
        print(f"{directory} cannot be held: see to it that no other program is {work} there", file=sys.stderr)
    try:
        yield
    finally:
        lock.release()


def refuse_second_run(directory: Path) -> None:
    """Keep a run from being written over; one whose first epoch never ended has nothing to lose.

    Raises:
        InputError: If the directory holds a run already.
    """
    if (directory / _FILE).exists() and any(directory.glob("*_checkpoints/[!.]*.pt")):
        raise InputError(
            f"{directory} holds a run already: go on with it by resume={directory}, or name another output_dir"
        )
