"""What a trained network is worth: how well it predicts held-out tunes, and how its own melodies compare with them.

Prediction is measured on the test tunes, one by one. The melodies are sampled at temperature 1 in the metres and
modes of the test tunes, and judged beside real tunes (:mod:`~chromasonic.melody_generation.measures.calibration`);
what the test tunes themselves score under the same judgement is the ceiling to read every score against.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from chromasonic.melody_generation.data.splits import test_set_hash, tune_hash
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.diagnosis import diagnose
from chromasonic.melody_generation.evaluation.likelihood import TuneReading, TuneSums, read_tunes
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.generation.constraints import Limits
from chromasonic.melody_generation.generation.generate import beginning_of, sample
from chromasonic.melody_generation.generation.sampling import Sampling
from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate, estimate_ratio
from chromasonic.melody_generation.measures.melody_scores import (
    MelodyScores,
    ScoreSummary,
    typical_indices,
    without_nan,
)
from chromasonic.melody_generation.measures.novelty import Copying, most_copied
from chromasonic.melody_generation.measures.overlap import feature_overlaps
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.counting.counts import SuccessorCounts

SCORES = ("accuracy", "perplexity", "diversity", "coherence", "musicality", "overall_score")
# From the best on: what is reached, and the word for it. For perplexity less is better.
_WORDS = {
    "accuracy": ((0.7, "excellent"), (0.5, "good"), (-math.inf, "needs improvement")),
    "perplexity": ((10, "excellent"), (50, "good"), (math.inf, "uncertain")),
    "diversity": ((0.7, "high variety"), (0.4, "balanced"), (-math.inf, "too repetitive")),
    "coherence": ((0.7, "smooth"), (0.5, "acceptable"), (-math.inf, "disjointed")),
    "musicality": ((0.7, "structure present"), (0.5, "some features"), (-math.inf, "random-sounding")),
}
_NOT_DEFINED = Estimate(math.nan, math.nan, math.nan)
MAX_NOTES = 512
VERSION = 2  # of the measures: with another one, results of old are measured anew
N_TYPICAL_SAMPLES, N_TYPICAL_REAL = 4, 2


def word_for(score: str, value: float) -> str:
    """What a score means in a word or two; empty where it is not defined, or has no words.

    Example:
        >>> word_for("accuracy", 0.55), word_for("perplexity", 5.2), word_for("coherence", 0.3)
        ('good', 'excellent', 'disjointed')
    """
    if math.isnan(value) or score not in _WORDS:
        return ""
    if score == "perplexity":
        return next(word for bound, word in _WORDS[score] if value < bound or bound == math.inf)
    return next(word for bound, word in _WORDS[score] if value > bound or bound == -math.inf)


@dataclass(frozen=True)
class SampleSettings:
    """How the melodies that are judged are sampled.

    Attributes:
        n_samples: How many.
        seed: Of the random numbers.
        temperature: As in :func:`~chromasonic.melody_generation.generation.generate.generate`.
        max_notes: A melody that the model has not ended by then ends at the next bar line.

    Raises:
        InputError: If there are none, or the seed is negative.
    """

    n_samples: int = 200
    seed: int = 0
    temperature: float = 1.0
    max_notes: int = MAX_NOTES

    def __post_init__(self) -> None:
        if self.n_samples < 1:
            raise InputError(f"n_samples is how many melodies are judged, 1 or more, got {self.n_samples}")
        if self.seed < 0:
            raise InputError(f"the seed of the samples is a whole number of 0 or more, got {self.seed}")

    def drawn(self, network: nn.Module, test: Sequence[Melody]) -> list[Melody]:
        """Sample from a network: whole tunes in the keys, metres and modes of the test tunes, each as often."""
        order = np.random.default_rng(self.seed).permutation(len(test))
        beginnings = [beginning_of(test[order[place % len(test)]]) for place in range(self.n_samples)]
        limits = Limits(None, None, self.max_notes)
        return sample(network, beginnings, Sampling(self.temperature), limits, seed=self.seed)


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one model.

    Attributes:
        name: The model's.
        readings: How it read each test tune.
        samples: Melodies of its own.
        scores: Of these melodies; None without a calibration.
        copying: What each of them shares with the training tunes, where they are known.
        n_parameters: Numbers that the network has learned or counted.
        notes_per_second: How fast it sampled.
        standard: What it was judged by.
        settings: How the melodies were sampled.
    """

    name: str
    readings: tuple[TuneReading, ...]
    samples: tuple[Melody, ...]
    scores: MelodyScores | None
    copying: tuple[Copying, ...] | None
    n_parameters: int
    notes_per_second: float
    standard: ReferenceSet
    settings: SampleSettings

    def results(self) -> dict[str, Any]:
        """All of it as plain values, as JSON holds them; what is not defined is None.

        The six scores stand at the top, their intervals under ``scores``, what real tunes score under ``real``,
        and each test tune's bits under ``tunes``.
        """
        sums = TuneSums.of(self.readings)
        test = {name: estimate_ratio(*parts) for name, parts in sums.ratios().items()}
        summary = self.scores.summary() if self.scores else None
        scores = self._scores(test, summary)
        real = self.standard.real.summary() if self.standard.real else None
        found: dict[str, Any] = without_nan(
            {
                "model": self.name,
                **{name: each.value for name, each in scores.items()},
                "words": {name: word_for(name, each.value) for name, each in scores.items()},
                "scores": {name: asdict(each) for name, each in (scores | test).items()},
                "real": {name: asdict(each) for name, each in _group_scores(real).items()},
                "test": {name: each.value for name, each in test.items()},
                "test_set_hash": test_set_hash(self.standard.test),
                "n_test_tunes": len(self.standard.test),
                "n_impossible_tunes": int(np.isinf(sums.bits).sum()),
                "n_test_notes": int(sums.n_notes.sum()),
                "calibrated_on": self.standard.calibrated_on,
                "version": VERSION,
                "samples": {
                    **asdict(self.settings),
                    **self._lengths(),
                    "summary": summary.to_dict() if summary else None,
                },
                "overlap": self._overlap(),
                "real_tunes": real.to_dict() if real else None,
                "typical": self.typical(),
                "copying": self._copying(),
                "cost": {"parameters": self.n_parameters, "notes_per_second": self.notes_per_second},
                "diagnosis": diagnose(self.readings, self.standard.test),
                "tunes": [
                    {
                        "title": tune.title,
                        "source": tune.source,
                        "hash": tune_hash(tune),
                        "notes": int(notes),
                        "bits": float(bits),
                    }
                    for tune, notes, bits in zip(self.standard.test, sums.n_notes, sums.bits, strict=True)
                ],
            }
        )
        return found

    def _lengths(self) -> dict[str, Any]:
        """How long the melodies are, and how many the model had not ended by itself."""
        return {
            "median_notes": float(np.median([len(melody) for melody in self.samples])),
            "median_notes_real": float(np.median([len(melody) for melody in self.standard.test])),
            "n_cut": sum(len(melody) >= self.settings.max_notes for melody in self.samples),
        }

    def _overlap(self) -> dict[str, dict[str, float]] | None:
        """How alike the melodies and the held-out tunes are in each feature, and two halves of these tunes."""
        if self.scores is None or self.standard.real is None:
            return None
        real = self.standard.real.values
        halves = [{name: values[half::2] for name, values in real.items()} for half in range(2)]
        return {"samples": feature_overlaps(self.scores.values, real), "real": feature_overlaps(*halves)}

    def typical(self) -> dict[str, list[int]]:
        """Which melodies stand for the rest, by their places: those of median score, the first if there is none."""
        sets = {
            "samples": (self.scores, self.samples, N_TYPICAL_SAMPLES),
            "real": (self.standard.real, self.standard.test, N_TYPICAL_REAL),
        }
        return {
            name: typical_indices(scores, n) if scores else list(range(min(n, len(melodies))))
            for name, (scores, melodies, n) in sets.items()
        }

    @staticmethod
    def _scores(test: Mapping[str, Estimate], summary: ScoreSummary | None) -> dict[str, Estimate]:
        bits = test["bits_per_note"]
        perplexity = Estimate(*(_power(value) for value in (bits.value, bits.low, bits.high)))
        return {"accuracy": test["accuracy"], "perplexity": perplexity} | _group_scores(summary)

    def _copying(self) -> dict[str, Any] | None:
        if self.copying is None or self.standard.real_copying is None or self.standard.novelty is None:
            return None
        place = most_copied(self.copying)
        worst = self.copying[place]
        source = self.standard.novelty.melodies[worst.passage.source] if worst.passage.n_notes else None
        return {
            "samples": _shared(self.copying),
            "real": _shared(self.standard.real_copying),
            "most_copied": {
                "sample": place,
                "notes": worst.passage.n_notes,
                "share": worst.passage.share,
                "novelty": worst.novelty,
                "title": source.title if source else "",
                "source": source.source if source else "",
            },
        }


def evaluate(
    network: nn.Module, name: str, standard: ReferenceSet, settings: SampleSettings | None = None
) -> Evaluation:
    """Let a network predict the test tunes, and judge melodies of its own.

    Args:
        network: Any module of the contract, trained.
        name: What tables call it.
        standard: What it is judged by.
        settings: How melodies are sampled.

    Raises:
        InputError: If the network breaks its contract, or a test tune cannot be encoded.
    """
    settings = settings or SampleSettings()
    readings = read_tunes(network, standard.test)
    began = time.perf_counter()
    samples = settings.drawn(network, standard.test)
    seconds = time.perf_counter() - began
    return Evaluation(
        name=name,
        readings=tuple(readings),
        samples=tuple(samples),
        scores=standard.calibration.score(samples, standard.novelty) if standard.calibration else None,
        copying=tuple(standard.novelty.copying(samples)) if standard.novelty else None,
        n_parameters=n_numbers(network),
        notes_per_second=sum(map(len, samples)) / seconds,
        standard=standard,
        settings=settings,
    )


def n_numbers(network: nn.Module) -> int:
    """How many numbers a network has learned or counted: all that its state dict holds, but for what was counted."""
    tables = [name for name, part in network.named_modules() if isinstance(part, SuccessorCounts)]
    keys = {f"{name}.keys" for name in tables}
    return sum(value.numel() for name, value in network.state_dict().items() if name not in keys)


def _group_scores(summary: ScoreSummary | None) -> dict[str, Estimate]:
    groups = {name: summary.groups[name] if summary else _NOT_DEFINED for name in SCORES[2:5]}
    return groups | {"overall_score": summary.overall if summary else _NOT_DEFINED}


def _shared(copying: Sequence[Copying]) -> dict[str, Any]:
    """Novelty, and the longest shared run in notes and as a part of the melody, as estimates over a set."""
    values = {
        "novelty": [each.novelty for each in copying],
        "run_notes": [each.passage.n_notes for each in copying],
        "run_share": [each.passage.share for each in copying],
    }
    return {name: asdict(estimate(np.array(each, dtype=np.float64))) for name, each in values.items()}


def _power(bits: float) -> float:
    return 2.0**bits if bits < 1000 else math.inf
