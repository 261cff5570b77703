"""Evaluate run directories, compare them, and write results, tables, charts and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.melody_generation.atomic_files import (
    JsonObject,
    atomic_file,
    digests_of,
    remove_file,
    replaced_together,
    write_json,
    write_text,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import Comparison, compare
from chromasonic.melody_generation.evaluation.evaluate import Evaluation, evaluate
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import SCORES, VERSION, EvaluationRecord, read_evaluation
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.pages.tables import markdown
from chromasonic.melody_generation.plots.comparison_chart import plot_comparison
from chromasonic.melody_generation.plots.figures import figure_of_text, figure_to_png, save_figure
from chromasonic.melody_generation.reporting.commands import comparison_command
from chromasonic.melody_generation.reporting.comparison_tables import comparison_tables, shown_name
from chromasonic.melody_generation.reporting.event_files import show_in_tensorboard
from chromasonic.melody_generation.reporting.experiment_report import (
    ReportInputs,
    diagnosis_figure,
    write_comparison_report,
    write_evaluation_report,
)
from chromasonic.melody_generation.reporting.result_tables import feature_tables, score_tables
from chromasonic.melody_generation.runs.directory_lock import lock_directory
from chromasonic.melody_generation.runs.layout import ComparisonLayout, EvaluationLayout, RunLayout
from chromasonic.melody_generation.runs.split_tunes import save_split_tunes
from chromasonic.melody_generation.runs.sweep import name_directories
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_run
from chromasonic.melody_generation.runs.training_record import TrainingRecord, read_training
from chromasonic.melody_generation.untrusted_files import read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_TAGS = {"overall_score": "typicality"}


def evaluate_run(run: str | Path, settings: SampleSettings | None = None, *, force: bool = False) -> EvaluationRecord:
    """Evaluate a run on its own test tunes, and write ``evaluation/`` in its directory.

    Args:
        run: The run directory.
        settings: Settings of the samples; None accepts an earlier evaluation with any settings.
        force: Evaluate again even if an earlier evaluation is up to date.

    Raises:
        InputError: If there is no such run, or it has no test tunes.
    """
    run = Path(run)
    model = load_run(run)
    layout = RunLayout(run)
    with lock_directory(layout.evaluation.directory, "evaluating"):
        earlier = _earlier_evaluation(run)
        if earlier and not force and is_up_to_date(earlier, model, settings):
            return earlier
        reference = ReferenceSet.of(model.tunes["test"], model.tunes["train"], model.calibration)
        evaluation = evaluate(model, model.name, reference, settings)
        record = evaluation.record()
        record = replace(
            record,
            training=replace(_training_of(run, model), test=record.test),
            run=run.name,
            checkpoint=model.digest,
            is_finished=model.is_finished,
        )
        return write_evaluation(evaluation, record, layout.evaluation, run)


def is_up_to_date(record: EvaluationRecord, model: TrainedModel, settings: SampleSettings | None) -> bool:
    """Return whether an evaluation is of this very model, by today's measures, with these settings of the samples."""
    is_same_model = (
        record.version == VERSION and record.checkpoint == model.digest and record.is_finished == model.is_finished
    )
    return is_same_model and (settings is None or record.samples.settings == settings)


def _earlier_evaluation(run: Path) -> EvaluationRecord | None:
    try:
        return read_evaluation(run)
    except InputError:  # damaged, or of another version: the run is evaluated again
        return None


def _training_of(run: Path, model: TrainedModel) -> TrainingRecord:
    """Return the record of the training, if it can be read, with the metadata of the checkpoint."""
    metadata = model.metadata
    try:
        training = read_training(run)
    except InputError:  # it will be replaced
        training = None
    if training is None:
        return TrainingRecord(metadata)
    merged = replace(
        training.metadata,
        dataset=metadata.dataset,
        seed=metadata.seed,
        split_hash=metadata.split_hash,
        configuration=metadata.configuration,
    )
    return replace(training, metadata=merged)


def compare_runs(
    directories: Sequence[str | Path],
    save_dir: str | Path,
    settings: SampleSettings | None = None,
    *,
    failures: Mapping[str, str] | None = None,
) -> Comparison:
    """Evaluate the runs that are not evaluated yet, and write their comparison.

    A run that cannot be evaluated is listed with the reason. ``save_dir`` must be locked.

    Args:
        directories: The run directories.
        save_dir: Directory for ``model_comparison.json``, ``.md``, ``.png`` and ``report.html``.
        settings: Settings of the samples; None if each evaluated run may keep its own.
        failures: The reason for every other run that cannot be compared, by name.

    Raises:
        InputError: If no run can be evaluated, or they have different test tunes.
    """
    records: dict[str, EvaluationRecord] = {}
    run_of: dict[str, Path] = {}  # by name
    inputs_of: dict[str, ReportInputs] = {}
    reasons = dict(failures or {})
    for directory, name in name_directories([Path(given).resolve() for given in directories]).items():
        try:
            records[name] = evaluate_run(directory, settings)
            run_of[name] = directory
            inputs_of[name] = ReportInputs.of_run(directory)
        except (InputError, OSError) as problem:  # the others are compared without it
            records.pop(name, None)
            reasons[name] = str(problem)
    comparison = compare(records, reasons)
    report_inputs = {model.name: inputs_of[model.runs[0]] for model in comparison.models}
    evaluated = {run_of[name]: record for name, record in records.items()}
    command = comparison_command(evaluated, list(map(Path, directories)), Path(save_dir), settings)
    write_comparison(comparison, Path(save_dir), report_inputs, command)
    return comparison


def write_evaluation(
    evaluation: Evaluation, record: EvaluationRecord, layout: EvaluationLayout, run: Path | None = None
) -> EvaluationRecord:
    """Write the samples, the tables, the chart and the report of an evaluation, and its results last.

    The directory must be locked. The results are returned as they are written, with the digests of the other files.

    Args:
        evaluation: The evaluation.
        record: Its results.
        layout: Paths of the files.
        run: The run directory, if the model is from one; its TensorBoard shows the scores.
    """
    _add_digests(layout)
    tables = score_tables(record)
    with replaced_together() as files:
        save_split_tunes(layout.samples, {"samples": evaluation.samples})
        write_text(layout.scores, "\n".join(map(markdown, (*tables, *feature_tables(record)))))
        write_evaluation_report(layout.report, evaluation, record, run)
        save_figure(diagnosis_figure(record), layout.diagnosis)
        digests = files.digests(layout.directory)
        for drawing in layout.surprisal_files():  # perhaps of another model
            remove_file(drawing)
    if run is not None and RunLayout(run).tensorboard.is_dir():  # the run logs to TensorBoard
        scores = {_TAGS.get(name, name): record.scores[name].value for name in SCORES} | _distances(record)
        show_in_tensorboard(
            RunLayout(run).evaluation_events,
            scores={f"evaluation/{name}": scores[name] for name in scores if not math.isnan(scores[name])},
            tables={"evaluation": "\n".join(map(markdown, tables))},
        )
    written = replace(record, files=digests)
    write_json(layout.results, written.to_json())
    return written


def _distances(record: EvaluationRecord) -> dict[str, float]:
    """Return the distances of the samples from real tunes as TensorBoard shows them."""
    if record.distance is None:
        return {}
    sets = {name: getattr(record.distance.sets, name).value for name in ("frechet", "precision", "recall")}
    return {"two_sample_auc": record.distance.two_sample_auc.value, **sets}


def _add_digests(layout: EvaluationLayout) -> None:
    """Add the digests of the files beside it to an evaluation of an earlier version, before they are replaced."""
    try:
        values = read_json(layout.results, "results", "evaluate the run again")
    except InputError:  # damaged: it is replaced
        return
    if "scores" in values and not values.get("files"):
        files = digests_of((layout.samples, layout.scores, layout.report, layout.diagnosis))
        write_json(layout.results, values | {"files": files})


def write_comparison(
    comparison: Comparison, directory: Path, report_inputs: Mapping[str, ReportInputs], command: str
) -> JsonObject:
    """Write a comparison as Markdown, chart and report, for TensorBoard, and last as JSON.

    The directory must be locked. The content of the JSON file is returned.

    Args:
        comparison: The comparison.
        directory: Directory of the files.
        report_inputs: Everything else that the report shows of the models, by name.
        command: The command that repeats the comparison.
    """
    layout = ComparisonLayout(directory)
    with replaced_together() as files:
        tables, (figure, picture) = "\n".join(map(markdown, comparison_tables(comparison))), _chart(comparison)
        write_text(layout.tables, tables)
        with atomic_file(layout.chart) as unfinished:
            unfinished.write_bytes(picture)
        write_comparison_report(layout.report, comparison, figure, report_inputs, command)
        digests = files.digests(directory)
    show_in_tensorboard(
        layout.tensorboard, tables={"comparison as a table": tables}, figures={"comparison as a figure": figure}
    )
    written = comparison.to_json() | {"files": digests}
    write_json(layout.results, written)
    return written


def _chart(comparison: Comparison) -> tuple[Figure, bytes]:
    """Return the chart of a comparison, and the chart as PNG; a sentence in its place if it cannot be drawn."""
    has_seeds = any(model.spread for model in comparison.models)
    spread = "; with several seeds, from the least to the most of them" if has_seeds else ""
    footnote = (
        f"{comparison.n_tunes} test tunes, test set {comparison.test_set_hash}. "
        f"Whiskers: 95 % interval over tunes, or over melodies{spread}."
    )
    scores = {shown_name(model): model.scores for model in comparison.models}
    try:
        figure = plot_comparison(scores, comparison.real, footnote=footnote)
        return figure, figure_to_png(figure)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):  # of matplotlib, for any number
        figure = figure_of_text("These scores cannot be drawn; they are in model_comparison.md.")
        return figure, figure_to_png(figure)
