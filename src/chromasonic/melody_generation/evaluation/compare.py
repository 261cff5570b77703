"""Several models beside each other: who is better, by how much, and whether that may be chance.

Works on results as ``evaluate`` gives them, plain values, so that runs
made at different times and places compare without being read again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compared_models import (
    SETTINGS,
    ComparedModel,
    check_complete,
    compared_models,
    estimate_from,
    in_order,
)
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.melody_scores import without_nan
from chromasonic.melody_generation.measures.paired_differences import Difference, difference, holm
from chromasonic.melody_generation.melody import FloatArray

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Pair:
    """Two models on the same tunes.

    Attributes:
        first: Name of the one.
        second: Name of the other.
        difference: The first's bits less the second's.
        p_value: Adjusted for the number of pairs; NaN for fewer than two tunes.
    """

    first: str
    second: str
    difference: Difference
    p_value: float

    @property
    def is_significant(self) -> bool:
        """Whether chance is ruled out at 5 % over all pairs."""
        return self.p_value < SIGNIFICANT


@dataclass(frozen=True)
class Comparison:
    """Models on the same test tunes, the best predictor first.

    Attributes:
        contenders: The models.
        pairs: Each against each.
        failures: Why a run is not among them, by its name.
        test_set_hash: Of the tunes that all were scored on.
        n_tunes: These tunes.
        real: What held-out real tunes score.
        notes: What a reader should know.
    """

    contenders: tuple[ComparedModel, ...]
    pairs: tuple[Pair, ...]
    failures: Mapping[str, str]
    test_set_hash: str
    n_tunes: int
    real: Mapping[str, Estimate]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values; what is not defined is None."""
        found: dict[str, Any] = without_nan(
            {
                "test_set_hash": self.test_set_hash,
                "n_test_tunes": self.n_tunes,
                "models": {each.name: each.to_dict() for each in self.contenders},
                "best": self.contenders[0].name if self.contenders else None,
                "differences": [
                    {
                        "first": pair.first,
                        "second": pair.second,
                        **asdict(pair.difference.bits_per_note),
                        "p_value": pair.p_value,
                        "is_significant": pair.is_significant,
                        "n_better": pair.difference.n_better,
                        "n_tunes": pair.difference.n_tunes,
                    }
                    for pair in self.pairs
                ],
                "real": {name: asdict(each) for name, each in self.real.items()},
                "failures": dict(self.failures),
                "notes": list(self.notes),
            }
        )
        return found


def compare(results: Mapping[str, Mapping[str, Any]], failures: Mapping[str, str] | None = None) -> Comparison:
    """Compare what was measured of several runs.

    Runs with the same configuration but for the seed become one contender. Names come from the models; where they
    are the same, what else differs in their configurations is added.

    Args:
        results: Of each run, by a name of its own, such as its folder's.
        failures: Why further runs have no results, by name.

    Raises:
        InputError: If there are no results, some are incomplete, or they are of different test sets; the message says
            which.
    """
    for name, each in results.items():
        check_complete(name, each)
    if not results:
        reasons = "".join(f"; {name}: {reason}" for name, reason in (failures or {}).items())
        raise InputError(f"there is nothing to compare: no run has results{reasons}")
    check_test_sets(results)
    contenders = compared_models(results)
    first = next(iter(results.values()))
    return Comparison(
        contenders=tuple(contenders),
        pairs=_pairs(contenders, np.array([tune["notes"] for tune in in_order(first["tunes"])], dtype=np.float64)),
        failures=dict(failures or {}),
        test_set_hash=str(first["test_set_hash"]),
        n_tunes=len(first["tunes"]),
        real={name: estimate_from(each) for name, each in first["real"].items()},
        notes=_notes(results, {place: each.name for each in contenders for place in each.places}),
    )


def check_test_sets(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to compare scores of different test tunes.

    Args:
        results: Of each run, by a name of its own.

    Raises:
        InputError: Naming the runs of each test set.
    """
    by_hash: dict[str, list[str]] = {}
    for name, each in results.items():
        by_hash.setdefault(str(each.get("test_set_hash")), []).append(name)
    if len(by_hash) > 1:
        parts = "; ".join(f"test set {key}: {', '.join(names)}" for key, names in by_hash.items())
        raise InputError(
            f"scores of different test tunes cannot be compared ({parts}): compare runs of the same dataset, "
            "dataset.split_seed and min_melody_length"
        )
    lengths = {len(each["tunes"]) for each in results.values()}
    if len(lengths) > 1:
        raise InputError("the results list different numbers of test tunes: evaluate the runs again")


def _notes(results: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> tuple[str, ...]:
    """What makes scores less comparable than they look."""
    found = [
        f"{names[place]} ({place}) is judged as it is, in the middle of its training."
        for place, each in results.items()
        if each.get("is_finished") is False
    ]
    checkpoints: dict[str, list[str]] = {}
    for place, each in results.items():
        checkpoints.setdefault(str(each.get("checkpoint", place)), []).append(place)
    found += [f"{' and '.join(same)} hold the same model." for same in checkpoints.values() if len(same) > 1]
    calibrations = {str(each["calibrated_on"]): names[place] for place, each in results.items()}
    ways = {_settings(each["samples"]): names[place] for place, each in results.items()}
    for sentence, values in (
        ("Diversity, coherence and musicality were calibrated on different tunes", calibrations),
        ("Melodies were sampled in different ways", ways),
    ):
        if len(values) > 1:
            found.append(f"{sentence}: {'; '.join(f'{name}: {value}' for value, name in values.items())}.")
    return tuple(found)


def _settings(samples: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {samples[name]}" for name in SETTINGS)


def _pairs(contenders: Sequence[ComparedModel], n_notes: FloatArray) -> tuple[Pair, ...]:
    couples = list(itertools.combinations(contenders, 2))
    found = [difference(first.bits, second.bits, n_notes) for first, second in couples]
    adjusted = holm([each.p_value for each in found])
    return tuple(
        Pair(first.name, second.name, each, p_value)
        for (first, second), each, p_value in zip(couples, found, adjusted, strict=True)
    )
