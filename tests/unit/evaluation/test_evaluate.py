"""What is said of a model: numbers that agree with each other, and a stated "not defined" where there is none."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, network_of_ones_own, small_lstm, walks
from torch import nn

from chromasonic.melody_generation.data.splits import test_set_hash as hash_of
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.evaluate import SCORES, SampleSettings, evaluate, word_for
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
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


def results_of(network: nn.Module, standard: ReferenceSet, settings: SampleSettings = FEW) -> dict[str, Any]:
    return evaluate(network, "m", standard, settings).results()


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return results_of(counted(), ReferenceSet.of(TEST, TRAIN))


def test_results_are_plain_values_that_agree_with_each_other(results: dict[str, Any]) -> None:
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    assert results["perplexity"] == pytest.approx(2 ** results["test"]["bits_per_note"])
    bits = sum(tune["bits"] for tune in results["tunes"])
    assert results["test"]["bits_per_note"] == pytest.approx(bits / sum(tune["notes"] for tune in results["tunes"]))
    assert results["n_test_notes"] == sum(map(len, TEST)) == sum(tune["notes"] for tune in results["tunes"])
    assert results["test_set_hash"] == hash_of(TEST)
    assert results["samples"]["n_samples"] == 6
    for name in SCORES:
        score = results["scores"][name]
        assert score["low"] <= score["value"] <= score["high"]
        assert results[name] == score["value"]
        if name != "perplexity":
            assert 0 <= score["low"] <= score["high"] <= 1


def test_real_tunes_are_scored_beside_the_model(results: dict[str, Any]) -> None:
    calibration = Calibration.fit(TRAIN)
    standard = ReferenceSet.of(TEST, TRAIN, calibration)
    expected = calibration.score(TEST, standard.novelty).summary().overall.value
    assert results["real"]["overall_score"]["value"] == pytest.approx(expected)
    assert results["real"]["overall_score"]["value"] > results["overall_score"]


def test_a_calibration_from_a_checkpoint_judges_as_the_training_tunes_do(results: dict[str, Any]) -> None:
    kept = Calibration.from_dict(json.loads(json.dumps(Calibration.fit(TRAIN).to_dict())))
    again = results_of(counted(), ReferenceSet.of(TEST, TRAIN, kept))
    for name in SCORES:
        assert again[name] == pytest.approx(results[name], abs=1e-9)


def test_the_same_seed_gives_the_same_melodies_and_another_gives_others() -> None:
    network, standard = counted(), ReferenceSet.of(TEST, TRAIN)
    first, again = (evaluate(network, "m", standard, FEW).samples for _ in range(2))
    assert first == again
    assert evaluate(network, "m", standard, replace(FEW, seed=1)).samples != first


def test_more_samples_begin_with_the_same() -> None:
    network, standard = counted(), ReferenceSet.of(TEST, TRAIN)
    more = evaluate(network, "m", standard, replace(FEW, n_samples=9)).samples
    assert more[:6] == evaluate(network, "m", standard, FEW).samples


def test_samples_have_the_metres_and_modes_of_the_test_tunes_each_as_often() -> None:
    test = [replace(TEST[0], metre=Metre(6, 8), mode="dorian"), replace(TEST[1], metre=Metre(3, 4)), TEST[2]]
    samples = SampleSettings(n_samples=9, max_notes=30).drawn(counted(), test)
    found = sorted((str(each.metre), each.mode) for each in samples)
    assert found == sorted(3 * [(str(each.metre), each.mode) for each in test])


def test_without_training_tunes_the_test_tunes_calibrate_and_novelty_is_not_defined() -> None:
    found = results_of(counted(), ReferenceSet.of(TEST))
    assert "cross-fitted" in found["calibrated_on"]
    assert "not known" in found["calibrated_on"]
    assert found["copying"] is None
    assert found["overall_score"] is not None
    assert "novelty" not in found["samples"]["summary"]["features"]


def test_too_few_training_tunes_are_said_to_be_few() -> None:
    found = results_of(counted(), ReferenceSet.of(TEST, TRAIN[:3]))
    assert "the 3 training tunes are too few" in found["calibrated_on"]
    assert found["copying"] is not None


def test_training_tunes_of_one_note_calibrate_nothing_however_many() -> None:
    standard = ReferenceSet.of(TEST, [Melody([60], [24])] * 10)
    assert "the 10 training tunes are too few" in standard.calibrated_on


def test_a_set_too_small_to_calibrate_on_says_so_and_scores_what_can_be_scored() -> None:
    found = results_of(counted(), ReferenceSet.of(TEST[:3]))
    assert found["calibrated_on"].startswith("not defined: ")
    for name in ("diversity", "coherence", "musicality", "overall_score"):
        assert found[name] is None
        assert found["words"][name] == ""
    assert found["accuracy"] is not None


def test_one_test_tune_has_no_interval() -> None:
    found = results_of(counted(), ReferenceSet.of(TEST[:1]))
    assert found["scores"]["accuracy"]["value"] is not None
    assert found["scores"]["accuracy"]["low"] is None


@pytest.mark.parametrize(("test", "words"), [([], "the test set is empty"), ([Melody([], [])], "melody 0 .* no notes")])
def test_a_test_set_that_tells_nothing_is_refused(test: list[Melody], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ReferenceSet.of(test)


def test_melodies_of_one_note_are_counted_as_what_they_are() -> None:
    class OneNote(nn.Module):
        """One note and no more."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.full((*tokens.shape, len(VOCABULARY)), -1e4)
            is_note = tokens >= VOCABULARY.first_note
            logits[..., VOCABULARY.first_note + 20] = torch.where(is_note, -1e4, 10.0)
            logits[..., VOCABULARY.end] = torch.where(is_note, 10.0, -1e4)
            return logits

    found = results_of(OneNote(), ReferenceSet.of(TEST, TRAIN))
    assert found["samples"]["summary"]["n_undefined"] == 6
    assert found["overall_score"] == 0
    assert found["copying"]["samples"]["novelty"]["value"] is None


def test_real_tunes_of_one_note_calibrate_nothing() -> None:
    found = results_of(counted(), ReferenceSet.of([Melody([60], [24])] * 20))
    assert found["calibrated_on"].startswith("not defined: ")
    assert found["overall_score"] is None
    assert found["real"]["overall_score"]["value"] is None


def test_melodies_that_had_to_be_cut_are_counted() -> None:
    class NeverStops(nn.Module):
        """Goes up and down."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.full((*tokens.shape, len(VOCABULARY)), -1e4)
            logits[..., VOCABULARY.first_note + 32 * 16 + 6 : VOCABULARY.first_note + 32 * 24 : 32] = 0
            return logits

    samples = results_of(NeverStops(), ReferenceSet.of(TEST, TRAIN))["samples"]
    assert samples["n_cut"] == 6
    assert samples["median_notes"] >= 40
    assert samples["median_notes_real"] == np.median([len(tune) for tune in TEST])


def test_features_of_the_melodies_and_of_real_tunes_overlap_in_part(results: dict[str, Any]) -> None:
    for side in ("samples", "real"):
        assert all(0 <= value <= 1 for value in results["overlap"][side].values() if value is not None)
    means = [np.mean([each for each in results["overlap"][side].values() if each]) for side in ("samples", "real")]
    assert means[0] < means[1]


def test_an_impossible_token_gives_no_perplexity_and_no_zero() -> None:
    class NeverEnds(nn.Module):
        """Rules the end out."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(*tokens.shape, len(VOCABULARY))
            logits[..., VOCABULARY.end] = -torch.inf
            return logits

    found = results_of(NeverEnds(), ReferenceSet.of(TEST, TRAIN))
    assert found["perplexity"] is None
    assert found["test"]["bits_per_note"] is None
    assert found["words"]["perplexity"] == "uncertain"
    assert found["accuracy"] is not None
    assert found["n_impossible_tunes"] == len(TEST)


def test_a_copied_tune_is_named_beside_its_source() -> None:
    class Parrot(nn.Module):
        """Sings the tenth training tune whatever is asked for."""

        def __init__(self) -> None:
            super().__init__()
            self.tune = torch.from_numpy(VOCABULARY.encode(named[9]))

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.full((*tokens.shape, len(VOCABULARY)), -50.0)
            for place in range(tokens.shape[1]):
                logits[:, place, self.tune[min(place + 1, len(self.tune) - 1)]] = 50
            return logits

    named = [replace(tune, title=f"Walk {place}", source=f"w:{place}") for place, tune in enumerate(TRAIN)]
    test = [replace(tune, metre=named[9].metre, mode=named[9].mode, start=named[9].start) for tune in TEST]
    worst = results_of(Parrot(), ReferenceSet.of(test, named), replace(FEW, max_notes=500))["copying"]["most_copied"]
    assert (worst["title"], worst["source"]) == ("Walk 9", "w:9")
    assert worst["novelty"] == 0
    assert worst["share"] == 1


def test_a_module_of_ones_own_is_judged_like_any_other() -> None:
    found = results_of(network_of_ones_own(), ReferenceSet.of(TEST, TRAIN))
    assert set(SCORES) <= found.keys()
    assert found["cost"]["parameters"] == sum(each.numel() for each in network_of_ones_own().parameters())


def test_training_mode_does_not_matter() -> None:
    network, standard = small_lstm(dropout=0.5), ReferenceSet.of(TEST, TRAIN)
    quiet = results_of(network.eval(), standard)
    assert results_of(network.train(), standard)["scores"] == quiet["scores"]
    assert network.training


@pytest.mark.parametrize("settings", [{"n_samples": 0}, {"seed": -1}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(settings)).removesuffix("s")):
        SampleSettings(**settings)


@pytest.mark.parametrize(
    ("score", "value", "word"),
    [
        ("accuracy", 0.71, "excellent"),
        ("accuracy", 0.7, "good"),
        ("accuracy", 0.5, "needs improvement"),
        ("perplexity", 9.9, "excellent"),
        ("perplexity", 10, "good"),
        ("perplexity", 50, "uncertain"),
        ("diversity", 0.8, "high variety"),
        ("diversity", 0.41, "balanced"),
        ("diversity", 0.4, "too repetitive"),
        ("coherence", 0.71, "smooth"),
        ("coherence", 0.6, "acceptable"),
        ("coherence", 0.1, "disjointed"),
        ("musicality", 0.9, "structure present"),
        ("musicality", 0.6, "some features"),
        ("musicality", 0, "random-sounding"),
        ("overall_score", 0.9, ""),
        ("accuracy", math.nan, ""),
    ],
)
def test_every_range_has_its_word(score: str, value: float, word: str) -> None:
    assert word_for(score, value) == word
