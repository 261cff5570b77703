"""A mixture is put together from runs on the same split, and comes back from its checkpoint alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_networks import batch_of, small_lstm, small_transformer, user_network, walks
from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.mixture import MixtureNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.runs.checkpoint import describe, read_checkpoint
from chromasonic.melody_generation.runs.trained_model import load_model
from chromasonic.melody_generation.training.run_mixture import check_split, mixture_of


def saved(path: Path, network: nn.Module, split: str = "split", **others: Any) -> Path:
    facts = {**describe(network), "model_state_dict": network.state_dict(), "epoch": 1, "hash": split}
    torch.save(facts | others, path)
    return path


def counted(network: MarkovNetwork | PPMNetwork) -> nn.Module:
    network.count(batch_of(walks(20, 3)))
    return network


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    networks: tuple[nn.Module, ...] = (
        small_lstm(),
        small_transformer(),
        counted(MarkovNetwork(1)),
        counted(PPMNetwork(short_weight=2.0)),
    )
    folder = tmp_path / "parts"
    folder.mkdir()
    return [str(saved(folder / f"{place}.pt", network)) for place, network in enumerate(networks)]


def test_a_mixture_is_rebuilt_from_its_checkpoint_alone(runs: list[str], tmp_path: Path) -> None:
    network = mixture_of(runs, by_match=True)
    network.fit([], [batch_of(walks(5, 4))])
    path = saved(tmp_path / "mixture.pt", network)
    shutil.rmtree(tmp_path / "parts")
    rebuilt = load_model(path)
    tokens = batch_of(walks(2, 8))
    with torch.no_grad():
        assert torch.equal(rebuilt(tokens), network.eval()(tokens))
    assert isinstance(rebuilt.network, MixtureNetwork)
    assert [type(part) for part in rebuilt.network.parts] == [type(part) for part in network.parts]
    assert not rebuilt.network.training
    assert rebuilt.network.split_hash == "split"
    assert describe(rebuilt.network) == describe(network)


def test_parts_of_different_splits_are_refused_by_name(runs: list[str], tmp_path: Path) -> None:
    other = str(saved(tmp_path / "other.pt", small_lstm(), split="elsewhere"))
    with pytest.raises(InputError) as refused:
        mixture_of([*runs, other])
    assert "\n" not in str(refused.value)
    for word in (other, "elsewhere", runs[0], "split split"):
        assert word in str(refused.value)


def test_parts_that_may_have_seen_held_out_tunes_are_refused(runs: list[str], tmp_path: Path) -> None:
    """A mixture says of itself that it has not, and may teach."""
    honest = str(saved(tmp_path / "honest.pt", small_lstm(), unseen=["split", "target"]))
    tainted = str(saved(tmp_path / "tainted.pt", small_lstm(), unseen=["target"]))
    assert len(mixture_of([*runs, honest]).parts) == len(runs) + 1
    with pytest.raises(InputError, match=r"tainted\.pt cannot be a part .* held-out tunes of its split split"):
        mixture_of([*runs, honest, tainted])


def test_anything_but_a_list_of_runs_is_refused(runs: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a list"):
        mixture_of(runs[0])
    with pytest.raises(InputError, match="nowhere"):
        mixture_of([runs[0], "nowhere"])
    with pytest.raises(InputError, match="not built in"):
        mixture_of([runs[0], str(saved(tmp_path / "own.pt", user_network()))])
    with pytest.raises(ValueError, match="2 to"):
        mixture_of(runs[:1])


def test_a_mixture_is_fitted_only_on_the_split_of_its_parts(runs: list[str]) -> None:
    network = mixture_of(runs)
    check_split(network, "split")
    check_split(small_lstm(), "another")
    with pytest.raises(InputError, match=r"split split.*another"):
        check_split(network, "another")


@pytest.mark.parametrize(
    "parts",
    [
        None,
        [],
        "lstm",
        [None, None],
        [{"network": "lstm"}, {"network": "lstm"}],
        [{"network": "custom", "hyperparameters": {}}] * 2,
        [{"network": "mixture", "hyperparameters": {"parts": []}}] * 2,
        [{"network": ["lstm"], "hyperparameters": {}}] * 2,
        [{"network": "lstm", "hyperparameters": {"hidden_size": 10**9}}] * 2,
        [{"network": "lstm", "hyperparameters": {"num_layers": 10**9}}] * 2,
        [{"network": "lstm", "hyperparameters": {"hidden_size": 16, "dropout": 0.0}}] * 1000,
    ],
)
def test_a_description_that_does_not_fit_the_weights_is_refused(parts: Any, tmp_path: Path) -> None:
    network = MixtureNetwork([small_lstm(), small_lstm()])
    path = saved(tmp_path / "mixture.pt", network)
    hyperparameters = dict(read_checkpoint(path).hyperparameters)
    assert load_model(path).network.hyperparameters["by_match"] is True  # type: ignore[index]
    saved(path, network, hyperparameters=hyperparameters | {"parts": parts})
    with pytest.raises(InputError, match="does not fit the network that it names, 'mixture'"):
        load_model(path)
