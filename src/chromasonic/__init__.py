"""Chromasonic: an open laboratory for melody models.

The public names are imported from their modules when they are first used, so that ``import chromasonic`` loads no heavy
library (PEP 562).

Example:
    >>> import chromasonic
    >>> melody = chromasonic.Melody(pitches=[62, 64, 66], durations=[24, 24, 48], tonic=2)
    >>> len(chromasonic.NoteVocabulary().encode(melody)) > 3
    True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chromasonic.melody_generation.data_loader import MelodyDataModule
    from chromasonic.melody_generation.generation.generate import generate
    from chromasonic.melody_generation.generation.generation_config import GenerationConfig
    from chromasonic.melody_generation.harmony.harmonise import harmonise
    from chromasonic.melody_generation.io.export import export
    from chromasonic.melody_generation.melody import Melody
    from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_model
    from chromasonic.melody_generation.testing import ModelComparison, ModelTester, score_melodies
    from chromasonic.melody_generation.training import ModelTrainer, TrainingHistory, create_training_data
    from chromasonic.melody_generation.vocabulary import NoteVocabulary

__all__ = [
    "GenerationConfig",
    "Melody",
    "MelodyDataModule",
    "ModelComparison",
    "ModelTester",
    "ModelTrainer",
    "NoteVocabulary",
    "TrainedModel",
    "TrainingHistory",
    "create_training_data",
    "export",
    "generate",
    "harmonise",
    "load_model",
    "score_melodies",
]

_MODULES = {
    "GenerationConfig": "generation.generation_config",
    "Melody": "melody",
    "MelodyDataModule": "data_loader",
    "ModelComparison": "testing",
    "ModelTester": "testing",
    "ModelTrainer": "training",
    "NoteVocabulary": "vocabulary",
    "TrainedModel": "runs.trained_model",
    "TrainingHistory": "training",
    "create_training_data": "training",
    "export": "io.export",
    "generate": "generation.generate",
    "harmonise": "harmony.harmonise",
    "load_model": "runs.trained_model",
    "score_melodies": "testing",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.melody_generation.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted(__all__)
