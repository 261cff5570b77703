"""Runs become models with names, and only scores on the same tunes are compared."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from tests.evaluation_records import evaluation_record, training_record

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.evaluation.compared_models import compared_models
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.reporting.comparison_tables import comparison_tables

NOT_DEFINED = Estimate(math.nan, math.nan, math.nan)


def record_of(
    model: str = "lstm", bits: float = 100.0, seed: int = 1, configuration: dict[str, Any] | None = None
) -> EvaluationRecord:
    """The evaluation of a run on three tunes: ``bits`` for the first, 10 less for each other."""
    training = training_record(model, seed=seed, configuration=configuration)
    return evaluation_record(model, [bits - 10 * i for i in range(3)], training=training)


def names_of(*records: EvaluationRecord) -> list[str]:
    models = compared_models({f"{number}_run": record for number, record in enumerate(records)})
    return sorted(model.name for model in models)


def test_the_best_predictor_comes_first_and_each_pair_is_tested() -> None:
    comparison = compare({"a": record_of("markov", 160), "b": record_of("lstm", 90), "c": record_of("ppm", 110)})
    assert [model.name for model in comparison.models] == ["lstm", "ppm", "markov"]
    assert [(pair.first, pair.second) for pair in comparison.pairs] == [
        ("lstm", "ppm"),
        ("lstm", "markov"),
        ("ppm", "markov"),
    ]
    assert comparison.pairs[0].difference.bits_per_note.value == pytest.approx(-60 / 120)
    # Three tunes can prove nothing: 2 of 2**3 signs, times three pairs.
    assert [pair.p_value for pair in comparison.pairs] == [pytest.approx(0.75)] * 3
    assert not any(pair.is_significant for pair in comparison.pairs)
    assert comparison.to_json()["best"] == "lstm"


def test_runs_that_differ_only_in_their_seed_are_one_model() -> None:
    bits = (90.0, 96.0, 99.0)
    [model] = compare({str(seed): record_of(bits=of_run, seed=seed) for seed, of_run in enumerate(bits)}).models
    assert model.seeds == (0, 1, 2)
    per_note = [(3 * of_run - 30) / 120 for of_run in bits]
    mean = sum(per_note) / 3
    assert model.scores["bits_per_note"].value == pytest.approx(mean)
    assert (model.scores["bits_per_note"].low, model.scores["bits_per_note"].high) == (min(per_note), max(per_note))
    deviation = math.sqrt(sum((of_run - mean) ** 2 for of_run in per_note) / 2)
    assert model.spread["bits_per_note"] == pytest.approx(deviation)
    assert model.bits.mean.tolist() == pytest.approx([95, 85, 75])


def test_only_recipes_with_several_runs_or_none_to_draw_get_a_verdict() -> None:
    def runs_of(model: str, bits: float, n_runs: int) -> dict[str, EvaluationRecord]:
        target = f"chromasonic.melody_generation.networks.{model}.Network"
        configuration = {"model": {"_target_": target}}
        return {
            f"{model}_{seed}": evaluation_record(
                model,
                [bits + (tune + seed) % 3 for tune in range(12)],
                training=training_record(model, seed=seed, configuration=configuration),
            )
            for seed in range(n_runs)
        }

    records = runs_of("lstm", 80, 3) | runs_of("ppm", 100, 1) | runs_of("transformer", 90, 1)
    comparison = compare(records)
    pairs = {(pair.first, pair.second): pair for pair in comparison.pairs}
    assert all(pair.p_value < 0.01 for pair in pairs.values())
    assert pairs["lstm", "ppm"].difference.about == "recipes"
    assert pairs["lstm", "ppm"].is_significant
    assert pairs["lstm", "transformer"].difference.about == pairs["transformer", "ppm"].difference.about == "runs"
    assert [pair.is_significant for pair in comparison.pairs].count(True) == 1
    [*_, table] = comparison_tables(comparison)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["lstm less ppm"]["p"].endswith("*")
    assert rows["lstm less transformer"]["p"].endswith("*") is False
    assert rows["lstm less transformer"]["about"] == "these runs"
    assert "another seed may turn the difference round" in table.note
    first = comparison.to_json()["differences"][0]
    assert (first["about"], first["is_significant"]) == ("runs", False)
    assert json.loads(json.dumps(first)) == first


def test_the_tune_that_a_difference_rests_on_is_named() -> None:
    bits = [100.0] * 9
    comparison = compare({"a": evaluation_record("lstm", bits), "b": evaluation_record("ppm", [400.0, *bits[1:]])})
    [pair] = comparison.pairs
    assert pair.difference.leverage
    assert (pair.weightiest, pair.difference.leverage.share, pair.difference.leverage.without) == ("T0", 1.0, 0.0)
    [*_, table] = comparison_tables(comparison)
    assert table.rows[0][-1] == "0.000"
    assert "at most 100% of it, with 33% of the notes (lstm less ppm, above all T0)" in table.note


def test_tunes_are_paired_by_hash_and_not_by_order() -> None:
    first, second = record_of("lstm"), record_of("ppm", 90)
    expected = compare({"a": first, "b": second}).pairs[0]
    pair = compare({"a": first, "b": replace(second, tunes=second.tunes[::-1])}).pairs[0]
    assert (pair.difference, pair.p_value) == (expected.difference, expected.p_value)
    assert pair.difference.n_better == 3


def test_runs_of_the_same_seed_stay_two_models() -> None:
    record = replace(record_of(), checkpoint="x")
    comparison = compare({"here": record, "there": record})
    assert [model.name for model in comparison.models] == ["lstm (here)", "lstm (there)"]
    assert not any(model.spread for model in comparison.models)
    assert "here and there hold the same model." in comparison.notes


def test_runs_of_unknown_configuration_stay_apart() -> None:
    records = [record_of(bits=bits, configuration={}) for bits in (100, 90)]
    assert names_of(*records) == ["lstm (0_run)", "lstm (1_run)"]
    assert names_of(*(replace(record, training=None) for record in records)) == ["lstm (0_run)", "lstm (1_run)"]


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
    ids=["option", "network", "group", "option handed on", "too much"],
)
def test_a_name_says_what_is_different(first: dict[str, Any], second: dict[str, Any], names: list[str]) -> None:
    assert names_of(record_of(configuration=first), record_of(configuration=second)) == names
    assert names_of(record_of(configuration=first), record_of("ppm", configuration=second)) == ["lstm", "ppm"]


def test_names_are_different_and_short_whatever_the_results_say() -> None:
    long = "x" * 20_000
    records = [
        replace(record_of(configuration={"model": {long[:200]: f"{long}{number}"}}), model=long) for number in range(3)
    ]
    names = names_of(*records)
    assert len(set(names)) == 3
    longest = 700  # letters: the model's name, three options with their values, and a mark of the run
    assert max(map(len, names)) < longest
    runs = {f"{long}{number}": replace(record, model="") for number, record in enumerate(records)}
    models = compared_models(runs)
    assert len({model.name for model in models}) == 3
    assert max(len(model.name) for model in models) < longest


def test_configurations_of_many_values_are_compared_in_linear_time() -> None:
    def configuration(side: str) -> dict[str, Any]:
        top = {f"option{number}": f"{side}{number}" for number in range(4000)}
        return top | {"model": dict(top)}

    first, second = (record_of(configuration=configuration(side)) for side in "ab")
    assert names_of(first, second) == ["lstm (0_run)", "lstm (1_run)"]


def test_different_test_sets_are_refused_by_name() -> None:
    other = replace(record_of(), test_set_hash="xyz")
    with pytest.raises(InputError, match=r"test set abc: here; test set xyz: there.*dataset"):
        compare({"here": record_of(), "there": other})


def test_nothing_to_compare_says_why() -> None:
    with pytest.raises(InputError, match="nothing to compare: no run has results; 1_lstm: out of memory"):
        compare({}, {"1_lstm": "out of memory"})


def test_results_of_fewer_tunes_are_refused() -> None:
    fewer = replace(record_of(), tunes=record_of().tunes[:2])
    with pytest.raises(InputError, match="different numbers of test tunes"):
        compare({"new": record_of(), "old": fewer})


def test_differences_in_how_scores_were_made_are_noted() -> None:
    other = record_of("ppm")
    samples = replace(other.samples, n_samples=50)
    other = replace(other, calibrated_on="the test tunes", is_finished=False, samples=samples)
    notes = " ".join(compare({"a": record_of(), "b": other}).notes)
    assert "calibrated on different tunes: lstm: 9 training tunes; ppm: the test tunes" in notes
    assert "sampled in different ways: lstm: n_samples 6" in notes
    assert "ppm (b)" in notes
    assert compare({"a": record_of(), "b": record_of("ppm")}).notes == ()


def test_what_is_not_defined_is_none_in_json() -> None:
    ppm = record_of("ppm")
    scores = dict(ppm.scores) | {"diversity": NOT_DEFINED, "bits_per_note": NOT_DEFINED}
    ppm = replace(ppm, scores=scores, tunes=(replace(ppm.tunes[0], bits=math.nan), *ppm.tunes[1:]))
    values = compare({"a": ppm, "b": record_of()}, {"c": "it failed"}).to_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["models"]["ppm"]["diversity"] is None
    assert values["best"] == "lstm"
    assert values["differences"][0]["p_value"] is None
    assert values["failures"] == {"c": "it failed"}
