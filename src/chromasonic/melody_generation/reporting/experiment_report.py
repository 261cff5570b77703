"""HTML reports of an evaluation and of a comparison, with melodies to hear.

A report shows typical melodies of a model: those whose typicality is nearest to the median of all samples. Two real
tunes, chosen in the same way, follow them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.melody_generation.atomic_files import write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import Comparison
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.evaluation.evaluate import N_TYPICAL_SAMPLES, Evaluation
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.titles import file_stem
from chromasonic.melody_generation.pages.inline_svg import inline_svg
from chromasonic.melody_generation.pages.melody_tracks import melody_tracks
from chromasonic.melody_generation.pages.page import Page, PageFigure, PageText, TrackGroup, page_html
from chromasonic.melody_generation.plots.diagnosis_chart import BitsBar, plot_diagnosis
from chromasonic.melody_generation.plots.figures import figure_to_svg
from chromasonic.melody_generation.printing.masked_secrets import masked_yaml
from chromasonic.melody_generation.reporting.commands import evaluation_command
from chromasonic.melody_generation.reporting.comparison_tables import comparison_tables
from chromasonic.melody_generation.reporting.result_tables import feature_tables, main_parts, score_tables
from chromasonic.melody_generation.reporting.surprisal_report import surprisal_track
from chromasonic.melody_generation.reporting.verdict import verdict_on, verdict_on_all
from chromasonic.melody_generation.runs.layout import MAX_CONFIGURATION_BYTES, CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.training.history import TrainingHistory
from chromasonic.melody_generation.untrusted_files import read_regular_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_SAMPLES = 16  # on a page, of all models together, but at least one of each
_N_SHOWN = 2  # melodies of one model
_TYPICAL = "Generated melodies whose typicality is nearest to the median of all {n}: neither the best nor the worst."
_REAL = "Real tunes that no model was trained on, chosen in the same way."
_SURPRISAL = (
    "The test tunes with the fewest, the median and the most bits per note. The colour of a note shows its bits. "
    "The option surprise= of chromasonic evaluate draws other tunes by their numbers."
)


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a report shows of a run besides its results.

    Attributes:
        samples: All sampled melodies.
        real: The test tunes.
        history: The history of the training; None if there is none.
        configuration: The text of the configuration; empty if there is none.
    """

    samples: ScoredMelodies
    real: ScoredMelodies
    history: TrainingHistory | None = None
    configuration: str = ""

    @classmethod
    def of_evaluation(cls, evaluation: Evaluation, run: Path | None = None) -> ReportInputs:
        """Take the melodies of a new evaluation, and the files of its run directory if there is one."""
        reference = evaluation.reference
        samples = ScoredMelodies(evaluation.samples, evaluation.scores, evaluation.copying, reference)
        real = ScoredMelodies(reference.test, reference.real, reference.real_copying, reference)
        return cls(samples, real, *_training_of(run))

    @classmethod
    def of_run(cls, run: Path) -> ReportInputs:
        """Read the files of a run that was evaluated before; its melodies come without scores.

        Raises:
            InputError: If a file is damaged, or the tunes are missing.
        """
        layout = RunLayout(run)
        path = layout.evaluation.samples
        samples = load_split_tunes(path).get("samples", ()) if path.is_file() else ()  # a copied run may lack them
        real = load_split_tunes(layout.tunes).get("test", ())
        return cls(ScoredMelodies(samples), ScoredMelodies(real), *_training_of(run))


def _training_of(run: Path | None) -> tuple[TrainingHistory | None, str]:
    if run is None:
        return None, ""
    try:
        content = read_regular_file(RunLayout(run).configuration, MAX_CONFIGURATION_BYTES)
        configuration = masked_yaml(content.decode("utf-8", errors="replace"))
    except OSError:  # a copied run may lack it
        configuration = ""
    try:
        return TrainingHistory.load(CheckpointLayout.find(run).history), configuration
    except InputError:  # a copied run may lack its history: the report has no curves then
        return None, configuration


def write_evaluation_report(
    path: Path, evaluation: Evaluation, record: EvaluationRecord, run: Path | None = None
) -> None:
    """Write the report of one model.

    Args:
        path: Path of the page.
        evaluation: The evaluation.
        record: Its results.
        run: The run directory, if the model is from one.
    """
    inputs = ReportInputs.of_evaluation(evaluation, run)
    dataset = record.metadata.dataset
    page = Page(
        title=f"{record.model} on {dataset}" if dataset else record.model,
        lead=verdict_on(record),
        facts=_facts(record),
        command=evaluation_command(record, run),
        tables=(*score_tables(record), *feature_tables(record)),
        figures=(*_curves("Learning curves", inputs), _figure("Where its bits go", diagnosis_figure(record))),
        groups=(
            _own_melodies("Melodies to hear", record, inputs, record.model, _N_SHOWN),
            _real_tunes(record, inputs),
            _surprisal(evaluation),
        ),
        texts=_configuration("Configuration", inputs),
    )
    write_text(path, page_html(page))


def write_comparison_report(
    path: Path, comparison: Comparison, figure: Figure, report_inputs: Mapping[str, ReportInputs], command: str
) -> None:
    """Write the report of several models.

    Args:
        path: Path of the page.
        comparison: The comparison.
        figure: Its chart.
        report_inputs: Melodies, history and configuration of the models by name; some may be missing.
        command: The command that repeats the comparison.
    """
    with_inputs = [(model, report_inputs[model.name]) for model in comparison.models if model.name in report_inputs]
    n = max(1, min(N_TYPICAL_SAMPLES, _MAX_SAMPLES // max(1, len(with_inputs))))
    groups = [_own_melodies(model.name, model.records[0], inputs, model.name, n) for model, inputs in with_inputs]
    page = Page(
        title=_comparison_title(comparison.models),
        lead=verdict_on_all(comparison),
        facts=_comparison_facts(comparison),
        command=command,
        tables=comparison_tables(comparison),
        figures=(
            _figure("The models beside each other", figure),
            *(
                curves
                for model, inputs in with_inputs
                for curves in _curves(f"Learning curves: {model.name}", inputs, is_folded=True)
            ),
        ),
        groups=(*groups, *(_real_tunes(model.records[0], inputs) for model, inputs in with_inputs[:1])),
        texts=tuple(
            text for model, inputs in with_inputs for text in _configuration(f"Configuration: {model.name}", inputs)
        ),
    )
    write_text(path, page_html(page))


def _comparison_title(models: Sequence[ComparedModel]) -> str:
    names = [model.name for model in models]
    return " and ".join(names) if len(names) < 3 else f"{len(names)} models compared"


def _comparison_facts(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    all_metadata = [record.metadata for model in comparison.models for record in model.records]
    facts = {
        "Best predictor": comparison.models[0].name,
        "Dataset": _listed(metadata.dataset for metadata in all_metadata),
        "Seeds": _listed("" if metadata.seed is None else str(metadata.seed) for metadata in all_metadata),
        "Test tunes": str(comparison.n_tunes),
        "Split": _listed(metadata.split_hash for metadata in all_metadata),
        "Test set": comparison.test_set_hash,
    }
    return tuple((name, value) for name, value in facts.items() if value)


def _facts(record: EvaluationRecord) -> tuple[tuple[str, str], ...]:
    """Return the facts that identify a run, without unknown ones."""
    metadata, training = record.metadata, record.training
    best = training.best_epoch if training else None
    epochs = "?" if metadata.n_epochs is None else metadata.n_epochs
    facts = {
        "Model": record.model,
        "Dataset": metadata.dataset,
        "Seed": "" if metadata.seed is None else str(metadata.seed),
        "Best epoch": f"{best} of {epochs}" if best else "",
        "Minutes": "" if math.isnan(record.minutes) else f"{record.minutes:.1f}",
        "Parameters": f"{record.cost.parameters:,}",
        "Learned from": "; ".join(f"{source.title} ({source.licence})" for source in metadata.lineage.sources),
        "Split": metadata.split_hash,
        "Test set": record.test_set_hash,
        "Checkpoint": record.checkpoint,
    }
    return tuple((name, value) for name, value in facts.items() if value)


def diagnosis_figure(record: EvaluationRecord) -> Figure:
    """Plot the bits of a model by quarter, earlier match, metre and key."""
    diagnosis = record.diagnosis
    panels = {
        title: [BitsBar(part.name, part.bits_per_note, part.n_notes) for part in main_parts(division)]
        for title, division in (
            ("By quarter of the tune", diagnosis.quarter),
            ("By length of the longest earlier match", diagnosis.match),
            ("By metre", diagnosis.metre),
            ("By key", diagnosis.key),
        )
    }
    whole = record.test.bits_per_note
    in_all = "" if math.isnan(whole) else f" ({whole:.2f} bits per note in all, dashed)"
    return plot_diagnosis(panels, whole, f"Where the bits of {record.model} go{in_all}")


def _figure(title: str, figure: Figure, *, is_folded: bool = False) -> PageFigure:
    return PageFigure(title, inline_svg(figure_to_svg(figure), label=title), is_folded)


def _curves(title: str, inputs: ReportInputs, *, is_folded: bool = False) -> tuple[PageFigure, ...]:
    return (_figure(title, inputs.history.plot_curves(title=""), is_folded=is_folded),) if inputs.history else ()


def _surprisal(evaluation: Evaluation) -> TrackGroup:
    tunes, readings = evaluation.reference.test, evaluation.readings
    by_bits = sorted(range(len(tunes)), key=lambda index: readings[index].bits_per_note)
    chosen = dict.fromkeys((by_bits[0], by_bits[len(by_bits) // 2], by_bits[-1]))
    tracks = tuple(surprisal_track(tunes[index], readings[index], index) for index in chosen)
    return TrackGroup("Surprisal", _SURPRISAL, tracks, is_detail=True)


def _configuration(title: str, inputs: ReportInputs) -> tuple[PageText, ...]:
    return (PageText(title, inputs.configuration),) if inputs.configuration else ()


def _own_melodies(
    title: str, record: EvaluationRecord, inputs: ReportInputs, name: str, n: int = N_TYPICAL_SAMPLES
) -> TrackGroup:
    indices = _within(record.typical.samples, inputs.samples.melodies)[:n]
    titles = [f"{name}, melody {index + 1}" for index in indices]
    stems = [f"{file_stem(name) or 'model'}_{index + 1:03}" for index in indices]
    note = _TYPICAL.format(n=len(inputs.samples.melodies))
    return TrackGroup(title, note, melody_tracks(inputs.samples, indices, titles, stems))


def _real_tunes(record: EvaluationRecord, inputs: ReportInputs) -> TrackGroup:
    indices = _within(record.typical.real, inputs.real.melodies)
    titles = [inputs.real.melodies[index].title or f"Tune {index + 1}" for index in indices]
    stems = [file_stem(title) or f"tune_{index + 1}" for title, index in zip(titles, indices, strict=True)]
    return TrackGroup("Real tunes", _REAL, melody_tracks(inputs.real, indices, titles, stems), is_detail=True)


def _within(indices: Sequence[int], melodies: Sequence[Melody]) -> list[int]:
    """Return the indices at which there is a melody."""
    return [index for index in indices if 0 <= index < len(melodies)]


def _listed(values: Iterable[str]) -> str:
    """Return the different values, sorted, without empty ones."""
    return ", ".join(sorted({value for value in values if value}))
