"""What models are judged by: held-out tunes, and what real tunes are like.

The calibration (:mod:`~chromasonic.melody_generation.measures.calibration`) is fitted on the training tunes where they
are known; the held-out tunes' own scores under it are the ceiling to read every model's scores against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration, cross_fit, fit_if_enough
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import Copying, NoveltyIndex
from chromasonic.melody_generation.melody import Melody


@dataclass(frozen=True)
class ReferenceSet:
    """What models are judged by: held-out tunes, and what real tunes are like.

    Attributes:
        test: The held-out tunes.
        calibration: What real tunes are like; None where too few are known.
        novelty: The training tunes, where they are known.
        real: The scores of the held-out tunes; None without a calibration.
        real_copying: What each held-out tune shares with the training tunes, where they are known.
        calibrated_on: What the calibration was fitted on, or why there is none, in words.
    """

    test: tuple[Melody, ...]
    calibration: Calibration | None
    novelty: NoveltyIndex | None
    real: MelodyScores | None
    real_copying: tuple[Copying, ...] | None
    calibrated_on: str

    @classmethod
    def of(
        cls,
        test: Sequence[Melody],
        training: Sequence[Melody] | None = None,
        calibration: Calibration | None = None,
    ) -> ReferenceSet:
        """Set up the judgement.

        Args:
            test: The held-out tunes.
            training: The tunes that models were trained on; without them novelty is not defined.
            calibration: What was fitted on the training tunes, if it is at hand.

        Raises:
            InputError: If there is no held-out tune, or one has no notes.
        """
        if not test:
            raise InputError("the test set is empty, so there is nothing to judge a model by: give at least one melody")
        for place, melody in enumerate(test):
            if not len(melody):
                raise InputError(f"melody {place} of the test set has no notes: leave it out")
        novelty = NoveltyIndex(training) if training else None
        copying = tuple(novelty.copying(test)) if novelty else None
        if calibration is None and training:
            calibration = fit_if_enough(training)
        if calibration is not None:
            real = calibration.score(test, novelty)
            return cls(tuple(test), calibration, novelty, real, copying, f"{calibration.n_melodies} training tunes")
        try:
            fitted = cross_fit(test)
        except InputError as problem:
            return cls(tuple(test), None, novelty, None, copying, f"not defined: {problem}")
        known = f"the {len(training)} training tunes are too few" if training else "the training tunes are not known"
        words = f"the {len(test)} test tunes themselves, cross-fitted, since {known}"
        return cls(tuple(test), fitted.calibration, novelty, fitted.scores, copying, words)
