"""Decide what a call of ``chromasonic train`` does: a new run, a resumed run, a repeated run, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf

from chromasonic.app.launch import is_main_process
from chromasonic.config.closed_set import PATHS
from chromasonic.config.saved_configuration import (
    check_repeating,
    check_resuming,
    is_same_configuration,
    read_configuration,
)
from chromasonic.config.validation import check
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.command_line import path_option, shell_command
from chromasonic.melody_generation.runs.directory_lock import refuse_second_run
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.shipped.pretrained import is_pretrained


@dataclass(frozen=True)
class Job:
    """A training to be carried out.

    Attributes:
        config: The validated configuration.
        directory: The run directory.
        checkpoints: The paths of the run's checkpoints.
        resume_from: The checkpoint to resume from; None for a new run.
        repeats: The directory of the run that this one repeats; None if it repeats none.
    """

    config: DictConfig
    directory: Path
    checkpoints: CheckpointLayout
    resume_from: Path | None = None
    repeats: Path | None = None


def plan_job(config: DictConfig, directory: Path) -> Job | None:
    """Return the job that a composed configuration asks for; None if its run is complete.

    A sweep that is started again with its ``output_dir`` resumes the jobs that are not complete.

    Args:
        config: The configuration as composed by Hydra.
        directory: The run directory.

    Raises:
        InputError: If the configuration cannot be run, or its directory holds another run.
    """
    if not OmegaConf.is_missing(config, "resume"):
        return _resumed_job(config, directory)
    if not OmegaConf.is_missing(config, "repeat"):
        return _repeated_job(config, directory)
    return _new_job(config, directory)


def _resumed_job(typed: DictConfig, directory: Path) -> Job:
    overrides = typed_overrides(HydraConfig.get())
    check_resuming(directory, overrides)
    from chromasonic.melody_generation.training.resume import planned_epochs

    checkpoints = CheckpointLayout.find(directory)
    has_epochs = any(override.startswith("epochs=") for override in overrides)
    epochs = typed.epochs if has_epochs else planned_epochs(checkpoints)
    config = read_configuration(directory, {"epochs": epochs}, follows_paths=typed.trust_paths)
    check(config)
    return Job(config, directory, checkpoints, resume_from=checkpoints.latest)


def _repeated_job(typed: DictConfig, directory: Path) -> Job:
    from chromasonic.melody_generation.training.resume import planned_epochs

    original = Path(str(typed.repeat))
    check_repeating(original, typed, typed_overrides(HydraConfig.get()))
    replaced = {"output_dir": typed.output_dir}
    if RunLayout(original).has_epoch:  # it may have been resumed with more epochs
        replaced["epochs"] = planned_epochs(CheckpointLayout.find(original))
    config = read_configuration(original, replaced, follows_paths=typed.trust_paths)
    check(config)
    refuse_second_run(directory)
    _check_models_exist(config, f"{original} needs it again: put it back there")
    checkpoints = RunLayout(directory).checkpoints_of(str(config.choices.get("model")))
    return Job(config, directory, checkpoints, repeats=original)


def _new_job(config: DictConfig, directory: Path) -> Job | None:
    from chromasonic.melody_generation.training.resume import is_complete

    hydra = HydraConfig.get()
    choices = _add_choices(config, hydra.runtime.choices)
    check(config)
    checkpoints = RunLayout(directory).checkpoints_of(choices["model"])
    if hydra.mode == RunMode.MULTIRUN and checkpoints.latest is not None and is_same_configuration(config, directory):
        if is_complete(directory, checkpoints, config.epochs):
            return None
        return Job(config, directory, checkpoints, resume_from=checkpoints.latest)
    if is_main_process():
        refuse_second_run(directory)
    _check_models_exist(config, "name a run, such as outputs/RUN")
    return Job(config, directory, checkpoints)


def check_job(config: DictConfig, directory: Path) -> None:
    """Raise if a run cannot be started, as far as that shows before anything heavy is imported or anything written.

    Args:
        config: The configuration as composed by Hydra, with the node ``hydra``.
        directory: The run directory.

    Raises:
        InputError: With a line for each fault.
    """
    hydra, overrides = config.hydra, typed_overrides(config.hydra)
    values = config.copy()
    OmegaConf.set_struct(values, value=False)
    del values["hydra"]
    _add_choices(values, hydra.runtime.choices)
    check(values)
    if not OmegaConf.is_missing(config, "resume"):
        check_resuming(directory, overrides)
    elif not OmegaConf.is_missing(config, "repeat"):
        check_repeating(Path(str(config.repeat)), config, overrides)
    else:
        _check_models_exist(values, "name a run, such as outputs/RUN")
    if OmegaConf.is_missing(config, "resume") and hydra.mode != RunMode.MULTIRUN and is_main_process():
        refuse_second_run(directory)
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise InputError(f"output_dir={directory}: {existing} is a file, and no folder: name another output_dir")


def check_sweep(config: DictConfig, jobs: Iterable[tuple[Sequence[str], DictConfig]]) -> None:
    """Raise if a sweep is asked to resume a run, or one of its jobs cannot be started; nothing is written before.

    Args:
        config: The configuration of the sweep, with the node ``hydra``.
        jobs: The overrides of each job, and its configuration with the node ``hydra``.

    Raises:
        InputError: With a line for each fault.
    """
    if any(override.partition("=")[0] == "resume" for override in typed_overrides(config.hydra)):
        raise InputError(
            "resume= does not take a sweep: start the sweep again with its output_dir, and the jobs that are not "
            "complete are resumed; or give resume=<one of its runs> without -m"
        )
    faults: dict[str, None] = {}
    for overrides, job in jobs:
        OmegaConf.set_struct(job, value=False)
        job.hydra.mode = RunMode.MULTIRUN
        job.hydra.overrides.task = list(overrides)
        try:
            check_job(job, Path(str(config.hydra.sweep.dir)))
        except InputError as problem:
            faults |= dict.fromkeys(problem.args)
    if faults:
        raise InputError(*faults)


def typed_overrides(hydra: Any) -> list[str]:
    """Return the overrides of Hydra's own configuration as typed, with their references."""
    return list(map(str, OmegaConf.to_container(hydra.overrides.task) or ()))


def _add_choices(config: DictConfig, choices: Mapping[str, str]) -> dict[str, str]:
    """Add the choices of the groups that name a run to its configuration, and return them."""
    named = {group: choices[group] for group in ("model", "dataset", "optimizer", "scheduler")}
    OmegaConf.update(config, "choices", named, force_add=True)
    return named


def _check_models_exist(config: DictConfig, advice: str) -> None:
    """Raise if a model or a folder that a run reads does not exist, before any tune is read."""
    for name in PATHS:
        value = OmegaConf.select(config, name)
        for path in value if isinstance(value, ListConfig) else [value]:
            if path is not None and not is_pretrained(path) and not Path(str(path)).exists():
                kind = "such file and no such folder" if name.endswith(".folder") else "such run and no such checkpoint"
                how = "name a folder of tunes" if name.endswith(".folder") else advice
                raise InputError(f"{name}={path}: there is no {kind}; {how}")


def how_to_continue(directory: Path) -> str:
    """Return how to continue a run that was stopped, or the sweep that it belongs to."""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        sweep = shell_command(path_option("output_dir", Path(HydraConfig.get().sweep.dir).absolute()))
        return f"continue with the same command and {sweep}: complete jobs are not repeated"
    if RunLayout(directory).has_epoch:
        return f"continue with: {shell_command('chromasonic', 'train', path_option('resume', directory))}"
    return "no epoch was completed, start again"
