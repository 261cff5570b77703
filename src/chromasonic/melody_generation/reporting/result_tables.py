"""Tables of the results of one model: scores, copying, diagnosis and features."""

from __future__ import annotations

import math
from collections.abc import Sequence

from chromasonic.melody_generation.evaluation.record_parts import (
    CopyingRecord,
    Diagnosis,
    DiagnosisPart,
    SharedRecord,
)
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.measures.bits_by_group import TokenGroup
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.features import FEATURES
from chromasonic.melody_generation.pages.tables import Table, interval
from chromasonic.melody_generation.reporting.distance_tables import distance_tables

_SCORE_TITLES = {
    "bits per note": "bits_per_note",
    "perplexity": "perplexity",
    "note accuracy": "accuracy",
    "pitch accuracy": "pitch_accuracy",
    "duration accuracy": "duration_accuracy",
    "diversity": "diversity",
    "coherence": "coherence",
    "musicality": "musicality",
    "typicality": "overall_score",
}
N_SHOWN_PARTS = 6  # of a division in tables and charts; the rest is shown as one


def score_tables(record: EvaluationRecord) -> tuple[Table, ...]:
    """Return the scores beside those of real tunes, the distance from these, what is copied, and where the bits go."""
    samples = record.samples
    rows = tuple(
        (title, interval(record.scores[name]), _value(record.real.get(name)), record.words.get(name, ""))
        for title, name in _SCORE_TITLES.items()
    )
    lengths = "as long as training tunes" if samples.outline else "as long as the model likes"
    scores = Table(
        f"Scores of {record.model}",
        ("", "score [95 % interval]", "real tunes", "beside them"),
        rows,
        f"Predictions: {record.n_test_tunes} test tunes, {record.n_test_notes} notes, test set "
        f"{record.test_set_hash}. Melodies: {samples.n_samples} generated, seed {samples.seed}, temperature "
        f"{samples.temperature:g}, {lengths}; calibrated on "
        f"{record.calibrated_on}.{_cautions(record)}",
    )
    copying = (_copying_table(record.copying),) if record.copying else ()
    return (scores, *distance_tables(record.distance), *copying, *diagnosis_tables(record.diagnosis))


def _cautions(record: EvaluationRecord) -> str:
    """Return a sentence for everything else that a reader of the scores should know."""
    samples, real = record.samples, record.real_tunes
    n_silent = {
        "of the melodies": samples.summary.n_undefined if samples.summary else 0,
        "of the real tunes": real.n_undefined if real else 0,
    }
    cautions = [
        f"{n} {of_which} have fewer than two sounding notes, and count as 0." for of_which, n in n_silent.items() if n
    ]
    if samples.n_cut:
        cautions.append(f"{samples.n_cut} did not end within {samples.max_notes} notes and were cut.")
    if record.n_impossible_tunes:
        cautions.append(f"{record.n_impossible_tunes} test tunes hold a token of probability 0.")
    if record.copying is None:
        cautions.append(
            "Copying and novelty are not defined, since the training tunes are not known; typicality is without them."
        )
    if not record.is_finished:
        cautions.append("The run is not finished.")
    return "".join(f" {sentence}" for sentence in cautions)


def _copying_table(copying: CopyingRecord) -> Table:
    worst = copying.most_copied
    named = f'"{worst.title}"' + (f" ({worst.source})" if worst.source else "") if worst.title else worst.source
    note = (
        f"Most copied: melody {worst.sample + 1} shares {worst.n_notes} notes in a row with "
        f"{named or 'a training tune'}."
    )

    def row(title: str, name: str, digits: int) -> tuple[str, ...]:
        return (title, *(interval(_of(shared, name), digits) for shared in (copying.samples, copying.real)))

    return Table(
        "",
        ("Copying", "its melodies", "real tunes"),
        (
            row("novelty (8-grams not in training)", "novelty", 3),
            row("longest shared run, in notes", "run_notes", 1),
            row("as a part of the melody", "run_share", 3),
        ),
        note if worst.n_notes else "No melody shares a note with a training tune.",
    )


def _of(shared: SharedRecord, name: str) -> Estimate:
    value: Estimate = getattr(shared, name)
    return value


def diagnosis_tables(diagnosis: Diagnosis) -> tuple[Table, Table]:
    """Return the bits by part of every division, and the hardest tunes."""
    n_notes = sum(part.n_notes for part in diagnosis.quarter) or 1
    parts = [
        (f"{prefix}{part.name}", part)
        for prefix, division in (
            ("", diagnosis.token),
            ("", diagnosis.quarter),
            ("earlier match: ", diagnosis.match),
            ("repeats itself: ", diagnosis.copying),
            ("in ", diagnosis.metre),
            ("in ", diagnosis.mode),
            ("in ", diagnosis.key),
        )
        for part in main_parts(division)
    ]
    where = Table(
        "",
        ("Where its bits go", "bits per note", "notes", "share"),
        tuple(
            (title, _number(part.bits_per_note), f"{part.n_notes:,}", f"{part.n_notes / n_notes:.0%}")
            for title, part in parts
        ),
        "Earlier match: the longest run of tokens right before a note that occurred earlier in the same tune.",
    )
    hardest = Table(
        "",
        ("Hardest test tunes", "bits per note", "notes", "number"),
        tuple(
            (tune.title or tune.source, _number(tune.bits_per_note), str(tune.n_notes), str(tune.index + 1))
            for tune in diagnosis.hardest
        ),
        "surprise= takes these numbers.",
    )
    return (where, hardest)


def main_parts(parts: Sequence[DiagnosisPart]) -> list[DiagnosisPart]:
    """Return the first ``N_SHOWN_PARTS`` parts, and the others as one."""
    hidden = parts[N_SHOWN_PARTS:]
    if len(hidden) < 2:
        return list(parts)
    bits = sum(0 if math.isnan(part.bits) else part.bits for part in hidden)
    together = TokenGroup(f"{len(hidden)} others", bits, sum(part.n_notes for part in hidden))
    return [*parts[:N_SHOWN_PARTS], DiagnosisPart.of(together)]


def feature_tables(record: EvaluationRecord) -> tuple[Table, ...]:
    """Return each feature of the samples beside that of real tunes, and their overlap; no table without scores."""
    overlap, own, real = record.overlap, record.samples.summary, record.real_tunes
    if not (overlap and own and real):
        return ()
    rows = tuple(
        (
            f"{feature.label}, {feature.unit}" if feature.unit else feature.label,
            _value(own.values.get(name)),
            _value(real.values.get(name)),
            _share(overlap.samples.get(name, math.nan)),
            _share(overlap.real.get(name, math.nan)),
        )
        for name, feature in FEATURES.items()
        if name in own.values
    )
    columns = ("What melodies are like", "its melodies", "real tunes", "overlap", "at best")
    note = (
        "Overlap of the two distributions, from 0 to 1 (Yang and Lerch 2018); at best: of one half of the real tunes "
    )
    return (Table("", columns, rows, f"{note}with the other."),)


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.3f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _value(score: Estimate | None) -> str:
    return "" if score is None or math.isnan(score.value) else f"{score.value:.3f}"
