"""MelodyDataModule: read a corpus, split it by tune family, and serve batches of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypedDict

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from chromasonic.melody_generation.corpora.corpus import (
    Corpus,
    CorpusReading,
    CorpusReport,
    collect_tunes,
    without_copies,
)
from chromasonic.melody_generation.data.batching import (
    LengthBatches,
    TokenSequences,
    check_scored_lengths,
    in_c,
    transpositions_of,
    windows,
)
from chromasonic.melody_generation.data.leakage import (
    GuardedSplit,
    GuardManifest,
    GuardReport,
    Leak,
    LeftOutTune,
    described_leak,
    leaks,
)
from chromasonic.melody_generation.data.splits import (
    HELD_OUT,
    SIDES,
    SPLIT_RULE,
    Split,
    SplitManifest,
    check_share,
    share_of_training,
    split_by_family,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary

OCTAVE = 12


class TrainingShare(TypedDict):
    """The share of the training tunes that is trained on, and their number."""

    train_share: float
    n_tunes: int


class DataReports(TypedDict, total=False):
    """The parts of ``split.json`` that not every split has.

    Attributes:
        corpus: The values of the :class:`~chromasonic.melody_generation.corpora.corpus.CorpusReport`.
        guard: The tunes left out because of a guard.
        learned_from: The share of the training tunes, if it is below 1.
        seen: Held-out tunes left out because they resemble tunes that the model began with has learned from.
    """

    corpus: dict[str, object]
    guard: GuardManifest
    learned_from: TrainingShare
    seen: list[LeftOutTune]


class DataManifest(SplitManifest, DataReports):
    """The content of ``split.json``."""


class MelodyDataModule(L.LightningDataModule):
    """A corpus, split by tune family and served as batches of tokens (B, T).

    Training tunes longer than ``max_melody_length`` are cut into windows. Validation and test tunes stay
    whole, so that runs with different windows are scored on the same tunes.

    Args:
        corpus: The source of the melodies; read by ``setup``.
        batch_size: Sequences per batch.
        min_melody_length: Minimum number of notes and rests of a tune; shorter tunes are left out before the split.
        max_melody_length: Maximum number of notes of a training sequence; None for whole tunes.
        split_seed: Seed of the split. It is not the run's seed, so that runs with different seeds can be compared.
        held_out: Fraction of the tunes for validation, and the same again for test, below a half.
        seed: Seed of the order of training batches.
        guard: The data that the model will be fine-tuned on: tunes that share a title or a sequence of intervals
            with its validation or test tunes are left out.
        train_share: Fraction of the training tunes that are used, by family; the split and its hash stay.
        pitch: ``relative``: tokens count pitches from the tonic. ``absolute``: tokens count pitches from C in any key,
            and the key is not given: all melodies have the tonic C, and other hashes, although notes and sides are the
            same.
        transpositions: Number of keys, its own and those nearest to it, in which each training tune is seen; more than
            one only with absolute pitch.

    Attributes:
        melodies: The whole tunes of each side, once set up; ``train`` holds only the tunes that are trained on.
        split: The side of each tune, once set up.
        report: The counts of tunes read, changed and dropped, once set up.
        vocabulary: The vocabulary with the names of the corpora that are trained on, once set up.
        guarded: The tunes left out because of ``guard``, if there is one, once set up.
        seen: The held-out tunes that :meth:`leave_out_seen` left out, with what each shares; None before.

    Raises:
        InputError: If the lengths exclude each other, the share is out of range, or there is nothing to transpose;
            from ``setup``, if the corpus is too small to split, or a validation or test tune is too long to be scored.
    """

    def __init__(
        self,
        corpus: Corpus,
        batch_size: int = 32,
        min_melody_length: int = 16,
        max_melody_length: int | None = None,
        split_seed: int = 0,
        held_out: float = HELD_OUT,
        seed: int = 42,
        guard: MelodyDataModule | None = None,
        train_share: float = 1.0,
        pitch: Literal["relative", "absolute"] = "relative",
        transpositions: int = 1,
    ) -> None:
        super().__init__()
        check_share(train_share)
        _check_pitch(pitch, transpositions)
        if guard is not None and pitch == "absolute":
            raise InputError(
                "a guard prepares for fine-tuning with pitch relative to the tonic: leave out guard, or "
                "dataset.pitch=absolute"
            )
        if min_melody_length < 1 or batch_size < 1:
            raise InputError("min_melody_length and batch_size must be whole numbers of 1 or more")
        if max_melody_length is not None and max_melody_length < min_melody_length:
            raise InputError(
                f"max_melody_length={max_melody_length} is less than min_melody_length={min_melody_length}: "
                "no melody passes both"
            )
        if not callable(getattr(corpus, "read", None)):
            raise InputError(f"corpus should be a collection to read, such as FilesCorpus, got {type(corpus).__name__}")
        self.corpus = corpus
        self.batch_size = batch_size
        self.min_melody_length = min_melody_length
        self.max_melody_length = max_melody_length
        self.split_seed = split_seed
        self.held_out = held_out
        self.seed = seed
        self.guard = guard
        self.train_share = train_share
        self.pitch = pitch
        self.transpositions = transpositions
        self.vocabulary = NoteVocabulary()
        self.guarded: GuardReport | None = None
        self.seen: tuple[tuple[Melody, Leak], ...] | None = None
        self.report: CorpusReport | None = None
        self.split: Split | None = None
        self.melodies: dict[str, list[Melody]] = {}
        self._all: list[Melody] = []
        self._manifest: DataManifest | None = None
        self._sequences: dict[str, TokenSequences] = {}

    def setup(self, stage: str | None = None) -> None:
        """Read, split and encode the corpus; do nothing if that is done."""
        del stage  # all sides come from one reading
        if self.melodies:
            return
        reading = self._read_corpus()
        self.report = reading.report
        self._all = [melody for melody in reading.melodies if len(melody) >= self.min_melody_length]
        if not self._all:
            raise InputError(
                f"none of the {len(reading.melodies)} tunes has {self.min_melody_length} notes: "
                "lower min_melody_length or take a larger corpus"
            )
        if self.guard:
            self.guard.setup()
            held_out = {side: self.guard.melodies[side] for side in SIDES[1:]}
            self.guarded = GuardReport.of(self._all, held_out, self.guard.guarded_split)
            self._all = list(self.guarded.kept)
        self.split = self.divide(self._all)
        indices = {side: getattr(self.split, side) for side in SIDES}
        indices["train"] = share_of_training(self.split, self._all, self.train_share)
        if self.pitch == "absolute":  # after the split, so that sides are the same
            self._all = [in_c(melody) for melody in self._all]
        for side in SIDES[1:]:
            check_scored_lengths([self._all[index] for index in indices[side]])
        self.melodies = {side: [self._all[index] for index in indices[side]] for side in SIDES}
        self.vocabulary = self.vocabulary.with_corpora(sorted({tune.corpus for tune in self.melodies["train"]}))
        n_keys = self.transpositions
        for side, melodies in self.melodies.items():
            if side != "train":
                self._sequences[side] = TokenSequences(list(map(self.vocabulary.encode_for_scoring, melodies)))
        self._sequences["train"] = TokenSequences(
            [
                tokens
                for melody in self.melodies["train"]
                for in_key in (transpositions_of(melody, n_keys) if n_keys > 1 else [melody])
                for tokens in windows(in_key, self.max_melody_length, self.vocabulary)
            ]
        )

    def leave_out_seen(self, learned: Sequence[Melody]) -> None:
        """Leave out validation and test tunes that resemble tunes that another model has learned from.

        A run that starts from that model is then scored on tunes that are new to it. By the same rule as for a guard
        (:func:`~chromasonic.melody_generation.data.leakage.leaks`), tunes resemble each other if they share a title, a
        sequence of intervals or a passage. The training tunes stay. The hashes of the split change.

        Args:
            learned: The tunes that the model has learned from.

        Raises:
            ValueError: If the data is not set up.
            InputError: If a side would have no tune left.
        """
        if self.split is None:
            raise ValueError("setup() has not been called")
        sides: dict[str, tuple[int, ...]] = {}
        seen: list[tuple[Melody, Leak]] = []
        for side in SIDES[1:]:
            melodies, indices = self.melodies[side], getattr(self.split, side)
            found = {leak.index: leak for leak in leaks(melodies, {"train": learned})}
            if len(found) == len(melodies):
                raise InputError(
                    f"all {len(melodies)} {side} tunes resemble tunes that the model of init_from has learned from, so "
                    "none is left to score the run on: take other tunes, or leave init_from out"
                )
            seen += [(melodies[index], leak) for index, leak in found.items()]
            sides[side] = tuple(index for number, index in enumerate(indices) if number not in found)
        self.split = replace(self.split, validation=sides["validation"], test=sides["test"])
        self.seen, self._manifest = tuple(seen), None
        for side, kept in sides.items():
            self.melodies[side] = [self._all[index] for index in kept]
            self._sequences[side] = TokenSequences(list(map(self.vocabulary.encode_for_scoring, self.melodies[side])))

    def _read_corpus(self) -> CorpusReading:
        """Return the melodies of the corpus and the report; by rule 2 of families, each copy once."""
        reading = self.corpus.read()
        return reading if SPLIT_RULE == 1 else without_copies(reading)

    def divide(self, melodies: Sequence[Melody]) -> Split:
        """Return the split of melodies, by tune family: no variant of a held-out tune is trained on."""
        return split_by_family(melodies, seed=self.split_seed, validation=self.held_out, test=self.held_out)

    def manifest(self) -> DataManifest:
        """Return the content of ``split.json``: the report of the corpus, the tunes of each side, and hashes.

        Sides and hashes are those of the whole split, also if only a share of its training tunes is trained on; the
        number of those tunes is under ``learned_from``.

        Raises:
            ValueError: If the data is not set up.
        """
        if self._manifest is None:
            self._manifest = self._make_manifest()
        return self._manifest

    def _make_manifest(self) -> DataManifest:
        if self.split is None:
            raise ValueError("setup() has not been called")
        reports: DataReports = {"corpus": asdict(self.report)} if self.report else {}
        if self.guarded:
            reports["guard"] = self.guarded.to_manifest()
        if self.seen:
            reports["seen"] = [described_leak(melody, leak) for melody, leak in self.seen]
        if self.train_share < 1:
            reports["learned_from"] = {"train_share": self.train_share, "n_tunes": len(self.melodies["train"])}
        return {**reports, **self.split.manifest(self._all)}

    @property
    def test_set_hash(self) -> str:
        """Hash of the encoded test tunes: scores with different hashes must not be compared."""
        return self.manifest()["test_set_hash"]

    @property
    def split_hash(self) -> str:
        """Hash of the encoded tunes of all sides."""
        return self.manifest()["hash"]

    @property
    def guarded_split(self) -> GuardedSplit:
        """The split as a guard of other data."""
        held_out = {melody.corpus for side in SIDES[1:] for melody in self.melodies[side]}
        return GuardedSplit(", ".join(sorted(held_out)), self.split_seed, self.split_hash, self.test_set_hash)

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Return shuffled batches of the training sequences."""
        return self._loader("train", self.seed)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Return batches of the validation tunes, by length."""
        return self._loader("validation", None)

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Return batches of the test tunes, by length."""
        return self._loader("test", None)

    def _loader(self, side: str, seed: int | None) -> DataLoader[Tensor]:
        sequences = self._sequences[side]
        n_processes = self.trainer.world_size if self.trainer else 1
        process = self.trainer.global_rank if self.trainer else 0
        sampler = LengthBatches(sequences.lengths, self.batch_size, seed, n_processes, process)
        # A separate generator: creating an iterator must not draw from the one that dropout uses.
        return DataLoader(sequences, batch_size=None, sampler=sampler, generator=torch.Generator())


def _check_pitch(pitch: str, transpositions: int) -> None:
    if pitch not in ("relative", "absolute"):
        raise InputError(f"pitch is relative or absolute, got {pitch!r}")
    if not 1 <= transpositions <= OCTAVE:
        raise InputError(f"transpositions is a whole number of 1 to {OCTAVE} keys, got {transpositions}")
    if transpositions > 1 and pitch == "relative":
        raise InputError(
            f"transpositions={transpositions} needs pitch=absolute: relative to the tonic, all keys are alike"
        )


class DividedMelodies(MelodyDataModule):
    """Melodies that are divided already; none is left out for its length.

    Args:
        train: Melodies to train on.
        validation: Melodies that decide which epoch is best.
        batch_size: Sequences per batch.
        seed: Seed of the order of training batches.

    Raises:
        InputError: If a list is empty, or a melody in it is in a metre without a token.
    """

    def __init__(
        self, train: Sequence[Melody], validation: Sequence[Melody], batch_size: int = 32, seed: int = 42
    ) -> None:
        sides = [self._encodable(melodies, side) for melodies, side in ((train, "train"), (validation, "val"))]
        self._n_train = len(sides[0])
        super().__init__(_ListCorpus([*sides[0], *sides[1]]), batch_size, min_melody_length=1, seed=seed)

    @staticmethod
    def _encodable(melodies: Sequence[Melody], side: str) -> list[Melody]:
        fitted = [NoteVocabulary().fit(melody) for melody in melodies if len(melody)]
        for index, melody in enumerate(fitted):
            if melody.melody is None:
                raise InputError(f"melody {index} of {side}_data cannot be used: {melody.drop_reason}")
        if not fitted:
            raise InputError(f"{side}_data holds no melody ({len(melodies)} given): give at least one")
        return [melody.melody for melody in fitted if melody.melody is not None]

    def _read_corpus(self) -> CorpusReading:
        """Return all melodies: the division that was given is by their order."""
        return self.corpus.read()

    def divide(self, melodies: Sequence[Melody]) -> Split:
        """Return the division that was given, without a test side."""
        indices = tuple(range(len(melodies)))
        return Split(
            train=indices[: self._n_train],
            validation=indices[self._n_train :],
            test=(),
            families=indices,
            seed=0,
            fractions=(self._n_train / len(indices), 1 - self._n_train / len(indices), 0.0),
        )


@dataclass(frozen=True)
class _ListCorpus:
    melodies: list[Melody]

    def read(self) -> CorpusReading:
        return collect_tunes(map(WrittenTune, self.melodies))

    def load(self) -> list[Melody]:
        return list(self.melodies)
