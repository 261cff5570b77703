"""Several models beside each other: who is better, by how much, and whether that may be chance.

Works on results as :func:`~chromasonic.melody_generation.evaluation.evaluate` gives them, plain values, so that runs
made at different times and places compare without being read again.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation import SCORES
from chromasonic.melody_generation.measures.differences import Difference, difference, holm
from chromasonic.melody_generation.measures.features import FloatArray
from chromasonic.melody_generation.measures.summaries import Estimate, without_nan

MEASURES = (*SCORES, "bits_per_note", "pitch_accuracy", "duration_accuracy")
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Contender:
    """One model of a comparison: a single run, or several that differ in nothing but their seed.

    Attributes:
        name: What tables call it.
        scores: Each measure: for one run with its 95 % interval over tunes, for several their mean, least and most.
        spread: The standard deviation of each measure over the runs; empty for one.
        seeds: Of the runs, as far as they are known.
        bits: Bits for each test tune, the mean over the runs, shape (N,).
        parameters: Numbers that the network holds.
        minutes: Of training, the mean over the runs; NaN where it is not known.
        notes_per_second: Of sampling, likewise.
        results: What was measured of each run.
    """

    name: str
    scores: Mapping[str, Estimate]
    spread: Mapping[str, float]
    seeds: tuple[int, ...]
    bits: FloatArray
    parameters: int
    minutes: float
    notes_per_second: float
    results: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, name: str, results: Sequence[Mapping[str, Any]]) -> Contender:
        """Put the runs of one model together."""
        scores = {measure: _over_runs(measure, results) for measure in MEASURES}
        values = {measure: [_number(each["scores"][measure]["value"]) for each in results] for measure in MEASURES}
        spread = {measure: float(np.std(each, ddof=1)) for measure, each in values.items()} if len(results) > 1 else {}
        return cls(
            name=name,
            scores=scores,
            spread=spread,
            seeds=tuple(each["seed"] for each in results if isinstance(each.get("seed"), int)),
            bits=np.mean([[tune["bits"] for tune in each["tunes"]] for each in results], axis=0),
            parameters=int(results[0]["cost"]["parameters"]),
            minutes=float(np.mean([_number(each.get("minutes")) for each in results])),
            notes_per_second=float(np.mean([_number(each["cost"]["notes_per_second"]) for each in results])),
            results=tuple(results),
        )


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

    contenders: tuple[Contender, ...]
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
                "models": {each.name: _contender_dict(each) for each in self.contenders},
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
        _check_complete(name, each)
    if not results:
        reasons = "".join(f"; {name}: {reason}" for name, reason in (failures or {}).items())
        raise InputError(f"there is nothing to compare: no run has results{reasons}")
    _check_test_sets(results)
    groups: dict[str, list[str]] = {}
    for place, each in results.items():
        groups.setdefault(_without_seed(each, place), []).append(place)
    names = _names([results[places[0]] for places in groups.values()], [places[0] for places in groups.values()])
    contenders = [
        Contender.of(name, [results[place] for place in places])
        for name, places in zip(names, groups.values(), strict=True)
    ]
    contenders.sort(key=lambda each: each.scores["bits_per_note"].value)
    first = next(iter(results.values()))
    return Comparison(
        contenders=tuple(contenders),
        pairs=_pairs(contenders, np.array([tune["notes"] for tune in first["tunes"]], dtype=np.float64)),
        failures=dict(failures or {}),
        test_set_hash=str(first["test_set_hash"]),
        n_tunes=len(first["tunes"]),
        real={name: _estimate(each) for name, each in first["real"].items()},
        notes=_notes(results),
    )


def _check_complete(name: str, results: Mapping[str, Any]) -> None:
    """Refuse results that another program, or another version of this one, has written."""
    try:
        Contender.of(name, [results])
        for key in ("real", "test_set_hash", "calibrated_on", "samples"):
            results[key]
        for each in results["real"].values():
            _estimate(each)
        sum(tune["notes"] for tune in results["tunes"])
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise InputError(f"the results of {name} are incomplete ({problem!r}): evaluate the run again") from problem


def _check_test_sets(results: Mapping[str, Mapping[str, Any]]) -> None:
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


def _notes(results: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """What makes scores less comparable than they look."""
    found = []
    for key, sentence in (
        ("calibrated_on", "Diversity, coherence and musicality were calibrated on different tunes"),
        ("samples", "Melodies were sampled in different ways"),
    ):
        values = {_described(each[key]): name for name, each in results.items()}
        if len(values) > 1:
            found.append(f"{sentence}: {'; '.join(f'{name}: {value}' for value, name in values.items())}.")
    return tuple(found)


def _described(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items() if name != "summary")
    return str(value)


def _pairs(contenders: Sequence[Contender], n_notes: FloatArray) -> tuple[Pair, ...]:
    couples = list(itertools.combinations(contenders, 2))
    found = [difference(first.bits, second.bits, n_notes) for first, second in couples]
    adjusted = holm([each.p_value for each in found])
    return tuple(
        Pair(first.name, second.name, each, p_value)
        for (first, second), each, p_value in zip(couples, found, adjusted, strict=True)
    )


def _over_runs(measure: str, results: Sequence[Mapping[str, Any]]) -> Estimate:
    if len(results) == 1:
        return _estimate(results[0]["scores"][measure])
    values = [_number(each["scores"][measure]["value"]) for each in results]
    return Estimate(float(np.mean(values)), min(values), max(values))


def _contender_dict(contender: Contender) -> dict[str, Any]:
    return {
        **{name: contender.scores[name].value for name in SCORES},
        "scores": {name: asdict(each) for name, each in contender.scores.items()},
        "spread": dict(contender.spread),
        "n_runs": len(contender.results),
        "seeds": list(contender.seeds),
        "cost": {
            "parameters": contender.parameters,
            "minutes": contender.minutes,
            "notes_per_second": contender.notes_per_second,
        },
        "runs": [
            {key: each.get(key) for key in ("run", "seed", "hash", "checkpoint", "best_epoch")}
            for each in contender.results
        ],
    }


def _without_seed(results: Mapping[str, Any], place: str) -> str:
    """What runs that differ only in their seed have in common; the run's own place where it is not known."""
    configuration = results.get("configuration")
    if not isinstance(configuration, Mapping):
        return place
    return json.dumps({**configuration, "seed": None}, sort_keys=True)


def _names(results: Sequence[Mapping[str, Any]], places: Sequence[str]) -> list[str]:
    """A name for each model, no two alike."""
    flat = [_flat(each.get("configuration") or {}) for each in results]
    models = [str(each.get("model", place)) for each, place in zip(results, places, strict=True)]
    names = []
    for index, model in enumerate(models):
        alike = [flat[other] for other, name in enumerate(models) if name == model]
        differing = sorted(
            key
            for key in set().union(*alike)
            if len({repr(each.get(key)) for each in alike}) > 1 and not _repeats_knob(key, flat[index])
        )
        parts = [f"{key.removeprefix('choices.').removeprefix('model.')}={flat[index].get(key)}" for key in differing]
        names.append(" ".join([model, *parts]) if len(parts) <= 3 else f"{model} ({places[index]})")
    return [name if names.count(name) == 1 else f"{name} ({places[i]})" for i, name in enumerate(names)]


def _repeats_knob(key: str, flat: Mapping[str, Any]) -> bool:
    """Whether a nested value only hands on a knob of the same name at the top, or what a choice of group brought."""
    parts = key.split(".")
    if len(parts) == 1:
        return key == "seed"
    if parts[0] == "choices":
        return parts[1] == "model"
    return (
        parts[-1] in flat
        or parts[-1] in {"_target_", "_partial_"}
        or flat.get(key) in (value for knob, value in flat.items() if "." not in knob and not isinstance(value, bool))
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _estimate(values: Mapping[str, Any]) -> Estimate:
    return Estimate(*(_number(values[name]) for name in ("value", "low", "high")))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
