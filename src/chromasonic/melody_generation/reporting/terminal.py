"""What is printed of a run before and after it, of its scores, of a comparison, and of a songbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import lightning as L
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from chromasonic.melody_generation.atomic_files import shown_path
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.evaluation.compare import Comparison
from chromasonic.melody_generation.pages.generated_set import GeneratedSet
from chromasonic.melody_generation.pages.tables import Table, terminal
from chromasonic.melody_generation.reporting.result_tables import comparison_tables, generated_set_table, score_tables
from chromasonic.melody_generation.training.fit import TrainedRun
from chromasonic.melody_generation.training.lightning_module import MelodyModule

_MEASURES = {
    "bits per note": "bits_per_note",
    "loss (nats per token)": "loss",
    "note accuracy": "accuracy",
    "pitch accuracy": "pitch_accuracy",
    "duration accuracy": "duration_accuracy",
}
# Lines of the corpus's report that are shown: its counts and the first tunes left out.
_MAX_LINES = 8


def print_plan(
    directory: Path, data: MelodyDataModule, trainer: L.Trainer, module: MelodyModule, taught_by: str = ""
) -> None:
    """Print the data as read and split, the size of the model, who teaches it, and where the run goes."""
    console = Console()
    lines = data.report.lines() if data.report else []
    for line in lines[:_MAX_LINES]:
        console.print(line, style="dim", markup=False, soft_wrap=True)
    if len(lines) > _MAX_LINES:
        console.print(f"and {len(lines) - _MAX_LINES} more, all in split.json", style="dim")
    if data.guarded:
        console.print(data.guarded.line(), style="dim", markup=False, soft_wrap=True)
    sides = ", ".join(f"{len(melodies)} {side}" for side, melodies in data.melodies.items())
    size = sum(parameter.numel() for parameter in module.network.parameters())
    network = f"{size:,} parameters" if size else "no trained parameters"
    console.print(f"{sides} tunes; {network} on {trainer.strategy.root_device}", highlight=False)
    if module.teacher:
        console.print(f"taught by {taught_by}, {module.teacher.share:.0%} of the loss", highlight=False, markup=False)
    console.print(f"writing to {shown_path(directory)}", highlight=False, markup=False, soft_wrap=True)


def print_differences(run: Path, found: Sequence[str]) -> None:
    """Print what is not as it was when a run was made that is now gone on with, or repeated."""
    told = "; ".join(found) if found else "nothing that is known of"
    Console().print(
        f"differs from when {shown_path(run)} was made: {told}", highlight=False, markup=False, soft_wrap=True
    )


def print_outcome(directory: Path, outcome: TrainedRun) -> None:
    """Print the scores at the best epoch as a table, and where the files are."""
    history = outcome.history
    table = RichTable(title=f"Best epoch {history.best_epoch} of {len(history)}, {_duration(outcome.minutes)}")
    table.add_column("")
    for side in outcome.scores:
        table.add_column(side, justify="right")
    for title, measure in _MEASURES.items():
        table.add_row(title, *(f"{scores[measure]:.3f}" for scores in outcome.scores.values()))
    console = Console()
    console.print(table)
    for what, where in (
        ("Curves", shown_path(outcome.files.curves)),
        ("Best model", shown_path(outcome.files.best)),
        ("TensorBoard", f"tensorboard --logdir {shown_path(directory.parent)}"),
    ):
        console.print(f"{what:<12} {where}", highlight=False, markup=False, soft_wrap=True)


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes >= 2 else f"{minutes * 60:.0f} seconds"


def print_scores(results: Mapping[str, Any], directory: Path) -> None:
    """Print what was measured of a run, and where it was written."""
    _print_tables(score_tables(results))
    evaluation = directory / "evaluation"
    _print_places({"Scores": evaluation / "results.json", "Report": evaluation / "report.html"})


def print_comparison(comparison: Comparison, directory: Path) -> None:
    """Print a comparison, and where it was written."""
    _print_tables(comparison_tables(comparison))
    files = {"Table": "model_comparison.md", "Picture": "model_comparison.png", "Report": "report.html"}
    _print_places({what: directory / name for what, name in files.items()})


def print_generated_set(songbook: GeneratedSet, places: Mapping[str, Path]) -> None:
    """Print what was made, and where it was written."""
    _print_tables([generated_set_table(songbook)])
    _print_places(places)


def print_remark(words: str) -> None:
    """Print a line on what is not quite as it was asked for."""
    Console().print(words, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress_of(words: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how far a long task has come, where there is a terminal; what is given says that one more is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(words, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def waiting_for(words: str) -> Iterator[None]:
    """Show that something is going on, where there is a terminal."""
    console = Console(stderr=True)
    with console.status(words) if console.is_terminal else nullcontext():
        yield


def _print_tables(tables: Sequence[Table]) -> None:
    console = Console()
    for each in tables:
        console.print(terminal(each))


def _print_places(places: Mapping[str, Path]) -> None:
    for what, where in places.items():
        Console().print(f"{what:<12} {shown_path(where)}", highlight=False, markup=False, soft_wrap=True)
