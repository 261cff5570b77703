"""Invented records of evaluations, whose scores are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from chromasonic.melody_generation.evaluation.record_parts import (
    CopyingRecord,
    CostRecord,
    Diagnosis,
    DiagnosisPart,
    MostCopiedRecord,
    SamplesRecord,
    SharedRecord,
    TuneRecord,
    TypicalRecord,
)
from chromasonic.melody_generation.evaluation.records import VERSION, EvaluationRecord
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.real_distance.distance_to_real import RealDistance
from chromasonic.melody_generation.measures.real_distance.reasons import Reason
from chromasonic.melody_generation.measures.real_distance.set_distances import SetDistances
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata
from chromasonic.melody_generation.runs.training_record import TokenMeasures, TrainingRecord

GROUPS = ("diversity", "coherence", "musicality", "overall_score")
N_NOTES = 40


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1)


def diagnosis(bits_per_note: Mapping[str, float] | None = None) -> Diagnosis:
    """A diagnosis with the bits per note of named parts."""
    known = bits_per_note or {}

    def parts(*names: str) -> tuple[DiagnosisPart, ...]:
        return tuple(DiagnosisPart(name, known.get(name, 2.5), 1.0, 10) for name in names)

    return Diagnosis(
        quarter=parts("first quarter", "last quarter"),
        match=parts("none"),
        copying=parts("8 or more", "under 8"),
        metre=parts("4/4"),
        mode=parts("major"),
        key=parts("C major"),
        hardest=(),
    )


def copying(novelty: float, real_novelty: float) -> CopyingRecord:
    def shared(value: float) -> SharedRecord:
        return SharedRecord(estimate(value), estimate(8.0), estimate(0.2))

    return CopyingRecord(shared(novelty), shared(real_novelty), MostCopiedRecord(0, 8, 0.2, 0.5, "A jig", "jigs.abc:1"))


def real_distance(auc: float) -> RealDistance:
    """A distance from real tunes with this AUC and one reason."""
    far, near = SetDistances(estimate(7.0), estimate(0.6), estimate(0.7)), SetDistances(*map(estimate, (2.0, 0.8, 0.8)))
    return RealDistance(
        n_melodies=40,
        two_sample_auc=Estimate(auc, auc - 0.1, auc + 0.05),
        sets=far,
        two_sample_auc_floor=estimate(0.5),
        sets_floor=near,
        reasons=(Reason("bars_long", "are longer", 0.25, 36.0, 21.0),),
        signs={"whole_bars": estimate(0.45)},
        real_signs={"whole_bars": estimate(0.8)},
        aspects={"key": estimate(0.7), "order": estimate(0.75)},
    )


def training_record(
    model: str = "lstm",
    *,
    seed: int | None = 1,
    configuration: Mapping[str, Any] | None = None,
    validation: float = 2.0,
    test: float = 2.1,
    split_hash: str = "split1",
    test_set_hash: str = "abc",
    unseen: Sequence[str] = ("split1",),
) -> TrainingRecord:
    """What a training writes, with bits per note on validation and test."""
    chosen = {"seed": seed, "choices": {"model": model}} | dict(configuration or {})
    return TrainingRecord(
        metadata=ModelMetadata(
            model=model,
            dataset="synthetic",
            corpus="synthetic",
            seed=seed,
            n_epochs=3,
            split_hash=split_hash,
            test_set_hash=test_set_hash,
            configuration={} if configuration is not None and not configuration else chosen,
            lineage=Lineage(tuple(unseen)),
        ),
        validation=TokenMeasures(1.0, validation, validation, 0.5, 0.6, 0.8),
        test=TokenMeasures(1.0, test, test, 0.5, 0.6, 0.8),
        best_epoch=2,
        minutes=2.0,
    )


def evaluation_record(
    model: str = "lstm",
    bits: Sequence[float] = (100.0, 90.0, 80.0),
    *,
    training: TrainingRecord | None = None,
    test_set_hash: str = "abc",
    diagnosed: Diagnosis | None = None,
    copied: CopyingRecord | None = None,
    distance: RealDistance | None = None,
) -> EvaluationRecord:
    """The evaluation of a run on tunes of ``N_NOTES`` notes each, with the bits that the model needs for them."""
    per_note = sum(bits) / (N_NOTES * len(bits))
    values = {"accuracy": 0.5, "perplexity": 2**per_note, **dict.fromkeys(GROUPS, 0.7), "loss": 1.0}
    values |= {"bits_per_note": per_note, "note_bits": per_note, "pitch_accuracy": 0.6, "duration_accuracy": 0.8}
    return EvaluationRecord(
        model=model,
        words={},
        scores={name: estimate(value) for name, value in values.items()},
        real={name: estimate(0.85) for name in GROUPS},
        test_set_hash=test_set_hash,
        n_test_tunes=len(bits),
        n_impossible_tunes=sum(map(math.isnan, bits)),
        n_test_notes=N_NOTES * len(bits),
        calibrated_on="9 training tunes",
        version=VERSION,
        samples=SamplesRecord(6, 0, 1.0, 512, 30.0, 40.0, 0, None),
        overlap=None,
        real_tunes=None,
        typical=TypicalRecord((), ()),
        copying=copied,
        cost=CostRecord(12345, 500.0),
        diagnosis=diagnosed or diagnosis(),
        tunes=tuple(TuneRecord(f"T{i}", "", f"{i}", N_NOTES, float(of_tune)) for i, of_tune in enumerate(bits)),
        training=training or training_record(model, test_set_hash=test_set_hash),
        distance=distance,
    )
