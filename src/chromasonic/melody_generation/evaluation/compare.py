"""Compare models: which is better, by how much, and whether the difference may be chance.

The comparison works on the records of evaluations, so that runs from different times and machines compare without
being evaluated again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compared_models import ComparedModel, compared_models
from chromasonic.melody_generation.evaluation.record_parts import TuneRecord
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.comparisons.leverage import Leverage
from chromasonic.melody_generation.measures.comparisons.paired_differences import Difference, difference
from chromasonic.melody_generation.measures.comparisons.several_tests import holm
from chromasonic.melody_generation.melody import FloatArray
from chromasonic.melody_generation.runs.json_records import null_for_nan

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Pair:
    """Two models on the same tunes.

    Attributes:
        first: Name of the first model.
        second: Name of the second model.
        difference: Bits of the first minus bits of the second.
        p_value: Adjusted for the number of pairs; NaN for fewer than two tunes.
        weightiest: Title of the tune that speaks most for the difference; its source or hash if it has none.
    """

    first: str
    second: str
    difference: Difference
    p_value: float
    weightiest: str = ""

    @property
    def is_significant(self) -> bool:
        """True if the recipes of both models differ: the p value is below 5 % over all pairs, and is about recipes.

        Two runs may differ by their seeds alone, so that a pair with a single run is never significant.
        """
        return self.difference.about == "recipes" and self.p_value < SIGNIFICANT

    def to_json(self) -> JsonObject:
        """Return plain values; NaN for undefined numbers."""
        tested = self.difference
        return {
            "first": self.first,
            "second": self.second,
            **asdict(tested.bits_per_note),
            "p_value": self.p_value,
            "about": tested.about,
            "is_significant": self.is_significant,
            "n_better": tested.n_better,
            "n_tunes": tested.n_tunes,
            "leverage": _leverage(tested.leverage, self.weightiest) if tested.leverage else None,
        }


def _leverage(leverage: Leverage, weightiest: str) -> JsonObject:
    return {
        "n_tunes": len(leverage.tunes),
        "share": leverage.share,
        "share_of_notes": leverage.share_of_notes,
        "without": leverage.without,
        "weightiest": weightiest,
    }


@dataclass(frozen=True)
class Comparison:
    """Models on the same test tunes, the best predictor first.

    Attributes:
        models: The models.
        pairs: Every pair of models.
        failures: The reason for every run that is not compared, by name.
        test_set_hash: Hash of the test tunes.
        n_tunes: Number of test tunes.
        real: Scores of the test tunes themselves.
        notes: Sentences on what makes scores less comparable.
    """

    models: tuple[ComparedModel, ...]
    pairs: tuple[Pair, ...]
    failures: Mapping[str, str]
    test_set_hash: str
    n_tunes: int
    real: Mapping[str, Estimate]
    notes: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Return the content of ``model_comparison.json``; None for undefined numbers."""
        values: JsonObject = null_for_nan(
            {
                "test_set_hash": self.test_set_hash,
                "n_test_tunes": self.n_tunes,
                "models": {model.name: model.to_json() for model in self.models},
                "best": self.models[0].name if self.models else None,
                "differences": [pair.to_json() for pair in self.pairs],
                "real": {name: asdict(score) for name, score in self.real.items()},
                "failures": dict(self.failures),
                "notes": list(self.notes),
            }
        )
        return values


def compare(records: Mapping[str, EvaluationRecord], failures: Mapping[str, str] | None = None) -> Comparison:
    """Compare the evaluations of several runs.

    Runs with the same configuration and different seeds are compared as one model.

    Args:
        records: The evaluation of each run, by a name of the run such as its folder.
        failures: The reason for every other run, by name.

    Raises:
        InputError: If there is no evaluation, or they are of different test sets; the message names the runs.
    """
    if not records:
        reasons = "".join(f"; {name}: {reason}" for name, reason in (failures or {}).items())
        raise InputError(f"there is nothing to compare: no run has results{reasons}")
    check_test_sets(records)
    models = compared_models(records)
    first = next(iter(records.values()))
    return Comparison(
        models=tuple(models),
        pairs=compare_pairs(list(itertools.combinations(models, 2)), first),
        failures=dict(failures or {}),
        test_set_hash=first.test_set_hash,
        n_tunes=len(first.tunes),
        real=first.real,
        notes=_notes(records, {run: model.name for model in models for run in model.runs}),
    )


class OtherTestTunesError(InputError):
    """Runs cannot be compared since they are evaluated on different test tunes."""


def check_test_sets(records: Mapping[str, EvaluationRecord]) -> None:
    """Raise an error if evaluations are of different test tunes.

    Args:
        records: The evaluation of each run, by name.

    Raises:
        OtherTestTunesError: Naming the runs of each test set.
    """
    by_hash: dict[str, list[str]] = {}
    for name, record in records.items():
        by_hash.setdefault(record.test_set_hash, []).append(name)
    if len(by_hash) > 1:
        parts = "; ".join(f"test set {key}: {', '.join(names)}" for key, names in by_hash.items())
        raise OtherTestTunesError(
            f"scores of different test tunes cannot be compared ({parts}): compare runs of the same dataset, "
            "dataset.split_seed and min_melody_length"
        )
    if len({len(record.tunes) for record in records.values()}) > 1:
        raise InputError("the results list different numbers of test tunes: evaluate the runs again")


def compare_pairs(
    pairs: Sequence[tuple[ComparedModel, ComparedModel]], reference: EvaluationRecord
) -> tuple[Pair, ...]:
    """Test the difference of each pair of models, tune by tune.

    Args:
        pairs: The pairs; p values are adjusted for their number.
        reference: Any evaluation on the same tunes, for their lengths and titles.
    """
    tunes = reference.tunes_by_hash
    n_notes: FloatArray = np.array([tune.n_notes for tune in tunes], dtype=np.float64)
    differences = [difference(first.bits, second.bits, n_notes) for first, second in pairs]
    adjusted = holm([tested.p_value for tested in differences])
    return tuple(
        Pair(first.name, second.name, tested, p_value, _weightiest(tested, tunes))
        for (first, second), tested, p_value in zip(pairs, differences, adjusted, strict=True)
    )


def _weightiest(tested: Difference, tunes: Sequence[TuneRecord]) -> str:
    if tested.leverage is None:
        return ""
    tune = tunes[tested.leverage.tunes[0]]
    return tune.title or tune.source or tune.hash


def _notes(records: Mapping[str, EvaluationRecord], models: Mapping[str, str]) -> tuple[str, ...]:
    """Return sentences on what makes scores less comparable.

    Args:
        records: The evaluation of each run, by name.
        models: The name of the model of each run.
    """
    notes = [
        f"{models[run]} ({run}) is compared before the end of its training."
        for run, record in records.items()
        if not record.is_finished
    ]
    checkpoints: dict[str, list[str]] = {}
    for run, record in records.items():
        checkpoints.setdefault(record.checkpoint or run, []).append(run)
    notes += [f"{' and '.join(runs)} hold the same model." for runs in checkpoints.values() if len(runs) > 1]
    calibrations = {record.calibrated_on: models[run] for run, record in records.items()}
    settings = {_settings(record): models[run] for run, record in records.items()}
    for sentence, values in (
        ("Diversity, coherence and musicality were calibrated on different tunes", calibrations),
        ("Melodies were sampled in different ways", settings),
    ):
        if len(values) > 1:
            notes.append(f"{sentence}: {'; '.join(f'{name}: {value}' for value, name in values.items())}.")
    return tuple(notes)


def _settings(record: EvaluationRecord) -> str:
    return ", ".join(f"{name} {value}" for name, value in vars(record.samples.settings).items())
