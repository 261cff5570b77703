"""What reading a corpus gives: the melodies, and a report of what was read, changed and dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary


@dataclass(frozen=True)
class CorpusReport:
    """Counts over a corpus as read; all but the first three say what was changed or deserves a look.

    Attributes:
        n_tunes: Tunes found.
        n_melodies: Tunes that became melodies.
        n_notes: Notes and rests in those melodies, tied ones counted once.
        n_overruns: Written notes that run past the end of their bar: faults of the source's barring.
        n_departures: Bar lines and metres that the count of the metre does not foresee.
        n_ticks_rounded: Written notes whose duration is no whole number of ticks.
        n_durations_rounded: Notes whose duration the vocabulary lacks, moved to the nearest.
        n_pitches_moved: Notes outside the vocabulary's range, moved by octaves.
        dropped: The tunes that were left out.
    """

    n_tunes: int = 0
    n_melodies: int = 0
    n_notes: int = 0
    n_overruns: int = 0
    n_departures: int = 0
    n_ticks_rounded: int = 0
    n_durations_rounded: int = 0
    n_pitches_moved: int = 0
    dropped: tuple[DroppedTune, ...] = ()

    def lines(self) -> list[str]:
        """The report for a terminal, without what is zero."""
        lines = [f"{self.n_melodies} of {self.n_tunes} tunes read, {self.n_notes} notes and rests"]
        for count, what in (
            (self.n_overruns, "notes run past the end of their bar, as the source has them"),
            (self.n_departures, "bar lines or metres depart from the count of the metre"),
            (self.n_ticks_rounded, "notes are shorter or finer than a tick, rounded"),
            (self.n_durations_rounded, "durations rounded to the nearest that the vocabulary has"),
            (self.n_pitches_moved, "pitches moved by octaves into the vocabulary's range"),
        ):
            if count:
                lines.append(f"{count} {what}")
        lines.extend(f"left out {each.source}: {each.reason}" for each in self.dropped)
        return lines


@dataclass(frozen=True)
class CorpusReading:
    """The melodies of a corpus, each one that ``NoteVocabulary`` can encode, and the report on them."""

    melodies: tuple[Melody, ...]
    report: CorpusReport


class Corpus(Protocol):
    """Anything that melodies come from."""

    def read(self) -> CorpusReading:
        """The melodies and the report."""
        ...

    def load(self) -> list[Melody]:
        """The melodies alone."""
        ...


def collect_tunes(tunes: Iterable[WrittenTune | DroppedTune]) -> CorpusReading:
    """Fit each tune to the vocabulary, and count what was read, changed and dropped."""
    vocabulary = NoteVocabulary()
    melodies: list[Melody] = []
    dropped: list[DroppedTune] = []
    n_tunes = n_overruns = n_ticks_rounded = n_durations_rounded = n_pitches_moved = 0
    for tune in tunes:
        n_tunes += 1
        if isinstance(tune, DroppedTune):
            dropped.append(tune)
            continue
        fitted = vocabulary.fit(tune.melody)
        if fitted.melody is None:
            dropped.append(DroppedTune(tune.melody.source, fitted.dropped_because))
            continue
        melodies.append(fitted.melody)
        n_overruns += tune.n_overruns
        n_ticks_rounded += tune.n_ticks_rounded
        n_durations_rounded += fitted.n_durations_rounded
        n_pitches_moved += fitted.n_pitches_moved
    return CorpusReading(
        tuple(melodies),
        CorpusReport(
            n_tunes=n_tunes,
            n_melodies=len(melodies),
            n_notes=sum(map(len, melodies)),
            n_overruns=n_overruns,
            n_departures=sum(len(melody.departures) for melody in melodies),
            n_ticks_rounded=n_ticks_rounded,
            n_durations_rounded=n_durations_rounded,
            n_pitches_moved=n_pitches_moved,
            dropped=tuple(dropped),
        ),
    )
