"""Records hold everything in a file of results, and files are read completely or refused in a sentence."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation_records import evaluation_record, real_distance

from chromasonic.melody_generation.atomic_files import write_json
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import SCORES, EvaluationRecord, read_evaluation
from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.training_record import TrainingRecord, read_training

# Written by the program of 25 November 2026: an LSTM that was trained on synthetic tunes and evaluated.
GOLDEN = Path(__file__).with_name("results_version_3.json")
MEASURED = ("scores", "real", "tunes", "cost", "samples", "calibrated_on", "test_set_hash", "diagnosis", "typical")


@pytest.fixture
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return loaded


def as_text(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def test_a_file_of_results_is_kept_byte_for_byte(values: dict[str, Any]) -> None:
    assert as_text(values) == GOLDEN.read_text(encoding="utf-8")
    written = as_text(EvaluationRecord.from_json(values, "golden").to_json())
    values["diagnosis"]["token"] = []  # a division that was added later
    values["samples"]["outline"] = False  # a setting that was added later
    assert written == as_text(values)


def test_a_file_of_training_results_is_kept_byte_for_byte(values: dict[str, Any]) -> None:
    names = ["validation", "test", "best_epoch", "minutes", "hash", "test_set_hash", "model", "dataset", "seed"]
    written = {name: values[name] for name in (*names, "n_epochs", "configuration", "unseen")}
    assert as_text(TrainingRecord.from_json(written, "golden").to_json()) == as_text(written)


def test_every_score_is_an_attribute(values: dict[str, Any]) -> None:
    record = EvaluationRecord.from_json(values, "golden")
    assert record.scores["accuracy"] == Estimate(**values["scores"]["accuracy"])
    assert record.test.bits_per_note == values["test"]["bits_per_note"]
    assert [tune.n_notes for tune in record.tunes] == [tune["notes"] for tune in values["tunes"]]
    assert [tune.index for tune in record.diagnosis.hardest] == [
        tune["place"] for tune in values["diagnosis"]["hardest"]
    ]
    assert record.samples.settings == SampleSettings(40, 0, 1.0, 512, outline=False)
    assert record.samples.summary is not None
    assert record.samples.summary.overall == record.scores["overall_score"]
    assert record.training is not None
    assert record.training.validation is not None
    assert record.training.validation.loss == values["validation"]["loss"]
    assert record.training.test == record.test
    assert (record.metadata.split_hash, record.metadata.seed) == (values["hash"], values["seed"])
    assert record.minutes == values["minutes"]


def test_records_are_the_same_after_writing_and_reading() -> None:
    record = evaluation_record(distance=real_distance(0.9))
    training = replace(record.training, test=record.test) if record.training else None
    record = replace(record, training=training)
    assert EvaluationRecord.from_json(json.loads(as_text(record.to_json())), "run") == record


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("two_sample_auc", {"value": 1.5, "low": 1, "high": 2}),
        ("signs", {"unknown": {"value": 1, "low": 1, "high": 1}}),
        ("aspects", {"unknown": {"value": 1, "low": 1, "high": 1}}),
    ],
)
def test_an_impossible_distance_is_refused(key: str, value: object) -> None:
    written = evaluation_record(distance=real_distance(0.9)).to_json()
    written["distance"][key] = value
    with pytest.raises(InputError, match="results of old hold an impossible distance"):
        EvaluationRecord.from_json(written, "old")


def test_what_is_not_defined_is_nan_in_records_and_null_in_files() -> None:
    nan = Estimate(math.nan, math.nan, math.nan)
    record = evaluation_record(bits=(math.inf, 90.0))
    record = replace(record, scores=dict(record.scores) | {"diversity": nan, "perplexity": Estimate(math.inf, 1, 2)})
    written = record.to_json()
    assert written["diversity"] is None
    assert written["perplexity"] is None
    assert written["scores"]["diversity"] == {"value": None, "low": None, "high": None}
    assert written["tunes"][0]["bits"] is None
    again = EvaluationRecord.from_json(written, "run")
    assert math.isnan(again.scores["diversity"].value)
    assert math.isnan(again.scores["perplexity"].value)
    assert math.isnan(again.tunes[0].bits)
    assert again.to_json() == written


def test_results_of_a_network_that_is_from_no_run_name_none() -> None:
    record = replace(evaluation_record(), training=None)
    written = record.to_json()
    assert not {"run", "checkpoint", "hash", "validation", "minutes"} & written.keys()
    assert "minutes" not in written["cost"]
    assert EvaluationRecord.from_json(written, "run").training is None
    assert math.isnan(record.minutes)


@pytest.mark.parametrize("key", MEASURED)
def test_incomplete_results_are_refused_by_name(values: dict[str, Any], key: str) -> None:
    del values[key]
    with pytest.raises(InputError, match=rf"results of old are incomplete \({key}.*evaluate the run again"):
        EvaluationRecord.from_json(values, "old")


@pytest.mark.parametrize("key", ["scores", "real", "tunes"])
@pytest.mark.parametrize("value", [None, 7, "x", {"accuracy": 1}, [{"bits": "many"}]])
def test_results_that_hold_something_else_are_refused(values: dict[str, Any], key: str, value: object) -> None:
    with pytest.raises(InputError, match="results of old are incomplete"):
        EvaluationRecord.from_json(values | {key: value}, "old")


@pytest.mark.parametrize(("key", "score"), [("scores", SCORES[1]), ("scores", "note_bits"), ("real", SCORES[2])])
def test_every_score_must_be_there(values: dict[str, Any], key: str, score: str) -> None:
    del values[key][score]
    with pytest.raises(InputError, match=rf"results of old are incomplete \(no {score}\)"):
        EvaluationRecord.from_json(values, "old")


@pytest.mark.parametrize(
    ("score", "end", "number"),
    [
        ("musicality", "low", -1e300),
        ("musicality", "high", 1e300),
        ("musicality", "value", 1.01),
        ("accuracy", "value", -0.01),
        ("bits_per_note", "value", 1.7e308),
        ("bits_per_note", "value", -1.0),
        ("perplexity", "high", 1e200),
    ],
)
def test_scores_out_of_their_range_are_refused(values: dict[str, Any], score: str, end: str, number: float) -> None:
    values["scores"][score][end] = number
    with pytest.raises(InputError, match=rf"results of old hold an impossible {score}: evaluate the run again"):
        EvaluationRecord.from_json(values, "old")


@pytest.mark.parametrize(
    ("part", "key"),
    [("cost", "notes_per_second"), ("tunes", "bits"), ("hardest", "bits_per_note"), ("quarter", "bits")],
)
def test_amounts_whose_sums_would_be_infinite_are_refused(values: dict[str, Any], part: str, key: str) -> None:
    holder = values[part] if part in values else values["diagnosis"][part]
    (holder if isinstance(holder, dict) else holder[0])[key] = 1e308
    with pytest.raises(InputError, match=rf"results of old are incomplete \({part if part in values else 'diag'}"):
        EvaluationRecord.from_json(values, "old")
    values["minutes"] = 1e308
    with pytest.raises(InputError, match="results of old are incomplete"):
        EvaluationRecord.from_json(values, "old")


def test_a_name_that_no_file_could_have_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="model should have up to 255 letters, got 20000"):
        EvaluationRecord.from_json(values | {"model": "x" * 20_000}, "old")
    only_evaluated = {key: value for key, value in values.items() if key not in {"hash", "validation"}}
    with pytest.raises(InputError, match=r"results of old are incomplete \(model: .*255"):
        EvaluationRecord.from_json(only_evaluated | {"model": "x" * 20_000}, "old")


def test_results_of_version_2_are_read_with_their_version(values: dict[str, Any]) -> None:
    record = EvaluationRecord.from_json(values | {"version": 2, "words": {"perplexity": "excellent"}}, "old")
    assert record.words == {}  # ratings without a reference
    assert record.version == 2
    assert record.to_json()["version"] == 2


def test_results_of_another_version_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"results of old are of version 1.*reads version 4.*evaluate the run again"):
        EvaluationRecord.from_json(values | {"version": 1}, "old")


@pytest.mark.parametrize("value", [7, "x", {"loss": "low"}])
def test_training_results_that_hold_something_else_are_refused(values: dict[str, Any], value: object) -> None:
    with pytest.raises(InputError, match="results of old are incomplete"):
        TrainingRecord.from_json(values | {"validation": value}, "old")


def test_a_run_directory_has_both_records_one_or_none(values: dict[str, Any], tmp_path: Path) -> None:
    assert read_training(tmp_path) is None
    assert read_evaluation(tmp_path) is None
    layout = RunLayout(tmp_path)
    write_json(layout.results, {name: values[name] for name in ("validation", "test", "hash")})
    assert read_training(tmp_path) is not None
    assert read_evaluation(tmp_path) is None
    write_json(layout.results, values)
    assert read_training(tmp_path) is not None
    assert read_evaluation(tmp_path) == EvaluationRecord.from_json(values, "")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"a": NaN'])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = RunLayout(tmp_path).results
    path.parent.mkdir()
    path.write_text(text)
    for read in (read_training, read_evaluation):
        with pytest.raises(InputError, match=r"results\.json .*remove it, and evaluate the run again"):
            read(tmp_path)


@pytest.mark.parametrize("settings", [{"n_samples": 0}, {"seed": -1}])
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings)).removesuffix("s")):
        SampleSettings(**settings)
