"""What a model must not be pretrained on: tunes that share something with the tunes that it will be scored on.

A model that is trained on one collection and then fine-tuned on another has seen the other's test tunes wherever the
first one has variants of them. The rule is stricter than that of families
(:mod:`chromasonic.melody_generation.measures.families`), because what is left out costs little: the same title, or a
single run of 10 intervals in common, in whatever key and rhythm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.measures.families import near_copies, normalised_title
from chromasonic.melody_generation.melody import Melody

N_INTERVALS = 10
TITLE, INTERVALS = "title", f"{N_INTERVALS} intervals in a row"


@dataclass(frozen=True)
class Leak:
    """A tune that shares something with a held-out one.

    Attributes:
        place: Where it stands among the tunes that were looked through.
        shares: What it shares, ``TITLE`` or ``INTERVALS``; the title where it is both.
        side: The side of the held-out tune, ``validation`` or ``test``.
        held_out: That tune.
    """

    place: int
    shares: str
    side: str
    held_out: Melody


def leaks(
    melodies: Sequence[Melody],
    held_out: Mapping[str, Sequence[Melody]],
    *,
    n_intervals: int = N_INTERVALS,
    share: float = 0.0,
) -> tuple[Leak, ...]:
    """Find the tunes that share a title or a run of intervals with a held-out tune.

    Args:
        melodies: The tunes to look through.
        held_out: The tunes that a model will be scored on, by side.
        n_intervals: The length of the n-grams compared.
        share: A leak shares more than this part of the smaller tune's n-grams; 0 means a single one.

    Returns:
        One entry for each tune that does, with the first held-out tune that it shares something with, by rising place.
    """
    theirs = [(side, melody) for side, tunes in held_out.items() for melody in tunes]
    by_title: dict[str, int] = {}
    for index, (_, melody) in enumerate(theirs):
        by_title.setdefault(normalised_title(melody.title), index)
    by_title.pop("", None)  # a title that tells no two tunes apart
    found: dict[int, Leak] = {}
    for place, melody in enumerate(melodies):
        index = by_title.get(normalised_title(melody.title), -1)
        if index >= 0:
            found[place] = Leak(place, TITLE, *theirs[index])
    for pairs in near_copies(melodies, [melody for _, melody in theirs], n_intervals=n_intervals, share=share):
        for place, index in sorted(map(tuple, pairs.tolist())):
            found.setdefault(place, Leak(place, f"{n_intervals} intervals in a row", *theirs[index]))
    return tuple(found[place] for place in sorted(found))


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

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GuardedSplit:
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


@dataclass(frozen=True)
class GuardReport:
    """What a guard left out, and for which split.

    Attributes:
        corpus: Name of the collection whose held-out tunes are guarded.
        split_seed: Seed of its split.
        hash: Hash of its split.
        test_set_hash: Hash of its test tunes.
        left_out: The tunes left out, each with what it shares with which held-out tune.
        kept: All others.
    """

    corpus: str
    split_seed: int
    hash: str
    test_set_hash: str
    left_out: tuple[tuple[Melody, Leak], ...]
    kept: tuple[Melody, ...]

    @classmethod
    def of(
        cls, melodies: Sequence[Melody], held_out: Mapping[str, Sequence[Melody]], manifest: Mapping[str, Any]
    ) -> GuardReport:
        """Divide melodies into those that may be learned from and those that may not.

        Args:
            melodies: What a model is to be pretrained on.
            held_out: The tunes that it will be scored on, by side.
            manifest: Of their split.
        """
        found = leaks(melodies, held_out)
        places = {leak.place for leak in found}
        return cls(
            corpus=", ".join(sorted({melody.corpus for tunes in held_out.values() for melody in tunes})),
            split_seed=int(manifest["split_seed"]),
            hash=str(manifest["hash"]),
            test_set_hash=str(manifest["test_set_hash"]),
            left_out=tuple((melodies[leak.place], leak) for leak in found),
            kept=tuple(melody for place, melody in enumerate(melodies) if place not in places),
        )

    @property
    def split(self) -> GuardedSplit:
        """The split whose held-out tunes are guarded."""
        return GuardedSplit(self.corpus, self.split_seed, self.hash, self.test_set_hash)

    def to_dict(self) -> dict[str, Any]:
        """The same with every tune that was left out, and why, as plain values."""
        return self.split.to_dict() | {
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
        """How many tunes were left out for what they share."""
        return dict(Counter(leak.shares for _, leak in self.left_out))

    def line(self) -> str:
        """A sentence for the log."""
        reasons = ", ".join(f"{count} by {shares}" for shares, count in self.counts().items())
        return (
            f"guard: left out {len(self.left_out)} tunes that resemble validation or test tunes of {self.corpus} "
            f"(split {self.hash}){': ' if reasons else ''}{reasons}"
        )
