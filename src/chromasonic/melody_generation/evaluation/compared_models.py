"""The models of a comparison: runs that differ only in their seed are one model, and every model has its own name."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.evaluation.records import SCORES, EvaluationRecord
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.comparisons.paired_differences import ModelBits
from chromasonic.melody_generation.runs.flat_values import flat_values

# Networks that count: fitted to the same tunes in any order they are the same, whatever the seed.
_REPEATABLE = frozenset({"markov", "ppm", "countmix"})
MEASURES = (*SCORES, "bits_per_note", "pitch_accuracy", "duration_accuracy")
_MAX_DIFFERENCES = 3  # in a name
_MAX_LETTERS = 60  # of each part of a name
_MAX_LETTERS_OF_MODEL = 255  # as in a checkpoint: a user finds the results by the name of the model


@dataclass(frozen=True)
class ComparedModel:
    """One model of a comparison: a single run, or several that differ only in their seed.

    Attributes:
        name: Name of the model in tables.
        scores: Each measure. For one run: with its 95 % interval over tunes. For several: mean, minimum and maximum.
        spread: Standard deviation of each measure over the runs; empty for one run.
        seeds: The seeds of the runs that are known.
        bits: Bits of each test tune in the order of their hashes, by run.
        parameters: Numbers that the network has learned or counted.
        minutes: Duration of the training, the mean over the runs; NaN if it is not known.
        notes_per_second: Speed of sampling, the mean over the runs.
        records: The evaluation of each run.
        runs: Names of the runs.
    """

    name: str
    scores: Mapping[str, Estimate]
    spread: Mapping[str, float]
    seeds: tuple[int, ...]
    bits: ModelBits
    parameters: int
    minutes: float
    notes_per_second: float
    records: tuple[EvaluationRecord, ...]
    runs: tuple[str, ...]

    @classmethod
    def of(cls, name: str, runs: Mapping[str, EvaluationRecord]) -> ComparedModel:
        """Combine the runs of one model, given by name."""
        records = list(runs.values())
        values = {measure: [record.scores[measure].value for record in records] for measure in MEASURES}
        return cls(
            name=name,
            scores={measure: _over_runs(measure, records) for measure in MEASURES},
            spread={name: float(np.std(of_runs, ddof=1)) for name, of_runs in values.items() if len(of_runs) > 1},
            seeds=tuple(record.metadata.seed for record in records if record.metadata.seed is not None),
            bits=ModelBits(
                np.array([[tune.bits for tune in record.tunes_by_hash] for record in records]),
                is_repeatable=all(map(_is_repeatable, records)),
            ),
            parameters=records[0].cost.parameters,
            minutes=float(np.mean([record.minutes for record in records])),
            notes_per_second=float(np.mean([record.cost.notes_per_second for record in records])),
            records=tuple(records),
            runs=tuple(runs),
        )

    @property
    def two_sample_auc(self) -> Estimate:
        """The AUC by which its melodies are told from real tunes, as ``scores``; NaN if a run has none."""
        aucs = [record.distance.two_sample_auc for record in self.records if record.distance]
        if not aucs or len(aucs) < len(self.records):
            return Estimate(math.nan, math.nan, math.nan)
        values = [auc.value for auc in aucs]
        return aucs[0] if len(aucs) == 1 else Estimate(float(np.mean(values)), min(values), max(values))

    @property
    def auc_spread(self) -> float:
        """The standard deviation of that AUC over the runs; NaN for one run, or if a run has none."""
        values = [record.distance.two_sample_auc.value for record in self.records if record.distance]
        return float(np.std(values, ddof=1)) if len(values) == len(self.records) > 1 else math.nan

    def to_json(self) -> JsonObject:
        """Return plain values for ``model_comparison.json``, with the origin of each run."""
        return {
            **{name: self.scores[name].value for name in SCORES},
            "scores": {name: asdict(score) for name, score in self.scores.items()},
            "spread": dict(self.spread),
            "two_sample_auc": asdict(self.two_sample_auc),
            "n_runs": len(self.records),
            "seeds": list(self.seeds),
            "cost": {
                "parameters": self.parameters,
                "minutes": self.minutes,
                "notes_per_second": self.notes_per_second,
            },
            "runs": [
                {
                    "run": record.run or None,
                    "seed": record.metadata.seed,
                    "hash": record.metadata.split_hash or None,
                    "checkpoint": record.checkpoint or None,
                    "best_epoch": record.training.best_epoch if record.training else None,
                }
                for record in self.records
            ],
        }


def compared_models(records: Mapping[str, EvaluationRecord]) -> list[ComparedModel]:
    """Group runs into models and sort them, the best predictor first.

    Runs with the same configuration and different seeds become one model. A model is named after its network. Models
    of the same name get the options that differ between them added.

    Args:
        records: The evaluation of each run, by a name of the run such as its folder.
    """
    by_configuration: dict[str, list[str]] = {}
    for run, record in records.items():
        by_configuration.setdefault(_without_seed(record, run), []).append(run)
    groups: list[list[str]] = []
    for runs in by_configuration.values():
        have_different_seeds = len({records[run].metadata.seed for run in runs}) == len(runs)
        groups += [runs] if have_different_seeds else [[run] for run in runs]
    names = _names([records[runs[0]] for runs in groups], [runs[0] for runs in groups])
    models = [
        ComparedModel.of(name, {run: records[run] for run in runs}) for name, runs in zip(names, groups, strict=True)
    ]
    return sorted(models, key=_rank)


def _is_repeatable(record: EvaluationRecord) -> bool:
    """Return whether another seed would give the same network; False if it is not known."""
    network = record.configuration.get("model")
    target = network.get("_target_") if isinstance(network, dict) else None
    return isinstance(target, str) and target.rpartition(".")[0].rpartition(".")[2] in _REPEATABLE


def _rank(model: ComparedModel) -> tuple[bool, float]:
    bits = model.scores["bits_per_note"].value
    return math.isnan(bits), bits


def _over_runs(measure: str, records: Sequence[EvaluationRecord]) -> Estimate:
    if len(records) == 1:
        return records[0].scores[measure]
    values = [record.scores[measure].value for record in records]
    return Estimate(float(np.mean(values)), min(values), max(values))


def _without_seed(record: EvaluationRecord, run: str) -> str:
    """Return a key that is the same for runs that differ only in their seed; the name of the run if it has none."""
    configuration = record.configuration
    return json.dumps({**configuration, "seed": None}, sort_keys=True) if configuration else run


def _names(records: Sequence[EvaluationRecord], runs: Sequence[str]) -> list[str]:
    """Return a different name for each model, short enough for tables and figures."""
    configurations = [flat_values(record.configuration) for record in records]
    models = [_shortened(record.model or run, _MAX_LETTERS_OF_MODEL) for record, run in zip(records, runs, strict=True)]
    names = []
    for run, model, configuration in zip(runs, models, configurations, strict=True):
        namesakes = [other for other, name in zip(configurations, models, strict=True) if name == model]
        options = [
            _shortened(key.removeprefix("choices.").removeprefix("model.")) + f"={_shortened(configuration.get(key))}"
            for key in _differing(namesakes)
        ]
        names.append(
            " ".join([model, *options]) if len(options) <= _MAX_DIFFERENCES else f"{model} ({_shortened(run)})"
        )
    for marks in (map(_shortened, runs), range(1, len(runs) + 1)):
        counts = Counter(names)
        names = [name if counts[name] == 1 else f"{name} ({mark})" for name, mark in zip(names, marks, strict=True)]
    return names


def _shortened(value: object, max_letters: int = _MAX_LETTERS) -> str:
    text = str(value)
    return text if len(text) <= max_letters else f"{text[: max_letters - 1]}…"


def _differing(configurations: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the keys in which flat configurations differ, without those that follow from another such key.

    A value within a group follows from the choice of that group, and from an option at the top that it repeats.
    """

    def values_of(key: str) -> tuple[str, ...]:
        return tuple(repr(values.get(key)) for values in configurations)

    keys = sorted(set().union(*configurations) - {"seed"})
    differing = [key for key in keys if len(set(values_of(key))) > 1]
    top = {values_of(key) for key in differing if "." not in key}
    groups = {key.removeprefix("choices.") for key in differing if key.startswith("choices.")}

    def follows(key: str) -> bool:
        group, is_nested, _ = key.partition(".")
        return bool(is_nested) and (group in groups or values_of(key) in top)

    return [key for key in differing if not follows(key)]
