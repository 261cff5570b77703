"""What a person reads on the terminal before and after a run trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
from rich.console import Console
from rich.table import Table as RichTable

from chromasonic.melody_generation.comparison import Comparison, Pair
from chromasonic.melody_generation.contenders import Contender, estimate_from
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.diagnosis import diagnosis_tables
from chromasonic.melody_generation.lightning_modules import MelodyModule
from chromasonic.melody_generation.measures.summaries import Estimate
from chromasonic.melody_generation.rendering.tables import Table, interval, terminal
from chromasonic.melody_generation.training import TrainedRun

_MEASURES = {
    "bits per note": "bits_per_note",
    "loss (nats per token)": "loss",
    "note accuracy": "accuracy",
    "pitch accuracy": "pitch_accuracy",
    "duration accuracy": "duration_accuracy",
}
_SCORE_TITLES = {
    "bits per note": "bits_per_note",
    "perplexity": "perplexity",
    "note accuracy": "accuracy",
    "pitch accuracy": "pitch_accuracy",
    "duration accuracy": "duration_accuracy",
    "diversity": "diversity",
    "coherence": "coherence",
    "musicality": "musicality",
    "overall": "overall_score",
}
# Lines of the corpus's report that are shown: its counts and the first tunes left out.
_MAX_LINES = 8


def print_plan(directory: Path, data: MelodyDataModule, trainer: L.Trainer, module: MelodyModule) -> None:
    """Print the data as read and split, the size of the model, and where the run goes."""
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
    network = f"{size:,} parameters" if size else "a model that counts"
    console.print(f"{sides} tunes; {network} on {trainer.strategy.root_device}", highlight=False)
    console.print(f"writing to {shown(directory)}", highlight=False, markup=False, soft_wrap=True)


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
        ("Curves", shown(outcome.files.curves)),
        ("Best model", shown(outcome.files.best)),
        ("TensorBoard", f"tensorboard --logdir {shown(directory.parent)}"),
    ):
        console.print(f"{what:<12} {where}", highlight=False, markup=False, soft_wrap=True)


def shown(path: Path) -> str:
    """A path as one would type it: from the working directory on where it lies below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes >= 2 else f"{minutes * 60:.0f} seconds"


def score_tables(results: Mapping[str, Any]) -> tuple[Table, ...]:
    """What was measured of one model: its scores beside those of real tunes, what it copies, and where it fails.

    Args:
        results: As :meth:`~chromasonic.melody_generation.evaluation.Evaluation.results` gives them.
    """
    scores, real, words = results["scores"], results["real"], results["words"]
    rows = tuple(
        (title, interval(estimate_from(scores[name])), _value(real.get(name)), words.get(name, ""))
        for title, name in _SCORE_TITLES.items()
    )
    samples = results["samples"]
    n_undefined = (samples["summary"] or {}).get("n_undefined", 0)
    undefined = f" {n_undefined} of them have fewer than two sounding notes, and count as 0." if n_undefined else ""
    first = Table(
        f"Scores of {results['model']}",
        ("", "score [95 % interval]", "real tunes", "in words"),
        rows,
        f"Predictions: {results['n_test_tunes']} test tunes, {results['n_test_notes']} notes, test set "
        f"{results['test_set_hash']}. Melodies: {samples['n_samples']} of its own, seed {samples['seed']}, temperature "
        f"{samples['temperature']:g}; calibrated on {results['calibrated_on']}.{undefined}",
    )
    return (first, _copying_table(results["copying"]), *diagnosis_tables(results["diagnosis"]))


def _copying_table(copying: Mapping[str, Any] | None) -> Table:
    columns = ("Copying", "its melodies", "real tunes")
    if copying is None:
        return Table("", columns, (), "Copying is not defined: the training tunes are not known.")
    worst = copying["most_copied"]
    source = f'"{worst["title"]}"' + (f" ({worst['source']})" if worst["source"] else "")
    note = f"Most copied: melody {worst['sample'] + 1} shares {worst['notes']} notes in a row with {source}."
    return Table(
        "",
        columns,
        tuple(
            (title, *(interval(estimate_from(copying[side][name]), digits) for side in ("samples", "real")))
            for title, name, digits in (
                ("novelty (8-grams not in training)", "novelty", 3),
                ("longest shared run, in notes", "run_notes", 1),
                ("as a part of the melody", "run_share", 3),
            )
        ),
        note if worst["notes"] else "No melody shares a note with a training tune.",
    )


def comparison_tables(comparison: Comparison) -> tuple[Table, ...]:
    """Models beside each other, how they predict and what their melodies are worth, and each pair of them."""
    tables = (_prediction_table(comparison), _melodies_table(comparison))
    return (*tables, _differences_table(comparison)) if comparison.pairs else tables


def _prediction_table(comparison: Comparison) -> Table:
    rows = [
        (
            _named(each),
            _cell(each, "bits_per_note"),
            _cell(each, "accuracy", brief=True),
            f"{each.parameters:,}",
            "" if math.isnan(each.minutes) else f"{each.minutes:.1f}",
        )
        for each in comparison.contenders
    ]
    rows += [(name, "failed", "", "", "") for name in comparison.failures]
    meanings = [
        "[ ] is the 95 % interval over tunes" if not all(each.spread for each in comparison.contenders) else "",
        "± is the standard deviation over seeds" if any(each.spread for each in comparison.contenders) else "",
    ]
    tunes = f"{comparison.n_tunes} test tunes, test set {comparison.test_set_hash}"
    notes = [
        "; ".join(filter(None, (tunes, *meanings))) + ".",
        *comparison.notes,
        *(f"{name} is not compared: {reason}" for name, reason in comparison.failures.items()),
    ]
    columns = ("How they predict", "bits per note", "note accuracy", "parameters", "minutes")
    return Table("", columns, tuple(rows), " ".join(notes))


def _melodies_table(comparison: Comparison) -> Table:
    brief = ("diversity", "coherence", "musicality")
    rows = [
        (
            _named(each),
            *(_cell(each, name, brief=True) for name in brief),
            _cell(each, "overall_score"),
            f"{each.notes_per_second:,.0f}",
        )
        for each in comparison.contenders
    ]
    real = comparison.real
    shown_real = [interval(Estimate(real[name].value, math.nan, math.nan), 2) for name in brief]
    rows.append(("real tunes", *shown_real, interval(real["overall_score"], 2), ""))
    columns = ("Their melodies", "diversity", "coherence", "musicality", "overall", "notes/s")
    return Table("", columns, tuple(rows))


def _named(contender: Contender) -> str:
    return contender.name + (f" ({len(contender.results)} seeds)" if contender.spread else "")


def _cell(contender: Contender, measure: str, *, brief: bool = False) -> str:
    score = contender.scores[measure]
    digits = 3 if measure in {"bits_per_note", "accuracy"} else 2
    if contender.spread and math.isfinite(score.value):
        return f"{score.value:.{digits}f} ± {contender.spread[measure]:.{digits}f}"
    return interval(Estimate(score.value, math.nan, math.nan) if brief else score, digits)


def _differences_table(comparison: Comparison) -> Table:
    rows = tuple(
        (
            f"{pair.first} less {pair.second}",
            interval(pair.difference.bits_per_note),
            _p_value(pair),
            f"{pair.difference.n_better} of {pair.difference.n_tunes}",
        )
        for pair in comparison.pairs
    )
    return Table(
        "",
        ("Tune by tune", "bits per note", "p", "better on"),
        rows,
        "Paired permutation test over the tunes; p is adjusted for the number of pairs (Holm), * is below 0.05.",
    )


def _p_value(pair: Pair) -> str:
    if math.isnan(pair.p_value):
        return "not defined"
    number = "< 0.001" if pair.p_value < 0.001 else f"{pair.p_value:.3f}"
    return f"{number} *" if pair.is_significant else number


def print_scores(results: Mapping[str, Any], directory: Path) -> None:
    """Print what was measured of a run, and where it was written."""
    _print_tables(score_tables(results))
    _print_places({"Scores": directory / "evaluation" / "results.json"})


def print_comparison(comparison: Comparison, directory: Path) -> None:
    """Print a comparison, and where it was written."""
    _print_tables(comparison_tables(comparison))
    _print_places({"Table": directory / "model_comparison.md", "Picture": directory / "model_comparison.png"})


def _print_tables(tables: Sequence[Table]) -> None:
    console = Console()
    for each in tables:
        console.print(terminal(each))


def _print_places(places: Mapping[str, Path]) -> None:
    for what, where in places.items():
        Console().print(f"{what:<12} {shown(where)}", highlight=False, markup=False, soft_wrap=True)


def _value(values: Mapping[str, Any] | None) -> str:
    return "" if values is None or values["value"] is None else f"{values['value']:.3f}"
