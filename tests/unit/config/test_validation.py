from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from tests.running import composed

from chromasonic.config.schema import MOST
from chromasonic.config.validation import check
from chromasonic.melody_generation.errors import InputError


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DictConfig]:
    with composed(directory=tmp_path_factory.mktemp("run")) as found:
        yield found


def changed(config: DictConfig, **values: Any) -> DictConfig:
    """A copy with other values, dots written as two underscores."""
    copy = config.copy()
    OmegaConf.set_struct(copy, False)
    for name, value in values.items():
        OmegaConf.update(copy, name.replace("__", "."), value)
    return copy


def faults_of(config: DictConfig, **values: Any) -> list[str]:
    try:
        check(changed(config, **values))
    except InputError as problem:
        return str(problem).splitlines()
    return []


@settings(max_examples=25)
@given(rate=st.floats(min_value=1e-12, max_value=1e3), n_epochs=st.integers(1, 10**6), dropout=st.floats(0, 0.99))
def test_values_in_range_pass(config: DictConfig, rate: float, n_epochs: int, dropout: float) -> None:
    assert faults_of(config, learning_rate=rate, epochs=n_epochs, dropout=dropout) == []


@settings(max_examples=50)
@given(
    name=st.sampled_from(["epochs", "batch_size", "patience", "hidden_size", "num_layers", "min_melody_length"]),
    value=st.one_of(st.integers(max_value=0), st.floats(), st.booleans(), st.just("12"), st.just([3])),
)
def test_anything_but_a_positive_whole_number_is_refused_once_by_name(
    config: DictConfig, name: str, value: Any
) -> None:
    (fault,) = faults_of(config, **{name: value})
    assert fault.startswith(f"{name}={value}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("learning_rate", float("nan")),
        ("learning_rate", True),
        ("seed", -1),
        ("dataset__pitch", "perfect"),
        ("dataset__transpositions", 0),
        ("dataset__transpositions", 13),
        ("dataset__transpositions", "2"),
        ("train_share", 0),
        ("train_share", 1.01),
        ("train_share", "half"),
        ("seed", 2**32),
        ("scheduler__patience", "soon"),
        ("trainer__gradient_clip_val", "tight"),
        ("trainer__max_epochs", 1.5),
        ("trainer__gradient_clip_val", float("nan")),
        ("trainer__accumulate_grad_batches", 0),
        ("trainer__check_val_every_n_epoch", 0),
        ("trainer__limit_test_batches", 0),
        ("trainer__overfit_batches", 1),
        ("trainer__val_check_interval", "00:00:00:01"),
        ("trainer__log_every_n_steps", -1),
        ("batch_size", 10**9),
        ("hidden_size", 10**9),
        ("num_layers", 10**9),
        ("model__num_layers", 10**9),
        ("dataset__batch_size", 10**9),
        ("callbacks__early_stopping__patience", "soon"),
        ("dataset__corpus__seed", 0.5),
        ("dataset__split_seed", "abc"),
        ("dataset__split_seed", -1),
        ("dataset__held_out", 0),
        ("dataset__held_out", 0.5),
    ],
)
def test_a_fault_has_the_name_and_the_value(config: DictConfig, name: str, value: Any) -> None:
    (fault,) = faults_of(config, **{name: value})
    assert fault.startswith(f"{name.replace('__', '.')}={value}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trainer__max_epochs", None),
        ("trainer__devices", [0, 1]),
        ("max_melody_length", 16),
        ("output_dir", 2026),
        ("optimizer__lr", 1),
    ],
)
def test_every_type_that_an_argument_may_have_passes(config: DictConfig, name: str, value: Any) -> None:
    assert faults_of(config, **{name: value}) == []


def test_a_faulty_value_is_not_reported_again_where_it_is_referred_to(config: DictConfig) -> None:
    assert faults_of(config, learning_rate="abc", hidden_size="wide") == [
        "learning_rate=abc: a number is needed",
        "hidden_size=wide: a whole number is needed",
    ]


def test_faults_of_every_kind_are_found_at_once(config: DictConfig) -> None:
    found = faults_of(
        config,
        dropout=2,
        colour="red",
        min_melody_length=20,
        max_melody_length=10,
        model__hidden=3,
        optimizer___target_="torch.optim.Admw",
    )
    assert len(found) == 5
    for words in ("dropout=2", "colour=red", "max_melody_length=10 is less", "did you mean hidden_size?", "Admw"):
        assert sum(words in fault for fault in found) == 1, found


def test_a_guard_has_relative_pitch(config: DictConfig) -> None:
    guard = {"corpus": {}, "split_seed": 0, "held_out": 0.1, "pitch": "relative", "transpositions": 1}
    assert faults_of(config, guard=guard) == []
    (fault,) = faults_of(config, guard=guard | {"pitch": "absolute"})
    assert fault.startswith("guard.pitch=absolute: ")


@pytest.mark.parametrize("group", ["dataset", "guard"])
@pytest.mark.parametrize("name", ["seed", "guard"])
def test_values_of_a_dataset_that_the_run_sets_are_refused(config: DictConfig, group: str, name: str) -> None:
    guard = OmegaConf.to_container(config.dataset, resolve=True)
    values = {"guard": guard, f"{group}__{name}": 5}
    (fault,) = faults_of(config, **values)
    assert fault.startswith(f"{group}.{name}=5: the run sets it")


@pytest.mark.parametrize(
    ("group", "target", "name"),
    [
        ("optimizer", "torch.optim.LBFGS", "max_iter"),
        ("optimizer", "torch.optim.LBFGS", "max_eval"),
        ("optimizer", "torch.optim.LBFGS", "history_size"),
        ("optimizer", "torch.optim.Muon", "ns_steps"),
        ("model", "chromasonic.melody_generation.networks.transformer.TransformerNetwork", "num_heads"),
        ("callbacks", "lightning.pytorch.callbacks.TQDMProgressBar", "process_position"),
    ],
)
def test_no_number_keeps_a_run_busy_for_days(config: DictConfig, group: str, target: str, name: str) -> None:
    node: dict[str, Any] = {"_target_": target, name: MOST[name]}
    place = "callbacks.mine" if group == "callbacks" else group
    values = {"mine": node} if group == "callbacks" else node
    others = faults_of(config, **{group: values})  # arguments of the class that was there
    node[name] += 1
    found = faults_of(config, **{group: values})
    assert [fault for fault in found if fault not in others] == [
        f"{place}.{name}={node[name]}: write a number of {MOST[name]} or less"
    ]


@pytest.mark.parametrize("model", ["../lstm", "/tmp/lstm", ".lstm", "", "a\\b"])
def test_a_choice_is_no_path(config: DictConfig, model: str) -> None:
    assert faults_of(config, choices={"model": "lstm"}) == []
    (fault,) = faults_of(config, choices={"model": model})
    assert fault.startswith("choices=")


@pytest.mark.parametrize("name", ["_partial_", "_recursive_", "_args_"])
def test_arguments_of_hydra_have_their_types(config: DictConfig, name: str) -> None:
    (fault,) = faults_of(config, **{f"model__{name}": "x"})
    assert fault.startswith(f"model.{name}=x: ")


def test_a_missing_value_is_named(config: DictConfig) -> None:
    (fault,) = faults_of(config, dataset__corpus__num_sequences="???")
    assert fault.startswith("dataset.corpus.num_sequences must be given")


def test_a_reference_to_nothing_is_a_fault(config: DictConfig) -> None:
    (fault,) = faults_of(config, optimizer__lr="${learnig_rate}")
    assert "learnig_rate" in fault


def test_a_number_as_a_name_is_a_fault_and_a_group_may_refer_to_another(config: DictConfig) -> None:
    faults = faults_of(config, model={"_target_": "torch.optim.SGD", 7: 1})
    assert any("takes named arguments only" in fault for fault in faults)
    assert (
        faults_of(config, optimizer="${scheduler}") == []
    )  # its parts are in order; that it is no optimizer shows later
