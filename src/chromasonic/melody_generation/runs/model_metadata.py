"""Metadata of a model in its checkpoint: its data, its configuration, and what it learned from.

Only this module knows the keys under which a checkpoint holds these values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.data.leakage import GuardedSplit
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.calibration import Calibration
from chromasonic.melody_generation.measures.outlines import TuneOutlines
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.flat_values import flat_values
from chromasonic.melody_generation.runs.older_configurations import upgrade_configuration
from chromasonic.melody_generation.runs.provenance import ProvenanceSummary
from chromasonic.melody_generation.vocabulary import CORPORA, N_CORPORA, UNKNOWN_CORPUS, NoteVocabulary

Value = TypeVar("Value")
MAX_NAME_LETTERS = 255  # of a model or a dataset: as of a file, whose name it is
_MAX_LETTERS = {"model": MAX_NAME_LETTERS, "dataset": MAX_NAME_LETTERS}
_MAX_DESCRIPTION_LETTERS = 10_000  # of any other text, such as that of a mixture's parts


def most_common_corpus(tunes: Iterable[Melody]) -> str:
    """Return the collection that most tunes are of; of equally many, the first by name.

    Every token sequence begins with the collection of its tune. A model generates best after one that it was trained
    on.

    Example:
        >>> most_common_corpus([Melody([60], [24], corpus=name) for name in ("airds", "oneills", "oneills")])
        'oneills'
    """
    counts = Counter(tune.corpus for tune in tunes)
    return max(sorted(counts), key=lambda name: counts[name], default=UNKNOWN_CORPUS)


@dataclass(frozen=True)
class Lineage:
    """Other data and models that a model has learned from, and the held-out tunes that it has not seen.

    Attributes:
        unseen: Hashes of the splits of whose validation and test tunes the model has seen nothing.
        guard: The split that its training was guarded against; None without a guard.
        pretrained: The model that its training began with, such as ``lstm on folk (8c4f2a90)``, the same for all
            seeds; empty if it began with random weights.
        distilled_from: The teacher, in the same words; empty without one.
        teacher_digest: Digest of the teacher's checkpoint; empty without one.
        sources: The collections of all tunes that it has learned from, with their licences; those of the models it
            began with, was distilled from, or consists of are included.
    """

    unseen: tuple[str, ...] = ()
    guard: GuardedSplit | None = None
    pretrained: str = ""
    distilled_from: str = ""
    teacher_digest: str = ""
    sources: tuple[SourceCollection, ...] = ()

    @classmethod
    def from_values(cls, values: JsonObject) -> Lineage:
        """Read the values that ``to_values`` wrote, from a checkpoint or from ``results.json``.

        A model from before pretraining existed has seen nothing of the split that it was trained on.

        Raises:
            InputError: If a value has the wrong type.
        """
        split_hash = _value(values, "hash", str, "")
        unseen = _value(values, "unseen", list, [split_hash] if split_hash else [])
        guard = _value(values, "guard", dict, None)
        return cls(
            unseen=tuple(map(str, unseen)),
            guard=GuardedSplit.from_dict(guard) if guard else None,
            pretrained=_value(values, "pretrained", str, ""),
            distilled_from=_value(values, "taught_by", str, ""),
            teacher_digest=_value(values, "teacher", str, ""),
            sources=tuple(map(SourceCollection.from_values, _mappings(values, "sources"))),
        )

    def to_values(self) -> JsonObject:
        """Return plain values by the keys of a checkpoint."""
        named = {
            "guard": self.guard.to_dict() if self.guard else None,
            "pretrained": self.pretrained,
            "taught_by": self.distilled_from,
            "teacher": self.teacher_digest,
            "sources": [source.to_values() for source in self.sources],
        }
        return {"unseen": list(self.unseen)} | {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class ModelMetadata:
    """The metadata of a trained model; values that are not known are empty or None.

    Attributes:
        model: Name of the model, such as ``lstm``.
        dataset: Name of the dataset.
        seed: Seed of the training.
        n_epochs: Epochs that the training was to reach.
        split_hash: Hash of the split.
        test_set_hash: Hash of the test tunes.
        corpus: The collection in whose style the model generates by default.
        corpora: The names of the collections in its vocabulary.
        configuration: The configuration of the run, as plain values.
        lineage: What the model has learned from.
        calibration: Fitted on the training tunes; None if they were too few, or it is of an earlier version.
        outlines: Kinds, lengths and last notes of the training tunes; empty if it is of an earlier version.
        provenance: Versions, commit and device.
        licence: The terms of the checkpoint, if it states any.
    """

    model: str = ""
    dataset: str = ""
    seed: int | None = None
    n_epochs: int | None = None
    split_hash: str = ""
    test_set_hash: str = ""
    corpus: str = UNKNOWN_CORPUS
    corpora: tuple[str, ...] = CORPORA
    configuration: JsonObject = field(default_factory=dict)
    lineage: Lineage = Lineage()
    calibration: Calibration | None = None
    outlines: TuneOutlines = field(default_factory=TuneOutlines)
    provenance: ProvenanceSummary = field(default_factory=ProvenanceSummary)
    licence: str = ""

    @classmethod
    def from_checkpoint(cls, values: JsonObject) -> ModelMetadata:
        """Read the metadata among the values of a checkpoint.

        Raises:
            InputError: If a value has the wrong type, or a name is too long.
        """
        configuration = _value(values, "configuration", dict, {})
        flat_values(upgrade_configuration(configuration) if configuration else {})  # refuses what is too large
        calibration = _value(values, "calibration", dict, None)
        corpora = _corpora_of(values)
        corpus = values.get("corpus", values.get("dataset"))
        return cls(
            model=_value(values, "model", str, ""),
            dataset=_value(values, "dataset", str, ""),
            seed=_value(values, "seed", int, None),
            n_epochs=_value(values, "n_epochs", int, None),
            split_hash=_value(values, "hash", str, ""),
            test_set_hash=_value(values, "test_set_hash", str, ""),
            corpus=str(corpus) if corpus in corpora else UNKNOWN_CORPUS,
            corpora=corpora,
            configuration=configuration,
            lineage=Lineage.from_values(values),
            calibration=Calibration.read(calibration) if calibration else None,
            outlines=TuneOutlines.from_values(_value(values, "outlines", list, [])),
            provenance=_value(values, "provenance", dict, {}),
            licence=_value(values, "licence", str, ""),
        )

    def to_results(self) -> JsonObject:
        """Return the values that ``results.json`` holds as well, by its keys."""
        named = {
            "hash": self.split_hash,
            "test_set_hash": self.test_set_hash,
            "model": self.model,
            "dataset": self.dataset,
            "seed": self.seed,
            "n_epochs": self.n_epochs,
            "configuration": dict(self.configuration),
        }
        given = {name: value for name, value in named.items() if value not in ("", None, {})}
        has_lineage = bool(self.split_hash) or self.lineage != Lineage()
        return given | (self.lineage.to_values() if has_lineage else {})

    def to_checkpoint(self) -> JsonObject:
        """Return plain values by the keys of a checkpoint."""
        values = self.to_results()
        if self.calibration:
            values["calibration"] = self.calibration.to_dict()
        if self.outlines.tunes:
            values["outlines"] = self.outlines.to_values()
        values["corpus"] = self.corpus
        values["corpora"] = list(self.corpora)
        if self.provenance:
            values["provenance"] = dict(self.provenance)
        if self.licence:
            values["licence"] = self.licence
        return values


def _corpora_of(values: JsonObject) -> tuple[str, ...]:
    names: list[object] = _value(values, "corpora", list, list(CORPORA))
    if len(names) > N_CORPORA or not all(isinstance(name, str) and len(name) <= MAX_NAME_LETTERS for name in names):
        raise InputError(f"corpora should be up to {N_CORPORA} names")
    try:
        return NoteVocabulary([str(name) for name in names]).corpora
    except ValueError as problem:
        raise InputError(f"corpora should be different names: {problem}") from problem


def _mappings(values: JsonObject, name: str) -> list[JsonObject]:
    listed: list[JsonObject] = _value(values, name, list, [])
    if not all(isinstance(item, dict) for item in listed):
        raise InputError(f"{name} should be a list of mappings")
    return listed


def _value(values: Mapping[str, object], name: str, kind: type, default: Any) -> Any:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise InputError(f"{name} should be of type {kind.__name__}, got {type(value).__name__}")
    longest = _MAX_LETTERS.get(name, _MAX_DESCRIPTION_LETTERS)
    if isinstance(value, str) and len(value) > longest:
        raise InputError(f"{name} should have up to {longest} letters, got {len(value)}")
    return value
