"""The model that comes with the package, so that the first melody needs no training.

Wherever a run is named, ``pretrained`` names this model. ``configs/experiment/pretrained.yaml`` is its recipe. A folder
of this name is written ``./pretrained``, or given as a ``Path``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.melody_generation.corpora.source_collection import SourceCollection

PRETRAINED = "pretrained"
# What is made with the model, in the current folder: it is the directory of its run.
PRETRAINED_DIRECTORY = Path("outputs") / PRETRAINED


def is_pretrained(model: object) -> bool:
    """Return whether a text names the model of the package; a ``Path`` never does.

    Example:
        >>> is_pretrained("pretrained"), is_pretrained("./pretrained"), is_pretrained(Path("pretrained"))
        (True, False, False)
    """
    return isinstance(model, str) and model == PRETRAINED


def shipped_checkpoint() -> Path:
    """Return the path of the checkpoint in the package."""
    return Path(__file__).with_name(f"{PRETRAINED}.pt")


def checkpoint_path(model: str | Path) -> Path:
    """Return the path of a run or a checkpoint; that of the shipped checkpoint for its name."""
    return shipped_checkpoint() if is_pretrained(model) else Path(model)


def introduction(sources: Sequence[SourceCollection]) -> str:
    """Return a sentence that says which model this is, from the collections that it has learned from.

    Example:
        >>> introduction([SourceCollection("Aird's Airs", "none")])
        "The model is run=pretrained, which comes with Chromasonic and learned from Aird's Airs; run=... names another"
    """
    *others, last = [source.title for source in sources]
    titles = f"{', '.join(others)} and {last}" if others else last
    return f"The model is run=pretrained, which comes with Chromasonic and learned from {titles}; run=... names another"
