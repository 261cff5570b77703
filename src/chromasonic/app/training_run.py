"""Train one run from its configuration: validate, load data, build, fit, record, print."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback, EarlyStopping, LearningRateMonitor, ProgressBar
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from omegaconf import DictConfig, OmegaConf
from torch import nn

from chromasonic.app.jobs import Job, plan_job
from chromasonic.app.launch import is_main_process
from chromasonic.app.pretrained_run import pretrained_split
from chromasonic.config.build import REFUSALS, build, build_as
from chromasonic.config.closed_set import place_to_write
from chromasonic.config.saved_configuration import plain_configuration, save_configuration
from chromasonic.melody_generation.atomic_files import (
    remove_file,
    remove_unfinished,
    replaced_together,
    shown_path,
    write_json,
)
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import fit_if_enough
from chromasonic.melody_generation.measures.outlines import TuneOutlines
from chromasonic.melody_generation.networks.mixture import MixtureNetwork
from chromasonic.melody_generation.printing.masked_secrets import masked_values
from chromasonic.melody_generation.reporting.terminal import print_differences, print_outcome, print_plan, print_remark
from chromasonic.melody_generation.runs.checkpoint import read_checkpoint
from chromasonic.melody_generation.runs.directory_lock import lock_directory, refuse_second_run
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata, most_common_corpus
from chromasonic.melody_generation.runs.provenance import (
    Provenance,
    differences_from_run,
    note_resume,
    save_provenance,
    typed,
)
from chromasonic.melody_generation.runs.shipped.pretrained import PRETRAINED, is_pretrained
from chromasonic.melody_generation.runs.split_tunes import save_split_tunes
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.runs.training_record import TrainingRecord
from chromasonic.melody_generation.training.callbacks import checkpoints_of
from chromasonic.melody_generation.training.distillation import Teacher
from chromasonic.melody_generation.training.fit import TrainedRun, fit, run_callbacks
from chromasonic.melody_generation.training.lightning_module import LOGGED_MEASURES, MelodyModule, module_for
from chromasonic.melody_generation.training.pretraining import initialise_weights, load_teacher
from chromasonic.melody_generation.training.resume import check_resumable
from chromasonic.melody_generation.training.run_mixture import check_split
from chromasonic.melody_generation.training.schedules import Schedule
from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger


def run(config: DictConfig, directory: Path) -> None:
    """Train the run that a composed configuration describes.

    Args:
        config: The configuration as composed by Hydra.
        directory: The run directory.

    Raises:
        InputError: If the configuration, the data, or the model it starts from cannot be used.
    """
    # Lightning's notes on devices and defaults: the important ones are printed by ``print_plan``.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

    job = plan_job(config, directory)
    if job is None:
        print_remark(f"{shown_path(directory)} is complete already, and stays as it is")
        return
    L.seed_everything(job.config.seed, workers=True, verbose=False)

    teacher = load_teacher(str(job.config.teacher)) if job.config.teacher is not None else None
    data = build_data(job.config)
    data.setup()
    leave_out_seen(job.config, data)
    module = build_module(job.config, teacher)
    lineage = start_weights(job, module, data, teacher)
    trainer = build_trainer(job.config, callbacks_of(job, module), directory)
    provenance = provenance_of(job.config, data, trainer)
    metadata = replace(metadata_of(job.config, data, lineage), provenance=provenance.summary())
    checkpoints_of(trainer).metadata = metadata

    with lock_directory(directory) if is_main_process() else nullcontext():
        if is_main_process():
            print_plan(directory, data, trainer, module, lineage.distilled_from)
            record_start(job, data, provenance)
        outcome = fit(module, data, trainer, job.checkpoints, resume_from=job.resume_from)
        if is_main_process():
            record_scores(directory, outcome, metadata)
            log_outcome(trainer, job.config, outcome)
            has_events = any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers)
            print_outcome(directory, outcome, metadata.dataset, has_events=has_events)


def build_data(config: DictConfig) -> MelodyDataModule:
    """Return the data module of a run, with the guard of its training tunes if it has one."""
    guard = build_as(MelodyDataModule, "guard", config.guard) if config.get("guard") is not None else None
    return build_as(MelodyDataModule, "dataset", config.dataset, seed=config.seed, guard=guard)


def leave_out_seen(config: DictConfig, data: MelodyDataModule) -> None:
    """Leave out held-out tunes that resemble tunes of the shipped model, if a run on other tunes starts from it.

    A run with a guard is not scored on its own tunes. Any other model has to be guarded when it is trained, since its
    tunes may not be known.

    Raises:
        InputError: If no held-out tune would be left.
    """
    if not is_pretrained(config.init_from) or data.guarded:
        return
    if data.split_hash not in read_checkpoint(PRETRAINED).metadata.lineage.unseen:
        tunes = pretrained_split().tunes
        data.leave_out_seen([*tunes["train"], *tunes["validation"]])  # validation has chosen its epoch


def build_module(config: DictConfig, teacher: TrainedModel | None = None) -> MelodyModule:
    """Return the network of a run with its optimizer, its schedule and its teacher.

    Raises:
        InputError: If the optimizer refuses its settings, or the network cannot have a teacher.
    """
    schedule = build_as(Schedule, "scheduler", config.scheduler)  # type: ignore[type-abstract]
    network, optimizer = build_as(nn.Module, "model", config.model), build("optimizer", config.optimizer)
    try:
        distillation = Teacher(teacher.network, config.distillation_weight) if teacher else None
        return module_for(network, optimizer, schedule, distillation)
    except InputError:
        raise
    except (*REFUSALS, RuntimeError) as problem:
        raise InputError(f"optimizer: {problem}") from problem


def start_weights(job: Job, module: MelodyModule, data: MelodyDataModule, teacher: TrainedModel | None) -> Lineage:
    """Give the network its initial weights, unless they come from the checkpoint to resume from.

    Returns:
        The models and data that the run learns from.

    Raises:
        InputError: If the run cannot be resumed, or a model that it learns from does not fit or has seen held-out
            tunes.
    """
    if job.resume_from is not None:
        check_resumable(job.directory, job.checkpoints, data.split_hash, job.config.epochs, module.schedule)
    check_split(module.network, data.split_hash)
    # A network of the user's own may have an argument of this name for something else.
    runs = job.config.model.runs if isinstance(module.network, MixtureNetwork) else ()
    return initialise_weights(
        module.network,
        job.config.init_from,
        data.split_hash,
        guard=data.guarded.split if data.guarded else None,
        resume_from=job.resume_from,
        teacher=teacher,
        members=[read_checkpoint(run).metadata for run in runs],
        sources=data.report.sources if data.report else (),
        has_left_out_seen=data.seen is not None,
    )


def callbacks_of(job: Job, module: MelodyModule) -> list[Callback]:
    """Return the callbacks of every run, and those of the configuration that this run can use.

    Raises:
        InputError: If early stopping monitors a measure that is not logged.
    """
    nodes = job.config.callbacks.items()
    configured = [build_as(Callback, f"callbacks.{name}", node) for name, node in nodes if node]
    for callback in configured:
        if isinstance(callback, EarlyStopping) and callback.monitor not in LOGGED_MEASURES:
            choices = ", ".join(LOGGED_MEASURES)
            raise InputError(f"callbacks.early_stopping.monitor={callback.monitor}: choose one of {choices}")
    unusable: list[type[Callback]] = []
    if not any(job.config.logger.values()):
        unusable.append(LearningRateMonitor)
    if module.schedule.needs_all_epochs:
        unusable.append(EarlyStopping)
    usable = [callback for callback in configured if not isinstance(callback, tuple(unusable))]
    return run_callbacks(job.checkpoints, table=RunLayout(job.directory).metrics) + usable


def build_trainer(config: DictConfig, callbacks: list[Callback], directory: Path) -> L.Trainer:
    """Return the trainer of a run.

    Raises:
        InputError: If Lightning refuses its settings.
    """
    nodes = [(f"logger.{name}", node) for name, node in config.logger.items() if node]
    loggers = [
        build_as(Logger, name, node, **place_to_write(node, directory / name.removeprefix("logger.")))  # type: ignore[type-abstract]
        for name, node in nodes
    ]
    make_trainer = build("trainer", config.trainer)
    try:
        trainer: L.Trainer = make_trainer(
            callbacks=callbacks,
            logger=loggers or False,
            default_root_dir=directory,
            # True without a progress bar among the callbacks would add Lightning's own.
            enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
        )
    except (*REFUSALS, RuntimeError) as problem:
        raise InputError(f"trainer: {problem}") from problem
    return trainer


def provenance_of(config: DictConfig, data: MelodyDataModule, trainer: L.Trainer) -> Provenance:
    """Return the provenance of a run."""
    return Provenance.collect(
        command=typed(),
        configuration=plain_configuration(config),
        split_hash=data.split_hash,
        test_set_hash=data.test_set_hash,
        device=trainer.strategy.root_device,
    )


def metadata_of(config: DictConfig, data: MelodyDataModule, lineage: Lineage) -> ModelMetadata:
    """Return the metadata of a run's model, for its checkpoints and its results."""
    # The models that it learned from are named by what they are, not by their paths.
    models = {"init_from": lineage.pretrained or None, "teacher": lineage.distilled_from or None}
    return ModelMetadata(
        model=str(config.choices.get("model")),
        dataset=str(config.choices.get("dataset")),
        seed=config.seed,
        n_epochs=config.epochs,
        split_hash=data.split_hash,
        test_set_hash=data.test_set_hash,
        corpus=most_common_corpus(data.melodies["train"]),
        corpora=data.vocabulary.corpora,
        configuration=masked_values(plain_configuration(config)) | models,
        lineage=lineage,
        calibration=fit_if_enough(data.melodies["train"]),
        outlines=TuneOutlines.of(data.melodies["train"]),
    )


def record_start(job: Job, data: MelodyDataModule, provenance: Provenance) -> None:
    """Write the files that describe a new run, or add a resumed run to its provenance."""
    layout = RunLayout(job.directory)
    remove_unfinished(job.checkpoints.directory)
    earlier = job.directory if job.resume_from is not None else job.repeats
    if earlier is not None:
        print_differences(earlier, differences_from_run(earlier, provenance))
    if job.resume_from is not None:
        note_resume(job.directory, provenance)
        return
    refuse_second_run(job.directory)  # again: another program may have started while this one read its data
    save_provenance(job.directory, provenance)
    save_configuration(job.config, job.directory)
    write_json(layout.split, data.manifest())
    save_split_tunes(layout.tunes, data.melodies)


def record_scores(directory: Path, outcome: TrainedRun, metadata: ModelMetadata) -> None:
    """Write the scores at the best epoch into ``results.json``, and remove an evaluation of an earlier epoch."""
    record = TrainingRecord.of(metadata, outcome.scores, outcome.history.best_epoch, outcome.minutes)
    layout = RunLayout(directory)
    evaluation = layout.evaluation
    with lock_directory(evaluation.directory, "evaluating", waits=True), replaced_together():
        write_json(evaluation.results, record.to_json())
        for path in (*evaluation.files_beside_results(), *layout.evaluation_events.glob("events.out.tfevents.*")):
            remove_file(path)


def log_outcome(trainer: L.Trainer, config: DictConfig, outcome: TrainedRun) -> None:
    """Log the learning curves, the hyperparameters and the best measures to TensorBoard."""
    given = [name for name in config if not OmegaConf.is_missing(config, name)]
    hyperparameters = {str(name): config[name] for name in given if isinstance(config[name], int | float)}
    measures = {
        f"best_{side}_{name}": scores[name]
        for side, scores in outcome.scores.items()
        for name in ("loss", "bits_per_note", "accuracy")
    }
    for logger in trainer.loggers:
        if isinstance(logger, PairedTensorBoardLogger):
            logger.log_outcome({**config.choices, **hyperparameters}, measures, outcome.history.plot_curves())
