"""Tables of a comparison: how the models predict, their melodies, and the difference of each pair."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chromasonic.melody_generation.evaluation.compare import Comparison, Pair
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.comparisons.leverage import MAX_TUNES
from chromasonic.melody_generation.pages.tables import Table, interval
from chromasonic.melody_generation.reporting.distance_tables import AUC_COLUMN, AUC_NOTE

PAIR_COLUMNS = ("bits per note", "p", "about", "better on", f"without {MAX_TUNES} tunes")
_ABOUT = {"recipes": "the recipes", "runs": "these runs"}
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
    brief = ("diversity", "coherence", "musicality", "overall_score")
    rows = [
        (
            shown_name(model),
            *(_cell(model, name, brief=True) for name in brief),
            auc_cell(model),
            f"{model.notes_per_second:,.0f}",
        )
        for model in comparison.models
    ]
    real = comparison.real
    real_cells = [interval(Estimate(real[name].value, math.nan, math.nan), 2) for name in brief]
    rows.append(("real tunes", *real_cells, _real_auc(comparison), ""))
    columns = ("Their melodies", "diversity", "coherence", "musicality", "typicality", AUC_COLUMN, "notes/s")
    has_auc = any(record.distance for model in comparison.models for record in model.records)
    return Table("", columns, tuple(rows), AUC_NOTE if has_auc else "")


def auc_cell(model: ComparedModel) -> str:
    """Return the AUC of the test that tells the melodies of a model from real tunes; empty if it was not measured."""
    auc = model.two_sample_auc
    if math.isnan(auc.value):
        return ""
    return f"{auc.value:.2f} ± {model.auc_spread:.2f}" if model.spread else interval(auc, 2)


def _real_auc(comparison: Comparison) -> str:
    """Return the floor of that test, by the first model that has one."""
    records = [record for model in comparison.models for record in model.records]
    floors = [record.distance.two_sample_auc_floor for record in records if record.distance]
    return interval(floors[0], 2) if floors else ""


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
    pairs = [pair for pair in comparison.pairs if not is_short or pair.first == best]
    about = {pair.difference.about for pair in pairs}
    sentences = [
        "[ ] is the 95 % interval; p is adjusted for the number of pairs (Holm).",
        "About the recipes: the test takes tunes and runs as random; * is below 0.05." if "recipes" in about else "",
        "About these runs: a model has one run, and another seed may turn the difference round, so there is no *."
        if "runs" in about
        else "",
        _weights(pairs),
        "All other pairs are in model_comparison.json." if is_short else "",
    ]
    return Table("", ("Tune by tune", *PAIR_COLUMNS), tuple(map(pair_cells, pairs)), " ".join(filter(None, sentences)))


def pair_cells(pair: Pair) -> tuple[str, ...]:
    """Return the row of a pair: its name, and a cell for each of ``PAIR_COLUMNS``."""
    tested = pair.difference
    return (
        f"{pair.first} less {pair.second}",
        interval(tested.bits_per_note),
        shown_p_value(pair),
        _ABOUT[tested.about],
        f"{tested.n_better} of {tested.n_tunes}",
        "" if tested.leverage is None or math.isnan(tested.leverage.without) else f"{tested.leverage.without:.3f}",
    )


def _weights(pairs: Sequence[Pair]) -> str:
    """Return a sentence on the pair that rests most on few tunes; empty if none has a share."""
    shares = [
        (pair.difference.leverage.share, pair, pair.difference.leverage)
        for pair in pairs
        if pair.difference.leverage and not math.isnan(pair.difference.leverage.share)
    ]
    if not shares:
        return ""
    share, pair, leverage = max(shares, key=lambda of_pair: of_pair[0])
    n = len(leverage.tunes)
    return (
        f"The last column leaves out the {n} tunes that speak most for the difference: they are at most {share:.0%} of "
        f"it, with {leverage.share_of_notes:.0%} of the notes ({pair.first} less {pair.second}, above all "
        f"{pair.weightiest})."
    )


def shown_p_value(pair: Pair) -> str:
    """Return the p value of a pair as text, with * if it is significant, which takes several runs of each model."""
    if math.isnan(pair.p_value):
        return "not defined"
    number = "< 0.001" if pair.p_value < 0.001 else f"{pair.p_value:.3f}"
    return f"{number} *" if pair.is_significant else number
