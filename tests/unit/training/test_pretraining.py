"""A run begins with another's weights only where they fit and have seen nothing that it is scored on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_networks import batch_of, small_lstm, small_transformer, user_network, walks
from torch import nn

from chromasonic.melody_generation.data.leakage import GuardedSplit
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.training.distillation import Teacher
from chromasonic.melody_generation.training.pretraining import begin, begin_with, lineage

GUARD = GuardedSplit("nottingham", 0, "target", "tests")


def saved(path: Path, network: nn.Module, **facts: Any) -> Path:
    torch.save({**describe(network), "model_state_dict": network.state_dict(), "epoch": 1, **facts}, path)
    return path


def metadata(found: Lineage, **others: Any) -> ModelMetadata:
    return ModelMetadata(lineage=found, **others)


def teacher_of(found: Lineage, digest: str = "0123", **others: Any) -> TrainedModel:
    return TrainedModel(small_lstm(), metadata(found, **others), digest=digest)


def test_the_weights_come_over_and_dropout_is_ones_own(tmp_path: Path) -> None:
    torch.manual_seed(1)
    before, after = small_lstm(dropout=0.1).eval(), small_lstm(dropout=0.5).eval()
    tokens = batch_of(walks(2))
    assert not torch.equal(after(tokens), before(tokens))
    assert begin_with(after, saved(tmp_path / "a.pt", before, hash="x")).split_hash == "x"
    assert torch.equal(after(tokens), before(tokens))
    assert after.hyperparameters["dropout"] == 0.5


def test_a_module_of_ones_own_begins_with_another_of_the_same_shape(tmp_path: Path) -> None:
    before, after = user_network(), user_network()
    path = saved(tmp_path / "own.pt", before)
    begin_with(after, path)
    tokens = batch_of(walks(1))
    assert torch.equal(after(tokens), before(tokens))
    with pytest.raises(InputError, match="do not fit"):
        begin_with(user_network(width=4), path)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (LSTMNetwork(24, 2, 0.0), ["hidden_size=16", "hidden_size=24"]),
        (LSTMNetwork(16, 3, 0.0), ["num_layers=2", "num_layers=3"]),
        (small_lstm(memory=False), ["memory=True", "memory=False"]),
        (small_lstm(position=False), ["position=True", "position=False"]),
        (small_transformer(), ["lstm", "transformer"]),
        (MarkovNetwork(1), ["leave init_from out"]),
    ],
)
def test_a_network_of_other_sizes_is_refused_in_one_sentence(
    network: nn.Module, words: list[str], tmp_path: Path
) -> None:
    path = saved(tmp_path / "a.pt", small_lstm())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(InputError) as refused:
        begin_with(network, path)
    assert "\n" not in str(refused.value)
    for word in ("init_from", *words):
        assert word in str(refused.value)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_what_was_guarded_against_a_split_may_be_fine_tuned_on_it() -> None:
    guarded = lineage("own", GUARD)
    assert guarded == Lineage(("own", "target"), GUARD)
    before = metadata(guarded, model="lstm", dataset="folk", configuration={"seed": 1, "epochs": 6})
    tuned = lineage("target", None, before)
    assert tuned.unseen == ("target",)
    assert tuned.pretrained.startswith("lstm on folk (")
    other_seed = replace(before, configuration={"seed": 2, "epochs": 6})
    longer = replace(before, configuration={"seed": 1, "epochs": 7})
    assert lineage("target", None, other_seed).pretrained == tuned.pretrained
    assert lineage("target", None, longer).pretrained != tuned.pretrained


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (metadata(lineage("own", GUARD)), ["guarded against split target of nottingham"]),
        (metadata(lineage("own")), ["not guarded"]),
        (ModelMetadata.from_checkpoint({"hash": "own"}), ["not guarded"]),
        (ModelMetadata(), ["not guarded"]),
    ],
)
def test_another_split_than_the_one_guarded_against_is_refused(before: ModelMetadata, words: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        lineage("another", None, before)
    assert "\n" not in str(refused.value)
    for word in ("init_from", "another", "guard=", *words):
        assert word in str(refused.value)


def test_a_model_may_go_on_with_its_own_split() -> None:
    assert lineage("own", None, ModelMetadata.from_checkpoint({"hash": "own"})).unseen == ("own",)


def test_a_teacher_may_not_have_seen_held_out_tunes_either() -> None:
    mixture = teacher_of(lineage("own"), model="mixture", dataset="nottingham", configuration={"seed": 1})
    distilled = lineage("own", None, None, mixture)
    assert distilled.unseen == ("own",)
    assert distilled.distilled_from.startswith("mixture on nottingham (")
    assert distilled.teacher_digest == "0123"
    assert not distilled.pretrained
    for found in (lineage("other"), lineage("other", GUARD), Lineage()):
        with pytest.raises(InputError, match=r"^teacher: the model that teaches may have seen .* split own"):
            lineage("own", None, metadata(lineage("own")), teacher_of(found))
    # Prepared for another split by oneself, but taught by one that has seen its own.
    assert lineage("own", GUARD, None, teacher_of(Lineage(("target",)))).unseen == ("target",)


def test_a_run_goes_on_with_the_teacher_that_it_began_with(tmp_path: Path) -> None:
    before = lineage("own", None, None, teacher_of(Lineage(("own",)), "a"))
    resumed = saved(tmp_path / "last.pt", small_lstm(), **before.to_values())
    for digest in ("a", "b"):
        teacher = Teacher(teacher_of(Lineage(("own",)), digest), 0.5)
        if digest == "a":
            assert begin(small_lstm(), None, "own", None, resumed, teacher) == before
        else:
            with pytest.raises(InputError, match="not the one that this run began to learn from"):
                begin(small_lstm(), None, "own", None, resumed, teacher)


def test_what_was_seen_on_the_way_is_not_forgotten() -> None:
    """Two steps of pretraining, of which the first was on the second's held-out tunes."""
    first = metadata(lineage("first", GUARD))
    second = metadata(lineage("second", GUARD, first))
    assert second.lineage.unseen == ("target",)
    with pytest.raises(InputError, match="second"):
        lineage("second", None, second)
    with pytest.raises(InputError, match="other"):
        lineage("second", replace(GUARD, hash="other"), first)
