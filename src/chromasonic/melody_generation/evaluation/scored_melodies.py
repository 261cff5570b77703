"""Melodies with their scores, beside those of real tunes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import Copying
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.trained_model import TrainedModel


@dataclass(frozen=True)
class ScoredMelodies:
    """Melodies with their scores.

    Attributes:
        melodies: The melodies, each with at least one sounding note.
        scores: Their scores; None without a calibration.
        copying: What each shares with the training tunes; None if these are not known.
        reference: The real tunes that they are compared with; None without any.
    """

    melodies: tuple[Melody, ...]
    scores: MelodyScores | None = None
    copying: tuple[Copying, ...] | None = None
    reference: ReferenceSet | None = None

    @classmethod
    def score(cls, melodies: Sequence[Melody], reference: ReferenceSet) -> ScoredMelodies:
        """Score melodies by the calibration and the training tunes of a reference set."""
        calibration, novelty = reference.calibration, reference.novelty
        scores = calibration.score(melodies, novelty) if calibration else None
        copying = tuple(novelty.copying(melodies)) if novelty else None
        return cls(tuple(melodies), scores, copying, reference)

    @classmethod
    def score_for_model(cls, melodies: Sequence[Melody], model: TrainedModel) -> ScoredMelodies:
        """Score melodies by the tunes of a model's split, or by its calibration alone if the tunes are unknown."""
        if model.tunes.get("test"):
            return cls.score(melodies, ReferenceSet.of(model.tunes["test"], model.tunes["train"], model.calibration))
        return cls(tuple(melodies), model.calibration.score(melodies) if model.calibration else None)
