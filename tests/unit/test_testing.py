"""Networks are evaluated and compared from Python, with the results in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, small_lstm, user_network, walks
from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.testing import ModelComparison, ModelTester

pytestmark = pytest.mark.usefixtures("short_samples")
WALKS = walks(50)
TRAIN, TEST = WALKS[:30], WALKS[30:]
KEYS = ("accuracy", "perplexity", "diversity", "coherence", "musicality", "overall_score")


class Broken(nn.Module):
    """Returns no numbers."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.full((*tokens.shape, len(VOCABULARY)), torch.nan)


def markov() -> nn.Module:
    network = MarkovNetwork()
    network.count(batch_of(TRAIN))
    return network


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [small_lstm, markov, user_network],
    ids=["lstm", "markov", "own"],
)
def test_any_module_of_the_contract_is_evaluated(network: Any, tmp_path: Path) -> None:
    tester = ModelTester(network(), "MyModel")
    results = tester.run_comprehensive_test(test_data=TEST, save_dir=tmp_path / "test_results", n_samples=3)
    assert json.loads((tmp_path / "test_results/results.json").read_text()) == results
    assert all(isinstance(results[key], float) for key in KEYS)
    assert isinstance(results["test"]["bits_per_note"], float)
    assert results["model"] == "MyModel"
    assert len(load_split_tunes(tmp_path / "test_results/samples.npz")["samples"]) == 3
    page = (tmp_path / "test_results/scores.md").read_text()
    assert "Scores of MyModel" in page
    assert "Copying and novelty are not defined, since the training tunes are not known" in page


@pytest.mark.slow
def test_copying_is_measured_with_training_tunes(tmp_path: Path) -> None:
    results = ModelTester(markov(), training_data=TRAIN).run_comprehensive_test(TEST, tmp_path, n_samples=3)
    assert results["calibrated_on"] == "30 training tunes"
    page = (tmp_path / "scores.md").read_text()
    assert "Most copied: melody" in page
    assert "| range, semitones |" in page


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ModelTester(markov()).run_comprehensive_test(TEST, n_samples=2)
    ModelComparison().compare_models({"a": markov()}, TEST, n_samples=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_models_are_compared(tmp_path: Path) -> None:
    results = ModelComparison().compare_models(
        models={"LSTM": small_lstm(), "Markov": markov(), "Mine": user_network()},
        test_data=TEST,
        save_dir=tmp_path / "comparison",
        n_samples=3,
    )
    assert json.loads((tmp_path / "comparison/model_comparison.json").read_text()) == results
    assert next(iter(results["models"])) == results["best"] == "Markov"
    assert results["models"].keys() == {"LSTM", "Markov", "Mine"}
    for model in results["models"].values():
        assert all(isinstance(model[key], float) for key in KEYS)
    assert len(results["differences"]) == 3
    against_lstm = next(
        pair for pair in results["differences"] if {pair["first"], pair["second"]} == {"Markov", "LSTM"}
    )
    assert against_lstm["p_value"] < 0.05
    assert against_lstm["about"] == "runs"  # each model was trained once
    assert not against_lstm["is_significant"]
    assert against_lstm["n_better"] == len(TEST)
    assert "| Markov |" in (tmp_path / "comparison/model_comparison.md").read_text()
    assert (tmp_path / "comparison/model_comparison.png").stat().st_size > 20_000


def test_two_models_of_the_same_kind_keep_their_names() -> None:
    results = ModelComparison().compare_models({"first": markov(), "second": markov()}, TEST, n_samples=2)
    assert results["models"].keys() == {"first", "second"}
    assert results["differences"][0]["value"] == 0


@pytest.mark.slow
def test_notes_outside_the_vocabulary_are_rounded(tmp_path: Path) -> None:
    odd = Melody([60, 62, 64] * 8, [25, 23, 24] * 8, title="Odd")
    results = ModelTester(markov()).run_comprehensive_test([*TEST, odd], tmp_path, n_samples=2)
    assert results["n_test_tunes"] == len(TEST) + 1


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ([], "the test set is empty"),
        ([Melody([], [])], "has no notes"),
        ([Melody([60] * 20, [24] * 20, Metre(13, 8))], "melody 0 of test_data cannot be used: the metre 13/8"),
    ],
    ids=["none", "no notes", "metre"],
)
def test_test_data_that_cannot_be_scored_are_refused(test: list[Melody], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ModelTester(markov()).run_comprehensive_test(test)
    with pytest.raises(InputError, match=words):
        ModelComparison().compare_models({"m": markov()}, test)


class Raises(nn.Module):
    """Has a fault of its own, in one of its methods."""

    def __init__(self, method: str, problem: BaseException) -> None:
        super().__init__()
        self.network = user_network(2)
        self.method, self.problem = method, problem

    def forward(self, tokens: torch.Tensor) -> Any:
        if self.method == "forward":
            raise self.problem
        return self.network(tokens)

    def train(self, mode: bool = True) -> Raises:
        if self.method == "train":
            raise self.problem
        return super().train(mode)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        if self.method == "state_dict":
            raise self.problem
        return super().state_dict(*args, **kwargs)


class Peeks(nn.Module):
    """Knows the next token."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return 9.0 * nn.functional.one_hot(tokens.roll(-1, 1), len(VOCABULARY))


@pytest.mark.slow
def test_every_bad_model_is_reported_with_its_reason_and_the_others_are_compared(tmp_path: Path) -> None:
    models: dict[str, Any] = {
        "ok": markov(),
        "peeks": Peeks(),
        "raises": Raises("forward", KeyError("mine")),
        "no mode": Raises("train", TypeError("mine")),
        "no state": Raises("state_dict", AttributeError("mine")),
        "no memory": Raises("forward", RuntimeError("DefaultCPUAllocator: can't allocate memory")),
        "no network": 5,
        "also ok": user_network(2),
    }
    results = ModelComparison().compare_models(models, TEST, tmp_path, n_samples=2)
    assert json.loads((tmp_path / "model_comparison.json").read_text()) == results
    assert results["best"] == "ok"
    assert results["models"].keys() == {"ok", "also ok"}
    reasons = {
        "peeks": "Peeks is not causal",
        "raises": "Raises raised KeyError in line",
        "no mode": "TypeError: mine",
        "no state": "AttributeError: mine",
        "no memory": "not enough memory for the predictions of tunes of up to",
        "no network": "should be a torch module or a trained model, got a int",
    }
    assert results["failures"].keys() == reasons.keys()
    assert all(reason in results["failures"][name] for name, reason in reasons.items())


@pytest.mark.slow
def test_a_model_that_cannot_be_evaluated_does_not_stop_the_others(tmp_path: Path) -> None:
    results = ModelComparison().compare_models({"ok": markov(), "bad": Broken()}, TEST, tmp_path, n_samples=2)
    assert results["models"].keys() == {"ok"}
    assert "NaN" in results["failures"]["bad"]
    assert "bad is not compared: " in (tmp_path / "model_comparison.md").read_text()


@pytest.mark.parametrize(("data", "words"), [(TEST[0], "got one"), ([TEST[0], [60, 62]], "a list among them")])
def test_data_that_are_no_melodies_are_refused(data: Any, words: str) -> None:
    with pytest.raises(InputError, match=rf"test_data is a list of melodies, {words}|{words}"):
        ModelTester(markov()).run_comprehensive_test(data)


def test_no_models_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        ModelComparison().compare_models({}, TEST)


def test_a_model_that_breaks_its_contract_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NaN"):
        ModelTester(Broken()).run_comprehensive_test(TEST, tmp_path / "out")
    assert not (tmp_path / "out").exists()
