"""The tables of the page of results."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from chromasonic.melody_generation.evaluation.compare import compare_pairs
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel
from chromasonic.melody_generation.evaluation.diagnosis import COPIES_FROM, QUARTERS, match_names
from chromasonic.melody_generation.evaluation.record_parts import Diagnosis, DiagnosisPart
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.pages.tables import Table, interval
from chromasonic.melody_generation.reporting.comparison_tables import PAIR_COLUMNS, auc_cell, pair_cells
from chromasonic.melody_generation.reporting.distance_tables import AUC_COLUMN
from chromasonic.melody_generation.study.plan import Ablation
from chromasonic.melody_generation.study.run_files import SplitSummary
from chromasonic.melody_generation.study.study_results import PartResults, Spread, StudyResults

_Division = Callable[[Diagnosis], Sequence[DiagnosisPart]]
# Columns of the table of scores of melodies, and the scores that they show.
_SCORE_COLUMNS = {
    "diversity": "diversity",
    "coherence": "coherence",
    "musicality": "musicality",
    "typicality": "overall_score",
}
# Columns of the table of distances, with the attribute of each and its digits.
_SETS = {"Fréchet distance": ("frechet", 1), "precision": ("precision", 2), "recall": ("recall", 2)}
_N_REASONS = 4
# Columns of the table of repetition: a division of the diagnosis, and the name of its part.
_PARTS: dict[str, tuple[_Division, str]] = {
    f"after {COPIES_FROM} or more": (lambda diagnosis: diagnosis.copying, f"{COPIES_FROM} or more"),
    "after none": (lambda diagnosis: diagnosis.match, match_names()[0]),
    QUARTERS[0]: (lambda diagnosis: diagnosis.quarter, QUARTERS[0]),
    QUARTERS[-1]: (lambda diagnosis: diagnosis.quarter, QUARTERS[-1]),
}


def main_table(results: StudyResults) -> Table:
    """Return all models, the best first, and held-out real tunes."""
    rows = [
        (
            model.part.title,
            str(model.bits("validation")),
            str(model.bits("test")),
            *(_below(reference, model) for reference in results.references),
            str(_accuracy(model)),
            _score(model, "overall_score"),
            auc_cell(model.compared_model()),
            _novelty(model).text(2),
            f"{model.first.cost.parameters:,}",
            _minutes(model),
        )
        for model in results.rows
    ]
    columns = (
        *("model", "validation", "test"),
        *(f"below {reference.part.title}" for reference in results.references),
        "note accuracy",
        *("typicality", AUC_COLUMN, "novelty", "parameters", "core-minutes"),
    )
    return Table("", columns, (*rows, _real_tunes(results, columns)))


def summary_table(results: StudyResults) -> Table:
    """Return the short table of the front page."""
    rows = [
        (
            model.part.title,
            str(model.bits("test")),
            str(_accuracy(model)),
            _score(model, "overall_score"),
            auc_cell(model.compared_model()),
            _novelty(model).text(2),
            _minutes(model),
        )
        for model in results.front_page
    ]
    columns = ("model", "test bits per note", "note accuracy", "typicality", AUC_COLUMN, "novelty", "core-minutes")
    return Table("", columns, (*rows, _real_tunes(results, columns)))


def _real_tunes(results: StudyResults, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the scores of held-out real tunes, as the last row."""
    record = results.rows[0].first
    cells = {
        columns[0]: "held-out real tunes",
        **{column: interval(record.real[score], 2) for column, score in _SCORE_COLUMNS.items()},
        AUC_COLUMN: interval(record.distance.two_sample_auc_floor, 2) if record.distance else "",
        "novelty": interval(record.copying.real.novelty, 2) if record.copying else "",
    }
    return tuple(cells.get(column, "") for column in columns)


def _below(reference: PartResults, model: PartResults) -> str:
    """Return how many bits per note on test a model is below the reference."""
    margin = reference.bits("test").mean - model.bits("test").mean
    return "" if model is reference else f"{margin:.3f}"


def _accuracy(model: PartResults) -> Spread:
    return model.over_seeds(lambda record: record.scores["accuracy"].value)


def _novelty(model: PartResults) -> Spread:
    return model.over_seeds(lambda record: record.copying.samples.novelty.value if record.copying else math.nan)


def _score(model: PartResults, name: str) -> str:
    """Return the mean over seeds with its spread; the score of a single run with its interval over melodies."""
    if len(model.runs) == 1:
        return interval(model.first.scores[name], 2)
    return model.over_seeds(lambda record: record.scores[name].value).text(2)


def _minutes(model: PartResults) -> str:
    own, in_all = model.core_minutes, model.core_minutes_in_all
    return f"{own:.1f}" if in_all - own < 0.05 else f"{own:.1f} ({in_all:.1f} in all)"


def copying_table(results: StudyResults) -> Table:
    """Return bits per note where tunes repeat themselves and where they do not, and by quarter."""
    rows = [
        (
            model.part.title,
            *(model.over_seeds(_bits_of_part(division, name)).text(2) for division, name in _PARTS.values()),
        )
        for model in results.rows
    ]
    return Table("", ("bits per note", *_PARTS), tuple(rows))


def _bits_of_part(division: _Division, name: str) -> Callable[[EvaluationRecord], float]:
    """Return a function that reads the bits per note of one part of a diagnosis; NaN if it has no notes."""

    def read(record: EvaluationRecord) -> float:
        return next((part.bits_per_note for part in division(record.diagnosis) if part.name == name), math.nan)

    return read


def melodies_table(results: StudyResults) -> Table:
    """Return the scores of the melodies that each model generates, and of held-out real tunes."""
    rows = [(model.part.title, *(_score(model, name) for name in _SCORE_COLUMNS.values())) for model in results.rows]
    columns = ("melodies of", *_SCORE_COLUMNS)
    return Table("", columns, (*rows, _real_tunes(results, columns)))


def distance_table(results: StudyResults) -> Table:
    """Return the distance of each model's melodies from real tunes, and its floor; no rows if none was measured."""
    rows = [
        (model.part.title, auc_cell(model.compared_model()), *(_of_sets(model, *column) for column in _SETS.values()))
        for model in results.rows
        if all(record.distance for record in model.evaluations)
    ]
    floor = next((model.first.distance for model in results.rows if model.first.distance), None)
    if floor:
        cells = (interval(getattr(floor.sets_floor, name), digits) for name, digits in _SETS.values())
        rows.append(("held-out real tunes", interval(floor.two_sample_auc_floor, 2), *cells))
    return Table("", ("melodies of", AUC_COLUMN, *_SETS), tuple(rows))


def _of_sets(model: PartResults, name: str, digits: int) -> str:
    """Return a distance of sets as ``_score`` returns a score."""
    if len(model.runs) == 1 and model.first.distance:
        return interval(getattr(model.first.distance.sets, name), digits)
    return model.over_seeds(
        lambda record: getattr(record.distance.sets, name).value if record.distance else math.nan
    ).text(digits)


def reasons_list(results: StudyResults) -> list[tuple[str, list[str]]]:
    """Return the title of each model, and what tells the melodies of its first run from real tunes."""
    return [
        (model.part.title, [reason.sentence() for reason in model.first.distance.reasons[:_N_REASONS]])
        for model in results.rows
        if model.first.distance and model.first.distance.reasons
    ]


def neighbours_table(results: StudyResults) -> Table:
    """Return the difference of each model from the next of the main table, tune by tune."""
    return _pairs_table(list(pairwise(row.compared_model() for row in results.rows)), results)


def reference_table(results: StudyResults) -> Table:
    """Return the difference of each other model from the reference, tune by tune."""
    reference = results.reference.compared_model()
    others = [row.compared_model() for row in results.rows if row is not results.reference]
    return _pairs_table([(model, reference) for model in others], results)


def _pairs_table(pairs: Sequence[tuple[ComparedModel, ComparedModel]], results: StudyResults) -> Table:
    rows = tuple(map(pair_cells, compare_pairs(pairs, results.rows[0].first)))
    return Table("", ("tune by tune", *PAIR_COLUMNS), rows)


def ablation_table(ablation: Ablation, base: PartResults, variants: Sequence[PartResults]) -> Table:
    """Return a base and its variants; the base has its own row unless a variant is the same run."""
    is_among = any(variant.runs[0] == base.runs[0] for variant in variants)
    models = [*([] if is_among else [base]), *variants]
    rows = tuple(
        (
            model.part.title,
            *(str(model.bits(side, _seeds(variants))) for side in ("validation", "test")),
            *(_more(base, model, side, _seeds(variants)) for side in ("validation", "test")),
        )
        for model in models
    )
    columns = (ablation.title.lower(), "validation", "test", "validation, more", "test, more")
    return Table("", columns, rows)


def _seeds(variants: Sequence[PartResults]) -> list[int]:
    """Return the seeds that all variants have."""
    common = set.intersection(*({run.seed for run in variant.runs} for variant in variants))
    return sorted(common)


def _more(base: PartResults, model: PartResults, side: str, seeds: Sequence[int]) -> str:
    """Return how many bits per note a variant is above its base."""
    if model.runs[0] == base.runs[0]:
        return ""
    return f"{model.bits(side, seeds).mean - base.bits(side, seeds).mean:+.3f}"


def pretraining_table(results: StudyResults) -> Table:
    """Return the training data and the scores of the pretrained models."""
    rows = []
    for model in results.pretraining:
        split = SplitSummary.read(model.runs[0].directory)
        rows.append(
            (
                model.part.title,
                f"{split.n_train:,}",
                f"{split.n_left_out:,}",
                f"{model.bits('validation')}{_caution(model)}",
                f"{model.core_minutes:.1f}",
            )
        )
    columns = ("pretrained", "training tunes", "left out by the guard", "bits per note on its own validation tunes")
    return Table("", (*columns, "core-minutes"), tuple(rows))


def _caution(model: PartResults) -> str:
    """Return a remark if a model's teacher has learned from tunes that the model is scored on."""
    all_metadata = [training.metadata for training in model.trainings]
    is_clean = all(metadata.split_hash in metadata.lineage.unseen for metadata in all_metadata)
    return "" if is_clean else " (its teacher has seen some of them)"
