from __future__ import annotations

import pytest
import torch

from chromasonic.config.closed_set import ARGUMENTS
from chromasonic.config.signatures import inspect_signature, read_signature

OPTIMIZERS = [f"torch.optim.{name}" for name in torch.optim.__all__ if name[0].isupper() and name != "Optimizer"]


@pytest.mark.parametrize(
    "target", sorted({target for classes in ARGUMENTS.values() for target in classes}) + OPTIMIZERS
)
def test_the_source_says_what_the_imported_class_says(target: str) -> None:
    assert read_signature(target) == inspect_signature(target)


@pytest.mark.parametrize(
    "target", ["tests.small_networks.OwnNetwork", "torch.optim.Nothing", "torch.nothing.X", "torch"]
)
def test_what_the_source_does_not_say_is_left_to_the_import(target: str) -> None:
    assert read_signature(target) is None
