"""The corpus report counts tunes, notes and changes."""

from __future__ import annotations

from chromasonic.melody_generation.corpora.corpus import CorpusReport, collect_tunes
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune
from chromasonic.melody_generation.melody import Departure, Melody, Metre


def tune(melody: Melody, n_overruns: int = 0, n_ticks_rounded: int = 0) -> WrittenTune:
    return WrittenTune(melody, n_overruns, n_ticks_rounded)


def test_an_empty_corpus_has_an_empty_report() -> None:
    assert collect_tunes([]).report == CorpusReport()


def test_tunes_notes_and_changes_are_counted() -> None:
    reading = collect_tunes(
        [
            tune(Melody([60, 62, 64], [24, 24, 24], departures=[Departure(1)]), n_overruns=2),
            DroppedTune("a.abc:2", "there are no notes"),
            tune(Melody([60, 62], [25, 24]), n_ticks_rounded=1),
            tune(Melody([5, 62], [24, 24])),
            tune(Melody([60], [24], metre=Metre(17, 16), source="a.abc:5")),
        ]
    )
    report = reading.report
    assert (report.n_tunes, report.n_melodies, report.n_notes) == (5, 3, 7)
    assert (report.n_overruns, report.n_departures, report.n_ticks_rounded) == (2, 1, 1)
    assert (report.n_durations_rounded, report.n_pitches_moved) == (1, 1)
    assert [dropped.source for dropped in report.dropped] == ["a.abc:2", "a.abc:5"]
    assert "17/16" in report.dropped[1].reason


def test_melodies_are_fitted_to_the_vocabulary() -> None:
    [melody] = collect_tunes([tune(Melody([5, 62], [25, 24]))]).melodies
    assert melody.durations.tolist() == [24, 24]
    assert melody.pitches[0] % 12 == 5
    assert melody.pitches[0] > 5


def test_report_lines_omit_zero_counts() -> None:
    report = CorpusReport(n_tunes=3, n_melodies=2, n_notes=9, n_overruns=4, dropped=(DroppedTune("a:1", "broken"),))
    assert report.lines() == [
        "2 of 3 tunes read, 9 notes and rests",
        "4 notes run past the end of their bar, as in the source",
        "left out a:1: broken",
    ]
