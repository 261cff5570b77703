"""A listening test: real and made tunes in random order under neutral titles, and the key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.evaluation.listening_test.answer_key import (
    AnswerKey,
    KeyTune,
    TuneSource,
    salt_of,
    tune_id,
)
from chromasonic.melody_generation.evaluation.listening_test.matched_tunes import MatchedSet, plain_tune
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.tempo import usual_tempo


@dataclass(frozen=True)
class ListeningTest:
    """A listening test.

    Attributes:
        tunes: The tunes in the order of their numbers, without anything that tells where they come from.
        key: The key.
    """

    tunes: tuple[Melody, ...]
    key: AnswerKey

    @classmethod
    def of(
        cls, sets: Sequence[MatchedSet], sources: Sequence[TuneSource], seed: int, test_set_hash: str = ""
    ) -> ListeningTest:
        """Shuffle matched sets, and number the tunes.

        Args:
            sets: The matched sets.
            sources: The sources: real tunes first if they take part, then the models in the order of the sets.
            seed: Seed of the order.
            test_set_hash: The hash of the held-out tunes.
        """
        has_real = sources[0].is_real
        entries = [
            (matched, source, melody)
            for matched, each in enumerate(sets)
            for source, melody in enumerate([each.real, *each.made] if has_real else each.made)
        ]
        order = np.random.default_rng([seed, 3]).permutation(len(entries))
        shuffled = [entries[index] for index in order]
        tunes = tuple(plain_tune(melody, f"Tune {number}") for number, (_, _, melody) in enumerate(shuffled, 1))
        salt = salt_of(seed, [_notes(melody) for _, _, melody in entries])
        key_tunes = tuple(
            KeyTune(
                id=tune_id(salt, number),
                number=number,
                source=source,
                matched_set=matched,
                title=sets[matched].real.title,
                origin=sets[matched].real.source,
                n_notes=len(melody),
                n_bars=len(melody.bar_lines),
            )
            for number, (matched, source, melody) in enumerate(shuffled, 1)
        )
        return cls(tunes, AnswerKey(1, salt, seed, test_set_hash, tuple(sources), key_tunes))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the tunes in the order of their numbers."""
        return tuple(tune.id for tune in self.key.tunes)

    def to_abc(self) -> str:
        """Return all tunes as one ABC file, under the numbers of the page."""
        return "\n".join(to_abc(tune, usual_tempo(tune), number) for number, tune in enumerate(self.tunes, 1))


def _notes(melody: Melody) -> bytes:
    return (
        f"{melody.metre} {melody.start} {melody.tonic}".encode() + melody.pitches.tobytes() + melody.durations.tobytes()
    )
