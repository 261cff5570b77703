"""The results of an evaluation, and their form in ``evaluation/results.json``.

Only this module and :mod:`~chromasonic.melody_generation.runs.training_record` know the keys of the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field, InstanceOf, TypeAdapter

from chromasonic.melody_generation.atomic_files import JsonObject, are_unchanged
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.record_parts import (
    CopyingRecord,
    CostRecord,
    Diagnosis,
    OverlapRecord,
    SamplesRecord,
    TuneRecord,
    TypicalRecord,
)
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.melody_scores import ScoreSummary
from chromasonic.melody_generation.measures.real_distance.distance_to_real import RealDistance
from chromasonic.melody_generation.runs.json_records import MAX_AMOUNT, NanForNull, null_for_nan, validated
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.model_metadata import MAX_NAME_LETTERS, ModelMetadata
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration
from chromasonic.melody_generation.runs.training_record import TokenMeasures, TrainingRecord, read_results
from chromasonic.melody_generation.training.metrics import MEASURE_NAMES

VERSION = 4  # of the measures: results of another version are measured again
# Those of version 2 have other scores of melodies under the same keys, those of 3 no distance from real tunes.
_READ_VERSIONS = (2, 3, VERSION)
_FIRST_WITH_WORDS = 3
SCORES = ("accuracy", "perplexity", "diversity", "coherence", "musicality", "overall_score")


@dataclass(frozen=True)
class EvaluationRecord:
    """The results of an evaluation.

    Attributes:
        model: Name of the model.
        words: Words for each of ``SCORES`` beside that of real tunes; empty where there are none.
        scores: Each of ``SCORES`` and of the measures of prediction, with its 95 % interval.
        real: Scores of the test tunes themselves, with intervals.
        test_set_hash: Hash of the test tunes; only scores of the same tunes compare.
        n_test_tunes: Test tunes.
        n_impossible_tunes: Test tunes that hold a token of probability 0.
        n_test_notes: Notes and rests in the test tunes.
        calibrated_on: Description of the tunes that the scores of melodies are calibrated on.
        version: Version of the measures.
        samples: The sampled melodies.
        overlap: Overlap of features with the test tunes; None without a calibration.
        real_tunes: Scores of the test tunes by group and feature; None without a calibration.
        typical: Melodies of median score.
        copying: What is copied; None if the training tunes are not known.
        cost: Size and speed.
        diagnosis: Where the bits go.
        tunes: The test tunes.
        training: The record of the training; None for a network that is from no run.
        run: Name of the run directory; empty for a network that is from no run.
        checkpoint: Digest of the checkpoint; empty for a network that is from no run.
        is_finished: Whether the training was complete.
        files: The SHA-256 of each file that was written with the results, by its path beside them.
        distance: Distance of the samples from real tunes; None if there are too few of one of them.
    """

    model: Annotated[str, Field(max_length=MAX_NAME_LETTERS)]
    words: Mapping[str, str]
    scores: Annotated[Mapping[str, Estimate], NanForNull]
    real: Annotated[Mapping[str, Estimate], NanForNull]
    test_set_hash: str
    n_test_tunes: int
    n_impossible_tunes: int
    n_test_notes: int
    calibrated_on: str
    version: int
    samples: SamplesRecord
    overlap: Annotated[OverlapRecord, NanForNull] | None
    real_tunes: Annotated[ScoreSummary, NanForNull] | None
    typical: TypicalRecord
    copying: Annotated[CopyingRecord, NanForNull] | None
    cost: CostRecord
    diagnosis: Annotated[Diagnosis, NanForNull]
    tunes: Annotated[tuple[TuneRecord, ...], NanForNull]
    training: InstanceOf[TrainingRecord] | None = None
    run: str = ""
    checkpoint: str = ""
    is_finished: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    distance: Annotated[RealDistance, NanForNull] | None = None

    @property
    def test(self) -> TokenMeasures:
        """The measures of prediction on the test tunes."""
        return TokenMeasures(**{name: self.scores[name].value for name in MEASURE_NAMES})

    @property
    def metadata(self) -> ModelMetadata:
        """The metadata of the training; empty for a network that is from no run."""
        return self.training.metadata if self.training else ModelMetadata()

    @property
    def configuration(self) -> JsonObject:
        """The configuration of the run as today's version would save it; empty if it is not known."""
        saved = self.metadata.configuration
        return upgrade_configuration(saved) if saved else {}

    @property
    def minutes(self) -> float:
        """Duration of the training; NaN if it is not known."""
        return math.nan if self.training is None or self.training.minutes is None else self.training.minutes

    @property
    def tunes_by_hash(self) -> tuple[TuneRecord, ...]:
        """The test tunes in an order that is the same for all models: by hash."""
        return tuple(sorted(self.tunes, key=lambda tune: tune.hash))

    def to_json(self) -> JsonObject:
        """Return plain values by the keys of the file.

        The six scores are repeated at the top, and the measures of prediction under ``test``.
        """
        values = _EVALUATION.dump_python(self, mode="json", by_alias=True, exclude={"training", *_OF_RUN})
        top = {"model": values.pop("model")} | {name: self.scores[name].value for name in SCORES}
        scores = {name: values.pop(name) for name in ("words", "scores", "real")}
        test = {"test": {name: self.scores[name].value for name in MEASURE_NAMES}}
        training = self.training.to_json() if self.training else {}
        for name in ("files", "distance"):
            if not values[name]:
                del values[name]
        results: JsonObject = training | null_for_nan(top | scores | test | values)
        if self.checkpoint:
            results |= {name: getattr(self, name) for name in _OF_RUN}
            results["cost"]["minutes"] = self.training.minutes if self.training else None
        return results

    @classmethod
    def from_json(cls, values: JsonObject, name: str) -> EvaluationRecord:
        """Read the content of a file.

        Args:
            values: Plain values by the keys of the file.
            name: Name of the run for the error message.

        Raises:
            InputError: If the values are of another version, incomplete or damaged.
        """
        if values.get("version", VERSION) not in _READ_VERSIONS:
            raise InputError(
                f"the results of {name} are of version {values['version']}, this program reads version {VERSION}: "
                "evaluate the run again"
            )
        training = TrainingRecord.from_json(values, name) if "hash" in values or "validation" in values else None
        is_older = values.get("version", VERSION) < _FIRST_WITH_WORDS
        words: JsonObject = {"words": {}} if is_older else {}  # older ratings, such as "excellent", had no reference
        record = validated(_EVALUATION, {**values, **words, "training": training}, name)
        missing = [score for score in (*SCORES, *MEASURE_NAMES) if score not in record.scores]
        missing += [score for score in SCORES[2:] if score not in record.real]
        if missing:
            raise InputError(f"the results of {name} are incomplete (no {missing[0]}): evaluate the run again")
        for score, estimate in (*record.scores.items(), *record.real.items()):
            if not _is_possible(score, estimate):
                raise InputError(f"the results of {name} hold an impossible {score}: evaluate the run again")
        if record.distance and not record.distance.is_possible:
            raise InputError(f"the results of {name} hold an impossible distance: evaluate the run again")
        return record


def _is_possible(score: str, estimate: Estimate) -> bool:
    """Return whether a score and its interval are in the range of the score, or not defined."""
    largest = _LARGEST.get(score, 1.0)
    values = (estimate.value, estimate.low, estimate.high)
    return not any(value < -_ROUNDING or value > largest + _ROUNDING for value in values)


# The largest value of a score; 1 for all others. A perplexity is the exponential of a loss, and its square is finite.
_LARGEST = {"perplexity": 1e150, "loss": MAX_AMOUNT, "bits_per_note": MAX_AMOUNT, "note_bits": MAX_AMOUNT}
_ROUNDING = 1e-6
_OF_RUN = ("run", "checkpoint", "is_finished")
_EVALUATION = TypeAdapter(EvaluationRecord)


def read_evaluation(run: Path) -> EvaluationRecord | None:
    """Read the evaluation of a run; None if it was not evaluated yet.

    An evaluation that a killed program has begun to replace counts as none: files beside it are of another one.

    Raises:
        InputError: If the file is damaged, or its results are of another version.
    """
    values = read_results(run)
    record = EvaluationRecord.from_json(values, run.name) if "scores" in values else None
    is_whole = record is not None and are_unchanged(RunLayout(run).evaluation.directory, record.files)
    return record if is_whole else None
