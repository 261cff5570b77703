"""The models of a comparison: runs that differ in nothing but their seed are one, and each model has a name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.evaluate import SCORES
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.melody import FloatArray

SETTINGS = ("n_samples", "seed", "temperature", "max_notes")
MEASURES = (*SCORES, "bits_per_note", "pitch_accuracy", "duration_accuracy")


@dataclass(frozen=True)
class ComparedModel:
    """One model of a comparison: a single run, or several that differ in nothing but their seed.

    Attributes:
        name: What tables call it.
        scores: Each measure: for one run with its 95 % interval over tunes, for several their mean, least and most.
        spread: The standard deviation of each measure over the runs; empty for one.
        seeds: Of the runs, as far as they are known.
        bits: Bits for each test tune, by rising hash of the tunes, the mean over the runs, shape (N,).
        parameters: Numbers that the network holds.
        minutes: Of training, the mean over the runs; NaN where it is not known.
        notes_per_second: Of sampling, likewise.
        results: What was measured of each run.
        places: Where each of these lies, such as its folder's name.
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
    places: tuple[str, ...]

    @classmethod
    def of(cls, name: str, runs: Mapping[str, Mapping[str, Any]]) -> ComparedModel:
        """Put the runs of one model together, by their places."""
        results = list(runs.values())
        scores = {measure: _over_runs(measure, results) for measure in MEASURES}
        values = {measure: [_number(each["scores"][measure]["value"]) for each in results] for measure in MEASURES}
        spread = {measure: float(np.std(each, ddof=1)) for measure, each in values.items()} if len(results) > 1 else {}
        return cls(
            name=name,
            scores=scores,
            spread=spread,
            seeds=tuple(each["seed"] for each in results if isinstance(each.get("seed"), int)),
            bits=np.mean([[_number(tune["bits"]) for tune in in_order(each["tunes"])] for each in results], axis=0),
            parameters=int(results[0]["cost"]["parameters"]),
            minutes=float(np.mean([_number(each.get("minutes")) for each in results])),
            notes_per_second=float(np.mean([_number(each["cost"]["notes_per_second"]) for each in results])),
            results=tuple(results),
            places=tuple(runs),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, with what each run was."""
        return {
            **{name: self.scores[name].value for name in SCORES},
            "scores": {name: asdict(each) for name, each in self.scores.items()},
            "spread": dict(self.spread),
            "n_runs": len(self.results),
            "seeds": list(self.seeds),
            "cost": {
                "parameters": self.parameters,
                "minutes": self.minutes,
                "notes_per_second": self.notes_per_second,
            },
            "runs": [
                {key: each.get(key) for key in ("run", "seed", "hash", "checkpoint", "best_epoch")}
                for each in self.results
            ],
        }


def compared_models(results: Mapping[str, Mapping[str, Any]]) -> list[ComparedModel]:
    """The models that runs are of, the best predictor first.

    Runs with the same configuration and different seeds become one. Names come from the models; where they are the
    same, what else differs in their configurations is added.

    Args:
        results: What was measured of each run, by a name of its own, such as its folder's.
    """
    alike: dict[str, list[str]] = {}
    for place, each in results.items():
        alike.setdefault(_without_seed(each, place), []).append(place)
    groups = []
    for places in alike.values():
        have_seeds = len({repr(results[place].get("seed")) for place in places}) == len(places)
        groups += [places] if have_seeds else [[place] for place in places]
    names = _names([results[places[0]] for places in groups], [places[0] for places in groups])
    found = [
        ComparedModel.of(name, {place: results[place] for place in places})
        for name, places in zip(names, groups, strict=True)
    ]
    return sorted(found, key=_rank)


def _rank(contender: ComparedModel) -> tuple[bool, float]:
    bits = contender.scores["bits_per_note"].value
    return math.isnan(bits), bits


def in_order(tunes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The tunes of results in an order that does not hang on the run: by what a model sees of them."""
    return sorted(tunes, key=lambda tune: str(tune["hash"]))


def check_complete(name: str, results: Mapping[str, Any]) -> None:
    """Refuse results that another program, or another version of this one, has written.

    Raises:
        InputError: Naming what is missing.
    """
    try:
        ComparedModel.of(name, {name: results})
        for key in ("test_set_hash", "calibrated_on", "typical"):
            results[key]
        for key in SETTINGS:
            results["samples"][key]
        _flat(results.get("configuration") or {})
        for each in (*(results["real"][score] for score in SCORES[2:]), *results["real"].values()):
            estimate_from(each)
        sum(tune["notes"] for tune in results["tunes"])
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as problem:
        raise InputError(f"the results of {name} are incomplete ({problem!r}): evaluate the run again") from problem


def _over_runs(measure: str, results: Sequence[Mapping[str, Any]]) -> Estimate:
    if len(results) == 1:
        return estimate_from(results[0]["scores"][measure])
    values = [_number(each["scores"][measure]["value"]) for each in results]
    return Estimate(float(np.mean(values)), min(values), max(values))


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
    for place, model, own in zip(places, models, flat, strict=True):
        differing = _differing([other for other, name in zip(flat, models, strict=True) if name == model])
        parts = [f"{key.removeprefix('choices.').removeprefix('model.')}={own.get(key)}" for key in differing]
        names.append(" ".join([model, *parts]) if len(parts) <= 3 else f"{model} ({place})")
    return [name if names.count(name) == 1 else f"{name} ({place})" for name, place in zip(names, places, strict=True)]


def _differing(alike: Sequence[Mapping[str, Any]]) -> list[str]:
    """What differs between flat configurations, without what only follows from something else that does.

    A value within a group follows from the choice of that group, and from a knob at the top that it repeats.
    """
    keys = sorted(set().union(*alike) - {"seed"})
    found = [key for key in keys if len({repr(each.get(key)) for each in alike}) > 1]
    knobs = [key for key in found if "." not in key]
    groups = {key.removeprefix("choices.") for key in found if key.startswith("choices.")}

    def follows(key: str) -> bool:
        group, is_nested, _ = key.partition(".")
        repeats = (knob for knob in knobs if all(each.get(key) == each.get(knob) for each in alike))
        return bool(is_nested) and (group in groups or any(repeats))

    return [key for key in found if not follows(key)]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def estimate_from(values: Mapping[str, Any]) -> Estimate:
    """An estimate as results hold it: plain values, None for what is not defined."""
    return Estimate(*(_number(values[name]) for name in ("value", "low", "high")))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
