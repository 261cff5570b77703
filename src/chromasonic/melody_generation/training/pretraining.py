"""Start a run from the weights of another model, and check that no model it learns from has seen its held-out tunes.

A model that is fine-tuned must not have seen the tunes that it will be scored on, and neither must its teacher. A
checkpoint records the splits of whose held-out tunes its model has seen nothing: the split that it was trained on, and
the one that its pretraining was guarded against (:mod:`chromasonic.melody_generation.data.leakage`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from chromasonic.melody_generation.corpora.source_collection import SourceCollection, distinct_sources
from chromasonic.melody_generation.data.leakage import GuardedSplit
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.contract import is_fitted
from chromasonic.melody_generation.runs.checkpoint import describe, read_checkpoint
from chromasonic.melody_generation.runs.directory_lock import refuse_links_of
from chromasonic.melody_generation.runs.model_metadata import Lineage, ModelMetadata
from chromasonic.melody_generation.runs.shipped.pretrained import is_pretrained
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_source_model

# Hyperparameters that may differ between pretraining and fine-tuning, since no weight depends on them.
_FREE = {"dropout"}


def load_teacher(path: str | Path) -> TrainedModel:
    """Load the model to distil from.

    Args:
        path: A run directory (its best checkpoint is taken) or a checkpoint.

    Raises:
        InputError: If there is none, or it cannot be rebuilt.
    """
    try:
        return load_source_model(path)
    except InputError as problem:
        raise InputError(f"teacher={path}: {problem}") from problem


def initialise_weights(
    network: nn.Module,
    init_from: str | float | None,
    split_hash: str,
    *,
    guard: GuardedSplit | None = None,
    resume_from: Path | None = None,
    teacher: TrainedModel | None = None,
    members: Sequence[ModelMetadata] = (),
    sources: Sequence[SourceCollection] = (),
    has_left_out_seen: bool = False,
) -> Lineage:
    """Give a network the weights of the model that its run starts from, if there is one.

    Args:
        network: The run's network.
        init_from: A run directory, which may be called 2026, or a checkpoint; None to keep the random weights.
        split_hash: Hash of the run's own split.
        guard: The split that the run is guarded against, if any.
        resume_from: The checkpoint that the run is resumed from; its weights are restored later.
        teacher: The model to distil from, if any.
        members: The metadata of the models that the network is a mixture of.
        sources: The collections of the training tunes.
        has_left_out_seen: Whether held-out tunes were left out that resemble those of the model it starts from.

    Returns:
        The models and data that the run learns from.

    Raises:
        InputError: If the model or its teacher may have seen tunes that it will be scored on, the weights do not
            fit, or a resumed run has another teacher than before.
    """
    if resume_from is None:
        pretrained = None if init_from is None else load_weights(network, str(init_from))
        lineage = lineage_of(split_hash, guard, pretrained, teacher, has_left_out_seen=has_left_out_seen)
        learned_from = [model for model in (pretrained, teacher.metadata if teacher else None, *members) if model]
        inherited = (source for model in learned_from for source in model.lineage.sources)
        return replace(lineage, sources=distinct_sources([*sources, *inherited]))
    lineage = read_checkpoint(resume_from).metadata.lineage
    if teacher and lineage.teacher_digest != teacher.digest:
        raise InputError(
            "teacher: this is not the model that the run was distilled from so far; put that one back, or start a new "
            "run"
        )
    return lineage


def load_weights(network: nn.Module, path: str | Path) -> ModelMetadata:
    """Give a network the weights of a checkpoint.

    Args:
        network: A network of the same class and sizes; its dropout may differ.
        path: A run directory (its best checkpoint is taken) or a checkpoint.

    Returns:
        The metadata of the checkpoint's model.

    Raises:
        InputError: If there is none, or its network is another.
    """
    if is_fitted(network):
        raise InputError(
            "init_from is for models trained by gradient descent, and this one is not: leave init_from out"
        )
    if not is_pretrained(path):
        refuse_links_of(Path(path))
    checkpoint = read_checkpoint(path)
    described = describe(network)
    theirs = checkpoint.network_name, _sizes(checkpoint.hyperparameters)
    ours = described["network"], _sizes(described["hyperparameters"])
    if theirs != ours:
        raise InputError(
            f"init_from={path} holds another network than this run builds: {_phrase(*theirs)}, not {_phrase(*ours)}; "
            "choose the same model and sizes"
        )
    try:
        network.load_state_dict(checkpoint.weights)
    except (RuntimeError, TypeError, AttributeError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"the weights in init_from={path} do not fit the network of this run: {reason}") from problem
    return checkpoint.metadata


def lineage_of(
    split_hash: str,
    guard: GuardedSplit | None = None,
    pretrained: ModelMetadata | None = None,
    teacher: TrainedModel | None = None,
    *,
    has_left_out_seen: bool = False,
) -> Lineage:
    """Return the models and data that a run learns from.

    Args:
        split_hash: Hash of the run's own split.
        guard: The split that the run is guarded against, if any.
        pretrained: The metadata of the model that it starts from, if any.
        teacher: The model to distil from, if any.
        has_left_out_seen: Whether held-out tunes were left out that resemble those of ``pretrained``.

    Raises:
        InputError: If one of the models may have seen tunes that the run will be scored on.
    """
    splits = [split_hash, *([guard.hash] if guard else [])]
    scored_on = splits[-1]  # a guarded run prepares for another one
    sources = {
        "init_from: the pretrained model": pretrained,
        "teacher: that model": teacher.metadata if teacher else None,
    }
    for name, source in sources.items():
        if source is None or (source is pretrained and has_left_out_seen):
            continue
        if scored_on not in source.lineage.unseen:
            raise InputError(
                f"{name} may have seen validation or test tunes of this run's split {scored_on}, since it was "
                f"{_guard_phrase(source)}: train it with guard= set to the dataset, split_seed and held_out of this "
                "run, and with its min_melody_length"
            )
        splits = [split for split in splits if split in source.lineage.unseen]
    return Lineage(
        unseen=tuple(splits),
        guard=guard,
        pretrained=_model_phrase(pretrained) if pretrained else "",
        distilled_from=_model_phrase(teacher.metadata) if teacher else "",
        teacher_digest=teacher.digest if teacher else "",
    )


def _sizes(hyperparameters: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in hyperparameters.items() if name not in _FREE}


def _phrase(network: str, sizes: Mapping[str, object]) -> str:
    return " ".join([network, *(f"{name}={value}" for name, value in sorted(sizes.items()))])


def _guard_phrase(metadata: ModelMetadata) -> str:
    guard = metadata.lineage.guard
    return f"guarded against split {guard.hash} of {guard.corpus}" if guard else "not guarded"


def _model_phrase(metadata: ModelMetadata) -> str:
    """Return model, dataset and a digest of the configuration as recorded, the same for all seeds."""
    identity = {**metadata.configuration, "seed": None} if metadata.configuration else metadata.split_hash or None
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:8]
    return f"{metadata.model or 'unknown'} on {metadata.dataset or 'unknown'} ({digest})"
