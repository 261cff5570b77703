"""Train networks with Lightning: from a configuration, or with ``ModelTrainer`` in a few lines of Python."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chromasonic.melody_generation.training.history import TrainingHistory
    from chromasonic.melody_generation.training.model_trainer import ModelTrainer, create_training_data

__all__ = ["ModelTrainer", "TrainingHistory", "create_training_data"]

_MODULES = {"ModelTrainer": "model_trainer", "TrainingHistory": "history", "create_training_data": "model_trainer"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: Lightning takes seconds (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted(__all__)
