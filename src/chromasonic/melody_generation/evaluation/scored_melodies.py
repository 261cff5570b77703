"""Melodies with their scores, beside those of real tunes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import Copying, NoveltyIndex
from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.runs.trained_model import TrainedModel


@dataclass(frozen=True)
class ScoredMelodies:
    """Melodies with their scores.

    Attributes:
        melodies: The melodies, each with at least one sounding note.
        scores: Their scores; None without a calibration.
        copying: What each shares with the training tunes, without the notes that were given; None if the training tunes
            are not known.
        reference: The real tunes that they are compared with; None without any.
        n_given: The number of notes and rests at the beginning of each that were given by a primer.
    """

    melodies: tuple[Melody, ...]
    scores: MelodyScores | None = None
    copying: tuple[Copying, ...] | None = None
    reference: ReferenceSet | None = None
    n_given: int = 0

    @classmethod
    def score(cls, melodies: Sequence[Melody], reference: ReferenceSet, n_given: int = 0) -> ScoredMelodies:
        """Score melodies by the calibration and the training tunes of a reference set."""
        calibration, novelty = reference.calibration, reference.novelty
        scores = calibration.score(melodies, novelty) if calibration else None
        copying = _copying(novelty, melodies, n_given) if novelty else None
        return cls(tuple(melodies), scores, copying, reference, n_given)

    @classmethod
    def score_for_model(cls, melodies: Sequence[Melody], model: TrainedModel, n_given: int = 0) -> ScoredMelodies:
        """Score melodies by the tunes of a model's split, or by its calibration alone if the tunes are unknown.

        Args:
            melodies: The melodies.
            model: The model.
            n_given: The number of notes and rests at the beginning of each that were given by a primer.
        """
        if model.tunes.get("test"):
            reference = ReferenceSet.of(model.tunes["test"], model.tunes["train"], model.calibration)
            return cls.score(melodies, reference, n_given)
        scores = model.calibration.score(melodies) if model.calibration else None
        return cls(tuple(melodies), scores, n_given=n_given)


def _copying(novelty: NoveltyIndex, melodies: Sequence[Melody], n_given: int) -> tuple[Copying, ...]:
    """Return what each melody shares with the training tunes after the notes that were given."""
    if not n_given:
        return tuple(novelty.copying(melodies))
    made = novelty.copying([melody.window(n_given, len(melody)) for melody in melodies])
    shifted = []
    for melody, copied in zip(melodies, made, strict=True):
        n_sounding = int((melody.pitches[:n_given] != REST).sum())
        begin = copied.passage.begin + n_sounding if copied.passage.n_notes else -1
        shifted.append(replace(copied, passage=replace(copied.passage, begin=begin)))
    return tuple(shifted)
