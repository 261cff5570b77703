"""A run starts from another model only if its weights fit and it has not seen held-out tunes of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_networks import batch_of, small_lstm, small_transformer, user_network, walks
from torch import nn

from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.data.leakage import GuardedSplit
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.training.pretraining import (
    initialise_weights,
    lineage_of,
    load_teacher,
    load_weights,
)

GUARD = GuardedSplit("nottingham", 0, "target", "tests")


def saved(path: Path, network: nn.Module, **facts: Any) -> Path:
    torch.save({**describe(network), "model_state_dict": network.state_dict(), "epoch": 1, **facts}, path)
    return path


def metadata(found: Lineage, **others: Any) -> ModelMetadata:
    return ModelMetadata(lineage=found, **others)


def teacher_of(found: Lineage, digest: str = "0123", **others: Any) -> TrainedModel:
    return TrainedModel(small_lstm(), metadata(found, **others), digest=digest)


def test_the_weights_are_loaded_and_dropout_is_not(tmp_path: Path) -> None:
    torch.manual_seed(1)
    before, after = small_lstm(dropout=0.1).eval(), small_lstm(dropout=0.5).eval()
    tokens = batch_of(walks(2))
    assert not torch.equal(after(tokens), before(tokens))
    assert load_weights(after, saved(tmp_path / "a.pt", before, hash="x")).split_hash == "x"
    assert torch.equal(after(tokens), before(tokens))
    assert after.hyperparameters["dropout"] == 0.5


def test_a_custom_network_starts_from_another_of_the_same_shape(tmp_path: Path) -> None:
    before, after = user_network(), user_network()
    path = saved(tmp_path / "own.pt", before)
    load_weights(after, path)
    tokens = batch_of(walks(1))
    assert torch.equal(after(tokens), before(tokens))
    with pytest.raises(InputError, match="do not fit"):
        load_weights(user_network(width=4), path)


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
        load_weights(network, path)
    assert "\n" not in str(refused.value)
    for word in ("init_from", *words):
        assert word in str(refused.value)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_guarded_model_may_be_fine_tuned_on_the_guarded_split() -> None:
    guarded = lineage_of("own", GUARD)
    assert guarded == Lineage(("own", "target"), GUARD)
    before = metadata(guarded, model="lstm", dataset="folk", configuration={"seed": 1, "epochs": 6})
    tuned = lineage_of("target", None, before)
    assert tuned.unseen == ("target",)
    assert tuned.pretrained.startswith("lstm on folk (")
    other_seed = replace(before, configuration={"seed": 2, "epochs": 6})
    longer = replace(before, configuration={"seed": 1, "epochs": 7})
    assert lineage_of("target", None, other_seed).pretrained == tuned.pretrained
    assert lineage_of("target", None, longer).pretrained != tuned.pretrained


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (metadata(lineage_of("own", GUARD)), ["guarded against split target of nottingham"]),
        (metadata(lineage_of("own")), ["not guarded"]),
        (ModelMetadata.from_checkpoint({"hash": "own"}), ["not guarded"]),
        (ModelMetadata(), ["not guarded"]),
    ],
)
def test_another_split_than_the_one_guarded_against_is_refused(before: ModelMetadata, words: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        lineage_of("another", None, before)
    assert "\n" not in str(refused.value)
    for word in ("init_from", "another", "guard=", *words):
        assert word in str(refused.value)


def test_a_model_may_be_fine_tuned_on_its_own_split() -> None:
    assert lineage_of("own", None, ModelMetadata.from_checkpoint({"hash": "own"})).unseen == ("own",)


def test_a_teacher_must_not_have_seen_held_out_tunes() -> None:
    mixture = teacher_of(lineage_of("own"), model="mixture", dataset="nottingham", configuration={"seed": 1})
    distilled = lineage_of("own", None, None, mixture)
    assert distilled.unseen == ("own",)
    assert distilled.distilled_from.startswith("mixture on nottingham (")
    assert distilled.teacher_digest == "0123"
    assert not distilled.pretrained
    for found in (lineage_of("other"), lineage_of("other", GUARD), Lineage()):
        with pytest.raises(InputError, match=r"^teacher: that model may have seen .* split own"):
            lineage_of("own", None, metadata(lineage_of("own")), teacher_of(found))
    # Guarded against another split, but distilled from a model that has seen the run's own.
    assert lineage_of("own", GUARD, None, teacher_of(Lineage(("target",)))).unseen == ("target",)


def test_a_run_is_resumed_with_the_same_teacher(tmp_path: Path) -> None:
    before = lineage_of("own", None, None, teacher_of(Lineage(("own",)), "a"))
    resumed = saved(tmp_path / "last.pt", small_lstm(), **before.to_values())
    for digest in ("a", "b"):
        teacher = teacher_of(Lineage(("own",)), digest)
        if digest == "a":
            assert initialise_weights(small_lstm(), None, "own", resume_from=resumed, teacher=teacher) == before
        else:
            with pytest.raises(InputError, match="not the model that the run was distilled from"):
                initialise_weights(small_lstm(), None, "own", resume_from=resumed, teacher=teacher)


def test_tunes_seen_in_earlier_pretraining_count() -> None:
    """Two steps of pretraining, of which the first was on the second's held-out tunes."""
    first = metadata(lineage_of("first", GUARD))
    second = metadata(lineage_of("second", GUARD, first))
    assert second.lineage.unseen == ("target",)
    with pytest.raises(InputError, match="second"):
        lineage_of("second", None, second)
    with pytest.raises(InputError, match="other"):
        lineage_of("second", replace(GUARD, hash="other"), first)


def test_a_teacher_is_a_run_or_a_checkpoint(tmp_path: Path) -> None:
    network = small_lstm()
    path = saved(tmp_path / "a.pt", network, hash="own")
    teacher = load_teacher(path)
    assert teacher.metadata.split_hash == "own"
    tokens = batch_of(walks(1))
    assert torch.equal(teacher.network(tokens), network.eval()(tokens))
    with pytest.raises(InputError, match=r"^teacher=.*nowhere"):
        load_teacher(tmp_path / "nowhere")


def test_the_sources_of_all_models_that_a_run_learns_from_are_recorded() -> None:
    own, theirs, members = (SourceCollection(title, "free") for title in ("own", "theirs", "members"))
    teacher = teacher_of(Lineage(("own",), sources=(theirs, own)))
    member = metadata(Lineage(sources=(members,)))
    lineage = initialise_weights(small_lstm(), None, "own", teacher=teacher, members=[member], sources=[own])
    assert lineage.sources == (own, theirs, members)
    assert Lineage.from_values(lineage.to_values()) == lineage
    with pytest.raises(InputError, match="sources"):
        Lineage.from_values({"sources": ["theirs"]})
