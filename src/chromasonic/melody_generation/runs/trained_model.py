"""Trained models: a network with all that is known of it, read from a run directory or from a checkpoint.

Evaluation, comparison, generation, distillation and mixtures begin here. They need nothing but the directory: no corpus
is read again, and nothing that a file names is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from chromasonic.melody_generation.data.splits import SIDES
from chromasonic.melody_generation.data.splits import test_set_hash as hash_of
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration
from chromasonic.melody_generation.measures.outlines import TuneOutlines
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.checkpoint import Checkpoint, network_name, read_checkpoint
from chromasonic.melody_generation.runs.directory_lock import refuse_links, refuse_links_of
from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.shipped.pretrained import (
    PRETRAINED_DIRECTORY,
    is_pretrained,
    shipped_checkpoint,
)
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.threads.own_generator import SkippedInitialisation
from chromasonic.melody_generation.vocabulary import NoteVocabulary


@dataclass(frozen=True)
class TrainedModel:
    """A trained network with its metadata.

    Attributes:
        network: The network, which maps tokens (B, T) to logits (B, T, V).
        metadata: Description of the model and its training.
        vocabulary: The vocabulary of its tokens.
        digest: Digest of its checkpoint, 16 hex digits; empty if it was not read from one.
        directory: Its run directory, or the folder of a checkpoint that lies elsewhere; for the model of the package
            the folder of what is made with it, which need not exist; None if it was not read.
        tunes: The tunes of its split by side, ``train``, ``validation`` and ``test``; empty if they are unknown.
        is_finished: Whether its training is complete.

    Example:
        >>> from chromasonic.melody_generation.networks.markov import MarkovNetwork
        >>> model = TrainedModel(MarkovNetwork(), ModelMetadata(corpus="nottingham"))
        >>> model.name, model.corpus
        ('markov', 'nottingham')
    """

    network: nn.Module
    metadata: ModelMetadata = field(default_factory=ModelMetadata)
    vocabulary: NoteVocabulary = field(default_factory=NoteVocabulary)
    digest: str = ""
    directory: Path | None = None
    tunes: Mapping[str, tuple[Melody, ...]] = field(default_factory=dict)
    is_finished: bool = True

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of the tokens (B, T)."""
        logits: Tensor = self.network(tokens)
        return logits

    @property
    def name(self) -> str:
        """The name of the model that was chosen, such as ``lstm``."""
        return self.metadata.model or network_name(self.network)

    @property
    def corpus(self) -> str:
        """The collection in whose style it generates by default."""
        return self.metadata.corpus

    @property
    def calibration(self) -> Calibration | None:
        """The calibration on its training tunes; None if they were too few."""
        return self.metadata.calibration

    @property
    def outlines(self) -> TuneOutlines:
        """The outlines of its training tunes; empty if they are unknown."""
        return self.metadata.outlines if self.metadata.outlines.tunes else TuneOutlines.of(self.tunes.get("train", ()))


def load_model(path: str | Path) -> TrainedModel:
    """Rebuild a trained model, in evaluation mode on the CPU.

    The tunes of its split come with it if the run directory has them. Any thread may load at any time, and torch's
    random generators stay as they are.

    Args:
        path: A run directory (its best checkpoint is taken), a checkpoint, or ``"pretrained"`` for the model of the
            package.

    Raises:
        InputError: If it cannot be read, its files are of different runs, its run directory has links, or it holds a
            network of the user's own, which only its user can build.
    """
    with SkippedInitialisation():
        return load_source_model(path)


def load_source_model(path: str | Path) -> TrainedModel:
    """Rebuild a model that another learns from; argument and errors as in :func:`load_model`.

    This draws from torch's global generator. A run that learns from a model depends on that.
    """
    if is_pretrained(path):
        return _load(shipped_checkpoint(), PRETRAINED_DIRECTORY, has_tunes=False)
    path = Path(path)
    refuse_links_of(path)
    if path.is_dir() or (path.suffix != ".pt" and not path.is_file()):
        return _load(CheckpointLayout.find(path).best, path, has_tunes=RunLayout(path).tunes.exists())
    run = RunLayout.of_checkpoint(path)
    if run is None:
        return _load(path, path.parent, has_tunes=False)
    return _load(path, run.directory, has_tunes=run.tunes.is_file())


def load_run(directory: str | Path) -> TrainedModel:
    """Rebuild the best model of a run directory, with the tunes of its split.

    Raises:
        InputError: If there is no such run, it has no checkpoint yet, its tunes are missing, it has links, or its files
            are damaged or of different runs.
    """
    directory = Path(directory)
    refuse_links(directory)
    with SkippedInitialisation():
        return _load(CheckpointLayout.find(directory).best, directory, has_tunes=True)


def network_of(model: nn.Module | TrainedModel) -> nn.Module:
    """Return the network of a trained model; a network is returned as it is."""
    return model.network if isinstance(model, TrainedModel) else model


def vocabulary_of(model: nn.Module | TrainedModel) -> NoteVocabulary:
    """Return the vocabulary of a trained model; for a network, one with the names of this version."""
    return model.vocabulary if isinstance(model, TrainedModel) else NoteVocabulary()


def _load(path: Path, directory: Path, *, has_tunes: bool) -> TrainedModel:
    checkpoint = read_checkpoint(path)
    network = checkpoint.build_network()
    return TrainedModel(
        network=network,
        metadata=checkpoint.metadata,
        vocabulary=NoteVocabulary(checkpoint.metadata.corpora),
        digest=checkpoint.digest,
        directory=directory,
        tunes=_tunes_of(checkpoint, RunLayout(directory).tunes) if has_tunes else {},
        is_finished=CheckpointLayout.find(directory).final.exists() if has_tunes else True,
    )


def _tunes_of(checkpoint: Checkpoint, path: Path) -> dict[str, tuple[Melody, ...]]:
    tunes = load_split_tunes(path)
    missing = [side for side in SIDES if side not in tunes]
    if missing:
        raise InputError(f"{path} is damaged: it has no {missing[0]} tunes")
    expected = checkpoint.metadata.test_set_hash
    if expected and hash_of(tunes["test"]) != expected:
        raise InputError(
            f"{path} does not hold the test tunes of {checkpoint.path.name} (test set {hash_of(tunes['test'])}, "
            f"trained with {expected}): one of the two is from another run"
        )
    return tunes
