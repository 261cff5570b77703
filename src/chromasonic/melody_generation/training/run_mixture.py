"""Mixtures of trained runs: the parts are read from their checkpoints, and must be trained on the same split."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.mixture import MixtureNetwork
from chromasonic.melody_generation.runs.trained_model import load_source_model


def mixture_of(runs: Sequence[str], by_match: bool = True) -> MixtureNetwork:
    """Return a mixture of trained runs, which have equal weights until it is fitted.

    Args:
        runs: Run directories (their best checkpoints are taken) or checkpoints, two or more.
        by_match: Whether weights differ by the length of the longest earlier match within the tune.

    Raises:
        InputError: If a run cannot be read, is itself a mixture or a custom network, or they were not all trained on
            the same split; the message names it.
    """
    if isinstance(runs, str):
        raise InputError(f"the runs of a mixture are a list, such as [{runs},outputs/another_run]")
    splits: dict[str, list[str]] = {}
    networks: list[nn.Module] = []
    for run in map(str, runs):
        model = load_source_model(run)
        networks.append(model.network)
        split = model.metadata.split_hash or "unknown"
        splits.setdefault(split, []).append(run)
        if model.metadata.split_hash and split not in model.metadata.lineage.unseen:
            raise InputError(
                f"{run} cannot be a part of a mixture: its pretrained model or its teacher may have seen "
                f"held-out tunes of its split {split}"
            )
    if len(splits) > 1:
        parts = "; ".join(f"split {split}: {', '.join(names)}" for split, names in splits.items())
        raise InputError(f"the parts of a mixture must be trained on the same split, and these are not ({parts})")
    return MixtureNetwork(networks, by_match=by_match, split_hash=next(iter(splits), ""))


def check_split(network: nn.Module, split_hash: str) -> None:
    """Raise if a network is a mixture whose parts were trained on another split.

    Raises:
        InputError: With both splits.
    """
    if isinstance(network, MixtureNetwork) and network.split_hash != split_hash:
        raise InputError(
            f"the parts of the mixture were trained on split {network.split_hash}, this run has {split_hash}: give "
            "the dataset, dataset.split_seed and min_melody_length of their runs"
        )
