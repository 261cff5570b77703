"""The result of an evaluation or a comparison in one or two sentences."""

from __future__ import annotations

import math

from chromasonic.melody_generation.evaluation.compare import Comparison
from chromasonic.melody_generation.evaluation.records import EvaluationRecord


def verdict_on(record: EvaluationRecord) -> str:
    """Return what an evaluation has shown: the bits per note, and the melodies beside real tunes."""
    bits = record.test.bits_per_note
    sentences = []
    if math.isfinite(bits):
        sentences.append(
            f"It predicts the notes of {record.n_test_tunes} tunes that it never saw at {bits:.2f} bits each: as if it "
            f"had to choose among {2**bits:.1f} equally likely ones."
        )
    typicality, real = record.scores.get("overall_score"), record.real.get("overall_score")
    parts = []
    if typicality and math.isfinite(typicality.value):
        beside = f" (real tunes {real.value:.2f})" if real and math.isfinite(real.value) else ""
        parts.append(f"are typical to {typicality.value:.2f}{beside}")
    auc = record.distance.two_sample_auc.value if record.distance else math.nan
    if math.isfinite(auc):
        parts.append(f"are told from real tunes with an AUC of {auc:.2f} (not at all: 0.50)")
    if parts:
        sentences.append(f"Its melodies {' and '.join(parts)}.")
    return " ".join(sentences)


def verdict_on_all(comparison: Comparison) -> str:
    """Return which model predicts best, and whose melodies are hardest to tell from real ones."""
    best = comparison.models[0]
    if len(comparison.models) == 1:
        return verdict_on(best.records[0])
    sentences = [f"Of {len(comparison.models)} models, {best.name} predicts tunes that none of them saw best."]
    told = {
        model.name: sum(record.distance.two_sample_auc.value for record in model.records if record.distance)
        / len(model.records)
        for model in comparison.models
        if all(record.distance for record in model.records)
    }
    if len(told) > 1:
        nearest = min(told, key=lambda name: told[name])
        sentences.append(
            f"The melodies of {nearest} are the hardest to tell from real ones: an AUC of {told[nearest]:.2f} "
            "(not at all: 0.50)."
        )
    return " ".join(sentences)
