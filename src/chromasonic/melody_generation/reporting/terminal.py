"""Terminal output: a run before and after its training, scores, comparisons and generated melodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.melody_generation.atomic_files import shown_path
from chromasonic.melody_generation.evaluation.compare import Comparison
from chromasonic.melody_generation.evaluation.judged_melodies import JudgedMelodies
from chromasonic.melody_generation.evaluation.listening_test.judgements import Judgements
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.pages.generated_set import GeneratedSet, generated_set_table
from chromasonic.melody_generation.pages.harmonised_set import HarmonisedSet, harmonised_set_table
from chromasonic.melody_generation.pages.tables import Table
from chromasonic.melody_generation.printing.terminal_output import Terminal
from chromasonic.melody_generation.reporting.comparison_tables import comparison_tables
from chromasonic.melody_generation.reporting.judged_tables import judged_tables
from chromasonic.melody_generation.reporting.listening_test_tables import listening_test_tables
from chromasonic.melody_generation.reporting.result_tables import score_tables
from chromasonic.melody_generation.runs.command_line import path_option, shell_command
from chromasonic.melody_generation.runs.layout import ComparisonLayout, ListeningTestLayout, RunLayout

if TYPE_CHECKING:
    import lightning as L

    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.training.fit import TrainedRun
    from chromasonic.melody_generation.training.lightning_module import MelodyModule

_MEASURES = {
    "bits per note": "bits_per_note",
    "loss (nats per token)": "loss",
    "note accuracy": "accuracy",
    "pitch accuracy": "pitch_accuracy",
    "duration accuracy": "duration_accuracy",
}
_SYNTHETIC = "synthetic"  # the dataset of random walks
_MAX_REPORT_LINES = 8  # of the corpus: its counts and the first tunes that are left out


def print_plan(
    directory: Path, data: MelodyDataModule, trainer: L.Trainer, module: MelodyModule, distilled_from: str = ""
) -> None:
    """Print the data, the size of the model, its teacher and the run directory."""
    terminal = Terminal()
    lines = data.report.lines() if data.report else []
    for line in lines[:_MAX_REPORT_LINES]:
        terminal.print(line, is_dim=True)
    if len(lines) > _MAX_REPORT_LINES:
        terminal.print(f"and {len(lines) - _MAX_REPORT_LINES} more, all in split.json", is_dim=True)
    if data.report and data.report.sources:
        sources = "; ".join(f"{source.title} ({source.licence})" for source in data.report.sources)
        terminal.print(f"sources and licences: {sources}", is_dim=True)
    if data.guarded:
        terminal.print(data.guarded.line(), is_dim=True)
    if data.seen:
        terminal.print(
            f"left out {len(data.seen)} validation and test tunes that resemble tunes which the pretrained model has "
            "learned from; split.json lists them",
            is_dim=True,
        )
    sides = ", ".join(f"{len(melodies)} {side}" for side, melodies in data.melodies.items())
    size = sum(parameter.numel() for parameter in module.network.parameters())
    network = f"{size:,} parameters" if size else "no trained parameters"
    terminal.print(f"{sides} tunes; {network} on {trainer.strategy.root_device}")
    if module.teacher:
        terminal.print(f"distilled from {distilled_from}, with a weight of {module.teacher.weight:g}")
    terminal.print(f"writing to {shown_path(directory)}")


def print_differences(run: Path, differences: Sequence[str]) -> None:
    """Print the differences of versions, machine and data from those of a run that is resumed or repeated."""
    listed = "; ".join(differences) if differences else "nothing known"
    Terminal().print(f"changed since {shown_path(run)} was trained: {listed}")


def print_outcome(directory: Path, outcome: TrainedRun, dataset: str, *, has_events: bool) -> None:
    """Print the scores at the best epoch as a table, the paths of the files, and the commands that come next.

    Args:
        directory: The run directory.
        outcome: The trained run.
        dataset: The choice of the group ``dataset``.
        has_events: Whether TensorBoard can show the run.
    """
    history = outcome.history
    rows = [
        (title, *(f"{scores[measure]:.3f}" for scores in outcome.scores.values()))
        for title, measure in _MEASURES.items()
    ]
    terminal = Terminal()
    terminal.print_table(
        f"Best epoch {history.best_epoch} of {len(history)}, {_duration(outcome.minutes)}",
        ("", *outcome.scores),
        rows,
    )
    for name, value in (
        ("Curves", shown_path(outcome.files.curves)),
        ("Best model", shown_path(outcome.files.best)),
        *([("TensorBoard", shell_command("tensorboard", "--logdir", shown_path(directory.parent)))] * has_events),
        ("Listen", shell_command("chromasonic", "generate", path_option("run", directory))),
        ("Judge", shell_command("chromasonic", "evaluate", path_option("run", directory))),
    ):
        terminal.print(f"{name:<12} {value}")
    if dataset == _SYNTHETIC:
        terminal.print(
            "This model has learned from random walks, which are no music. For music: "
            "chromasonic train experiment=first_run"
        )


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes >= 2 else f"{minutes * 60:.0f} seconds"


def print_scores(record: EvaluationRecord, run: Path) -> None:
    """Print the scores of a run, and the paths of the files."""
    _print_tables(score_tables(record))
    layout = RunLayout(run).evaluation
    _print_paths({"Scores": layout.results, "Report": layout.report})


def print_judged(judged: JudgedMelodies, results: Path) -> None:
    """Print the scores of melodies of any origin beside those of real tunes, and the path of the file."""
    _print_tables(judged_tables(judged))
    _print_paths({"Scores": results})


def print_comparison(comparison: Comparison, directory: Path) -> None:
    """Print a comparison, and the paths of the files."""
    _print_tables(comparison_tables(comparison))
    layout = ComparisonLayout(directory)
    _print_paths({"Table": layout.tables, "Picture": layout.chart, "Report": layout.report})


def print_generated_set(generated: GeneratedSet, paths: Mapping[str, Path]) -> None:
    """Print a table of generated melodies, and the paths of the files by name."""
    _print_tables([generated_set_table(generated)])
    _print_paths(paths)


def print_harmonised_set(harmonised: HarmonisedSet, paths: Mapping[str, Path]) -> None:
    """Print a table of melodies with chords, the tunes that were left out, and the paths of the files by name."""
    _print_tables([harmonised_set_table(harmonised)])
    for line in harmonised.remarks():
        print_remark(line)
    _print_paths(paths)


def print_listening_test(layout: ListeningTestLayout) -> None:
    """Print the paths of the files of a listening test."""
    _print_paths({"Page": layout.page, "Tunes": layout.tunes, "Key": layout.key})


def print_judgements(judgements: Judgements, directory: Path) -> None:
    """Print the results of a listening test, why files are not counted, and the paths of the files."""
    _print_tables(listening_test_tables(judgements))
    for name, reason in judgements.refused.items():
        print_remark(f"{name} is not counted: {reason}")
    layout = ListeningTestLayout(directory)
    _print_paths({"Table": layout.judgement_tables, "Numbers": layout.judgements})


def print_remark(remark: str) -> None:
    """Print a line, such as a remark on an option that has no effect."""
    Terminal().print(remark)


def _print_tables(tables: Sequence[Table]) -> None:
    terminal = Terminal()
    for table in tables:
        terminal.print_table(table.title, table.columns, table.rows, table.note)


def _print_paths(paths: Mapping[str, Path]) -> None:
    terminal = Terminal()
    for name, path in paths.items():
        terminal.print(f"{name:<12} {shown_path(path)}")
