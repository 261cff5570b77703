"""Melodies are scored by a reference set, by a model's tunes, or by its calibration alone."""

from __future__ import annotations

import numpy as np
from tests.small_networks import small_lstm, walks

from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.measures.calibration import fit_if_enough
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel

TUNES = walks(40)
TRAIN, TEST, MELODIES = tuple(TUNES[15:]), tuple(TUNES[:15]), walks(43)[40:]


def test_a_model_with_its_tunes_scores_as_their_reference_set() -> None:
    metadata = ModelMetadata(calibration=fit_if_enough(TRAIN))
    model = TrainedModel(small_lstm(), metadata, tunes={"train": TRAIN, "validation": (), "test": TEST})
    scored = ScoredMelodies.score_for_model(MELODIES, model)
    expected = ScoredMelodies.score(MELODIES, ReferenceSet.of(TEST, TRAIN))
    assert scored.scores
    assert expected.scores
    np.testing.assert_array_equal(scored.scores.overall, expected.scores.overall)
    assert scored.copying == expected.copying
    assert scored.reference


def test_a_model_without_its_tunes_scores_by_its_calibration() -> None:
    scored = ScoredMelodies.score_for_model(
        MELODIES, TrainedModel(small_lstm(), ModelMetadata(calibration=fit_if_enough(TRAIN)))
    )
    assert scored.scores
    assert (scored.copying, scored.reference) == (None, None)


def test_without_a_calibration_there_are_no_scores() -> None:
    scored = ScoredMelodies.score_for_model(MELODIES, TrainedModel(small_lstm()))
    assert scored == ScoredMelodies(tuple(MELODIES))


def test_copying_leaves_out_the_notes_that_a_primer_gave() -> None:
    given, made = TRAIN[0].window(0, 12), TRAIN[1].window(0, 10)
    melody = Melody(
        [*given.pitches, *made.pitches], [*given.durations, *made.durations], given.metre, tonic=given.tonic
    )
    [whole] = ScoredMelodies.score([melody], ReferenceSet.of(TEST, TRAIN)).copying or ()
    [after] = ScoredMelodies.score([melody], ReferenceSet.of(TEST, TRAIN), n_given=12).copying or ()
    assert (whole.passage.source, whole.passage.begin) == (0, 0)
    assert after.passage.begin >= 12
    assert after.passage.n_notes <= 10
