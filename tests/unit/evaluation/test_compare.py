"""Runs become models, models have names, and only what was scored on the same tunes is compared."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.evaluation.compared_models import compared_models

GROUPS = ("diversity", "coherence", "musicality", "overall_score")


def results_of(
    model: str = "lstm", bits: float = 100.0, seed: int = 1, configuration: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What evaluating a run of three tunes gives: bits in all for the first, 10 less for each other."""
    tunes = [{"title": f"T{i}", "source": "", "hash": f"{i}", "notes": 40, "bits": bits - 10 * i} for i in range(3)]
    per_note = sum(tune["bits"] for tune in tunes) / 120  # type: ignore[misc]
    values = {"accuracy": 0.5, "perplexity": 2**per_note, "pitch_accuracy": 0.6, "duration_accuracy": 0.8}
    values |= {"bits_per_note": per_note, **dict.fromkeys(GROUPS, 0.7)}
    return {
        "model": model,
        "seed": seed,
        "scores": {name: {"value": each, "low": each - 0.1, "high": each + 0.1} for name, each in values.items()},
        "real": {name: {"value": 0.85, "low": 0.8, "high": 0.9} for name in GROUPS},
        "tunes": tunes,
        "test_set_hash": "abc",
        "calibrated_on": "9 training tunes",
        "samples": {"n_samples": 6, "seed": 0, "temperature": 1.0, "max_notes": 512, "summary": None},
        "typical": {"samples": [], "real": []},
        "cost": {"parameters": 1234, "notes_per_second": 500.0},
        "minutes": 2.0,
        "is_finished": True,
        "run": "r",
        "configuration": {"seed": seed, "choices": {"model": model}} | (configuration or {}),
    }


def names_of(*results: dict[str, Any]) -> list[str]:
    return sorted(each.name for each in compared_models({f"{place}_run": each for place, each in enumerate(results)}))


def test_the_best_predictor_comes_first_and_each_pair_is_tested() -> None:
    found = compare({"a": results_of("markov", 160), "b": results_of("lstm", 90), "c": results_of("ppm", 110)})
    assert [each.name for each in found.contenders] == ["lstm", "ppm", "markov"]
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("lstm", "ppm"),
        ("lstm", "markov"),
        ("ppm", "markov"),
    ]
    assert found.pairs[0].difference.bits_per_note.value == pytest.approx(-60 / 120)
    # Three tunes can prove nothing: 2 of 2**3 signs, times three pairs.
    assert [pair.p_value for pair in found.pairs] == [pytest.approx(0.75)] * 3
    assert not any(pair.is_significant for pair in found.pairs)
    assert found.to_dict()["best"] == "lstm"


def test_runs_that_differ_in_their_seed_are_one_model() -> None:
    bits = (90.0, 96.0, 99.0)
    [model] = compare({str(seed): results_of(bits=each, seed=seed) for seed, each in enumerate(bits)}).contenders
    assert model.seeds == (0, 1, 2)
    per_note = [(3 * each - 30) / 120 for each in bits]
    assert model.scores["bits_per_note"].value == pytest.approx(sum(per_note) / 3)
    assert (model.scores["bits_per_note"].low, model.scores["bits_per_note"].high) == (min(per_note), max(per_note))
    mean = sum(per_note) / 3
    assert model.spread["bits_per_note"] == pytest.approx(math.sqrt(sum((each - mean) ** 2 for each in per_note) / 2))
    assert model.bits.tolist() == pytest.approx([95, 85, 75])


def test_tunes_are_paired_by_what_they_are_and_not_by_their_places() -> None:
    first, other = results_of("lstm"), results_of("ppm", 90)
    expected = compare({"a": first, "b": other}).pairs[0]
    other["tunes"] = other["tunes"][::-1]
    found = compare({"a": first, "b": other}).pairs[0]
    assert (found.difference, found.p_value) == (expected.difference, expected.p_value)
    assert found.difference.n_better == 3


def test_runs_of_the_same_seed_are_no_two_seeds() -> None:
    found = compare({"here": results_of() | {"checkpoint": "x"}, "there": results_of() | {"checkpoint": "x"}})
    assert [each.name for each in found.contenders] == ["lstm (here)", "lstm (there)"]
    assert not any(each.spread for each in found.contenders)
    assert "here and there hold the same model." in found.notes


def test_runs_of_unknown_configuration_stay_apart() -> None:
    first, second = results_of(), results_of(bits=90)
    del first["configuration"], second["configuration"]
    assert names_of(first, second) == ["lstm (0_run)", "lstm (1_run)"]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"learning_rate": 0.1}, {"learning_rate": 0.2}, ["lstm learning_rate=0.1", "lstm learning_rate=0.2"]),
        ({"model": {"memory": True}}, {"model": {"memory": False}}, ["lstm memory=False", "lstm memory=True"]),
        (
            {"choices": {"model": "lstm", "scheduler": "step"}, "scheduler": {"_target_": "Step"}},
            {"choices": {"model": "lstm", "scheduler": "cosine"}, "scheduler": {"_target_": "Cosine"}},
            ["lstm scheduler=cosine", "lstm scheduler=step"],
        ),
        (
            {"learning_rate": 0.1, "optimizer": {"lr": 0.1}},
            {"learning_rate": 0.2, "optimizer": {"lr": 0.2}},
            ["lstm learning_rate=0.1", "lstm learning_rate=0.2"],
        ),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 2, "b": 2, "c": 2, "d": 2}, ["lstm (0_run)", "lstm (1_run)"]),
    ],
    ids=["knob", "network", "group", "knob handed on", "too much"],
)
def test_a_name_says_what_is_different(first: dict[str, Any], second: dict[str, Any], names: list[str]) -> None:
    assert names_of(results_of(configuration=first), results_of(configuration=second)) == names
    assert names_of(results_of(configuration=first), results_of("ppm", configuration=second)) == ["lstm", "ppm"]


def test_different_test_sets_are_refused_by_name() -> None:
    other = results_of() | {"test_set_hash": "xyz"}
    with pytest.raises(InputError, match=r"test set abc: here; test set xyz: there.*dataset"):
        compare({"here": results_of(), "there": other})


def test_nothing_to_compare_says_why() -> None:
    with pytest.raises(InputError, match="nothing to compare: no run has results; 1_lstm: out of memory"):
        compare({}, {"1_lstm": "out of memory"})


@pytest.mark.parametrize("key", ["scores", "real", "tunes", "cost", "samples", "calibrated_on", "test_set_hash"])
def test_results_of_another_version_are_refused_by_name(key: str) -> None:
    broken = results_of()
    del broken[key]
    with pytest.raises(InputError, match=r"results of old are incomplete.*evaluate the run again"):
        compare({"new": results_of(), "old": broken})


@pytest.mark.parametrize("key", ["scores", "real", "tunes"])
@pytest.mark.parametrize("value", [None, 7, "x", {"accuracy": 1}, [{"bits": "many"}]])
def test_results_that_hold_something_else_are_refused(key: str, value: object) -> None:
    with pytest.raises(InputError, match="results of old are incomplete"):
        compare({"new": results_of(), "old": results_of() | {key: value}})


def test_results_of_fewer_tunes_are_refused() -> None:
    with pytest.raises(InputError, match="different numbers of test tunes"):
        compare({"new": results_of(), "old": results_of() | {"tunes": results_of()["tunes"][:2]}})


def test_what_makes_scores_less_comparable_is_said() -> None:
    other = results_of("ppm") | {"calibrated_on": "the test tunes", "is_finished": False}
    other["samples"] = other["samples"] | {"n_samples": 50}
    notes = " ".join(compare({"a": results_of(), "b": other}).notes)
    assert "calibrated on different tunes: lstm: 9 training tunes; ppm: the test tunes" in notes
    assert "sampled in different ways: lstm: n_samples 6" in notes
    assert "ppm (b) is judged as it is, in the middle of its training" in notes
    assert compare({"a": results_of(), "b": results_of("ppm")}).notes == ()


def test_what_is_not_defined_is_none_in_json() -> None:
    first = results_of("ppm")
    first["scores"]["diversity"] = {"value": None, "low": None, "high": None}
    first["tunes"][0]["bits"] = None
    first["scores"]["bits_per_note"] = {"value": None, "low": None, "high": None}
    found = compare({"a": first, "b": results_of()}, {"c": "it failed"}).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["models"]["ppm"]["diversity"] is None
    assert found["best"] == "lstm"
    assert found["differences"][0]["p_value"] is None
    assert found["failures"] == {"c": "it failed"}
