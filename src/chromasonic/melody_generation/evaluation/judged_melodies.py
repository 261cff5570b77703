"""Melodies of any origin, judged beside held-out real tunes, and their form in ``results.json``.

Any program or person may have made the melodies. They are scored by a calibration on the training tunes of a
reference, and the held-out tunes of the reference are scored in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.data.splits import test_set_hash
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.records import VERSION
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.melody_scores import MelodyScores
from chromasonic.melody_generation.measures.novelty import Copying
from chromasonic.melody_generation.measures.real_distance.distance_to_real import RealDistance
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.json_records import null_for_nan


@dataclass(frozen=True)
class JudgedMelodies:
    """Melodies of any origin and held-out real tunes with their scores.

    Attributes:
        made: The melodies with their scores.
        real: The held-out tunes of the reference with their scores.
        files: Name of the file of each melody.
        dropped: File and reason of each tune that could not be read.
        distance: Distance of the melodies from real tunes; None if there are too few of one of them.
    """

    made: ScoredMelodies
    real: ScoredMelodies
    files: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...] = ()
    distance: RealDistance | None = None

    @classmethod
    def of(
        cls,
        melodies: Sequence[Melody],
        reference: ReferenceSet,
        files: Sequence[str] | None = None,
        dropped: Sequence[tuple[str, str]] = (),
    ) -> JudgedMelodies:
        """Score melodies beside the held-out tunes of a reference.

        Args:
            melodies: The melodies.
            reference: The real tunes.
            files: Name of the file of each melody; by default its source.
            dropped: File and reason of each tune that could not be read.

        Raises:
            InputError: If there is no melody, or the reference has too few tunes for a calibration.
        """
        if not melodies:
            raise InputError("there are no melodies to score: give at least one")
        if reference.calibration is None or reference.real is None:
            raise InputError(f"the reference cannot score melodies: {reference.calibrated_on}")
        names = [melody.source for melody in melodies] if files is None else files
        real = ScoredMelodies(reference.test, reference.real, reference.real_copying, reference)
        made = ScoredMelodies.score(melodies, reference)
        return cls(made, real, tuple(names), tuple(dropped), reference.distance(melodies))

    @property
    def scores(self) -> dict[str, Estimate]:
        """The mean of each score of the melodies, with its interval."""
        return _means(self.made)

    @property
    def real_scores(self) -> dict[str, Estimate]:
        """The mean of each score of the real tunes, with its interval."""
        return _means(self.real)

    def to_json(self) -> JsonObject:
        """Return plain values by the keys of ``results.json``."""
        reference = self.made.reference
        real_files = [melody.source for melody in self.real.melodies]
        distance: JsonObject | None = null_for_nan(_DISTANCE.dump_python(self.distance, mode="json"))
        return {
            "version": VERSION,
            **_part(self.made, self.files),
            "two_sample_auc": distance["two_sample_auc"] if distance else None,
            "real": {
                **_part(self.real, real_files),
                "two_sample_auc": distance["two_sample_auc_floor"] if distance else None,
            },
            "distance": distance,
            "left_out": [{"file": name, "reason": reason} for name, reason in self.dropped],
            "calibrated_on": reference.calibrated_on if reference else "",
            "test_set_hash": test_set_hash(self.real.melodies),
        }


_DISTANCE: TypeAdapter[RealDistance | None] = TypeAdapter(RealDistance | None)


def _scores_of(scored: ScoredMelodies) -> MelodyScores:
    if scored.scores is None:
        raise InputError("the melodies have no scores: a calibration is missing")
    return scored.scores


def _means(scored: ScoredMelodies) -> dict[str, Estimate]:
    summary = _scores_of(scored).summary()
    return {"overall_score": summary.overall, **summary.groups, **summary.aspects}


def _part(scored: ScoredMelodies, files: Sequence[str]) -> JsonObject:
    """Return the scores of a set of melodies and of each of them. A melody with fewer than two notes has none."""
    scores = _scores_of(scored)
    copying: Sequence[Copying | None] = scored.copying or [None] * len(scored.melodies)
    melodies = []
    for index, (melody, file, copied) in enumerate(zip(scored.melodies, files, copying, strict=True)):
        named = {"overall_score": scores.overall, **scores.groups, **scores.aspects}
        values: JsonObject = {name: float(of_melodies[index]) for name, of_melodies in named.items()}
        shared = {"longest_shared_run": copied.passage.n_notes} if copied else {}
        melodies.append({"file": file, "title": melody.title, "notes": len(melody), **values, **shared})
    means = {name: asdict(estimate) for name, estimate in _means(scored).items()}
    defined: JsonObject = null_for_nan({"scores": means, "melodies": melodies})
    return defined


def mean_or_dash(estimate: Estimate) -> str:
    """Return a score with its interval for a table.

    Example:
        >>> mean_or_dash(Estimate(0.5, 0.25, 0.75)), mean_or_dash(Estimate(math.nan, math.nan, math.nan))
        ('0.50 [0.25, 0.75]', '-')
    """
    if math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
