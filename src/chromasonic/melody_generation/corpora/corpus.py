"""The interface of corpora: melodies, and a report of the tunes read, changed and dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from chromasonic.melody_generation.corpora.source_collection import SourceCollection, distinct_sources
from chromasonic.melody_generation.io.tunes import DroppedTune, Remark, WrittenTune
from chromasonic.melody_generation.measures.families import first_copies
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.vocabulary import NoteVocabulary

_N_EXAMPLES = 3


@dataclass(frozen=True)
class CorpusReport:
    """Counts of a corpus as read; those after the first three concern changes and irregularities.

    Attributes:
        n_tunes: Tunes in the source.
        n_melodies: Tunes read as melodies.
        n_notes: Notes and rests in those melodies; tied notes count once.
        n_overruns: Written notes that run past the end of their bar, because of errors in the source's bar lines.
        n_departures: Bar lines and metres that depart from the count of the metre.
        n_ticks_rounded: Written notes whose duration is no whole number of ticks.
        n_durations_rounded: Notes whose duration is rounded to the nearest in the vocabulary.
        n_pitches_moved: Notes moved by octaves into the vocabulary's range.
        n_onsets_moved: Played notes whose onset is moved by more than a tick to the grid.
        left_out: Number of symbols of the sources that are no part of the melodies, by kind.
        remarks: Decisions of the reader, with the source of each tune.
        dropped: The tunes that gave no melody.
        sources: The collections, with their licences.
    """

    n_tunes: int = 0
    n_melodies: int = 0
    n_notes: int = 0
    n_overruns: int = 0
    n_departures: int = 0
    n_ticks_rounded: int = 0
    n_durations_rounded: int = 0
    n_pitches_moved: int = 0
    n_onsets_moved: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[tuple[str, Remark], ...] = ()
    dropped: tuple[DroppedTune, ...] = ()
    sources: tuple[SourceCollection, ...] = ()

    def lines(self) -> list[str]:
        """Return the report as lines of text, without zero counts."""
        lines = [f"{self.n_melodies} of {self.n_tunes} tunes read, {self.n_notes} notes and rests"]
        for count, text in (
            (self.n_overruns, "notes run past the end of their bar, as in the source"),
            (self.n_departures, "bar lines or metres depart from the count of the metre"),
            (self.n_ticks_rounded, "notes are shorter or finer than a tick, rounded"),
            (self.n_durations_rounded, "durations rounded to the nearest in the vocabulary"),
            (self.n_pitches_moved, "pitches moved by octaves into the vocabulary's range"),
            (self.n_onsets_moved, "played notes begin more than a tick beside the grid, moved to it"),
        ):
            if count:
                lines.append(f"{count} {text}")
        if self.left_out:
            by_count = sorted(self.left_out.items(), key=lambda kind: -kind[1])
            lines.append("no part of the melodies: " + ", ".join(f"{count} {kind}" for kind, count in by_count))
        lines.extend(self._remark_lines())
        lines.extend(f"left out {tune.source}: {tune.reason}" for tune in self.dropped)
        n_elsewhere = sum(tune.depends_on_machine for tune in self.dropped)
        if n_elsewhere:
            lines.append(
                f"{n_elsewhere} of the files left out may be read by another computer, or by this one another time: "
                "the split would then differ, so mend them or take them out of the folder"
            )
        return lines

    def _remark_lines(self) -> list[str]:
        """Return a line for each kind of remark, with the first tunes as examples."""
        by_kind: dict[str, list[str]] = {}
        for source, remark in self.remarks:
            by_kind.setdefault(remark.kind, []).append(f"{source}: {remark.detail}")
        lines = []
        for kind, examples in by_kind.items():
            more = ["..."] if len(examples) > _N_EXAMPLES else []
            n_tunes = f"{len(examples)} tune" + "s" * (len(examples) > 1)
            lines.append(f"{n_tunes}: {kind} ({'; '.join(examples[:_N_EXAMPLES] + more)})")
        return lines

    @classmethod
    def join(cls, reports: Sequence[CorpusReport]) -> CorpusReport:
        """Return the report of several sources together."""
        counts = [counted.name for counted in fields(cls) if counted.name.startswith("n_")]
        return cls(
            **{name: sum(getattr(report, name) for report in reports) for name in counts},
            left_out=dict(sum((Counter(report.left_out) for report in reports), Counter())),
            remarks=tuple(remark for report in reports for remark in report.remarks),
            dropped=tuple(tune for report in reports for tune in report.dropped),
            sources=distinct_sources(source for report in reports for source in report.sources),
        )

    @classmethod
    def from_plain_values(cls, values: dict[str, Any]) -> CorpusReport:
        """Restore a report from the values of ``dataclasses.asdict``."""
        remarks = tuple((source, Remark(**remark)) for source, remark in values["remarks"])
        dropped = tuple(DroppedTune(**tune) for tune in values["dropped"])
        sources = tuple(map(SourceCollection.from_values, values["sources"]))
        return cls(**values | {"remarks": remarks, "dropped": dropped, "sources": sources})


@dataclass(frozen=True)
class CorpusReading:
    """The melodies of a corpus, all of which ``NoteVocabulary`` can encode, and the report."""

    melodies: tuple[Melody, ...]
    report: CorpusReport


class Corpus(Protocol):
    """A source of melodies."""

    def read(self) -> CorpusReading:
        """Read the melodies and the report."""
        ...

    def load(self) -> list[Melody]:
        """Read the melodies."""
        ...


def collect_tunes(tunes: Iterable[WrittenTune | DroppedTune], *sources: SourceCollection) -> CorpusReading:
    """Fit each tune to the vocabulary, and count the tunes read, changed and dropped.

    Args:
        tunes: The tunes as read.
        sources: The collections that they are from.
    """
    vocabulary = NoteVocabulary()
    melodies: list[Melody] = []
    dropped: list[DroppedTune] = []
    left_out: Counter[str] = Counter()
    remarks: list[tuple[str, Remark]] = []
    n_tunes = n_overruns = n_ticks_rounded = n_durations_rounded = n_pitches_moved = n_onsets_moved = 0
    for tune in tunes:
        n_tunes += 1
        if isinstance(tune, DroppedTune):
            dropped.append(tune)
            continue
        fitted = vocabulary.fit(tune.melody)
        if fitted.melody is None:
            dropped.append(DroppedTune(tune.melody.source, fitted.drop_reason))
            continue
        melodies.append(fitted.melody)
        n_overruns += tune.n_overruns
        n_ticks_rounded += tune.n_ticks_rounded
        n_onsets_moved += tune.n_onsets_moved
        left_out.update(tune.left_out)
        remarks += [(tune.melody.source, remark) for remark in tune.remarks]
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
            n_onsets_moved=n_onsets_moved,
            left_out=dict(left_out),
            remarks=tuple(remarks),
            dropped=tuple(dropped),
            sources=sources,
        ),
    )


def without_copies(reading: CorpusReading) -> CorpusReading:
    """Leave out the tunes with the same notes, metre and upbeat as an earlier one, in any key; the report names them.

    A tune then counts once within a set. Tunes that differ in a note or an ornament stay: they are of one family.
    """
    melodies = reading.melodies
    firsts = first_copies(melodies)
    if firsts == list(range(len(melodies))):
        return reading
    distinct = tuple(melody for index, melody in enumerate(melodies) if firsts[index] == index)
    copies = tuple(
        DroppedTune(melody.source, f"the same notes as {melodies[first].source}")
        for index, (melody, first) in enumerate(zip(melodies, firsts, strict=True))
        if first != index
    )
    report = replace(
        reading.report,
        n_melodies=len(distinct),
        n_notes=sum(map(len, distinct)),
        dropped=reading.report.dropped + copies,
    )
    return CorpusReading(distinct, report)
