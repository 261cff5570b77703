"""Checkpoints: read them safely and rebuild their networks.

A checkpoint is data: plain values and tensors, loaded with ``weights_only=True``. It names its network from a closed
set, with plain arguments, so that nothing it names is executed. It needs no other file.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError, is_lack_of_memory
from chromasonic.melody_generation.networks.counting.counts import SuccessorCounts
from chromasonic.melody_generation.networks.countmix import CountMixNetwork
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.mixture import MAX_PARTS, MixtureNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.networks.transformer import TransformerNetwork
from chromasonic.melody_generation.runs.checkpoint_archive import load_values
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.shipped.pretrained import checkpoint_path
from chromasonic.melody_generation.untrusted_files import read_regular_file
from chromasonic.melody_generation.vocabulary import NoteVocabulary

NETWORKS: dict[str, type[nn.Module]] = {
    "lstm": LSTMNetwork,
    "transformer": TransformerNetwork,
    "markov": MarkovNetwork,
    "ppm": PPMNetwork,
    "countmix": CountMixNetwork,
    "mixture": MixtureNetwork,
}
FORMAT = 4

_PARTS: dict[str, type] = {
    "model_state_dict": dict,
    "epoch": int,
    "format": int,
    "network": str,
    "hyperparameters": dict,
    "vocabulary": str,
}

# Errors that torch's unpickler raises for damaged files.
_DAMAGED = (
    pickle.UnpicklingError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)
# Far more than any run needs: the longest part is the history, with about twenty numbers per epoch.
_MAX_VALUES = 1_000_000
_MAX_BYTES = 4_000_000_000


class NetworkDescription(TypedDict):
    """The values of a checkpoint that describe its network.

    Attributes:
        format: Version of the format.
        network: Name of the class, one of ``NETWORKS`` or ``"custom"``.
        hyperparameters: Arguments that rebuild it; for a mixture also ``parts``, a description of each network.
        vocabulary: Fingerprint of the vocabulary.
    """

    format: int
    network: str
    hyperparameters: dict[str, object]
    vocabulary: str


def network_name(network: nn.Module) -> str:
    """Return the name under which a checkpoint rebuilds a network; ``"custom"`` for a module of the user's own."""
    names = [name for name, kind in NETWORKS.items() if type(network) is kind]
    return names[0] if names else "custom"


def describe(network: nn.Module) -> NetworkDescription:
    """Return the values of a checkpoint that describe its network, without the weights."""
    name = network_name(network)
    return {
        "format": FORMAT,
        "network": name,
        # A user's own module may use the name for values that no checkpoint may hold.
        "hyperparameters": _hyperparameters(network) if name in NETWORKS else {},
        "vocabulary": NoteVocabulary().fingerprint,
    }


def check_storable(network: nn.Module) -> None:
    """Raise an error if the state dict of a network has values that no checkpoint may hold.

    Raises:
        InputError: Naming the first of them.
    """
    for name, value in network.state_dict().items():
        if not _is_plain(value):
            raise InputError(
                f"the network {type(network).__name__} cannot be saved: {name!r} of its state dict is a "
                f"{type(value).__name__}, and a checkpoint holds tensors, numbers and texts only"
            )


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(part) for item in value.items() for part in item)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, Tensor | bool | int | float | str | bytes)


def _hyperparameters(network: nn.Module) -> dict[str, object]:
    hyperparameters: dict[str, object] = dict(getattr(network, "hyperparameters", {}))
    if isinstance(network, MixtureNetwork):
        hyperparameters["parts"] = [
            {"network": described["network"], "hyperparameters": described["hyperparameters"]}
            for described in map(describe, network.parts)
        ]
    return hyperparameters


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as it was read.

    Attributes:
        path: The file.
        network_name: The name of the network's class, one of ``NETWORKS`` or ``"custom"``.
        hyperparameters: The plain arguments that build the network.
        weights: The network's own state dict.
        epoch: The epoch after which it was written, from 1.
        metadata: What else is known of the model.
        training_state: All values of the file, those from which Lightning resumes among them.
        digest: The digest of the file, 16 hex digits.
    """

    path: Path
    network_name: str
    hyperparameters: Mapping[str, object]
    weights: Mapping[str, Tensor]
    epoch: int
    metadata: ModelMetadata
    training_state: Mapping[str, Any]
    digest: str

    def build_network(self) -> nn.Module:
        """Rebuild the network with its weights, in evaluation mode on the CPU.

        Raises:
            InputError: If it is a network of the user's own, which only its user can build, or the weights do not fit.
        """
        if self.network_name not in NETWORKS:
            raise InputError(
                f"{self.path} holds a network that is not built in ({self.network_name!r}): build it yourself and call "
                "load_state_dict(torch.load(path, weights_only=True)['model_state_dict'])"
            )
        try:
            return _rebuild(self.network_name, self.hyperparameters, self.weights).eval()
        except (ArithmeticError, AttributeError, MemoryError, RuntimeError, TypeError, ValueError) as problem:
            if is_lack_of_memory(problem):
                raise _lack_of_memory(self.path) from problem
            reason = " ".join(str(problem).split())[:200]
            raise InputError(
                f"{self.path} does not fit the network that it names, {self.network_name!r}: {reason}"
            ) from problem


def checkpoint_digest(path: Path) -> str:
    """Return the first 16 hex digits of the SHA-256 of a checkpoint file."""
    return _digest(read_regular_file(path, _MAX_BYTES))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of this project, from a file, from a run directory (its best), or that of the package.

    Raises:
        InputError: If there is none, it cannot be read, or it is of another format or vocabulary.
    """
    path = checkpoint_path(path)
    if path.is_dir():
        path = CheckpointLayout.find(path).best
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    try:
        content = read_regular_file(path, _MAX_BYTES)
    except OSError as problem:
        raise InputError(f"the checkpoint {path} cannot be read: {problem.strerror or problem}") from problem
    values = _load_values(path, content)
    if not isinstance(values, dict):
        raise InputError(f"{path} is no checkpoint of Chromasonic: it holds no named values")
    for part, kind in _PARTS.items():
        if not isinstance(values.get(part), kind):
            raise InputError(f"{path} is no checkpoint of Chromasonic: it lacks {part}, or it is no {kind.__name__}")
    if values["format"] != FORMAT:
        raise InputError(
            f"{path} is written in format {values['format']}, this version reads format {FORMAT}: "
            "load it with the version of Chromasonic that made it"
        )
    if values["vocabulary"] != NoteVocabulary().fingerprint:
        raise InputError(
            f"{path} was trained with another vocabulary ({values['vocabulary']}, this version has "
            f"{NoteVocabulary().fingerprint}): load it with the version of Chromasonic that made it"
        )
    try:
        metadata = ModelMetadata.from_checkpoint(values)
    except InputError as problem:
        raise InputError(f"{path} is damaged: {problem}") from problem
    return Checkpoint(
        path=path,
        network_name=values["network"],
        hyperparameters=values["hyperparameters"],
        weights=values["model_state_dict"],
        epoch=values["epoch"],
        metadata=metadata,
        training_state=values,
        digest=_digest(content),
    )


def _lack_of_memory(path: Path) -> InputError:
    return InputError(
        f"there is not enough memory for the checkpoint {path} of {path.stat().st_size} bytes, which is read whole: "
        "allow more memory (ulimit -v), or take a smaller model"
    )


def _load_values(path: Path, content: bytes) -> Any:
    """Load plain values and tensors, no more than the size of the file allows."""
    try:
        values = load_values(content)
    except _DAMAGED as problem:
        if is_lack_of_memory(problem):
            raise _lack_of_memory(path) from problem
        # Sentences about "it" are ours; others are those of torch and of zipfile, and name nothing that a user knows.
        is_ours = type(problem) is ValueError and str(problem).startswith(("it ", "its "))
        reason = str(problem) if is_ours else "it is damaged, or holds more than plain values and tensors"
        raise InputError(f"{path} is no readable checkpoint: {reason}") from problem
    _check_plain(path, values)
    return values


def _check_plain(path: Path, checkpoint: Any) -> None:
    """Raise if values refer to each other, so that walking through them would not end."""
    waiting, n_seen = [checkpoint], 0
    while waiting:
        value = waiting.pop()
        n_seen += 1
        if n_seen > _MAX_VALUES:
            raise InputError(f"{path} is no readable checkpoint: it holds more than {_MAX_VALUES} values")
        if isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
            waiting.extend(vars(value).values() if isinstance(value, OrderedDict) else ())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _rebuild(name: str, hyperparameters: Mapping[str, object], weights: Mapping[str, Tensor]) -> nn.Module:
    """Build a network and load its weights; sizes that the weights do not confirm are refused before memory is used.

    Raises:
        TypeError: If it has no such hyperparameters.
        ValueError: If the weights are not those of such a network.
    """
    with torch.device("meta"):  # shapes without numbers
        shape_of = _build(name, hyperparameters, len(weights))
    expected = shape_of.state_dict()
    # The size of tables of counts depends on the data. They check the values that they are given themselves.
    tables = {name for name, part in shape_of.named_modules() if isinstance(part, SuccessorCounts)}
    if expected.keys() != weights.keys():
        names = sorted(map(str, expected.keys() ^ weights.keys()))
        raise ValueError(f"it has {names[0]!r} too much or too little")
    for key, weight in weights.items():
        is_table = key.rpartition(".")[0] in tables
        fits = isinstance(weight, Tensor) and (is_table or weight.shape == expected[key].shape)
        # A tensor that is not stored in full could pretend to any size.
        if not fits or weight.layout != torch.strided or weight.is_meta or not weight.is_contiguous():
            shape = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            raise ValueError(f"{key!r} should be of shape {tuple(expected[key].shape)}, got {shape}")
    network = _build(name, hyperparameters, len(weights))
    network.load_state_dict(weights)
    return network


def _build(name: str, hyperparameters: Mapping[str, object], n_weights: int) -> nn.Module:
    """Build a network of the closed set; the parts of a mixture are built first."""
    arguments = dict(hyperparameters)
    if name == "mixture":
        arguments.pop("parts", None)
    if not all(isinstance(value, bool | int | float | str) for value in arguments.values()):
        raise TypeError("its hyperparameters are no plain values")
    if name == "mixture":
        arguments["parts"] = _build_parts(hyperparameters.get("parts"), n_weights)
    n_layers = arguments.get("num_layers", 0)
    if not isinstance(n_layers, int | float):
        raise TypeError("num_layers is no number")
    if n_layers > n_weights:
        raise ValueError(f"{n_layers} layers cannot have {n_weights} weights")
    return NETWORKS[name](**arguments)


def _build_parts(described: Any, n_weights: int) -> list[nn.Module]:
    if not isinstance(described, list) or len(described) > MAX_PARTS:
        raise ValueError(f"a mixture describes up to {MAX_PARTS} parts")
    parts = []
    for part in described:
        name, arguments = (part.get("network"), part.get("hyperparameters")) if isinstance(part, dict) else ("", {})
        if name not in NETWORKS or name == "mixture" or not isinstance(arguments, dict):
            raise ValueError(f"{name!r} is no part of a mixture")
        parts.append(_build(name, arguments, n_weights))
    return parts
