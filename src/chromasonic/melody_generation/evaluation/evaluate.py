"""Evaluate a trained network: its predictions of held-out tunes, and the melodies that it generates.

Every test tune is predicted token by token. Melodies are sampled at temperature 1 in the metres and modes of the test
tunes and scored against real tunes (:mod:`~chromasonic.melody_generation.measures.calibration`). The test tunes are
scored in the same way: their scores are the ceiling for every model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from torch import Tensor, nn

from chromasonic.melody_generation.data.splits import test_set_hash, tune_hash
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.diagnosis import diagnose
from chromasonic.melody_generation.evaluation.likelihood import TuneReading, TuneSums, read_tunes
from chromasonic.melody_generation.evaluation.record_parts import (
    CopyingRecord,
    CostRecord,
    MostCopiedRecord,
    OverlapRecord,
    SampleSettings,
    SamplesRecord,
    SharedRecord,
    TuneRecord,
    TypicalRecord,
)
from chromasonic.melody_generation.evaluation.records import SCORES, VERSION, EvaluationRecord
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.generation.beginnings import beginning_of
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_sampling import sample
from chromasonic.melody_generation.measures.bootstrap import Estimate, estimate, estimate_ratio
from chromasonic.melody_generation.measures.melody_scores import MelodyScores, ScoreSummary, typical_indices
from chromasonic.melody_generation.measures.novelty import Copying, most_copied
from chromasonic.melody_generation.measures.overlap import feature_overlaps
from chromasonic.melody_generation.measures.real_distance.distance_to_real import RealDistance
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.counting.counts import SuccessorCounts
from chromasonic.melody_generation.runs.trained_model import TrainedModel, network_of
from chromasonic.melody_generation.vocabulary import UNKNOWN_KIND

_NOT_DEFINED = Estimate(math.nan, math.nan, math.nan)
N_TYPICAL_SAMPLES, N_TYPICAL_REAL = 4, 2


def beside_real(score: Estimate, real: Estimate | None) -> str:
    """Return words for a score beside that of held-out real tunes; empty if one of them is not defined.

    The words are about the intervals: a score whose interval meets that of real tunes is "as real tunes".

    Example:
        >>> real = Estimate(0.85, 0.82, 0.88)
        >>> beside_real(Estimate(0.38, 0.35, 0.42), real), beside_real(Estimate(0.83, 0.80, 0.85), real)
        ('below real tunes', 'as real tunes')
    """
    if real is None or any(map(math.isnan, (score.low, score.high, real.low, real.high))):
        return ""
    if score.high < real.low:
        return "below real tunes"
    return "above real tunes" if score.low > real.high else "as real tunes"


@dataclass(frozen=True)
class Evaluation:
    """The predictions and the samples of one model, with their scores.

    Attributes:
        name: Name of the model.
        readings: Its predictions of each test tune.
        samples: Melodies that it generated.
        scores: Scores of the samples; None without a calibration.
        copying: What each sample shares with the training tunes; None if these are not known.
        n_parameters: Numbers that the network has learned or counted.
        notes_per_second: Speed of sampling.
        reference: The test tunes and their scores.
        settings: Settings of the samples.
        distance: Distance of the samples from real tunes; None if there are too few of one of them.
    """

    name: str
    readings: tuple[TuneReading, ...]
    samples: tuple[Melody, ...]
    scores: MelodyScores | None
    copying: tuple[Copying, ...] | None
    n_parameters: int
    notes_per_second: float
    reference: ReferenceSet
    settings: SampleSettings
    distance: RealDistance | None = None

    def record(self) -> EvaluationRecord:
        """Return the results as numbers, in the form in which they are read back from a file."""
        sums = TuneSums.of(self.readings)
        test = {name: estimate_ratio(*parts) for name, parts in sums.ratios().items()}
        summary = self.scores.summary() if self.scores else None
        real = self.reference.real.summary() if self.reference.real else None
        bits = test["bits_per_note"]
        perplexity = Estimate(*(_power(value) for value in (bits.value, bits.low, bits.high)))
        scores = {"accuracy": test["accuracy"], "perplexity": perplexity} | _group_scores(summary)
        real_scores = _group_scores(real)
        record = EvaluationRecord(
            model=self.name,
            words={name: beside_real(score, real_scores.get(name)) for name, score in scores.items()},
            scores=scores | test,
            real=real_scores,
            test_set_hash=test_set_hash(self.reference.test),
            n_test_tunes=len(self.reference.test),
            n_impossible_tunes=int(np.isinf(sums.bits).sum()),
            n_test_notes=int(sums.n_notes.sum()),
            calibrated_on=self.reference.calibrated_on,
            version=VERSION,
            samples=SamplesRecord(
                **asdict(self.settings),
                median_notes=float(np.median([len(melody) for melody in self.samples])),
                median_notes_real=float(np.median([len(melody) for melody in self.reference.test])),
                n_cut=sum(len(melody) >= self.settings.max_notes for melody in self.samples),
                summary=summary,
            ),
            overlap=self._overlap(),
            real_tunes=real,
            typical=self.typical(),
            copying=self._copying(),
            cost=CostRecord(self.n_parameters, self.notes_per_second),
            diagnosis=diagnose(self.readings, self.reference.test),
            distance=self.distance,
            tunes=tuple(
                TuneRecord(tune.title, tune.source, tune_hash(tune), int(n_notes), float(bits))
                for tune, n_notes, bits in zip(self.reference.test, sums.n_notes, sums.bits, strict=True)
            ),
        )
        # Infinite bits are not defined in a file, so they are not defined here either.
        return EvaluationRecord.from_json(record.to_json(), self.name)

    def _overlap(self) -> OverlapRecord | None:
        """Return the overlap of each feature of samples and test tunes, and of two halves of the test tunes."""
        if self.scores is None or self.reference.real is None:
            return None
        real = self.reference.real.values
        halves = [{name: values[half::2] for name, values in real.items()} for half in range(2)]
        return OverlapRecord(feature_overlaps(self.scores.values, real), feature_overlaps(*halves))

    def typical(self) -> TypicalRecord:
        """Return the melodies of median score; the first ones if there are no scores."""
        return TypicalRecord(
            _typical(self.scores, self.samples, N_TYPICAL_SAMPLES),
            _typical(self.reference.real, self.reference.test, N_TYPICAL_REAL),
        )

    def _copying(self) -> CopyingRecord | None:
        if self.copying is None or self.reference.real_copying is None or self.reference.novelty is None:
            return None
        sample_index = most_copied(self.copying)
        worst = self.copying[sample_index]
        source = self.reference.novelty.melodies[worst.passage.source] if worst.passage.n_notes else None
        return CopyingRecord(
            samples=_shared(self.copying),
            real=_shared(self.reference.real_copying),
            most_copied=MostCopiedRecord(
                sample=sample_index,
                n_notes=worst.passage.n_notes,
                share=worst.passage.share,
                novelty=worst.novelty,
                title=source.title if source else "",
                source=source.source if source else "",
            ),
        )


def evaluate(
    model: nn.Module | TrainedModel, name: str, reference: ReferenceSet, settings: SampleSettings | None = None
) -> Evaluation:
    """Predict the test tunes with a model, sample melodies from it, and score both.

    Args:
        model: A trained model, or any module that maps tokens (B, T) to logits (B, T, V).
        name: Name of the model in tables.
        reference: The test tunes and their scores.
        settings: Settings of the samples.

    Raises:
        InputError: If the network breaks its contract, or a test tune cannot be encoded.
    """
    network = network_of(model)
    if not isinstance(network, nn.Module):
        raise InputError(f"{name} should be a torch module or a trained model, got a {type(network).__name__}")
    settings = settings or SampleSettings()
    has_outlines = isinstance(model, TrainedModel) and bool(model.outlines.tunes)
    settings = replace(settings, outline=settings.outline and has_outlines)
    readings = read_tunes(model, reference.test)
    began = time.perf_counter()
    samples = draw_samples(model, reference.test, settings)
    seconds = time.perf_counter() - began
    return Evaluation(
        name=name,
        readings=tuple(readings),
        samples=tuple(samples),
        scores=reference.calibration.score(samples, reference.novelty) if reference.calibration else None,
        copying=tuple(reference.novelty.copying(samples)) if reference.novelty else None,
        n_parameters=n_numbers(network),
        notes_per_second=sum(map(len, samples)) / seconds,
        reference=reference,
        settings=settings,
        distance=reference.distance(samples),
    )


def draw_samples(model: nn.Module | TrainedModel, test: Sequence[Melody], settings: SampleSettings) -> list[Melody]:
    """Sample whole tunes in the keys, metres and modes of the test tunes, each equally often.

    Kinds and lengths are not those of the test tunes: they are drawn from the training tunes, or left to the model.
    """
    order = np.random.default_rng(settings.seed).permutation(len(test))
    tunes = [test[order[index % len(test)]] for index in range(settings.n_samples)]
    beginnings = [replace(beginning_of(tune), kind=UNKNOWN_KIND) for tune in tunes]
    config = GenerationConfig(
        max_notes=settings.max_notes,
        temperature=settings.temperature,
        seed=settings.seed,
        outline=settings.outline,
    )
    return sample(model, beginnings, config)


def n_numbers(network: nn.Module) -> int:
    """Return how many numbers a network has learned or counted: its state dict without the keys of count tables."""
    tables = [name for name, part in network.named_modules() if isinstance(part, SuccessorCounts)]
    keys = {f"{name}.keys" for name in tables}
    return sum(
        value.numel()
        for name, value in network.state_dict().items()
        if isinstance(value, Tensor) and name not in keys  # a module may keep other values there
    )


def _typical(scores: MelodyScores | None, melodies: Sequence[Melody], n: int) -> tuple[int, ...]:
    return tuple(typical_indices(scores, n) if scores else range(min(n, len(melodies))))


def _group_scores(summary: ScoreSummary | None) -> dict[str, Estimate]:
    groups = {name: summary.groups[name] if summary else _NOT_DEFINED for name in SCORES[2:5]}
    return groups | {"overall_score": summary.overall if summary else _NOT_DEFINED}


def _shared(copying: Sequence[Copying]) -> SharedRecord:
    """Return novelty and longest shared run, the latter in notes and as a share of the melody, as means over a set."""
    values = (
        [copied.novelty for copied in copying],
        [copied.passage.n_notes for copied in copying],
        [copied.passage.share for copied in copying],
    )
    return SharedRecord(*(estimate(np.array(of_set, dtype=np.float64)) for of_set in values))


def _power(bits: float) -> float:
    return 2.0**bits if bits < 1000 else math.inf
