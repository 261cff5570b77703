"""Leave tunes out of pretraining that resemble the tunes that the model will be scored on after fine-tuning.

A model that is pretrained on one collection and fine-tuned on another has seen test tunes of the second collection if
the first one has variants of them. The rule is stricter than that of families
(:mod:`chromasonic.melody_generation.measures.families`), because leaving tunes out costs little: the same title, or a
single sequence of 10 intervals in common, in any key and rhythm. By rule 2, variants are left out too that share a
passage at another speed, in another mode or with other notes between the beats, and titles are compared without the
kind of tune.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.data.splits import SPLIT_RULE
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.families import check_rule, first_sharing
from chromasonic.melody_generation.measures.variants.tune_variants import first_variants
from chromasonic.melody_generation.melody import IntArray, Melody
from chromasonic.melody_generation.notation.titles import normalised_title, tune_name

N_INTERVALS = 10
TITLE, INTERVALS = "title", f"{N_INTERVALS} intervals in a row"
PASSAGE = "a passage of four bars in another form"


@dataclass(frozen=True)
class Leak:
    """A tune that resembles a held-out tune.

    Attributes:
        index: Its index among the tunes that were searched.
        shares: The first of ``TITLE``, ``INTERVALS`` and ``PASSAGE`` that it shares.
        side: The side of the held-out tune, ``validation`` or ``test``.
        held_out: That tune.
    """

    index: int
    shares: str
    side: str
    held_out: Melody


def leaks(
    melodies: Sequence[Melody],
    held_out: Mapping[str, Sequence[Melody]],
    rule: int = SPLIT_RULE,
) -> tuple[Leak, ...]:
    """Return the tunes that share a title or a sequence of intervals with a held-out tune, or by rule 2 a passage.

    Args:
        melodies: The tunes to search.
        held_out: The tunes that a model will be scored on, by side.
        rule: The rule of families.

    Returns:
        One leak for each such tune, with the first held-out tune that it resembles, in the order of the tunes.

    Raises:
        ValueError: If there is no such rule.
    """
    check_rule(rule)
    theirs = [(side, melody) for side, tunes in held_out.items() for melody in tunes]
    others = [melody for _, melody in theirs]
    found = {TITLE: _first_namesakes(melodies, others, normalised_title if rule == 1 else tune_name)}
    found[INTERVALS] = first_sharing(melodies, others, N_INTERVALS)
    if rule != 1:
        found[PASSAGE] = first_variants(melodies, others)
    leak_of: dict[int, Leak] = {}
    for shares, firsts in found.items():
        for index in np.flatnonzero(firsts >= 0).tolist():
            leak_of.setdefault(index, Leak(index, shares, *theirs[firsts[index]]))
    return tuple(leak_of[index] for index in sorted(leak_of))


def _first_namesakes(melodies: Sequence[Melody], others: Sequence[Melody], name_of: Callable[[str], str]) -> IntArray:
    """Return the index of the first other tune with the name of each melody; -1 for none, and for no name."""
    first_of: dict[str, int] = {}
    for index, melody in enumerate(others):
        first_of.setdefault(name_of(melody.title), index)
    first_of.pop("", None)  # a title that identifies no tune
    return np.array([first_of.get(name_of(melody.title), -1) for melody in melodies], dtype=np.int64)


class SplitIdentity(TypedDict):
    """Plain values of a :class:`GuardedSplit`."""

    corpus: str
    split_seed: int
    hash: str
    test_set_hash: str


@dataclass(frozen=True)
class GuardedSplit:
    """The split that a training was guarded against.

    Attributes:
        corpus: Name of the collection.
        split_seed: Seed of the split.
        hash: Hash of the split.
        test_set_hash: Hash of its test tunes.
    """

    corpus: str
    split_seed: int
    hash: str
    test_set_hash: str

    def to_dict(self) -> SplitIdentity:
        """Return plain values by the keys of a checkpoint."""
        return {
            "corpus": self.corpus,
            "split_seed": self.split_seed,
            "hash": self.hash,
            "test_set_hash": self.test_set_hash,
        }

    @classmethod
    def from_dict(cls, values: JsonObject) -> GuardedSplit:
        """Read the values that ``to_dict`` wrote.

        Raises:
            InputError: If a value is missing or has the wrong type.
        """
        try:
            return cls(
                str(values["corpus"]), int(values["split_seed"]), str(values["hash"]), str(values["test_set_hash"])
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(f"the guarded split is damaged ({problem!r})") from problem


class HeldOutTune(TypedDict):
    """A held-out tune in ``split.json``: its side, its source and its title."""

    side: str
    source: str
    title: str


# A call, since "with" is a keyword of Python.
LeftOutTune = TypedDict("LeftOutTune", {"source": str, "title": str, "shares": str, "with": HeldOutTune})


def described_leak(melody: Melody, leak: Leak) -> LeftOutTune:
    """Return a tune that was left out, and its leak, as plain values."""
    return {
        "source": melody.source,
        "title": melody.title,
        "shares": leak.shares,
        "with": {"side": leak.side, "source": leak.held_out.source, "title": leak.held_out.title},
    }


class GuardManifest(SplitIdentity):
    """The guard in ``split.json``: the guarded split, the counts by what is shared, and every tune left out."""

    counts: dict[str, int]
    left_out: list[LeftOutTune]


@dataclass(frozen=True)
class GuardReport:
    """The tunes that were left out of training because of a guard.

    Attributes:
        split: The split whose held-out tunes are guarded.
        left_out: The tunes left out, each with its leak.
        kept: All other tunes.
    """

    split: GuardedSplit
    left_out: tuple[tuple[Melody, Leak], ...]
    kept: tuple[Melody, ...]

    @classmethod
    def of(
        cls, melodies: Sequence[Melody], held_out: Mapping[str, Sequence[Melody]], split: GuardedSplit
    ) -> GuardReport:
        """Divide melodies into those that may be trained on and those that may not.

        Args:
            melodies: The tunes for pretraining.
            held_out: The tunes that the model will be scored on, by side.
            split: The split of those tunes.
        """
        leaking = leaks(melodies, held_out)
        indices = {leak.index for leak in leaking}
        return cls(
            split=split,
            left_out=tuple((melodies[leak.index], leak) for leak in leaking),
            kept=tuple(melody for index, melody in enumerate(melodies) if index not in indices),
        )

    def to_manifest(self) -> GuardManifest:
        """Return the report as plain values, with every tune that was left out and its leak."""
        return {
            **self.split.to_dict(),
            "counts": self.counts(),
            "left_out": [described_leak(melody, leak) for melody, leak in self.left_out],
        }

    def counts(self) -> dict[str, int]:
        """Return the number of tunes left out, by what they share."""
        return dict(Counter(leak.shares for _, leak in self.left_out))

    def line(self) -> str:
        """Return a one-line summary."""
        reasons = ", ".join(f"{count} by {shares}" for shares, count in self.counts().items())
        return (
            f"guard: left out {len(self.left_out)} tunes that resemble validation or test tunes of {self.split.corpus} "
            f"(split {self.split.hash}){': ' if reasons else ''}{reasons}"
        )
