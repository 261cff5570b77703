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
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

# Heavy libraries are imported where they are used, so that --help answers at once.
if TYPE_CHECKING:
    import lightning as L

    from chromasonic.melody_generation.checkpoint import RunFiles
    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.training import TrainedRun


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
def main(config: DictConfig) -> None:
    """Run one job; what the user can mend is said in one line."""
    from chromasonic.configuration import RunRefused
    from chromasonic.melody_generation.errors import InputError

    try:
        run(config, Path(HydraConfig.get().runtime.output_dir))
    except InputError as problem:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise RunRefused(str(problem)) from None  # the other jobs go on
        sys.exit(str(problem))


def run(config: DictConfig, directory: Path) -> None:
    """Check the configuration, build what it names, train, and say what came of it."""
    from lightning import seed_everything

    from chromasonic.configuration import build, check, refuse_second_run, restore
    from chromasonic.melody_generation.checkpoint import RunFiles, check_resumable
    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.lightning_modules import MelodyModule
    from chromasonic.melody_generation.training import fit

    resumes = not OmegaConf.is_missing(config, "resume")
    is_main_process = int(os.environ.get("LOCAL_RANK", "0")) == 0
    if resumes:
        config = restore(directory, config, list(HydraConfig.get().overrides.task))
        files = RunFiles.of_run(directory)
    else:
        name = HydraConfig.get().runtime.choices["model"]
        files = RunFiles(directory / f"{name}_checkpoints", f"melody_{name}")
    check(config)
    # Lightning's notes on devices and defaults; what matters of them is said below.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if is_main_process and not resumes:
        refuse_second_run(directory)

    seed_everything(config.seed, workers=True, verbose=False)
    data = MelodyDataModule(
        build(config.dataset.corpus),
        batch_size=config.batch_size,
        min_melody_length=config.min_melody_length,
        max_melody_length=config.max_melody_length,
        split_seed=config.dataset.split_seed,
        seed=config.seed,
    )
    data.setup()
    manifest = data.manifest()
    facts = {key: manifest[key] for key in ("hash", "test_set_hash")} | {
        "seed": config.seed,
        "n_epochs": config.epochs,
    }
    network, optimizer, schedule = (build(config[group]) for group in ("model", "optimizer", "scheduler"))
    if resumes:
        check_resumable(files, manifest["hash"], config.epochs, schedule)
    try:
        module = MelodyModule(network, optimizer, schedule)
    except ValueError as problem:
        raise InputError(f"optimizer: {problem}") from problem
    trainer = build_trainer(config, directory, files, facts, keep_all_epochs=schedule.spans_run)

    if is_main_process:
        say_what_is_trained(directory, data, trainer, module)
        if not resumes:
            OmegaConf.save(config, directory / "config.yaml")
            write_json(directory / "split.json", manifest)
    outcome = fit(module, data, trainer, files, resume_from=files.last if resumes else None)
    if is_main_process:
        results = outcome.scores | {"best_epoch": outcome.history.best_epoch, "minutes": outcome.minutes} | facts
        write_json(directory / "evaluation" / "results.json", results)
        log_outcome(trainer, config, outcome)
        say_what_came(directory, outcome)


def build_trainer(
    config: DictConfig, directory: Path, files: RunFiles, facts: dict[str, Any], *, keep_all_epochs: bool
) -> L.Trainer:
    """The trainer with the run's own callbacks and those that the configuration names."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor

    from chromasonic.configuration import build
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.training import run_callbacks

    loggers = [build(node) for node in config.logger.values() if node]
    unwanted: list[type] = [] if loggers else [LearningRateMonitor]
    if keep_all_epochs:  # the schedule's shape is laid over all of them
        unwanted.append(EarlyStopping)
    chosen = [build(node) for node in config.callbacks.values() if node]
    callbacks = run_callbacks(files, facts, table=directory / "metrics.csv")
    callbacks += [each for each in chosen if not isinstance(each, tuple(unwanted))]
    make_trainer = build(config.trainer)
    try:
        trainer: L.Trainer = make_trainer(callbacks=callbacks, logger=loggers or False, default_root_dir=directory)
    except (ValueError, TypeError, MisconfigurationException) as problem:
        raise InputError(f"trainer: {problem}") from problem
    return trainer


def log_outcome(trainer: L.Trainer, config: DictConfig, outcome: TrainedRun) -> None:
    """Give TensorBoard the curves as a figure, and what was chosen beside what came of it."""
    from chromasonic.melody_generation.tensorboard import PairedTensorBoardLogger

    choices = HydraConfig.get().runtime.choices
    chosen = {group: choices[group] for group in ("model", "dataset", "optimizer", "scheduler")}
    given = [key for key in config if not OmegaConf.is_missing(config, key)]
    knobs = {str(key): config[key] for key in given if isinstance(config[key], int | float)}
    measures = {
        f"best_{side}_{name}": scores[name]
        for side, scores in outcome.scores.items()
        for name in ("loss", "bits_per_note", "accuracy")
    }
    for logger in trainer.loggers:
        if isinstance(logger, PairedTensorBoardLogger):
            logger.log_outcome(chosen | knobs, measures, outcome.history.plot_curves())


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    from chromasonic.melody_generation.whole_files import write_text

    write_text(path, json.dumps(values, indent=1) + "\n")


def say_what_is_trained(directory: Path, data: MelodyDataModule, trainer: L.Trainer, module: L.LightningModule) -> None:
    """Print the data as read and split, the size of the model, and where the run goes."""
    from rich import print as say

    if data.report is not None:
        for line in data.report.lines()[:8]:
            say(f"[dim]{line}[/dim]")
    sides = ", ".join(f"{len(melodies)} {side}" for side, melodies in data.melodies.items())
    size = sum(parameter.numel() for parameter in module.parameters())
    say(f"{sides} tunes; {size:,} parameters on {trainer.strategy.root_device}")
    say(f"writing to [bold]{directory}[/bold]")


def say_what_came(directory: Path, outcome: TrainedRun) -> None:
    """Print the scores at the best epoch as a table, and where the files are."""
    from rich.console import Console
    from rich.table import Table

    history = outcome.history
    table = Table(title=f"Best epoch {history.best_epoch} of {len(history.epoch)}, {outcome.minutes:.1f} minutes")
    rows = {
        "bits per note": "bits_per_note",
        "loss (nats per token)": "loss",
        "note accuracy": "accuracy",
        "pitch accuracy": "pitch_accuracy",
        "duration accuracy": "duration_accuracy",
    }
    table.add_column("")
    for side in outcome.scores:
        table.add_column(side, justify="right")
    for title, measure in rows.items():
        table.add_row(title, *(f"{scores[measure]:.3f}" for scores in outcome.scores.values()))
    console = Console()
    console.print(table)
    console.print(f"Curves       {outcome.files.curves}", soft_wrap=True)
    console.print(f"Best model   {outcome.files.best}", soft_wrap=True)
    console.print(f"TensorBoard  tensorboard --logdir {directory.parent}", soft_wrap=True)


if __name__ == "__main__":
    main()
