"""Decide what a call of ``chromasonic train`` does: a new run, a resumed run, a repeated run, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from chromasonic.app.launch import is_main_process
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
from chromasonic.melody_generation.training.resume import is_complete, planned_epochs


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
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        raise InputError(
            "resume= does not take a sweep: start the sweep again with its output_dir, and the jobs that are not "
            "complete are resumed; or give resume=<one of its runs> without -m"
        )
    overrides = list(HydraConfig.get().overrides.task)
    check_resuming(directory, overrides)
    checkpoints = CheckpointLayout.find(directory)
    has_epochs = any(override.startswith("epochs=") for override in overrides)
    epochs = typed.epochs if has_epochs else planned_epochs(checkpoints)
    config = read_configuration(directory, {"epochs": epochs}, follows_paths=typed.trust_paths)
    check(config)
    return Job(config, directory, checkpoints, resume_from=checkpoints.latest)


def _repeated_job(typed: DictConfig, directory: Path) -> Job:
    original = Path(str(typed.repeat))
    check_repeating(original, typed, list(HydraConfig.get().overrides.task))
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
    hydra = HydraConfig.get()
    choices = {group: hydra.runtime.choices[group] for group in ("model", "dataset", "optimizer", "scheduler")}
    OmegaConf.update(config, "choices", choices, force_add=True)
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


def _check_models_exist(config: DictConfig, advice: str) -> None:
    """Raise if ``init_from`` or ``teacher`` does not exist, before any tune is read."""
    for name in ("init_from", "teacher"):
        if config[name] is None or is_pretrained(config[name]):
            continue
        if not Path(str(config[name])).exists():
            raise InputError(f"{name}={config[name]}: there is no such run and no such checkpoint; {advice}")


def how_to_continue(directory: Path) -> str:
    """Return how to continue a run that was stopped, or the sweep that it belongs to."""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        sweep = shell_command(path_option("output_dir", Path(HydraConfig.get().sweep.dir).absolute()))
        return f"continue with the same command and {sweep}: complete jobs are not repeated"
    if RunLayout(directory).has_epoch:
        return f"continue with: {shell_command('chromasonic', 'train', path_option('resume', directory))}"
    return "no epoch was completed, start again"
