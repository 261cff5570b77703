"""Split a corpus into training, validation and test without leaks: variants of a tune stay on one side.

A family of tunes (:mod:`chromasonic.melody_generation.measures.families`) goes to one side as a whole. A split has its
own seed, so that runs with other seeds are scored on the same tunes. A hash of the encoded test tunes is recorded
with every score. The hash of a split includes the rule of its families if that is not the first one, so that splits of
earlier versions keep their hash.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.families import FAMILY_RULE, check_rule, tune_families
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary

SIDES = ("train", "validation", "test")
SPLIT_RULE = FAMILY_RULE  # the rule of families of splits and guards
HELD_OUT = 0.1  # fraction of the tunes for validation, and the same again for test


class TuneManifest(TypedDict):
    """A tune in ``split.json``: its source, its title, and the number of its family."""

    source: str
    title: str
    family: int


class SideManifests(TypedDict):
    """The tunes of each side in ``split.json``."""

    train: list[TuneManifest]
    validation: list[TuneManifest]
    test: list[TuneManifest]


class SplitManifest(SideManifests):
    """The split in ``split.json``.

    Attributes:
        split_seed: Seed of the split.
        fractions: The requested fraction of each side.
        counts: The number of tunes of each side.
        families: Number of families.
        family_rule: The rule of families, unless it is 1.
        hash: Hash of the encoded tunes of all sides, and of the rule if it is not 1.
        test_set_hash: Hash of the encoded test tunes.
    """

    split_seed: int
    fractions: dict[str, float]
    counts: dict[str, int]
    families: int
    family_rule: NotRequired[int]
    hash: str
    test_set_hash: str


@dataclass(frozen=True)
class Split:
    """The sides of a split, as indices into the sequence of melodies that was split.

    Attributes:
        train: Melodies to train on.
        validation: Melodies that decide which epoch is best.
        test: Melodies for the final scores.
        families: The family of each melody, numbered by first appearance.
        seed: The seed of the shuffle of families.
        fractions: The requested fractions: train, validation and test.
        rule: The rule of families.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    families: tuple[int, ...]
    seed: int
    fractions: tuple[float, float, float]
    rule: int = 1

    @property
    def n_families(self) -> int:
        """Number of families."""
        return len(set(self.families))

    def hash(self, melodies: Sequence[Melody]) -> str:
        """Return a hash of the encoded tunes of all three sides, independent of their order: 16 hex digits.

        The rule of families is part of it unless it is 1.
        """
        hashes = [test_set_hash([melodies[i] for i in getattr(self, side)]) for side in SIDES]
        hashes += [f"rule {self.rule}"] * (self.rule != 1)
        return hashlib.sha256(" ".join(hashes).encode()).hexdigest()[:16]

    def manifest(self, melodies: Sequence[Melody]) -> SplitManifest:
        """Return the split as plain values for JSON: seed, fractions, counts, hashes, and the tunes of each side.

        Args:
            melodies: The melodies that were split.

        Raises:
            ValueError: If their number is not that of the melodies that were split.
        """
        if len(melodies) != len(self.families):
            raise ValueError(f"{len(self.families)} melodies were split, got {len(melodies)}")
        manifest: SplitManifest = {
            "split_seed": self.seed,
            "fractions": dict(zip(SIDES, self.fractions, strict=True)),
            "counts": {side: len(getattr(self, side)) for side in SIDES},
            "families": self.n_families,
            "hash": self.hash(melodies),
            "test_set_hash": test_set_hash([melodies[i] for i in self.test]),
            "train": self._tunes(melodies, self.train),
            "validation": self._tunes(melodies, self.validation),
            "test": self._tunes(melodies, self.test),
        }
        if self.rule != 1:
            manifest["family_rule"] = self.rule
        return manifest

    def _tunes(self, melodies: Sequence[Melody], indices: tuple[int, ...]) -> list[TuneManifest]:
        return [{"source": melodies[i].source, "title": melodies[i].title, "family": self.families[i]} for i in indices]


def split_by_family(
    melodies: Sequence[Melody],
    *,
    seed: int,
    validation: float = HELD_OUT,
    test: float = HELD_OUT,
    rule: int = SPLIT_RULE,
) -> Split:
    """Split melodies into train, validation and test so that no family is divided.

    Args:
        melodies: A corpus; the sides do not depend on its order.
        seed: Seed of the shuffle of families; the same melodies and seed give the same split.
        validation: The fraction of melodies for validation, above 0.
        test: The fraction of melodies for test, above 0.
        rule: The rule of families.

    Raises:
        ValueError: If there is no such rule.
        InputError: If the fractions leave nothing for training, or there are fewer than three families.
    """
    check_rule(rule)
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise InputError(
            "the fractions for validation and test must be above 0 and leave something for training, "
            f"got validation {validation} and test {test}"
        )
    families = tune_families(melodies, rule)
    members = _canonical_families(melodies, families)
    if len(members) < len(SIDES):
        raise InputError(
            f"{len(melodies)} tunes are too few to split into training, validation and test: variants of a tune go "
            f"to the same side, so {len(SIDES)} different ones are needed, and there are {len(members)}; give more "
            "tunes, or take a larger corpus"
        )
    order = np.random.default_rng(seed).permutation(len(members))
    waiting = [members[index] for index in order]
    held_test = _take(waiting, round(test * len(melodies)), n_to_leave=2)
    held_validation = _take(waiting, round(validation * len(melodies)), n_to_leave=1)
    return Split(
        train=_sorted_indices(waiting),
        validation=_sorted_indices(held_validation),
        test=_sorted_indices(held_test),
        families=tuple(families.tolist()),
        seed=seed,
        fractions=(1 - validation - test, validation, test),
        rule=rule,
    )


def share_of_training(split: Split, melodies: Sequence[Melody], share: float) -> tuple[int, ...]:
    """Return the indices of a random share of the training tunes, in whole families.

    Families are added, in an order that the split's seed decides, until the share is reached: a smaller share is a
    subset of every larger one.

    Args:
        split: The split; its validation and test sides do not change.
        melodies: The melodies that were split.
        share: Fraction of the training tunes, above 0 and at most 1.

    Raises:
        InputError: If the share is out of range.
    """
    check_share(share)
    if share == 1:
        return split.train
    held_out = {*split.validation, *split.test}
    families = _canonical_families(melodies, np.array(split.families))
    waiting = [family for family in families if not held_out.intersection(family)]
    wanted, kept, n_kept = round(share * len(split.train)), [], 0
    # Not the random stream that divided the sides.
    for index in np.random.default_rng((split.seed, 1)).permutation(len(waiting)):
        if n_kept >= max(1, wanted):
            break
        kept.append(waiting[index])
        n_kept += len(waiting[index])
    return _sorted_indices(kept)


def check_share(share: float) -> None:
    """Raise if a share of the training tunes is out of range.

    Raises:
        InputError: If it is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise InputError(f"train_share is above 0 and at most 1 (all training tunes), got {share}")


def _canonical_families(melodies: Sequence[Melody], families: IntArray) -> list[list[int]]:
    """Return the members of each family, in an order that does not depend on the order of the melodies."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, family in enumerate(families.tolist()):
        members[family].append(index)
    keys = [(m.title, m.source, m.pitches.tobytes(), m.durations.tobytes(), str(m.metre), m.start) for m in melodies]
    return sorted(members.values(), key=lambda family: min(keys[index] for index in family))


def _take(waiting: list[list[int]], n_wanted: int, n_to_leave: int) -> list[list[int]]:
    """Move families from ``waiting`` to a side of about ``n_wanted`` tunes, of at least one family.

    Take each family in turn that still fits; then the smallest one left, if that comes closer to ``n_wanted``.
    """
    taken: list[list[int]] = []
    passed: list[list[int]] = []
    missing = n_wanted
    for family in waiting:
        if len(family) <= missing and len(waiting) - len(taken) > n_to_leave:
            taken.append(family)
            missing -= len(family)
        else:
            passed.append(family)
    smallest = min(passed, key=len)
    if not taken or (len(smallest) < 2 * missing and len(passed) > n_to_leave):
        passed.remove(smallest)
        taken.append(smallest)
    waiting[:] = passed
    return taken


def _sorted_indices(families: list[list[int]]) -> tuple[int, ...]:
    return tuple(sorted(index for family in families for index in family))


def test_set_hash(melodies: Sequence[Melody]) -> str:
    """Return a hash of the encoded melodies, independent of their order: 16 hex digits.

    Scores of test sets with different hashes must not be compared.

    Raises:
        ValueError: If the vocabulary cannot encode a melody.
    """
    vocabulary = NoteVocabulary()
    tunes = sorted(map(_encoded_bytes, melodies))
    digest = hashlib.sha256(vocabulary.fingerprint.encode())
    for tune in tunes:
        digest.update(len(tune).to_bytes(8, "little") + tune)
    return digest.hexdigest()[:16]


def tune_hash(melody: Melody) -> str:
    """Return a hash of an encoded melody, 16 hex digits; equal for tunes with the same tokens.

    Raises:
        ValueError: If the vocabulary cannot encode it.
    """
    return hashlib.sha256(NoteVocabulary().fingerprint.encode() + _encoded_bytes(melody)).hexdigest()[:16]


def _encoded_bytes(melody: Melody) -> bytes:
    return NoteVocabulary().encode_for_scoring(melody).astype("<i8").tobytes()


# pytest collects by name, and would otherwise run this function as a test wherever it is imported.
test_set_hash.__test__ = False  # type: ignore[attr-defined]
