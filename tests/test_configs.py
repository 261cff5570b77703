"""Every option of every group composes, passes the check, builds, and takes a training step."""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from hydra.utils import get_object
from omegaconf import OmegaConf

from chromasonic.app import training_run
from chromasonic.config.build import build
from chromasonic.config.compose import read_yaml
from chromasonic.config.validation import check
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.vocabulary import NoteVocabulary
from tests.running import CONFIGS, SHORT, TINY, choices, composed
from tests.sampled_sources import sampled_sources
from tests.small_networks import small_lstm

GROUPS = ("model", "dataset", "guard", "optimizer", "scheduler", "trainer", "callbacks", "logger")
EXPERIMENTS = choices("experiment")
COUNTING = ("countmix", "markov", "mixture", "ppm")  # what they learn has no size to choose, and no optimizer
DESCENDING = tuple(each for each in choices("model") if each not in COUNTING)


def abc_of_a_walk(number: int) -> str:
    rng = np.random.default_rng(number)
    bars = ["".join(rng.choice(list("CDEFGABcdefg"), 8)) for _ in range(4)]
    title = "".join(rng.choice(list("abcdefgh"), 12))
    return f"X:{number}\nT:{title}\nM:4/4\nL:1/8\nK:G\n{'|'.join(bars)}|\n"


@pytest.fixture(scope="module")
def own_tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tunes")
    (folder / "walks.abc").write_text("\n".join(abc_of_a_walk(number) for number in range(1, 31)))
    for place, network in enumerate((small_lstm(), MarkovNetwork(1))):  # for a mixture to put together
        facts = {**describe(network), "model_state_dict": network.state_dict(), "epoch": 1, "hash": "any"}
        torch.save(facts, folder / f"part{place}.pt")
    return folder


def arguments_of(dataset: str, own_tunes: Path) -> list[str]:
    if dataset == "files":
        return [f"dataset.corpus.folder={own_tunes}"]
    if dataset == "folk":  # the smallest of its collections
        return [f"dataset.corpus.{name}=false" for name in ("oneills", "essen", "ryans")]
    return []


def group_tokens(model: str, own_tunes: Path) -> list[str]:
    return [f"model.runs=[{own_tunes / 'part0.pt'},{own_tunes / 'part1.pt'}]"] if model == "mixture" else []


@cache
def data_of(dataset: str, own_tunes: Path) -> MelodyDataModule:
    sizes = [each for each in TINY if dataset == "synthetic" or not each.startswith("num_sequences")]
    with composed(
        f"dataset={dataset}", *sizes, *arguments_of(dataset, own_tunes), "batch_size=4", directory=own_tunes
    ) as config:
        data: MelodyDataModule = training_run.build_data(config)
        data.setup()
    return data


def test_all_groups_are_tested() -> None:
    folders = {path.name for path in CONFIGS.iterdir() if path.is_dir()}
    assert folders == {*GROUPS, "experiment"}


@pytest.mark.parametrize(("group", "choice"), [(group, each) for group in GROUPS for each in choices(group)])
def test_every_option_composes_and_passes_the_check(group: str, choice: str, tmp_path: Path, own_tunes: Path) -> None:
    overrides = [f"{group}={choice}"]
    if group in {"dataset", "guard"}:
        overrides += [each.replace("dataset", group) for each in arguments_of(choice, own_tunes)]
    overrides += group_tokens(choice, own_tunes)
    with composed(*overrides, directory=tmp_path) as config:
        check(config)
        for name in ("model", "optimizer", "scheduler", "trainer"):
            build(name, config[name])
        for name, node in config.callbacks.items():
            assert node is None or build(f"callbacks.{name}", node) is not None
        assert len(training_run.build_trainer(config, [], tmp_path).loggers) == len(config.logger)


def take_a_step(model: str, dataset: str, scheduler: str, optimizer: str, folder: Path, own_tunes: Path) -> None:
    """Two training steps and a validation through Lightning; the weights or counts must have changed."""
    size = SHORT if model in COUNTING else TINY
    overrides = [f"model={model}", f"scheduler={scheduler}", f"optimizer={optimizer}", *size, "+trainer.fast_dev_run=2"]
    overrides += group_tokens(model, own_tunes)
    data = data_of(dataset, own_tunes)
    with composed(*overrides, directory=folder) as config, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        check(config)
        module = training_run.build_module(config)
        make_trainer = build("trainer", config.trainer)
        trainer: L.Trainer = make_trainer(logger=False, default_root_dir=folder, enable_progress_bar=False)
        module.train()  # as it is before every training
        before = [weight.detach().clone() for weight in module.network.state_dict().values()]
        trainer.fit(module, datamodule=data)
    assert trainer.global_step == 2
    assert float(trainer.callback_metrics["train/loss"]) < 2 * np.log(len(NoteVocabulary()))
    assert any(not torch.equal(old, new) for old, new in zip(before, module.network.state_dict().values(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "scheduler", "optimizer"),
    [
        *itertools.product(["lstm"], choices("scheduler"), choices("optimizer")),
        *((model, "reduce_on_plateau", "adamw") for model in choices("model") if model != "lstm"),
    ],
)
def test_a_model_trains_with_every_scheduler_and_optimizer(
    model: str, scheduler: str, optimizer: str, tmp_path: Path, own_tunes: Path
) -> None:
    take_a_step(model, "synthetic", scheduler, optimizer, tmp_path, own_tunes)


LARGE = {"nottingham": "transformer", "folk": "lstm", "ceolrince": "markov", "folkwiki": "ppm"}


@pytest.mark.parametrize("model", choices("model"))
@pytest.mark.parametrize("dataset", [each for each in choices("dataset") if each not in LARGE])
def test_every_model_trains_on_every_small_dataset(model: str, dataset: str, tmp_path: Path, own_tunes: Path) -> None:
    take_a_step(model, dataset, "one_cycle", "adamw", tmp_path, own_tunes)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", LARGE)
@pytest.mark.usefixtures("nottingham_directory")  # its folder has the other collections too
def test_a_model_trains_on_every_large_dataset(dataset: str, tmp_path: Path, own_tunes: Path) -> None:
    with sampled_sources():
        take_a_step(LARGE[dataset], dataset, "one_cycle", "adamw", tmp_path, own_tunes)


def test_the_values_of_the_data_reach_the_data_module(tmp_path: Path) -> None:
    at_top = {"batch_size": 5, "min_melody_length": 20, "max_melody_length": 40, "train_share": 0.5, "seed": 3}
    in_dataset = {"split_seed": 4, "held_out": 0.2, "pitch": "absolute", "transpositions": 3}
    overrides = [f"{name}={value}" for name, value in at_top.items()]
    overrides += [f"dataset.{name}={value}" for name, value in in_dataset.items()]
    with composed(*overrides, directory=tmp_path) as config:
        check(config)
        data = training_run.build_data(config)
    expected = at_top | in_dataset
    assert {name: getattr(data, name) for name in expected} == expected


def test_the_guard_is_split_by_its_own_values(tmp_path: Path, own_tunes: Path) -> None:
    guard = ["guard=files", f"guard.corpus.folder={own_tunes}", "guard.split_seed=4", "guard.held_out=0.2"]
    with composed(*guard, "min_melody_length=20", directory=tmp_path) as config:
        check(config)
        data = training_run.build_data(config)
    assert data.guard is not None
    assert (data.guard.split_seed, data.guard.held_out, data.guard.min_melody_length) == (4, 0.2, 20)
    assert (data.split_seed, data.held_out) == (0, 0.1)


def built_nodes(values: Any) -> Iterator[dict[str, Any]]:
    """Yield every node that names a class or function of this project."""
    if isinstance(values, dict):
        if str(values.get("_target_")).startswith("chromasonic."):
            yield values
        for value in values.values():
            yield from built_nodes(value)


@pytest.mark.parametrize(("group", "choice"), [(group, each) for group in GROUPS for each in choices(group)])
def test_defaults_in_configs_are_those_of_the_constructors(group: str, choice: str, tmp_path: Path) -> None:
    with composed(f"{group}={choice}", directory=tmp_path) as config:
        values = OmegaConf.to_container(config, resolve=True)
    for node in built_nodes(values):
        for name, parameter in inspect.signature(get_object(node["_target_"])).parameters.items():
            if name in node and parameter.default is not parameter.empty:
                assert node[name] == parameter.default, f"{node['_target_']}: {name}"


def test_sampling_defaults_are_the_same_in_all_configs() -> None:
    train, evaluate, generate = (read_yaml(CONFIGS / f"{name}.yaml") for name in ("train", "evaluate", "generate"))
    settings = SampleSettings()
    for name in ("n_samples", "max_notes"):
        expected = getattr(settings, name)
        assert train["hydra"]["callbacks"]["comparison"][name] == evaluate[name] == expected
    assert generate["max_notes"] == read_yaml(CONFIGS / "results.yaml")["max_notes"] == GenerationConfig().max_notes
    assert evaluate["seed"] == settings.seed


def test_there_are_experiments() -> None:
    assert {"first_run", "nottingham_lstm", "nottingham_transformer"} <= set(EXPERIMENTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_passes_the_check_and_builds(experiment: str, tmp_path: Path) -> None:
    with composed(f"experiment={experiment}", directory=tmp_path) as config:
        check(config)
        module = training_run.build_module(config)
        training_run.build_data(config)
    optimizer = module._build_optimizer(module.parameters())
    assert optimizer.param_groups[0]["lr"] == config.learning_rate
    assert describe(module.network)["hyperparameters"]["hidden_size"] == config.hidden_size
    entry = module.schedule.lightning(optimizer, config.epochs, 10 * config.epochs)
    assert entry is None or entry["scheduler"].optimizer is optimizer


def test_the_values_at_the_top_reach_their_objects(tmp_path: Path) -> None:
    overrides = [
        "epochs=7",
        "patience=3",
        "learning_rate=0.5",
        "hidden_size=24",
        "num_layers=5",
        "dropout=0.125",
        "num_sequences=33",
    ]
    with composed(*overrides, directory=tmp_path) as config:
        check(config)
        assert build("trainer", config.trainer)(logger=False).max_epochs == 7
        assert build("callbacks.early_stopping", config.callbacks.early_stopping).patience == 3
        assert build("optimizer", config.optimizer).keywords["lr"] == 0.5
        hyperparameters = build("model", config.model).hyperparameters
        assert (hyperparameters["hidden_size"], hyperparameters["num_layers"], hyperparameters["dropout"]) == (
            24,
            5,
            0.125,
        )
        assert len(build("dataset.corpus", config.dataset.corpus).load()) == 33
