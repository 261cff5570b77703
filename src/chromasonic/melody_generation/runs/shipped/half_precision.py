"""Make the small checkpoint that ships: weights in half precision, and nothing that only training needs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from chromasonic.melody_generation.atomic_files import JsonObject, atomic_file
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.outlines import TuneOutlines
from chromasonic.melody_generation.runs.checkpoint import FORMAT, Checkpoint, read_checkpoint
from chromasonic.melody_generation.vocabulary import NoteVocabulary

_MAX_OUTLINES = 1000  # of more every n-th is kept


def write_half_precision(run: str | Path, path: Path, licence: str) -> int:
    """Write the best checkpoint of a run with weights in half precision, as one small file.

    The file is a checkpoint like any other. It lacks what only resuming needs: the state of the optimizer and of the
    callbacks. Of the outlines of training tunes it has 1000 at most.

    Args:
        run: A run directory, or a checkpoint.
        path: The file.
        licence: The terms of the file, in a sentence; those of the tunes are in its sources already.

    Returns:
        The number of bytes.

    Raises:
        InputError: If the run cannot be read, or a weight is too large for half precision.
    """
    file = io.BytesIO()
    torch.save(_values(read_checkpoint(run), licence), file)
    with atomic_file(path) as unfinished:
        unfinished.write_bytes(file.getvalue())
    return len(file.getvalue())


def _values(checkpoint: Checkpoint, licence: str) -> JsonObject:
    tunes = checkpoint.metadata.outlines.tunes
    outlines = TuneOutlines(tunes[:: -(-len(tunes) // _MAX_OUTLINES) or 1])
    return replace(checkpoint.metadata, outlines=outlines).to_checkpoint() | {
        "format": FORMAT,
        "network": checkpoint.network_name,
        "hyperparameters": dict(checkpoint.hyperparameters),
        "vocabulary": NoteVocabulary().fingerprint,
        "epoch": checkpoint.epoch,
        "licence": licence,
        "model_state_dict": _halved(checkpoint.weights),
    }


def _halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    halved = {name: weight.half() if weight.is_floating_point() else weight for name, weight in weights.items()}
    too_large = [name for name, weight in halved.items() if not weight.isfinite().all()]
    if too_large:
        raise InputError(f"the weights {too_large[0]} are no numbers of half precision, which end at 65504")
    return halved
