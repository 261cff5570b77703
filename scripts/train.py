"""Train a model: ``python scripts/train.py model=lstm dataset=nottingham``; ``--help`` lists all choices."""

from __future__ import annotations

import os

# Threads that wait must sleep: spinning ones slow a busy machine down by an order of magnitude. Torch reads this
# when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from chromasonic.commands import INTERRUPTED, TERMINATED, launch, sentence_of_system

# Heavy libraries are imported where they are used, so that --help answers at once.
if TYPE_CHECKING:
    import lightning as L

    from chromasonic.melody_generation.checkpoint import RunFiles
    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.lightning_modules import MelodyModule
    from chromasonic.melody_generation.schedules import Schedule
    from chromasonic.melody_generation.training import TrainedRun


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
def main(config: DictConfig) -> None:
    """Run one job; what the user can mend is said in one line."""
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    from chromasonic.configuration import RunRefused
    from chromasonic.melody_generation.errors import InputError

    directory = Path(HydraConfig.get().runtime.output_dir)
    try:
        run(config, directory)
    except (InputError, OSError) as problem:
        message = str(problem) if isinstance(problem, InputError) else sentence_of_system(problem)
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            sys.exit(message)
        print(message, file=sys.stderr)
        raise RunRefused("not all jobs succeeded: what each was stopped by stands above", reason=message) from None
    except KeyboardInterrupt:
        stop(directory, "interrupted", INTERRUPTED)
    except SIGTERMException:  # which Lightning would let end as if all were well
        stop(directory, "terminated", TERMINATED)


def stop(directory: Path, how: str, code: int) -> None:
    """End the program, saying how to go on with the run."""
    from chromasonic.melody_generation.report import shown

    place = shown(directory)
    has_epoch = any(directory.glob("*_checkpoints/*_last.pt"))
    way_on = f"go on with: python scripts/train.py resume={place}" if has_epoch else "no epoch was over, start afresh"
    print(f"{how}; the run is in {place}, {way_on}", file=sys.stderr)
    sys.exit(code)


class Job(NamedTuple):
    """What is to be done: a configuration, the files that it makes, and whether they are there already."""

    config: DictConfig
    files: RunFiles
    resumes: bool


def job_of(config: DictConfig, directory: Path) -> Job | None:
    """What was typed, checked, or the run to go on with; None where it is done.

    A sweep that is started again with its ``output_dir`` goes on with the jobs that are not finished.
    """
    from chromasonic.configuration import check, is_same, refuse_second_run, restore
    from chromasonic.melody_generation.checkpoint import RunFiles, is_complete, planned_epochs
    from chromasonic.melody_generation.errors import InputError

    is_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    if not OmegaConf.is_missing(config, "resume"):
        if is_sweep:
            raise InputError(
                "a sweep is not resumed by resume=: start it again with its output_dir, and it goes on with the jobs "
                "that are not finished; or give resume=<one of its runs> without -m"
            )
        overrides = list(HydraConfig.get().overrides.task)
        config = restore(directory, config, overrides)
        files = RunFiles.of_run(directory)
        if not any(each.startswith("epochs=") for each in overrides):
            config.epochs = planned_epochs(files)
        check(config)
        return Job(config, files, resumes=True)
    choices = HydraConfig.get().runtime.choices
    chosen = {group: choices[group] for group in ("model", "dataset", "optimizer", "scheduler")}
    OmegaConf.update(config, "choices", chosen, force_add=True)
    files = RunFiles(directory / f"{chosen['model']}_checkpoints", f"melody_{chosen['model']}")
    check(config)
    resumes = is_sweep and files.last.exists() and is_same(config, directory)
    if resumes and is_complete(files, config.epochs):
        return None
    if is_main_process() and not resumes:
        refuse_second_run(directory)
    return Job(config, files, resumes)


def is_main_process() -> bool:
    """Whether this is the process that was typed, not one that it started for another device."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0


def run(config: DictConfig, directory: Path) -> None:
    """Check the configuration, build what it names, train, and say what came of it."""
    from lightning import seed_everything

    from chromasonic.configuration import build, keep, plain
    from chromasonic.melody_generation.checkpoint import check_resumable
    from chromasonic.melody_generation.report import print_outcome, print_plan, shown
    from chromasonic.melody_generation.runs import RESULTS, TUNES, calibration_facts, keep_tunes, write_json
    from chromasonic.melody_generation.training import fit

    # Lightning's notes on devices and defaults; what matters of them is printed by us.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    job = job_of(config, directory)
    if job is None:
        print(f"{shown(directory)} is complete already, and stays as it is")
        return
    config, files, resumes = job
    seed_everything(config.seed, workers=True, verbose=False)
    data = build_data(config)
    data.setup()
    manifest = data.manifest()
    facts = {key: manifest[key] for key in ("hash", "test_set_hash")} | {
        "model": str(config.choices.get("model")),
        "dataset": str(config.choices.get("dataset")),
        "seed": config.seed,
        "n_epochs": config.epochs,
        "configuration": plain(config),
    }
    schedule = build(config.scheduler)
    if resumes:
        check_resumable(files, manifest["hash"], config.epochs, schedule)
    module = build_module(config, schedule)
    facts |= provenance_of(config, module, data, files if resumes else None)
    facts["configuration"]["init_from"] = facts.get("pretrained")  # what it was, wherever it lies
    carried = facts | calibration_facts(data.melodies["train"])
    trainer = build_trainer(config, directory, files, carried, keep_all_epochs=schedule.needs_all_epochs)

    if is_main_process():
        print_plan(directory, data, trainer, module)
        if not resumes:
            keep(config, directory)
            write_json(directory / "split.json", manifest)
            keep_tunes(directory / TUNES, data.melodies)
    outcome = fit(module, data, trainer, files, resume_from=files.last if resumes else None)
    if is_main_process():
        results = outcome.scores | {"best_epoch": outcome.history.best_epoch, "minutes": outcome.minutes} | facts
        write_json(directory / RESULTS, results)
        log_outcome(trainer, config, outcome)
        print_outcome(directory, outcome)


def provenance_of(
    config: DictConfig, module: MelodyModule, data: MelodyDataModule, resumed: RunFiles | None
) -> dict[str, Any]:
    """What the network has learned from; given here the weights that it begins with, if it does.

    Raises:
        InputError: If it may have seen tunes that it is to be scored on, or the weights do not fit.
    """
    from chromasonic.melody_generation.checkpoint import read_checkpoint
    from chromasonic.melody_generation.mixtures import check_split
    from chromasonic.melody_generation.pretraining import begin_with, carried_on, provenance

    split_hash = data.manifest()["hash"]
    check_split(module.network, split_hash)
    if resumed is not None:
        return carried_on(read_checkpoint(resumed.last))
    before = None if config.init_from is None else begin_with(module.network, str(config.init_from))
    return provenance(split_hash, data.guarded and data.guarded.facts(), before).facts()


def build_data(config: DictConfig) -> MelodyDataModule:
    """The corpus that the configuration names, with how it is split and batched."""
    from chromasonic.configuration import build
    from chromasonic.melody_generation.data_loader import MelodyDataModule

    guard = config.get("guard")
    target = guard and MelodyDataModule(
        build(guard.corpus), min_melody_length=config.min_melody_length, split_seed=guard.split_seed
    )
    return MelodyDataModule(
        build(config.dataset.corpus),
        batch_size=config.batch_size,
        min_melody_length=config.min_melody_length,
        max_melody_length=config.max_melody_length,
        split_seed=config.dataset.split_seed,
        seed=config.seed,
        guard=target,
    )


def build_module(config: DictConfig, schedule: Schedule) -> MelodyModule:
    """The network with what trains it."""
    from chromasonic.configuration import build
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.lightning_modules import module_for

    network, optimizer = build(config.model), build(config.optimizer)
    try:
        return module_for(network, optimizer, schedule)
    except (ValueError, TypeError) as problem:
        raise InputError(f"optimizer: {problem}") from problem


def build_trainer(
    config: DictConfig, directory: Path, files: RunFiles, facts: dict[str, Any], *, keep_all_epochs: bool
) -> L.Trainer:
    """The trainer with the run's own callbacks and those that the configuration names."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ProgressBar

    from chromasonic.configuration import build
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.lightning_modules import MEASURES
    from chromasonic.melody_generation.training import run_callbacks

    loggers = [build(node) for node in config.logger.values() if node]
    unwanted: list[type] = [] if loggers else [LearningRateMonitor]
    if keep_all_epochs:  # the schedule's shape is laid over all of them
        unwanted.append(EarlyStopping)
    chosen = [build(node) for node in config.callbacks.values() if node]
    callbacks = run_callbacks(files, facts, table=directory / "metrics.csv")
    callbacks += [each for each in chosen if not isinstance(each, tuple(unwanted))]
    for watched in (each.monitor for each in chosen if isinstance(each, EarlyStopping)):
        if watched not in MEASURES:
            raise InputError(f"callbacks.early_stopping.monitor={watched}: choose one of {', '.join(MEASURES)}")
    make_trainer = build(config.trainer)
    try:
        trainer: L.Trainer = make_trainer(
            callbacks=callbacks,
            logger=loggers or False,
            default_root_dir=directory,
            enable_progress_bar=any(isinstance(each, ProgressBar) for each in callbacks),  # else Lightning adds its own
        )
    except (ValueError, TypeError, MisconfigurationException) as problem:
        raise InputError(f"trainer: {problem}") from problem
    return trainer


def log_outcome(trainer: L.Trainer, config: DictConfig, outcome: TrainedRun) -> None:
    """Give TensorBoard the curves as a figure, and what was chosen beside what came of it."""
    from chromasonic.melody_generation.tensorboard import PairedTensorBoardLogger

    given = [key for key in config if not OmegaConf.is_missing(config, key)]
    knobs = {str(key): config[key] for key in given if isinstance(config[key], int | float)}
    measures = {
        f"best_{side}_{name}": scores[name]
        for side, scores in outcome.scores.items()
        for name in ("loss", "bits_per_note", "accuracy")
    }
    for logger in trainer.loggers:
        if isinstance(logger, PairedTensorBoardLogger):
            logger.log_outcome({**config.choices, **knobs}, measures, outcome.history.plot_curves())


if __name__ == "__main__":
    launch(main)
