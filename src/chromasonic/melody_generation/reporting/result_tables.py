"""What was measured, as tables of text: of one model, of several beside each other, and of a songbook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chromasonic.melody_generation.evaluation.compare import Comparison, Pair
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel, estimate_from
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.features import FEATURES
from chromasonic.melody_generation.melody import REST
from chromasonic.melody_generation.pages.generated_set import GeneratedSet
from chromasonic.melody_generation.pages.listening import ScoredMelodies
from chromasonic.melody_generation.pages.tables import Table, interval
from chromasonic.melody_generation.reporting.diagnosis_report import diagnosis_tables

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
_ALL_PAIRS_UP_TO = 6  # models; of more, the best is set against each of the others


def score_tables(results: Mapping[str, Any]) -> tuple[Table, ...]:
    """What was measured of one model: its scores beside those of real tunes, what it copies, and where it fails.

    Args:
        results: As :meth:`~chromasonic.melody_generation.evaluation.evaluate.Evaluation.results` gives them.
    """
    scores, real, words = results["scores"], results["real"], results["words"]
    rows = tuple(
        (title, interval(estimate_from(scores[name])), _value(real.get(name)), words.get(name, ""))
        for title, name in _SCORE_TITLES.items()
    )
    samples = results["samples"]
    first = Table(
        f"Scores of {results['model']}",
        ("", "score [95 % interval]", "real tunes", "in words"),
        rows,
        f"Predictions: {results['n_test_tunes']} test tunes, {results['n_test_notes']} notes, test set "
        f"{results['test_set_hash']}. Melodies: {samples['n_samples']} of its own, seed {samples['seed']}, temperature "
        f"{samples['temperature']:g}; calibrated on {results['calibrated_on']}.{_cautions(results)}",
    )
    copying = results["copying"]
    others = diagnosis_tables(results["diagnosis"])
    return (first, _copying_table(copying), *others) if copying else (first, *others)


def _cautions(results: Mapping[str, Any]) -> str:
    """What else a reader of the scores should know, a sentence each."""
    samples = results["samples"]
    n_silent = {
        "of the melodies": (samples["summary"] or {}).get("n_undefined", 0),
        "of the real tunes": (results["real_tunes"] or {}).get("n_undefined", 0),
    }
    found = [f"{n} {whose} have fewer than two sounding notes, and count as 0." for whose, n in n_silent.items() if n]
    if samples["n_cut"]:
        found.append(
            f"{samples['n_cut']} were not at their end after {samples['max_notes']} notes, and were cut there."
        )
    if results["n_impossible_tunes"]:
        found.append(f"In {results['n_impossible_tunes']} test tunes something comes that the model rules out.")
    if results["copying"] is None:
        found.append("Copying and novelty are not defined, since the training tunes are not known; overall is without.")
    if results.get("is_finished") is False:
        found.append("The run is not finished: it is judged as it is.")
    return "".join(f" {sentence}" for sentence in found)


def _copying_table(copying: Mapping[str, Any]) -> Table:
    columns = ("Copying", "its melodies", "real tunes")
    worst = copying["most_copied"]
    title, place = worst["title"], worst["source"]
    source = (f'"{title}"' + (f" ({place})" if place else "")) if title else place or "a training tune"
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


def feature_tables(results: Mapping[str, Any]) -> tuple[Table, ...]:
    """Each feature of one model's melodies beside that of real tunes, and how far the two overlap; none if unknown.

    Args:
        results: As :meth:`~chromasonic.melody_generation.evaluation.evaluate.Evaluation.results` gives them.
    """
    overlap, own, real = results["overlap"], results["samples"]["summary"], results["real_tunes"]
    if not (overlap and own and real):
        return ()
    rows = tuple(
        (
            f"{feature.label}, {feature.unit}" if feature.unit else feature.label,
            _value(own["values"].get(name)),
            _value(real["values"].get(name)),
            _share(overlap["samples"].get(name)),
            _share(overlap["real"].get(name)),
        )
        for name, feature in FEATURES.items()
        if name in own["values"]
    )
    columns = ("What melodies are like", "its melodies", "real tunes", "overlap", "at best")
    note = (
        "Overlap of the two distributions, from 0 to 1 (Yang and Lerch 2018); at best: of one half of the real tunes "
    )
    return (Table("", columns, rows, f"{note}with the other."),)


def comparison_tables(comparison: Comparison) -> tuple[Table, ...]:
    """Models beside each other, how they predict and what their melodies are worth, and each pair of them."""
    tables = (_prediction_table(comparison), _melodies_table(comparison))
    return (*tables, _differences_table(comparison)) if comparison.pairs else tables


def _prediction_table(comparison: Comparison) -> Table:
    rows = [
        (
            named(each),
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
            named(each),
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


def named(contender: ComparedModel) -> str:
    """What tables and figures call a model: its name, and how many seeds it was trained with."""
    return contender.name + (f" ({len(contender.results)} seeds)" if contender.spread else "")


def _cell(contender: ComparedModel, measure: str, *, brief: bool = False) -> str:
    score = contender.scores[measure]
    digits = 3 if measure in {"bits_per_note", "accuracy"} else 2
    if contender.spread and math.isfinite(score.value):
        return f"{score.value:.{digits}f} ± {contender.spread[measure]:.{digits}f}"
    return interval(Estimate(score.value, math.nan, math.nan) if brief else score, digits)


def _differences_table(comparison: Comparison) -> Table:
    several = len(comparison.contenders) > _ALL_PAIRS_UP_TO
    best = comparison.contenders[0].name
    rows = tuple(
        (
            f"{pair.first} less {pair.second}",
            interval(pair.difference.bits_per_note),
            _p_value(pair),
            f"{pair.difference.n_better} of {pair.difference.n_tunes}",
        )
        for pair in comparison.pairs
        if not several or pair.first == best
    )
    return Table(
        "",
        ("Tune by tune", "bits per note", "p", "better on"),
        rows,
        "Paired permutation test over the tunes, of these runs; p is adjusted for the number of pairs (Holm), * is "
        "below 0.05." + " All other pairs are in model_comparison.json." * several,
    )


def _p_value(pair: Pair) -> str:
    if math.isnan(pair.p_value):
        return "not defined"
    number = "< 0.001" if pair.p_value < 0.001 else f"{pair.p_value:.3f}"
    return f"{number} *" if pair.is_significant else number


def generated_set_table(songbook: GeneratedSet) -> Table:
    """What was made: each melody's length, its overall score, and what it shares with a training tune."""
    judged = songbook.judged
    columns = ("file", "bars", "notes", *(["overall"] if judged.scores else []))
    columns += ("in a row as in a training tune",) if judged.copying else ()
    rows = []
    for place, (stem, melody) in enumerate(zip(songbook.stems, songbook.melodies, strict=True)):
        row = [stem, str(len(melody.bar_lines)), str(int((melody.pitches != REST).sum()))]
        if judged.scores:
            score = float(judged.scores.overall[place])
            row.append("not defined" if math.isnan(score) else f"{score:.2f}")
        if judged.copying:
            row.append(_shared_run(judged, place))
        rows.append(tuple(row))
    return Table("Melodies", columns, tuple(rows), " ".join(filter(None, (_beside_real_tunes(judged), _cut(songbook)))))


def _cut(songbook: GeneratedSet) -> str:
    """How many of the melodies were ended for the model."""
    n, of = songbook.n_cut, len(songbook.melodies)
    if not n:
        return ""
    return (
        f"{n} of {of} had not come to their end after {songbook.max_notes} notes and rests (max_notes) and were ended."
    )


def _shared_run(judged: ScoredMelodies, place: int) -> str:
    run = judged.copying[place].passage if judged.copying else None
    if not run or not run.n_notes or not judged.standard or not judged.standard.novelty:
        return "none"
    tune = judged.standard.novelty.melodies[run.source]
    return f"{run.n_notes} of {tune.title or tune.source or f'tune {run.source + 1}'}"


def _beside_real_tunes(judged: ScoredMelodies) -> str:
    """What the melodies' scores are to be read against."""
    if judged.standard is None or judged.standard.real is None:
        unjudged = "What is copied is not judged: the run's tunes (tunes.npz) do not lie beside its checkpoints."
        known = (
            "" if judged.scores else "Scores are not defined: the checkpoint knows too little of its training tunes. "
        )
        return known + unjudged
    note = f"Held-out real tunes score {judged.standard.real.summary().overall.value:.2f} overall"
    if judged.standard.real_copying:
        shared = [each.passage.n_notes for each in judged.standard.real_copying]
        note += f" and share {sum(shared) / len(shared):.0f} notes in a row with a training tune"
    return f"{note}."


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _value(values: Mapping[str, Any] | None) -> str:
    return "" if values is None or values["value"] is None else f"{values['value']:.3f}"
