"""Train a model: ``python scripts/train.py model=lstm dataset=nottingham``; ``--help`` lists all choices."""

from __future__ import annotations

import os

# Threads that wait must sleep: spinning ones slow a busy machine down by an order of magnitude. Torch reads this
# when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

# Heavy libraries are imported where they are used, so that --help answers at once.
if TYPE_CHECKING:
    import lightning as L

    from chromasonic.melody_generation.checkpoint import RunFiles
    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.lightning_modules import MelodyModule
    from chromasonic.melody_generation.schedules import Schedule
    from chromasonic.melody_generation.training import TrainedRun

# Exit codes that shells give to programs ended by a signal.
INTERRUPTED, TERMINATED = 130, 143


def launch() -> None:
    """Start Hydra; what is wrong with what was typed is said in a line, without Hydra's notes for programmers."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands on what it would else print itself
    try:
        main()
    except CompactHydraException as problem:
        from chromasonic.configuration import sentence_of

        sys.exit(sentence_of(problem))
    except BrokenPipeError:  # whoever reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:  # the run's folder cannot be made
        sys.exit(sentence_of_system(problem))
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


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
        raise RunRefused("not all jobs succeeded: what each was stopped by stands above") from None
    except KeyboardInterrupt:
        stop(directory, "interrupted", INTERRUPTED)
    except SIGTERMException:  # which Lightning would let end as if all were well
        stop(directory, "terminated", TERMINATED)


def sentence_of_system(problem: OSError) -> str:
    """Which file it is about and what the system says: a full disk, no permission."""
    return f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)


def stop(directory: Path, how: str, code: int) -> None:
    """End the program, saying how to go on with the run."""
    from chromasonic.melody_generation.report import shown

    place = shown(directory)
    has_epoch = any(directory.glob("*_checkpoints/*_last.pt"))
    way_on = f"go on with: python scripts/train.py resume={place}" if has_epoch else "no epoch was over, start afresh"
    print(f"{how}; the run is in {place}, {way_on}", file=sys.stderr)
    sys.exit(code)


def run(config: DictConfig, directory: Path) -> None:
    """Check the configuration, build what it names, train, and say what came of it."""
    from lightning import seed_everything

    from chromasonic.configuration import build, check, keep, refuse_second_run, restore
    from chromasonic.melody_generation.checkpoint import RunFiles, check_resumable, planned_epochs
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.report import print_outcome, print_plan
    from chromasonic.melody_generation.training import fit

    # Lightning's notes on devices and defaults; what matters of them is printed by us.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    resumes = not OmegaConf.is_missing(config, "resume")
    is_main_process = int(os.environ.get("LOCAL_RANK", "0")) == 0
    if resumes and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise InputError("a sweep cannot be resumed as a whole: give resume=<one of its runs> without -m")
    if resumes:
        overrides = list(HydraConfig.get().overrides.task)
        config = restore(directory, config, overrides)
        files = RunFiles.of_run(directory)
        if not any(each.startswith("epochs=") for each in overrides):
            config.epochs = planned_epochs(files)
    else:
        choices = HydraConfig.get().runtime.choices
        chosen = {group: choices[group] for group in ("model", "dataset", "optimizer", "scheduler")}
        OmegaConf.update(config, "choices", chosen, force_add=True)
        files = RunFiles(directory / f"{chosen['model']}_checkpoints", f"melody_{chosen['model']}")
    check(config)
    if is_main_process and not resumes:
        refuse_second_run(directory)

    seed_everything(config.seed, workers=True, verbose=False)
    data = build_data(config)
    data.setup()
    manifest = data.manifest()
    facts = {key: manifest[key] for key in ("hash", "test_set_hash")} | {
        "seed": config.seed,
        "n_epochs": config.epochs,
    }
    schedule = build(config.scheduler)
    if resumes:
        check_resumable(files, manifest["hash"], config.epochs, schedule)
    module = build_module(config, schedule)
    trainer = build_trainer(config, directory, files, facts, keep_all_epochs=schedule.needs_all_epochs)

    if is_main_process:
        print_plan(directory, data, trainer, module)
        if not resumes:
            keep(config, directory)
            write_json(directory / "split.json", manifest)
    outcome = fit(module, data, trainer, files, resume_from=files.last if resumes else None)
    if is_main_process:
        results = outcome.scores | {"best_epoch": outcome.history.best_epoch, "minutes": outcome.minutes} | facts
        write_json(directory / "evaluation" / "results.json", results)
        log_outcome(trainer, config, outcome)
        print_outcome(directory, outcome)


def build_data(config: DictConfig) -> MelodyDataModule:
    """The corpus that the configuration names, with how it is split and batched."""
    from chromasonic.configuration import build
    from chromasonic.melody_generation.data_loader import MelodyDataModule

    return MelodyDataModule(
        build(config.dataset.corpus),
        batch_size=config.batch_size,
        min_melody_length=config.min_melody_length,
        max_melody_length=config.max_melody_length,
        split_seed=config.dataset.split_seed,
        seed=config.seed,
    )


def build_module(config: DictConfig, schedule: Schedule) -> MelodyModule:
    """The network with what trains it."""
    from chromasonic.configuration import build
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.lightning_modules import MelodyModule

    network, optimizer = build(config.model), build(config.optimizer)
    try:
        return MelodyModule(network, optimizer, schedule)
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


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    from chromasonic.melody_generation.whole_files import write_text

    write_text(path, json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    launch()
