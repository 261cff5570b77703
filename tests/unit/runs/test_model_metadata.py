"""Metadata is written to a checkpoint under its keys, and read back from checkpoints of every version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_networks import small_lstm, walks

from chromasonic.melody_generation.data.leakage import GuardedSplit
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import fit_if_enough
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.checkpoint import describe, read_checkpoint
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata, most_common_corpus
from chromasonic.melody_generation.vocabulary import CORPORA, N_CORPORA

GUARD = GuardedSplit("nottingham", 0, "target", "tests")
FULL = ModelMetadata(
    model="lstm",
    dataset="folk",
    seed=0,
    n_epochs=10,
    split_hash="own",
    test_set_hash="test",
    corpus="oneills",
    corpora=("unknown", "oneills", "my tunes"),
    configuration={"epochs": 10},
    lineage=Lineage(("own",), GUARD, "lstm on folk (1)", "mixture on folk (2)", "0123"),
    calibration=fit_if_enough(walks(12)),
    provenance={"python": "3.12"},
)


def test_the_keys_of_a_checkpoint_stay_as_they_are() -> None:
    values = FULL.to_checkpoint()
    assert list(values) == [
        *("hash", "test_set_hash", "model", "dataset", "seed", "n_epochs", "configuration"),
        *("unseen", "guard", "pretrained", "taught_by", "teacher", "calibration", "corpus", "corpora"),
        "provenance",
    ]
    assert values["unseen"] == ["own"]
    assert values["guard"] == {"corpus": "nottingham", "split_seed": 0, "hash": "target", "test_set_hash": "tests"}
    assert list(FULL.to_results()) == list(values)[:-4]
    assert ModelMetadata(corpus="airds").to_checkpoint() == {"corpus": "airds", "corpora": list(CORPORA)}


def test_metadata_survives_a_checkpoint(tmp_path: Path) -> None:
    network = small_lstm()
    for metadata in (FULL, ModelMetadata(), ModelMetadata(split_hash="own", lineage=Lineage(("own",)))):
        weights = {"model_state_dict": network.state_dict(), "epoch": 1}
        torch.save({**describe(network), **weights, **metadata.to_checkpoint()}, tmp_path / "model.pt")
        again = read_checkpoint(tmp_path / "model.pt").metadata
        assert replace(again, calibration=None) == replace(metadata, calibration=None)
        assert again.to_checkpoint() == metadata.to_checkpoint()


def test_a_checkpoint_without_a_lineage_has_not_seen_the_held_out_tunes_of_its_split() -> None:
    assert Lineage.from_values({"hash": "own"}).unseen == ("own",)
    assert Lineage.from_values({}).unseen == ()
    assert Lineage.from_values({"hash": "own", "unseen": []}).unseen == ()


def test_a_missing_corpus_is_replaced_by_the_dataset() -> None:
    def corpus(values: dict[str, Any]) -> str:
        return ModelMetadata.from_checkpoint(values).corpus

    assert corpus({"corpus": "oneills", "dataset": "folk"}) == "oneills"
    assert corpus({"dataset": "nottingham"}) == "nottingham"
    assert corpus({"dataset": "files"}) == "unknown"
    assert corpus({"corpus": ["airds"]}) == "unknown"
    assert corpus({"corpus": "mine", "corpora": ["unknown", "mine"]}) == "mine"
    assert corpus({"corpus": "airds", "corpora": ["unknown", "mine"]}) == "unknown"
    assert corpus({}) == "unknown"


@pytest.mark.parametrize(
    "values",
    [
        {"model": 1},
        {"seed": "42"},
        {"n_epochs": 1.5},
        {"hash": ["own"]},
        {"configuration": [1]},
        {"unseen": "own"},
        {"guard": [1]},
        {"guard": {"corpus": "nottingham"}},
        {"calibration": {"version": 0}},
        {"corpora": "nottingham"},
        {"corpora": ["unknown", 1]},
        {"corpora": ["unknown", "airds", "airds"]},
        {"corpora": []},
        {"corpora": [str(number) for number in range(N_CORPORA + 1)]},
        {"corpora": ["x" * 256]},
    ],
)
def test_a_value_of_the_wrong_type_is_refused(values: dict[str, Any], tmp_path: Path) -> None:
    network = small_lstm()
    torch.save({**describe(network), "model_state_dict": network.state_dict(), "epoch": 1, **values}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"a\.pt is damaged: "):
        read_checkpoint(tmp_path / "a.pt")


def test_of_equally_common_corpora_the_first_by_name_is_chosen() -> None:
    def most_common(*names: str) -> str:
        return most_common_corpus([Melody([60], [24], corpus=name) for name in names])

    assert most_common("nottingham", "nottingham") == "nottingham"
    assert most_common("airds", "ryans", "ryans") == "ryans"
    assert most_common("oneills", "airds") == "airds"
    assert most_common("my tunes", "my tunes", "airds") == "my tunes"
    assert most_common() == "unknown"


def nested(levels: int, leaf: object) -> dict[str, Any]:
    values: dict[str, Any] = {"leaf": leaf}
    for _ in range(levels - 1):
        values = {"x": values}
    return values


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model": "x" * 256}, "model should have up to 255 letters, got 256"),
        ({"dataset": "x" * 20_000}, "dataset should have up to 255 letters"),
        ({"pretrained": "x" * 10_001}, "pretrained should have up to 10000 letters"),
        ({"configuration": {"x" * 201: 1}}, "names of up to 200 letters"),
        ({"configuration": nested(2, dict.fromkeys(map(str, range(10_000))))}, "up to 10000 values"),
        ({"configuration": nested(21, 1)}, "up to 20 levels"),
    ],
    ids=["model", "dataset", "description", "long name", "many values", "many levels"],
)
def test_metadata_that_would_unfold_to_more_than_its_file_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        ModelMetadata.from_checkpoint(values)


def test_metadata_up_to_the_bounds_is_read() -> None:
    values = {"model": "x" * 255, "configuration": nested(20, "x" * 1_000_000)}
    assert ModelMetadata.from_checkpoint(values).configuration == values["configuration"]
