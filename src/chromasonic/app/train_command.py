"""Train a model: ``chromasonic train model=lstm dataset=nottingham``; ``--help`` lists all choices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from chromasonic.app.launch import Terminated, ended_by, is_main_process, launch, sentence_of_system
from chromasonic.config.location import configs_directory

# Heavy libraries are imported where they are used, so that --help answers at once.
if TYPE_CHECKING:
    import lightning as L

    from chromasonic.app.jobs import Job
    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.runs.layout import CheckpointLayout
    from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
    from chromasonic.melody_generation.training.distillation import Teacher
    from chromasonic.melody_generation.training.fit import TrainedRun
    from chromasonic.melody_generation.training.lightning_module import MelodyModule
    from chromasonic.melody_generation.training.schedules import Schedule


def main(arguments: Sequence[str]) -> None:
    """Train a model, or a sweep of models.

    Args:
        arguments: Overrides and options of Hydra.
    """
    # Hydra reads the command line, and so do the processes that Lightning starts: they run this file.
    sys.argv = [__file__, *arguments]
    launch(job)


@hydra.main(version_base="1.3", config_path=str(configs_directory()), config_name="train")
def job(config: DictConfig) -> None:
    """Run one job; what the user can mend is said in one line."""
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    from chromasonic.app.jobs import way_on
    from chromasonic.config.hydra_errors import RunRefused
    from chromasonic.melody_generation.errors import InputError

    directory = Path(HydraConfig.get().runtime.output_dir)
    try:
        run(config, directory)
    except (InputError, OSError) as problem:
        message = (
            str(problem) if isinstance(problem, InputError) else f"{sentence_of_system(problem)}; {way_on(directory)}"
        )
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            sys.exit(message)
        print(message, file=sys.stderr)
        raise RunRefused("not all jobs succeeded: what each was stopped by stands above", reason=message) from None
    except KeyboardInterrupt as interrupt:
        stop(directory, interrupt)
    except SIGTERMException:  # where a launcher of Hydra's runs jobs in processes without our own handler
        stop(directory, Terminated())


def stop(directory: Path, interrupt: KeyboardInterrupt) -> None:
    """End the program, saying how to go on with the run or the sweep."""
    from chromasonic.app.jobs import way_on
    from chromasonic.melody_generation.atomic_files import shown_path

    how, code = ended_by(interrupt)
    print(f"{how}; the run is in {shown_path(directory)}, {way_on(directory)}", file=sys.stderr)
    sys.exit(code)


def run(config: DictConfig, directory: Path) -> None:
    """Check the configuration, build what it names, train, and say what came of it."""
    from lightning import seed_everything

    from chromasonic.app.jobs import job_of
    from chromasonic.config.build import build
    from chromasonic.config.saved_configuration import plain_configuration
    from chromasonic.melody_generation.atomic_files import shown_path, write_json
    from chromasonic.melody_generation.measures.calibration import fit_if_enough
    from chromasonic.melody_generation.reporting.terminal import print_outcome, print_plan
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.runs.layout import RunLayout
    from chromasonic.melody_generation.runs.model_metadata import ModelMetadata, most_common_corpus
    from chromasonic.melody_generation.runs.provenance import provenance, provenance_summary, typed
    from chromasonic.melody_generation.runs.training_record import TrainingRecord
    from chromasonic.melody_generation.training.callbacks import checkpoints_of
    from chromasonic.melody_generation.training.fit import fit
    from chromasonic.melody_generation.training.pretraining import begin
    from chromasonic.melody_generation.training.resume import check_resumable

    # Lightning's notes on devices and defaults; what matters of them is printed by us.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    planned = job_of(config, directory)
    if planned is None:
        print(f"{shown_path(directory)} is complete already, and stays as it is")
        return
    config, files, resumes, _ = planned
    seed_everything(config.seed, workers=True, verbose=False)
    teacher = build_teacher(config)
    data = build_data(config)
    data.setup()
    manifest = data.manifest()
    schedule = build(config.scheduler)
    if resumes:
        check_resumable(directory, files, manifest["hash"], config.epochs, schedule)
    module = build_module(config, schedule, teacher)
    goes_on_from = files.latest if resumes else None
    lineage = begin(module.network, config.init_from, manifest["hash"], data.guarded, goes_on_from, teacher)
    training = data.melodies["train"]
    metadata = ModelMetadata(
        model=str(config.choices.get("model")),
        dataset=str(config.choices.get("dataset")),
        seed=config.seed,
        n_epochs=config.epochs,
        split_hash=manifest["hash"],
        test_set_hash=manifest["test_set_hash"],
        corpus=most_common_corpus(training),
        # What these models are, wherever they lie.
        configuration=plain_configuration(config)
        | {"init_from": lineage.pretrained or None, "teacher": lineage.distilled_from or None},
        lineage=lineage,
        calibration=fit_if_enough(training),
    )
    trainer = build_trainer(config, directory, files, metadata, keep_all_epochs=schedule.needs_all_epochs)
    origin = provenance(
        command=typed(),
        configuration=plain_configuration(config),
        manifest=manifest,
        device=trainer.strategy.root_device,
    )
    metadata = replace(metadata, provenance=provenance_summary(origin))
    checkpoints_of(trainer).metadata = metadata

    with lock_directory(directory) if is_main_process() else nullcontext():
        if is_main_process():
            print_plan(directory, data, trainer, module, lineage.distilled_from)
            record(planned, directory, data, manifest, origin)
        outcome = fit(module, data, trainer, files, resume_from=goes_on_from)
        if is_main_process():
            results = TrainingRecord.of(metadata, outcome.scores, outcome.history.best_epoch, outcome.minutes)
            write_json(RunLayout(directory).results, results.to_json())
            log_outcome(trainer, config, outcome)
            print_outcome(directory, outcome)


def record(job: Job, directory: Path, data: MelodyDataModule, manifest: dict[str, Any], origin: dict[str, Any]) -> None:
    """Write down what the run is made of, before it begins, or that it goes on."""
    from chromasonic.config.saved_configuration import save_configuration
    from chromasonic.melody_generation.atomic_files import remove_unfinished, write_json
    from chromasonic.melody_generation.runs.directory_lock import refuse_second_run
    from chromasonic.melody_generation.runs.layout import RunLayout
    from chromasonic.melody_generation.runs.provenance import keep_provenance, note_going_on
    from chromasonic.melody_generation.runs.split_tunes import save_split_tunes

    layout = RunLayout(directory)
    remove_unfinished(directory)
    say_what_differs(origin, directory if job.resumes else job.repeats)
    if job.resumes:
        note_going_on(directory, origin)
        return
    refuse_second_run(directory)  # once more: another may have begun while this one read its data
    keep_provenance(directory, origin)
    save_configuration(job.config, directory)
    write_json(layout.split, manifest)
    save_split_tunes(layout.tunes, data.melodies)


def say_what_differs(origin: dict[str, Any], earlier: Path | None) -> None:
    """Print what may make another result of a run that is gone on with, or repeated."""
    from chromasonic.melody_generation.reporting.terminal import print_differences
    from chromasonic.melody_generation.runs.provenance import differences, read_provenance

    if earlier is not None:
        print_differences(earlier, differences(read_provenance(earlier), origin))


def build_data(config: DictConfig) -> MelodyDataModule:
    """Return the data module of a run, with the guard of its training tunes if it has one."""
    from chromasonic.config.build import build

    guard = build(config.guard) if "guard" in config else None
    data: MelodyDataModule = build(config.dataset, seed=config.seed, guard=guard)
    return data


def build_teacher(config: DictConfig) -> Teacher | None:
    """Whose predictions are learned as well, if anybody's."""
    from chromasonic.melody_generation.training.distillation import Teacher

    return Teacher.of(str(config.teacher), config.distillation_weight) if config.teacher is not None else None


def build_module(config: DictConfig, schedule: Schedule, teacher: Teacher | None = None) -> MelodyModule:
    """The network with what trains it."""
    from chromasonic.config.build import build
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.training.lightning_module import module_for

    network, optimizer = build(config.model), build(config.optimizer)
    try:
        return module_for(network, optimizer, schedule, teacher)
    except InputError:
        raise
    except (ValueError, TypeError) as problem:
        raise InputError(f"optimizer: {problem}") from problem


def build_trainer(
    config: DictConfig, directory: Path, files: CheckpointLayout, metadata: ModelMetadata, *, keep_all_epochs: bool
) -> L.Trainer:
    """The trainer with the run's own callbacks and those that the configuration names."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ProgressBar

    from chromasonic.config.build import build
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.runs.layout import RunLayout
    from chromasonic.melody_generation.training.fit import run_callbacks
    from chromasonic.melody_generation.training.lightning_module import LOGGED_MEASURES

    loggers = [build(node) for node in config.logger.values() if node]
    unwanted: list[type] = [] if loggers else [LearningRateMonitor]
    if keep_all_epochs:  # the schedule's shape is laid over all of them
        unwanted.append(EarlyStopping)
    chosen = [build(node) for node in config.callbacks.values() if node]
    callbacks = run_callbacks(files, metadata, table=RunLayout(directory).metrics)
    callbacks += [each for each in chosen if not isinstance(each, tuple(unwanted))]
    for watched in (each.monitor for each in chosen if isinstance(each, EarlyStopping)):
        if watched not in LOGGED_MEASURES:
            raise InputError(f"callbacks.early_stopping.monitor={watched}: choose one of {', '.join(LOGGED_MEASURES)}")
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
    from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger

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
    main(sys.argv[1:])
