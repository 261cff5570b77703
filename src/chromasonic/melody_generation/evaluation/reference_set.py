"""The reference set of an evaluation: held-out tunes, and the calibration of scores on real tunes.

The calibration (:mod:`~chromasonic.melody_generation.measures.calibration`) is fitted on the training tunes if they are
known. The scores of the held-out tunes under it are the ceiling for the scores of every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chromasonic.melody_generation.corpora.corpus import Corpus, without_copies
from chromasonic.melody_generation.data.batching import check_scored_lengths
from chromasonic.melody_generation.data.splits import HELD_OUT, SPLIT_RULE, split_by_family
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration, cross_fit, fit_if_enough
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import Copying, NoveltyIndex
from chromasonic.melody_generation.measures.real_distance.distance_to_real import MIN_TUNES, RealDistance, RealTunes
from chromasonic.melody_generation.melody import Melody


@dataclass(frozen=True)
class ReferenceSet:
    """Held-out tunes with their scores, and the calibration that melodies are scored by.

    Attributes:
        test: The held-out tunes.
        calibration: Distributions of features over real tunes; None if too few tunes are known.
        novelty: Index of the training tunes; None if they are not known.
        real: Scores of the held-out tunes; None without a calibration.
        real_copying: What each held-out tune shares with the training tunes; None if these are not known.
        calibrated_on: Description of the tunes of the calibration, or the reason why there is none.
    """

    test: tuple[Melody, ...]
    calibration: Calibration | None
    novelty: NoveltyIndex | None
    real: MelodyScores | None
    real_copying: tuple[Copying, ...] | None
    calibrated_on: str

    @cached_property
    def real_tunes(self) -> RealTunes | None:
        """The real tunes from which the distance of melodies is measured; None if there are too few."""
        return RealTunes.fit(self.test, self.novelty.melodies if self.novelty else None)

    def distance(self, melodies: Sequence[Melody]) -> RealDistance | None:
        """Return the distance of melodies from the real tunes; None if there are too few of one of them."""
        real = self.real_tunes if len(melodies) >= MIN_TUNES else None
        return real.distance(melodies) if real else None

    @classmethod
    def of(
        cls,
        test: Sequence[Melody],
        training: Sequence[Melody] | None = None,
        calibration: Calibration | None = None,
    ) -> ReferenceSet:
        """Score the held-out tunes.

        Args:
            test: The held-out tunes.
            training: The training tunes of the models; without them novelty is not defined.
            calibration: A calibration on the training tunes; by default it is fitted.

        Raises:
            InputError: If there is no held-out tune, or one has no notes or too many.
        """
        if not test:
            raise InputError("the test set is empty, so no model can be evaluated: give at least one melody")
        for index, melody in enumerate(test):
            if not len(melody):
                raise InputError(f"melody {index} of the test set has no notes: leave it out")
        check_scored_lengths(test)
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
        reason = f"the {len(training)} training tunes are too few" if training else "the training tunes are not known"
        calibrated_on = f"the {len(test)} test tunes themselves, cross-fitted, since {reason}"
        return cls(tuple(test), fitted.calibration, novelty, fitted.scores, copying, calibrated_on)


def reference_of_corpus(
    corpus: Corpus, *, min_notes: int = 16, split_seed: int = 0, held_out: float = HELD_OUT
) -> ReferenceSet:
    """Return the reference set of a corpus: its training and test tunes as the data module of a run divides them.

    Args:
        corpus: The collection.
        min_notes: Minimum number of notes and rests of a tune; shorter ones are left out before the split.
        split_seed: Seed of the split.
        held_out: Fraction of the tunes for validation, and the same again for test.

    Raises:
        InputError: If the corpus is too small to split.
    """
    reading = corpus.read() if SPLIT_RULE == 1 else without_copies(corpus.read())
    tunes = [melody for melody in reading.melodies if len(melody) >= min_notes]
    split = split_by_family(tunes, seed=split_seed, validation=held_out, test=held_out)
    return ReferenceSet.of([tunes[index] for index in split.test], [tunes[index] for index in split.train])
