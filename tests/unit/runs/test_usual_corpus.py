"""Which collection's manner a network has."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from tests.small_networks import network_of_ones_own, small_lstm, walks

from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.checkpoint import describe, load_model
from chromasonic.melody_generation.runs.usual_corpus import corpus_in, corpus_of, give_corpus, usual_corpus
from chromasonic.melody_generation.training import ModelTrainer


def test_the_corpus_is_the_one_that_most_tunes_are_of() -> None:
    def usual(*names: str) -> str:
        return usual_corpus([Melody([60], [24], corpus=name) for name in names])

    assert usual("nottingham", "nottingham") == "nottingham"
    assert usual("airds", "ryans", "ryans") == "ryans"
    assert usual("airds", "oneills") == "oneills"  # which the vocabulary has first
    assert usual() == "unknown"


def test_a_checkpoint_names_it() -> None:
    assert corpus_in({"corpus": "oneills", "dataset": "folk"}) == "oneills"
    assert corpus_in({"dataset": "nottingham"}) == "nottingham"
    assert corpus_in({"dataset": "files"}) == "unknown"
    assert corpus_in({"corpus": ["airds"]}) == "unknown"


def test_a_network_keeps_it_and_no_checkpoint_sees_it() -> None:
    network = small_lstm()
    assert corpus_of(network) == "unknown"
    before = list(network.state_dict())
    give_corpus(network, "airds")
    assert corpus_of(copy.deepcopy(network)) == "airds"
    assert list(network.state_dict()) == before
    assert {melody.corpus for melody in generate(network, 2, notes=3)} == {"airds"}
    assert {melody.corpus for melody in generate(network, 2, notes=3, corpus="unknown")} == {"unknown"}


def test_a_module_of_ones_own_may_call_something_else_so() -> None:
    network = network_of_ones_own()
    vars(network)["corpus"] = ["bach"]
    assert corpus_of(network) == "unknown"


def test_a_rebuilt_network_knows_what_it_was_trained_on(tmp_path: Path) -> None:
    network = small_lstm()
    weights = {"model_state_dict": network.state_dict(), "epoch": 1}
    torch.save({**describe(network), **weights, "corpus": "ryans"}, tmp_path / "model.pt")
    assert corpus_of(load_model(tmp_path / "model.pt")) == "ryans"


def test_so_does_one_that_was_just_trained(tmp_path: Path) -> None:
    network, tunes = small_lstm(), walks(12)
    ModelTrainer(network).train(tunes[:8], tunes[8:], 1, checkpoint_dir=tmp_path, show_progress=False)
    assert corpus_of(network) == corpus_of(load_model(tmp_path / "model_best.pt")) == "synthetic"
