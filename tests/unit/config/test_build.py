from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf
from torch import nn

from chromasonic.config.build import build, build_as
from chromasonic.melody_generation.errors import InputError


def test_arguments_that_a_constructor_refuses_are_named() -> None:
    node = OmegaConf.create({"_target_": "chromasonic.melody_generation.training.schedules.Step", "step_size": 0})
    with pytest.raises(InputError, match="Step: step_size is 1 or more, got 0"):
        build("node", node)


def test_objects_are_built_from_plain_values() -> None:
    assert type(build("node", OmegaConf.create({"_target_": "builtins.dict", "a": [1, {"b": 2}]}))["a"]) is list


def test_the_message_names_the_nested_class_that_refused() -> None:
    node = OmegaConf.create(
        {
            "_target_": "chromasonic.melody_generation.data_loader.MelodyDataModule",
            "corpus": {
                "_target_": "chromasonic.melody_generation.corpora.synthetic.SyntheticCorpus",
                "num_sequences": 0,
            },
        }
    )
    with pytest.raises(InputError, match=r"^SyntheticCorpus: .*num_sequences"):
        build("node", node)


@pytest.mark.parametrize(
    ("node", "named"),
    [
        ({"_target_": "chromasonic.melody_generation.training.schedules.Constant"}, "Constant"),
        ({"_target_": "torch.nn.Identity", "_partial_": True}, "Deferred|partial"),
        ({"a": 1}, "dict"),
        ("lstm", "str"),
    ],
)
def test_another_type_than_a_run_needs_is_refused(node: Any, named: str) -> None:
    with pytest.raises(InputError, match=f"^model should describe a Module, got .*({named})"):
        build_as(nn.Module, "model", OmegaConf.create({"model": node}).model)


def test_the_type_that_a_run_needs_is_built() -> None:
    assert isinstance(build_as(nn.Module, "model", OmegaConf.create({"_target_": "torch.nn.Identity"})), nn.Identity)
