from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from chromasonic.config.build import build
from chromasonic.melody_generation.errors import InputError


def test_arguments_that_a_constructor_refuses_are_named() -> None:
    node = OmegaConf.create({"_target_": "chromasonic.melody_generation.training.schedules.Step", "step_size": 0})
    with pytest.raises(InputError, match="Step: step_size is 1 or more, got 0"):
        build(node)


def test_objects_are_built_from_plain_values() -> None:
    assert type(build(OmegaConf.create({"_target_": "builtins.dict", "a": [1, {"b": 2}]}))["a"]) is list


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
        build(node)
