from __future__ import annotations

from typing import Any

import pytest
from hydra.utils import get_object

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs import older_configurations
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration


def old_configuration(**values: Any) -> dict[str, Any]:
    """Return values as version 0.1 saved them."""
    return {
        "batch_size": 8,
        "min_melody_length": 16,
        "max_melody_length": None,
        "seed": 3,
        "teacher_share": 0.75,
        "dataset": {"corpus": {"folder": "tunes"}, "split_seed": 5},
        "scheduler": {"_target_": "chromasonic.melody_generation.schedules.OneCycle", "warm_up": 0.2},
        "callbacks": {"audition": {"_target_": "chromasonic.melody_generation.audition.Audition"}, "progress": None},
        "choices": {"model": "lstm"},
    } | values


def test_new_paths_can_be_imported_and_old_ones_cannot() -> None:
    for old, new in older_configurations._MOVED.items():
        get_object(new)
        with pytest.raises(Exception, match=old.rpartition(".")[0].replace(".", r"\.")):
            get_object(old)


def test_classes_are_renamed_at_any_depth() -> None:
    upgraded = upgrade_configuration(old_configuration(model={"parts": [{"_target_": "torch.nn.Linear"}]}))
    assert upgraded["scheduler"] == {
        "_target_": "chromasonic.melody_generation.training.schedules.OneCycle",
        "warm_up": 0.2,
    }
    assert upgraded["model"] == {"parts": [{"_target_": "torch.nn.Linear"}]}


def test_renamed_values_keep_their_value() -> None:
    upgraded = upgrade_configuration(old_configuration())
    assert upgraded["distillation_weight"] == 0.75
    assert "teacher_share" not in upgraded
    assert upgraded["callbacks"] == {
        "sample_logger": {"_target_": "chromasonic.melody_generation.training.sample_logger.SampleLogger"},
        "progress": None,
    }


def test_a_dataset_gets_its_class_and_the_values_that_it_lacks() -> None:
    upgraded = upgrade_configuration(old_configuration(guard={"corpus": {}, "split_seed": 1, "held_out": 0.2}))
    expected = {
        "_target_": "chromasonic.melody_generation.data_loader.MelodyDataModule",
        "batch_size": 8,
        "min_melody_length": 16,
        "max_melody_length": None,
        "train_share": 1.0,
        "held_out": 0.1,
        "pitch": "relative",
        "transpositions": 1,
        "corpus": {"folder": "tunes"},
        "split_seed": 5,
    }
    assert upgraded["dataset"] == expected
    assert upgraded["guard"] == expected | {"corpus": {}, "split_seed": 1, "held_out": 0.2}


def test_upgrading_twice_changes_nothing_more() -> None:
    once = upgrade_configuration(old_configuration())
    assert upgrade_configuration(once) == once


@pytest.mark.parametrize("values", [{}, {"dataset": None, "callbacks": None}, {"dataset": [1], "callbacks": "x"}])
def test_values_of_an_unexpected_type_are_left_as_they_are(values: dict[str, Any]) -> None:
    assert upgrade_configuration(values).items() >= values.items()


def test_a_configuration_that_is_nested_too_deeply_is_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(5000):
        nested = {"a": nested}
    with pytest.raises(InputError, match="nested too deeply"):
        upgrade_configuration(nested)
