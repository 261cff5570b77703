"""Beginning a run with the weights of another, or learning from one, where that is honest and where it fits.

A model that is fine-tuned must not have seen, in whatever it learned before, the tunes that it will be scored on, nor
may a model that teaches it. A checkpoint says which held-out tunes its model has seen nothing of: those of the split
that it was trained on, and those that its pretraining was guarded against
(:mod:`chromasonic.melody_generation.data.leakage`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from chromasonic.melody_generation.data.leakage import GuardedSplit, GuardReport
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.contract import FittedNetwork
from chromasonic.melody_generation.runs.checkpoint import describe, read_checkpoint
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.training.distillation import Teacher
from chromasonic.melody_generation.training.run_mixture import check_split

# What may differ between pretraining and fine-tuning, since no weight depends on it.
_FREE = {"dropout"}


def lineage(
    split_hash: str,
    guard: GuardedSplit | None = None,
    before: ModelMetadata | None = None,
    teacher: TrainedModel | None = None,
) -> Lineage:
    """What a run learns from.

    Args:
        split_hash: Of its own split.
        guard: The split that it is guarded against, if it is.
        before: The metadata of the model that it begins with, if it does.
        teacher: Who teaches it, if anybody does.

    Raises:
        InputError: If one of these may have seen tunes that the run is to be scored on.
    """
    own = [split_hash, *([guard.hash] if guard else [])]
    scored_on = own[-1]  # a run that is guarded prepares for another
    taught = teacher.metadata if teacher else None
    for said, source in (("init_from: the pretrained model", before), ("teacher: the model that teaches", taught)):
        if source is None:
            continue
        unseen = source.lineage.unseen
        if scored_on not in unseen:
            raise InputError(
                f"{said} may have seen validation or test tunes of this run's split {scored_on}, since it was "
                f"{_against(source)}: train it with guard= set to the dataset, split_seed and held_out of this run, "
                "and with its min_melody_length"
            )
        own = [each for each in own if each in unseen]
    pretrained, distilled_from = (_in_words(source) if source is not None else "" for source in (before, taught))
    return Lineage(tuple(own), guard, pretrained, distilled_from, teacher.digest if teacher else "")


def _against(source: ModelMetadata) -> str:
    guard = source.lineage.guard
    return f"guarded against split {guard.hash} of {guard.corpus}" if guard else "not guarded"


def begin(
    network: nn.Module,
    init_from: str | float | None,
    split_hash: str,
    guarded: GuardReport | None,
    resumed: Path | None,
    teacher: Teacher | None = None,
) -> Lineage:
    """Give a network the weights that its run begins with, if it does, and return what it has learned from.

    Args:
        network: Of the run.
        init_from: A run, whose folder may be called 2026, or a checkpoint; None to begin with nothing.
        split_hash: Of the run's own split.
        guarded: What was left out for the split that it is guarded against, if it is.
        resumed: The checkpoint that the run goes on from, if it does: the weights are then left to that.
        teacher: Who teaches it, if anybody does.

    Returns:
        What the run's model learns from.

    Raises:
        InputError: If the model, or its teacher, may have seen tunes that it is to be scored on, the weights do not
            fit, or the teacher of a run that goes on is another one.
    """
    check_split(network, split_hash)
    if resumed is not None:
        earlier = read_checkpoint(resumed).metadata.lineage
        if teacher and earlier.teacher_digest != teacher.model.digest:
            raise InputError(
                "teacher: the model there is not the one that this run began to learn from; put that one back, or "
                "begin a new run"
            )
        return earlier
    before = None if init_from is None else begin_with(network, str(init_from))
    return lineage(split_hash, guarded.split if guarded else None, before, teacher.model if teacher else None)


def begin_with(network: nn.Module, path: str | Path) -> ModelMetadata:
    """Give a network the weights of a checkpoint.

    Args:
        network: Of the same kind and sizes; its dropout may differ.
        path: A run directory (its best checkpoint is taken) or a checkpoint.

    Returns:
        What the checkpoint says of its model.

    Raises:
        InputError: If there is none, or its network is another.
    """
    if isinstance(network, FittedNetwork):
        raise InputError(
            "init_from is for models trained by gradient descent, and this one is not: leave init_from out"
        )
    checkpoint = read_checkpoint(path)
    described = describe(network)
    theirs = checkpoint.network_name, _sizes(checkpoint.hyperparameters)
    ours = described["network"], _sizes(described["hyperparameters"])
    if theirs != ours:
        raise InputError(
            f"init_from={path} holds another network than this run builds: {_named(*theirs)}, not {_named(*ours)}; "
            "choose the same model and sizes"
        )
    try:
        network.load_state_dict(checkpoint.weights)
    except (RuntimeError, TypeError, AttributeError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"the weights in init_from={path} do not fit the network of this run: {reason}") from problem
    return checkpoint.metadata


def _sizes(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hyperparameters.items() if name not in _FREE}


def _named(network: str, sizes: Mapping[str, Any]) -> str:
    return " ".join([network, *(f"{name}={value}" for name, value in sorted(sizes.items()))])


def _in_words(metadata: ModelMetadata) -> str:
    known = {**metadata.configuration, "seed": None} if metadata.configuration else metadata.split_hash or None
    digest = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()[:8]
    return f"{metadata.model or 'unknown'} on {metadata.dataset or 'unknown'} ({digest})"
