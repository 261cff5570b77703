"""Tables of a comparison: how the models predict, their melodies, and the difference of each pair."""

from __future__ import annotations

import math

from chromasonic.melody_generation.evaluation.compare import Comparison, Pair
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.pages.tables import Table, interval

_MAX_MODELS_FOR_ALL_PAIRS = 6  # with more models, only the pairs of the best one are shown


def comparison_tables(comparison: Comparison) -> tuple[Table, ...]:
    """Return the tables of predictions, of melodies and, for several models, of differences."""
    tables = (_prediction_table(comparison), _melodies_table(comparison))
    return (*tables, _differences_table(comparison)) if comparison.pairs else tables


def _prediction_table(comparison: Comparison) -> Table:
    rows = [
        (
            shown_name(model),
            _cell(model, "bits_per_note"),
            _cell(model, "accuracy", brief=True),
            f"{model.parameters:,}",
            "" if math.isnan(model.minutes) else f"{model.minutes:.1f}",
        )
        for model in comparison.models
    ]
    rows += [(name, "failed", "", "", "") for name in comparison.failures]
    meanings = [
        "[ ] is the 95 % interval over tunes" if not all(model.spread for model in comparison.models) else "",
        "± is the standard deviation over seeds" if any(model.spread for model in comparison.models) else "",
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
            shown_name(model),
            *(_cell(model, name, brief=True) for name in brief),
            _cell(model, "overall_score"),
            f"{model.notes_per_second:,.0f}",
        )
        for model in comparison.models
    ]
    real = comparison.real
    real_cells = [interval(Estimate(real[name].value, math.nan, math.nan), 2) for name in brief]
    rows.append(("real tunes", *real_cells, interval(real["overall_score"], 2), ""))
    columns = ("Their melodies", "diversity", "coherence", "musicality", "overall", "notes/s")
    return Table("", columns, tuple(rows))


def shown_name(model: ComparedModel) -> str:
    """Return the name of a model in tables and figures, with its number of seeds."""
    return model.name + (f" ({len(model.records)} seeds)" if model.spread else "")


def _cell(model: ComparedModel, measure: str, *, brief: bool = False) -> str:
    score = model.scores[measure]
    digits = 3 if measure in {"bits_per_note", "accuracy"} else 2
    if model.spread and math.isfinite(score.value):
        return f"{score.value:.{digits}f} ± {model.spread[measure]:.{digits}f}"
    return interval(Estimate(score.value, math.nan, math.nan) if brief else score, digits)


def _differences_table(comparison: Comparison) -> Table:
    is_short = len(comparison.models) > _MAX_MODELS_FOR_ALL_PAIRS
    best = comparison.models[0].name
    rows = tuple(
        (
            f"{pair.first} less {pair.second}",
            interval(pair.difference.bits_per_note),
            shown_p_value(pair),
            f"{pair.difference.n_better} of {pair.difference.n_tunes}",
        )
        for pair in comparison.pairs
        if not is_short or pair.first == best
    )
    return Table(
        "",
        ("Tune by tune", "bits per note", "p", "better on"),
        rows,
        "Paired permutation test over the test tunes. p is adjusted for the number of pairs (Holm), * is below 0.05."
        + " All other pairs are in model_comparison.json." * is_short,
    )


def shown_p_value(pair: Pair) -> str:
    """Return the p value of a pair as text, with * if it is significant."""
    if math.isnan(pair.p_value):
        return "not defined"
    number = "< 0.001" if pair.p_value < 0.001 else f"{pair.p_value:.3f}"
    return f"{number} *" if pair.is_significant else number
