"""MelodyDataModule: any corpus, read, split by tune family, and served as batches of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from chromasonic.melody_generation.corpora.corpus import Corpus, CorpusReading, CorpusReport, collect_tunes
from chromasonic.melody_generation.data.batching import LengthBatches, TokenSequences, in_c, transpositions_of, windows
from chromasonic.melody_generation.data.leakage import GuardReport
from chromasonic.melody_generation.data.splits import (
    HELD_OUT,
    SIDES,
    Split,
    check_share,
    share_of_training,
    split_by_family,
    test_set_hash,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary

OCTAVE = 12


class MelodyDataModule(L.LightningDataModule):
    """Splits a corpus by tune family and serves its sides as batches of tokens (B, T).

    Training tunes longer than ``max_melody_length`` are cut into windows. Validation and test tunes stay
    whole, so that runs with different windows are scored on the same tunes.

    Args:
        corpus: Where the melodies come from; read when first needed.
        batch_size: Sequences in a batch.
        min_melody_length: Notes (and rests) that a tune has at least; shorter ones are left out before the split.
        max_melody_length: Notes of a training sequence at most; None for whole tunes.
        split_seed: Seed of the split, apart from the run's own, so that runs of different seeds compare.
        held_out: Share of the tunes that validation gets, and test as much, below a half.
        seed: Seed of the order of training batches.
        guard: Data that the model will be fine-tuned on: tunes that share a title or a run of intervals with its
            validation or test tunes are left out.
        train_share: Share of the training tunes that are learned from, by family; the split and its hash stay.
        pitch: From where tokens count pitches: ``relative`` to the tonic, or ``absolute``, from C in every key. The key
            is then not told: all melodies have the tonic C, and hashes of their own, though notes and sides are the
            same.
        transpositions: In how many keys, its own and those nearest to it, each training tune is learned; more than one
            only with absolute pitch.

    Attributes:
        melodies: The whole tunes of each side, of ``train`` those that are learned from, once set up.
        split: Which tune is on which side, once set up.
        report: What was read and what was changed or dropped, once set up.
        guarded: What was left out on account of ``guard``, if there is one, once set up.

    Raises:
        InputError: If the lengths exclude each other, the share is out of range, or there is nothing to transpose;
            from ``setup``, if the corpus is too small to split.
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
        self.guarded: GuardReport | None = None
        self.report: CorpusReport | None = None
        self.split: Split | None = None
        self.melodies: dict[str, list[Melody]] = {}
        self._all: list[Melody] = []
        self._sequences: dict[str, TokenSequences] = {}

    def setup(self, stage: str | None = None) -> None:
        """Read, split and encode the corpus, once."""
        del stage  # all sides come from one reading
        if self.melodies:
            return
        reading = self.corpus.read()
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
            self.guarded = GuardReport.of(self._all, held_out, self.guard.manifest())
            self._all = list(self.guarded.kept)
        self.split = self.divide(self._all)
        places = {side: getattr(self.split, side) for side in SIDES}
        places["train"] = share_of_training(self.split, self._all, self.train_share)
        if self.pitch == "absolute":  # after the split, so that sides are the same
            self._all = [in_c(melody) for melody in self._all]
        self.melodies = {side: [self._all[place] for place in places[side]] for side in SIDES}
        for side, melodies in self.melodies.items():
            longest = self.max_melody_length if side == "train" else None
            n_keys = self.transpositions if side == "train" else 1
            self._sequences[side] = TokenSequences(
                [
                    tokens
                    for melody in melodies
                    for in_key in (transpositions_of(melody, n_keys) if n_keys > 1 else [melody])
                    for tokens in windows(in_key, longest)
                ]
            )

    def divide(self, melodies: Sequence[Melody]) -> Split:
        """Decide the sides; by tune family, so that no variant of a held-out tune is learned from."""
        return split_by_family(melodies, seed=self.split_seed, validation=self.held_out, test=self.held_out)

    def manifest(self) -> dict[str, Any]:
        """The report of the corpus, which tune is on which side, and the hashes that travel with every score.

        Sides and hashes are those of the split, also where only a share of its training tunes is learned from; how
        many these are stands under ``learned_from``.

        Raises:
            ValueError: If the data is not set up.
        """
        if self.split is None:
            raise ValueError("setup() has not been called")
        report: dict[str, Any] = {"corpus": asdict(self.report)} if self.report else {}
        if self.guarded:
            report["guard"] = self.guarded.to_dict()
        if self.train_share < 1:
            report["learned_from"] = {"train_share": self.train_share, "n_tunes": len(self.melodies["train"])}
        return report | self.split.manifest(self._all)

    @property
    def test_set_hash(self) -> str:
        """Hash over the encoded test tunes: scores with different hashes do not compare."""
        return test_set_hash(self.melodies["test"])

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Shuffled batches of the training sequences."""
        return self._loader("train", self.seed)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Batches of the validation tunes, by length."""
        return self._loader("validation", None)

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Batches of the test tunes, by length."""
        return self._loader("test", None)

    def _loader(self, side: str, seed: int | None) -> DataLoader[Tensor]:
        sequences = self._sequences[side]
        n_processes = self.trainer.world_size if self.trainer else 1
        process = self.trainer.global_rank if self.trainer else 0
        sampler = LengthBatches(sequences.lengths, self.batch_size, seed, n_processes, process)
        # A generator of its own: creating an iterator must not draw from the one that dropout uses.
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
    """Melodies that somebody has divided already; none is left out for its length.

    Args:
        train: Melodies to learn from.
        validation: Melodies that decide when to stop.
        batch_size: Sequences in a batch.
        seed: Seed of the order of training batches.

    Raises:
        InputError: If a list is empty, or a melody in it is in a metre or of a corpus without a token.
    """

    def __init__(
        self, train: Sequence[Melody], validation: Sequence[Melody], batch_size: int = 32, seed: int = 42
    ) -> None:
        sides = [self._held(melodies, side) for melodies, side in ((train, "train"), (validation, "val"))]
        self._n_train = len(sides[0])
        super().__init__(_ListCorpus([*sides[0], *sides[1]]), batch_size, min_melody_length=1, seed=seed)

    @staticmethod
    def _held(melodies: Sequence[Melody], side: str) -> list[Melody]:
        fitted = [NoteVocabulary().fit(melody) for melody in melodies if len(melody)]
        for index, each in enumerate(fitted):
            if each.melody is None:
                raise InputError(f"melody {index} of {side}_data cannot be used: {each.dropped_because}")
        if not fitted:
            raise InputError(f"{side}_data holds no melody ({len(melodies)} given): give at least one")
        return [each.melody for each in fitted if each.melody is not None]

    def divide(self, melodies: Sequence[Melody]) -> Split:
        """The lists as they were given, with nothing held out for a test."""
        places = tuple(range(len(melodies)))
        return Split(
            train=places[: self._n_train],
            validation=places[self._n_train :],
            test=(),
            families=places,
            seed=0,
            fractions=(self._n_train / len(places), 1 - self._n_train / len(places), 0.0),
        )


@dataclass(frozen=True)
class _ListCorpus:
    melodies: list[Melody]

    def read(self) -> CorpusReading:
        return collect_tunes(WrittenTune(melody, 0, 0) for melody in self.melodies)

    def load(self) -> list[Melody]:
        return list(self.melodies)
