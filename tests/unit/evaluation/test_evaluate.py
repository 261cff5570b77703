"""Scores agree with each other, and a score that is not defined says so."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, small_lstm, user_network, walks
from torch import nn

from chromasonic.melody_generation.data.splits import test_set_hash as hash_of
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.evaluate import beside_real, draw_samples, evaluate
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import SCORES, EvaluationRecord
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.calibration import Calibration
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.networks.markov import MarkovNetwork

WALKS = walks(60)
TRAIN, TEST = WALKS[:40], WALKS[40:]
FEW = SampleSettings(n_samples=6, max_notes=40)


def counted() -> nn.Module:
    network = MarkovNetwork()
    network.count(batch_of(TRAIN))
    return network


def record_of(network: nn.Module, reference: ReferenceSet, settings: SampleSettings = FEW) -> EvaluationRecord:
    return evaluate(network, "m", reference, settings).record()


@pytest.fixture(scope="module")
def record() -> EvaluationRecord:
    return record_of(counted(), ReferenceSet.of(TEST, TRAIN))


def value_of(record: EvaluationRecord, name: str) -> float:
    return record.scores[name].value


def test_scores_agree_with_each_other(record: EvaluationRecord) -> None:
    assert value_of(record, "perplexity") == pytest.approx(2**record.test.bits_per_note)
    bits, n_notes = sum(tune.bits for tune in record.tunes), sum(tune.n_notes for tune in record.tunes)
    assert record.test.bits_per_note == pytest.approx(bits / n_notes)
    assert record.n_test_notes == sum(map(len, TEST)) == n_notes
    assert record.test_set_hash == hash_of(TEST)
    assert record.samples.settings == replace(FEW, outline=False)  # a network knows no training tunes
    for name in SCORES:
        score = record.scores[name]
        assert score.low <= score.value <= score.high
        if name != "perplexity":
            assert 0 <= score.low <= score.high <= 1


def test_the_file_has_the_six_scores_at_the_top_as_plain_values(record: EvaluationRecord) -> None:
    values = record.to_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    for name in SCORES:
        assert values[name] == values["scores"][name]["value"] == value_of(record, name)


def test_real_tunes_are_scored_beside_the_model(record: EvaluationRecord) -> None:
    calibration = Calibration.fit(TRAIN)
    reference = ReferenceSet.of(TEST, TRAIN, calibration)
    expected = calibration.score(TEST, reference.novelty).summary().overall.value
    assert record.real["overall_score"].value == pytest.approx(expected)
    assert record.real["overall_score"].value > value_of(record, "overall_score")


def test_a_calibration_from_a_checkpoint_scores_as_the_training_tunes_do(record: EvaluationRecord) -> None:
    kept = Calibration.from_dict(json.loads(json.dumps(Calibration.fit(TRAIN).to_dict())))
    again = record_of(counted(), ReferenceSet.of(TEST, TRAIN, kept))
    for name in SCORES:
        assert value_of(again, name) == pytest.approx(value_of(record, name), abs=1e-9)


def test_the_same_seed_gives_the_same_melodies_and_another_gives_others() -> None:
    network, reference = counted(), ReferenceSet.of(TEST, TRAIN)
    first, again = (evaluate(network, "m", reference, FEW).samples for _ in range(2))
    assert first == again
    assert evaluate(network, "m", reference, replace(FEW, seed=1)).samples != first


def test_more_samples_begin_with_the_same() -> None:
    network, reference = counted(), ReferenceSet.of(TEST, TRAIN)
    more = evaluate(network, "m", reference, replace(FEW, n_samples=9)).samples
    assert more[:6] == evaluate(network, "m", reference, FEW).samples


def test_samples_have_the_metres_and_modes_of_the_test_tunes_each_as_often() -> None:
    test = [replace(TEST[0], metre=Metre(6, 8), mode="dorian"), replace(TEST[1], metre=Metre(3, 4)), TEST[2]]
    samples = draw_samples(counted(), test, SampleSettings(n_samples=9, max_notes=30))
    kinds = sorted((str(melody.metre), melody.mode) for melody in samples)
    assert kinds == sorted(3 * [(str(tune.metre), tune.mode) for tune in test])


def test_without_training_tunes_the_test_tunes_calibrate_and_novelty_is_not_defined() -> None:
    record = record_of(counted(), ReferenceSet.of(TEST))
    assert "cross-fitted" in record.calibrated_on
    assert "not known" in record.calibrated_on
    assert record.copying is None
    assert not math.isnan(value_of(record, "overall_score"))
    assert record.samples.summary
    assert "novelty" not in record.samples.summary.features


def test_too_few_training_tunes_are_said_to_be_few() -> None:
    record = record_of(counted(), ReferenceSet.of(TEST, TRAIN[:3]))
    assert "the 3 training tunes are too few" in record.calibrated_on
    assert record.copying is not None


def test_training_tunes_of_one_note_calibrate_nothing_however_many() -> None:
    reference = ReferenceSet.of(TEST, [Melody([60], [24])] * 10)
    assert "the 10 training tunes are too few" in reference.calibrated_on


def test_a_set_too_small_to_calibrate_on_says_so_and_predictions_are_scored() -> None:
    record = record_of(counted(), ReferenceSet.of(TEST[:3]))
    assert record.calibrated_on.startswith("not defined: ")
    for name in ("diversity", "coherence", "musicality", "overall_score"):
        assert math.isnan(value_of(record, name))
        assert record.words[name] == ""
        assert record.to_json()[name] is None
    assert not math.isnan(value_of(record, "accuracy"))


def test_one_test_tune_has_no_interval() -> None:
    accuracy = record_of(counted(), ReferenceSet.of(TEST[:1])).scores["accuracy"]
    assert not math.isnan(accuracy.value)
    assert math.isnan(accuracy.low)


@pytest.mark.parametrize(("test", "words"), [([], "the test set is empty"), ([Melody([], [])], "melody 0 .* no notes")])
def test_a_test_set_without_notes_is_refused(test: list[Melody], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ReferenceSet.of(test)


def test_melodies_of_one_note_score_zero_and_are_counted() -> None:
    class OneNote(nn.Module):
        """Generates one note and the end."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.full((*tokens.shape, len(VOCABULARY)), -1e4)
            is_note = tokens >= VOCABULARY.first_note
            logits[..., VOCABULARY.first_note + 20] = torch.where(is_note, -1e4, 10.0)
            logits[..., VOCABULARY.end] = torch.where(is_note, 10.0, -1e4)
            return logits

    record = record_of(OneNote(), ReferenceSet.of(TEST, TRAIN))
    assert record.samples.summary
    assert record.samples.summary.n_undefined == 6
    assert value_of(record, "overall_score") == 0
    assert record.copying
    assert math.isnan(record.copying.samples.novelty.value)


def test_real_tunes_of_one_note_calibrate_nothing() -> None:
    record = record_of(counted(), ReferenceSet.of([Melody([60], [24])] * 20))
    assert record.calibrated_on.startswith("not defined: ")
    assert math.isnan(value_of(record, "overall_score"))
    assert math.isnan(record.real["overall_score"].value)


def test_melodies_that_had_to_be_cut_are_counted() -> None:
    class NeverStops(nn.Module):
        """Never generates the end."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.full((*tokens.shape, len(VOCABULARY)), -1e4)
            logits[..., VOCABULARY.first_note + 32 * 16 + 6 : VOCABULARY.first_note + 32 * 24 : 32] = 0
            return logits

    samples = record_of(NeverStops(), ReferenceSet.of(TEST, TRAIN)).samples
    assert samples.n_cut == 6
    assert samples.median_notes >= 40
    assert samples.median_notes_real == np.median([len(tune) for tune in TEST])


def test_ten_samples_have_a_distance_from_real_tunes_and_fewer_have_none(record: EvaluationRecord) -> None:
    assert record.distance is None
    distance = record_of(counted(), ReferenceSet.of(TEST, TRAIN), replace(FEW, n_samples=10)).distance
    assert distance is not None
    assert distance.n_melodies == 10
    assert distance.two_sample_auc.value > distance.two_sample_auc_floor.value


def test_features_of_the_melodies_and_of_real_tunes_overlap_in_part(record: EvaluationRecord) -> None:
    assert record.overlap
    defined = [
        [overlap for overlap in side.values() if not math.isnan(overlap)]
        for side in (record.overlap.samples, record.overlap.real)
    ]
    assert all(0 <= overlap <= 1 for side in defined for overlap in side)
    assert np.mean(defined[0]) < np.mean(defined[1])


def test_an_impossible_token_gives_no_perplexity_and_no_zero() -> None:
    class NeverEnds(nn.Module):
        """Gives the end the probability 0."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(*tokens.shape, len(VOCABULARY))
            logits[..., VOCABULARY.end] = -torch.inf
            return logits

    record = record_of(NeverEnds(), ReferenceSet.of(TEST, TRAIN))
    assert math.isnan(value_of(record, "perplexity"))
    assert math.isnan(record.test.bits_per_note)
    assert record.to_json()["perplexity"] is None
    assert record.words["perplexity"] == ""  # real tunes have none to stand beside
    assert not math.isnan(value_of(record, "accuracy"))
    assert record.n_impossible_tunes == len(TEST)


def test_a_copied_tune_is_named_beside_its_source() -> None:
    class Parrot(nn.Module):
        """Generates the tenth training tune under all conditions."""

        def __init__(self) -> None:
            super().__init__()
            self.tune = torch.from_numpy(VOCABULARY.encode(named[9]))

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.full((*tokens.shape, len(VOCABULARY)), -50.0)
            for position in range(tokens.shape[1]):
                logits[:, position, self.tune[min(position + 1, len(self.tune) - 1)]] = 50
            return logits

    named = [replace(tune, title=f"Walk {number}", source=f"w:{number}") for number, tune in enumerate(TRAIN)]
    test = [replace(tune, metre=named[9].metre, mode=named[9].mode, start=named[9].start) for tune in TEST]
    copying = record_of(Parrot(), ReferenceSet.of(test, named), replace(FEW, max_notes=500)).copying
    assert copying
    assert (copying.most_copied.title, copying.most_copied.source) == ("Walk 9", "w:9")
    assert copying.most_copied.novelty == 0
    assert copying.most_copied.share == 1


def test_a_module_of_ones_own_is_evaluated_like_any_other() -> None:
    record = record_of(user_network(), ReferenceSet.of(TEST, TRAIN))
    assert set(SCORES) <= record.scores.keys()
    assert record.cost.parameters == sum(parameter.numel() for parameter in user_network().parameters())


@pytest.mark.slow
def test_training_mode_does_not_matter() -> None:
    network, reference = small_lstm(dropout=0.5), ReferenceSet.of(TEST, TRAIN)
    quiet = record_of(network.eval(), reference)
    assert record_of(network.train(), reference).scores == quiet.scores
    assert network.training


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.10, 0.79, "below real tunes"),
        (0.10, 0.80, "as real tunes"),
        (0.85, 0.86, "as real tunes"),
        (0.70, 0.99, "as real tunes"),
        (0.90, 0.95, "as real tunes"),
        (0.91, 0.95, "above real tunes"),
        (math.nan, math.nan, ""),
    ],
)
def test_words_are_about_the_intervals_of_a_score_and_of_real_tunes(low: float, high: float, words: str) -> None:
    real = Estimate(0.85, 0.80, 0.90)
    assert beside_real(Estimate((low + high) / 2, low, high), real) == words
    assert beside_real(Estimate((low + high) / 2, low, high), None) == ""
