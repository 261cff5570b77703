"""Leave tunes out of pretraining that resemble the tunes that the model will be scored on after fine-tuning.

A model that is pretrained on one collection and fine-tuned on another has seen test tunes of the second collection if
the first one has variants of them. The rule is stricter than that of families
(:mod:`chromasonic.melody_generation.measures.families`), because leaving tunes out costs little: the same title, or a
single sequence of 10 intervals in common, in any key and rhythm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.families import first_sharing
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.titles import normalised_title

N_INTERVALS = 10
TITLE, INTERVALS = "title", f"{N_INTERVALS} intervals in a row"


@dataclass(frozen=True)
class Leak:
    """A tune that resembles a held-out tune.

    Attributes:
        index: Its index among the tunes that were searched.
        shares: ``TITLE`` or ``INTERVALS``; ``TITLE`` if it shares both.
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
) -> tuple[Leak, ...]:
    """Return the tunes that share a title or a sequence of intervals with a held-out tune.

    Args:
        melodies: The tunes to search.
        held_out: The tunes that a model will be scored on, by side.

    Returns:
        One leak for each such tune, with the first held-out tune that it resembles, in the order of the tunes.
    """
    theirs = [(side, melody) for side, tunes in held_out.items() for melody in tunes]
    by_title: dict[str, int] = {}
    for other, (_, melody) in enumerate(theirs):
        by_title.setdefault(normalised_title(melody.title), other)
    by_title.pop("", None)  # a title that identifies no tune
    leak_of: dict[int, Leak] = {}
    for index, melody in enumerate(melodies):
        other = by_title.get(normalised_title(melody.title), -1)
        if other >= 0:
            leak_of[index] = Leak(index, TITLE, *theirs[other])
    sharing = first_sharing(melodies, [melody for _, melody in theirs], N_INTERVALS)
    for index in np.flatnonzero(sharing >= 0).tolist():
        leak_of.setdefault(index, Leak(index, INTERVALS, *theirs[sharing[index]]))
    return tuple(leak_of[index] for index in sorted(leak_of))


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
            "left_out": [
                {
                    "source": melody.source,
                    "title": melody.title,
                    "shares": leak.shares,
                    "with": {"side": leak.side, "source": leak.held_out.source, "title": leak.held_out.title},
                }
                for melody, leak in self.left_out
            ],
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
