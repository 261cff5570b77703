"""What a call of the training script is to do: a new run, one to go on with, one to do once more, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from chromasonic.app.launch import is_main_process
from chromasonic.config.saved_configuration import is_same_configuration, repeat_configuration, restore_configuration
from chromasonic.config.validation import check
from chromasonic.melody_generation.atomic_files import shown_path
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.directory_lock import refuse_second_run
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.training.resume import is_complete, planned_epochs


class Job(NamedTuple):
    """What is to be done: a configuration, the files that it makes, whether they are there already, what it repeats."""

    config: DictConfig
    files: CheckpointLayout
    resumes: bool
    repeats: Path | None = None


def job_of(config: DictConfig, directory: Path) -> Job | None:
    """What was typed, checked, or the run to go on with; None where it is done.

    A sweep that is started again with its ``output_dir`` goes on with the jobs that are not finished.
    """
    is_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    if not OmegaConf.is_missing(config, "resume"):
        if is_sweep:
            raise InputError(
                "a sweep is not resumed by resume=: start it again with its output_dir, and it goes on with the jobs "
                "that are not finished; or give resume=<one of its runs> without -m"
            )
        overrides = list(HydraConfig.get().overrides.task)
        config = restore_configuration(directory, config, overrides)
        files = CheckpointLayout.find(directory)
        if not any(each.startswith("epochs=") for each in overrides):
            config.epochs = planned_epochs(files)
        check(config)
        return Job(config, files, resumes=True)
    if not OmegaConf.is_missing(config, "repeat"):
        return repetition(config, directory)
    choices = HydraConfig.get().runtime.choices
    chosen = {group: choices[group] for group in ("model", "dataset", "optimizer", "scheduler")}
    OmegaConf.update(config, "choices", chosen, force_add=True)
    files = RunLayout(directory).checkpoints_of(chosen["model"])
    check(config)
    resumes = is_sweep and files.latest is not None and is_same_configuration(config, directory)
    if resumes and is_complete(directory, files, config.epochs):
        return None
    if not resumes:
        if is_main_process():
            refuse_second_run(directory)
        _refuse_absent(config, "name a run, such as outputs/RUN")
    return Job(config, files, resumes)


def _refuse_absent(config: DictConfig, advice: str) -> None:
    """Refuse to begin with, or to learn from, what is not there, before any tune is read."""
    for name in ("init_from", "teacher"):
        if config[name] is not None and not Path(str(config[name])).exists():
            raise InputError(f"{name}={config[name]}: there is no such run and no such checkpoint; {advice}")


def repetition(typed: DictConfig, directory: Path) -> Job:
    """A new run with the configuration of another, from its directory alone."""
    original = Path(str(typed.repeat))
    config = repeat_configuration(original, typed, list(HydraConfig.get().overrides.task))
    if RunLayout(original).has_epoch:  # it may have been extended
        config.epochs = planned_epochs(CheckpointLayout.find(original))
    check(config)
    refuse_second_run(directory)
    _refuse_absent(config, f"{original} needs it again: put it back there")
    model = str(config.choices.get("model"))
    return Job(config, RunLayout(directory).checkpoints_of(model), resumes=False, repeats=original)


def way_on(directory: Path) -> str:
    """How to go on with a run, or with the sweep that it belongs to, once it has been stopped."""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        sweep = shown_path(Path(HydraConfig.get().sweep.dir).absolute())
        return f"go on with the same command and output_dir={sweep}: jobs that are complete are not repeated"
    if RunLayout(directory).has_epoch:
        return f"go on with: chromasonic train resume={shown_path(directory)}"
    return "no epoch was over, start afresh"
