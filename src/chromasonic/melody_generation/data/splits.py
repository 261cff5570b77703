"""Train, validation and test without leaks: variants of a tune stay together.

A family of tunes (:mod:`chromasonic.melody_generation.measures.families`) goes to one side as a whole. A split has a
seed of its own, so that runs with other seeds are scored on the same tunes, and a hash over the encoded test
tunes travels with every score.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.families import tune_families
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary

SIDES = ("train", "validation", "test")
HELD_OUT = 0.1  # fraction of the tunes for validation, and the same again for test


@dataclass(frozen=True)
class Split:
    """Which melodies of a corpus are for what; the numbers are places in the sequence that was split.

    Attributes:
        train: Melodies to learn from.
        validation: Melodies that decide when to stop.
        test: Melodies to be scored on once.
        families: The family of each melody, numbered by first appearance.
        seed: The seed that families were shuffled with.
        fractions: The fractions asked for: train, validation and test.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    families: tuple[int, ...]
    seed: int
    fractions: tuple[float, float, float]

    @property
    def n_families(self) -> int:
        """How many families there are."""
        return len(set(self.families))

    def hash(self, melodies: Sequence[Melody]) -> str:
        """Hash the encoded tunes of all three sides, in whatever order within a side: 16 hex digits."""
        hashes = (test_set_hash([melodies[i] for i in getattr(self, side)]) for side in SIDES)
        return hashlib.sha256(" ".join(hashes).encode()).hexdigest()[:16]

    def manifest(self, melodies: Sequence[Melody]) -> dict[str, Any]:
        """Write the split as plain values for JSON: seed, fractions, counts, hashes, and each side's tunes.

        Args:
            melodies: The melodies that were split.

        Raises:
            ValueError: If there are more or fewer of them than were split.
        """
        if len(melodies) != len(self.families):
            raise ValueError(f"{len(self.families)} melodies were split, got {len(melodies)}")
        sides = {
            side: [
                {"source": melodies[i].source, "title": melodies[i].title, "family": self.families[i]}
                for i in getattr(self, side)
            ]
            for side in SIDES
        }
        return {
            "split_seed": self.seed,
            "fractions": dict(zip(SIDES, self.fractions, strict=True)),
            "counts": {side: len(tunes) for side, tunes in sides.items()},
            "families": self.n_families,
            "hash": self.hash(melodies),
            "test_set_hash": test_set_hash([melodies[i] for i in self.test]),
            **sides,
        }


def split_by_family(
    melodies: Sequence[Melody], *, seed: int, validation: float = HELD_OUT, test: float = HELD_OUT
) -> Split:
    """Divide melodies into train, validation and test so that no family is divided.

    Args:
        melodies: A corpus; its order does not matter for which tunes go together, nor to which side.
        seed: Shuffles the families; the same melodies and seed give the same split.
        validation: The fraction of melodies for validation, above 0.
        test: The fraction of melodies for testing, above 0.

    Raises:
        InputError: If the fractions leave nothing for training, or there are fewer than three families.
    """
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise InputError(
            "the fractions for validation and test must be above 0 and leave something for training, "
            f"got validation {validation} and test {test}"
        )
    families = tune_families(melodies)
    members = _canonical_families(melodies, families)
    if len(members) < len(SIDES):
        raise InputError(
            f"{len(melodies)} tunes are too few to split into training, validation and test: variants of a tune go "
            f"to the same side, so {len(SIDES)} different ones are needed, and there are {len(members)}; give more "
            "tunes, or take a larger corpus"
        )
    order = np.random.default_rng(seed).permutation(len(members))
    waiting = [members[each] for each in order]
    held_test = _take(waiting, round(test * len(melodies)), n_to_leave=2)
    held_validation = _take(waiting, round(validation * len(melodies)), n_to_leave=1)
    return Split(
        train=_places(waiting),
        validation=_places(held_validation),
        test=_places(held_test),
        families=tuple(families.tolist()),
        seed=seed,
        fractions=(1 - validation - test, validation, test),
    )


def share_of_training(split: Split, melodies: Sequence[Melody], share: float) -> tuple[int, ...]:
    """A random part of the training side, whole families; a smaller share is part of every larger one.

    Families are added, in an order that the split's seed decides, until the share of the tunes is reached.

    Args:
        split: The split; its validation and test sides have no part in this.
        melodies: The melodies that were split.
        share: Of the training tunes, above 0 and at most 1.

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
    # A stream of its own, not the one that the sides were drawn with.
    for place in np.random.default_rng((split.seed, 1)).permutation(len(waiting)):
        if n_kept >= max(1, wanted):
            break
        kept.append(waiting[place])
        n_kept += len(waiting[place])
    return _places(kept)


def check_share(share: float) -> None:
    """Refuse a share of the training tunes that is none.

    Raises:
        InputError: If it is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise InputError(f"train_share is above 0 and at most 1 (all training tunes), got {share}")


def _canonical_families(melodies: Sequence[Melody], families: IntArray) -> list[list[int]]:
    """List the members of each family, in an order that does not depend on the order of the melodies."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, family in enumerate(families.tolist()):
        members[family].append(index)
    keys = [(m.title, m.source, m.pitches.tobytes(), m.durations.tobytes(), str(m.metre), m.start) for m in melodies]
    return sorted(members.values(), key=lambda family: min(keys[index] for index in family))


def _take(waiting: list[list[int]], n_wanted: int, n_to_leave: int) -> list[list[int]]:
    """Move families from ``waiting`` to a side of about ``n_wanted`` tunes, of at least one family.

    Each family in turn that still fits; then the smallest one left, if that ends nearer to what is wanted.
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


def _places(families: list[list[int]]) -> tuple[int, ...]:
    return tuple(sorted(index for family in families for index in family))


def test_set_hash(melodies: Sequence[Melody]) -> str:
    """Hash the encoded melodies, in whatever order they come: 16 hex digits.

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
    """Hash an encoded melody: 16 hex digits, equal where a model cannot tell two tunes apart.

    Raises:
        ValueError: If the vocabulary cannot encode it.
    """
    return hashlib.sha256(NoteVocabulary().fingerprint.encode() + _encoded_bytes(melody)).hexdigest()[:16]


def _encoded_bytes(melody: Melody) -> bytes:
    return NoteVocabulary().encode(melody).astype("<i8").tobytes()


# A pytest that collects by name would otherwise take this for a test wherever it is imported.
test_set_hash.__test__ = False  # type: ignore[attr-defined]
