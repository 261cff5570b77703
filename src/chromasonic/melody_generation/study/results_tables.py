"""The tables of the page of results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from chromasonic.melody_generation.evaluation.compared_models import estimate_from, in_order
from chromasonic.melody_generation.evaluation.diagnosis import COPIES_FROM, QUARTERS, match_names
from chromasonic.melody_generation.measures.paired_differences import difference, holm
from chromasonic.melody_generation.pages.tables import Table, interval
from chromasonic.melody_generation.runs.model_metadata import Lineage
from chromasonic.melody_generation.study.plan import Ablation
from chromasonic.melody_generation.study.run_numbers import Model, Numbers, Spread, manifest

_SIGNIFICANT = 0.05
# Columns of the table on sound, by the scores that they show.
_SOUND = {
    "diversity": "diversity",
    "coherence": "coherence",
    "musicality": "musicality",
    "overall": "overall_score",
}
# Columns of the table on copying: a division of the diagnosis, and the name of its part.
_PARTS = {
    f"after {COPIES_FROM} or more": ("copying", f"{COPIES_FROM} or more"),
    "after none": ("match", match_names()[0]),
    QUARTERS[0]: ("quarter", QUARTERS[0]),
    QUARTERS[-1]: ("quarter", QUARTERS[-1]),
}


def main_table(numbers: Numbers) -> Table:
    """Every model beside the others, the best first, and held-out real tunes."""
    rows = [
        (
            model.part.title,
            str(model.bits("validation")),
            str(model.bits("test")),
            _below(numbers.reference, model),
            str(_accuracy(model)),
            _score(model, "overall_score"),
            _novelty(model).text(2),
            f"{model.results[0]['cost']['parameters']:,}",
            _minutes(model),
        )
        for model in numbers.rows
    ]
    columns = (
        *("model", "validation", "test", f"below {numbers.reference.part.title}", "note accuracy"),
        *("overall", "novelty", "parameters", "core-minutes"),
    )
    return Table("", columns, (*rows, _real_tunes(numbers, columns)))


def summary_table(numbers: Numbers) -> Table:
    """Return the short table of the front page."""
    rows = [
        (
            model.part.title,
            str(model.bits("test")),
            str(_accuracy(model)),
            _score(model, "overall_score"),
            _novelty(model).text(2),
            _minutes(model),
        )
        for model in numbers.front_page
    ]
    columns = ("model", "test bits per note", "note accuracy", "overall", "novelty", "core-minutes")
    return Table("", columns, (*rows, _real_tunes(numbers, columns)))


def _real_tunes(numbers: Numbers, columns: Sequence[str]) -> tuple[str, ...]:
    """What held-out real tunes score, as the last row."""
    results = numbers.rows[0].results[0]
    cells = {
        columns[0]: "held-out real tunes",
        **{column: interval(estimate_from(results["real"][score]), 2) for column, score in _SOUND.items()},
        "novelty": interval(estimate_from(results["copying"]["real"]["novelty"]), 2) if results["copying"] else "",
    }
    return tuple(cells.get(column, "") for column in columns)


def _below(reference: Model, model: Model) -> str:
    """How many bits a model needs less than the reference, on test."""
    margin = reference.bits("test").mean - model.bits("test").mean
    return "" if model is reference else f"{margin:.3f}"


def _accuracy(model: Model) -> Spread:
    return model.over_seeds(lambda results: results["accuracy"])


def _novelty(model: Model) -> Spread:
    return model.over_seeds(
        lambda results: results["copying"]["samples"]["novelty"]["value"] if results["copying"] else None
    )


def _score(model: Model, name: str) -> str:
    """The mean over seeds with its spread; of a single run, with its interval over melodies."""
    if len(model.results) == 1:
        return interval(estimate_from(model.results[0]["scores"][name]), 2)
    return model.over_seeds(lambda results: results["scores"][name]["value"]).text(2)


def _minutes(model: Model) -> str:
    own, in_all = model.core_minutes, model.core_minutes_in_all
    return f"{own:.1f}" if in_all - own < 0.05 else f"{own:.1f} ({in_all:.1f} in all)"


def copying_table(numbers: Numbers) -> Table:
    """Bits per note where the tune repeats itself and where it does not, and by quarter."""
    rows = [
        (
            model.part.title,
            *(model.over_seeds(partial(_bits_of_part, division, name)).text(2) for division, name in _PARTS.values()),
        )
        for model in numbers.rows
    ]
    return Table("", ("bits per note", *_PARTS), tuple(rows))


def _bits_of_part(division: str, name: str, results: Mapping[str, Any]) -> float | None:
    """Bits per note in one part of a diagnosis; None where there is no such note."""
    found = (part["bits_per_note"] for part in results["diagnosis"][division] if part["name"] == name)
    return next(found, None)


def sound_table(numbers: Numbers) -> Table:
    """How a model's own melodies score, by what is judged, and held-out real tunes."""
    rows = [(model.part.title, *(_score(model, name) for name in _SOUND.values())) for model in numbers.rows]
    columns = ("melodies of", *_SOUND)
    return Table("", columns, (*rows, _real_tunes(numbers, columns)))


def neighbours_table(numbers: Numbers) -> Table:
    """Each model against the next of the main table, tune by tune."""
    contenders = [model.contender() for model in numbers.rows]
    n_notes = np.array([tune["notes"] for tune in in_order(numbers.rows[0].results[0]["tunes"])], dtype=np.float64)
    couples = list(pairwise(contenders))
    found = [difference(first.bits, second.bits, n_notes) for first, second in couples]
    rows = tuple(
        (
            f"{first.name} less {second.name}",
            interval(each.bits_per_note),
            _p_value(p),
            f"{each.n_better} of {each.n_tunes}",
        )
        for (first, second), each, p in zip(couples, found, holm([each.p_value for each in found]), strict=True)
    )
    return Table("", ("tune by tune", "bits per note [95 % interval]", "p", "better on"), rows)


def _p_value(p: float) -> str:
    if math.isnan(p):
        return "not defined"
    return ("< 0.001" if p < 0.001 else f"{p:.3f}") + " *" * (p < _SIGNIFICANT)


def ablation_table(ablation: Ablation, base: Model, variants: Sequence[Model]) -> Table:
    """A base and its variants; the base is a row of its own where no variant is the same run."""
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


def _seeds(variants: Sequence[Model]) -> list[int]:
    """Those with which all variants were run."""
    common = set.intersection(*({run.seed for run in variant.runs} for variant in variants))
    return sorted(common)


def _more(base: Model, model: Model, side: str, seeds: Sequence[int]) -> str:
    """How many bits a variant needs more than its base."""
    if model.runs[0] == base.runs[0]:
        return ""
    return f"{model.bits(side, seeds).mean - base.bits(side, seeds).mean:+.3f}"


def pretraining_table(numbers: Numbers) -> Table:
    """What the pretrained models have learned from."""
    rows = []
    for model in numbers.pretraining:
        split = manifest(model.runs[0])
        left_out = split.get("guard", {}).get("left_out", [])
        rows.append(
            (
                model.part.title,
                f"{split['counts']['train']:,}",
                f"{len(left_out):,}",
                f"{model.bits('validation')}{_caution(model)}",
                f"{model.core_minutes:.1f}",
            )
        )
    columns = ("pretrained", "training tunes", "left out by the guard", "bits per note on its own validation tunes")
    return Table("", (*columns, "core-minutes"), tuple(rows))


def _caution(model: Model) -> str:
    """A word where a model's teacher has learned from what it is scored on."""
    is_clean = all(results["hash"] in Lineage.from_values(results).unseen for results in model.results)
    return "" if is_clean else " (its teacher has seen some of them)"
