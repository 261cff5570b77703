"""The corpus report counts tunes, notes and changes."""

from __future__ import annotations

from dataclasses import asdict, replace

from chromasonic.melody_generation.corpora.corpus import CorpusReport, collect_tunes, without_copies
from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.io.tunes import DroppedTune, Remark, WrittenTune
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


def test_what_was_left_out_and_decided_is_reported_by_kind() -> None:
    melodies = [Melody([60], [24], source=f"{number}.mid") for number in range(5)]
    rule = Remark("the melody is the part with lyrics", "part 1")
    sung = [WrittenTune(melody, left_out={"grace notes": 2}, remarks=(rule,)) for melody in melodies[:4]]
    reading = collect_tunes(
        [
            *sung,
            WrittenTune(melodies[4], n_onsets_moved=7, left_out={"cue notes": 9}, remarks=(Remark("odd", "very"),)),
        ]
    )
    assert reading.report.lines()[1:] == [
        "7 played notes begin more than a tick beside the grid, moved to it",
        "no part of the melodies: 9 cue notes, 8 grace notes",
        "4 tunes: the melody is the part with lyrics (0.mid: part 1; 1.mid: part 1; 2.mid: part 1; ...)",
        "1 tune: odd (4.mid: very)",
    ]


def test_reports_are_joined_and_restored() -> None:
    first = collect_tunes([WrittenTune(Melody([60], [24], source="a"), 1, 2, 3, {"x": 1}, (Remark("k", "d"),))]).report
    second = collect_tunes([WrittenTune(Melody([60], [24]), left_out={"x": 2, "y": 1}), DroppedTune("b", "no")]).report
    both = CorpusReport.join([first, second])
    assert (both.n_tunes, both.n_melodies, both.n_overruns, both.n_onsets_moved) == (3, 2, 1, 3)
    assert (both.left_out, both.remarks, both.dropped) == ({"x": 3, "y": 1}, first.remarks, second.dropped)
    assert CorpusReport.from_plain_values(asdict(both)) == both


def test_sources_travel_with_the_report() -> None:
    first, second = SourceCollection("Airs", "free", "https://example.org"), SourceCollection("Reels", "unclear")
    reports = [collect_tunes([], *sources).report for sources in ([first], [second], [first])]
    both = CorpusReport.join(reports)
    assert both.sources == (first, second)
    assert CorpusReport.from_plain_values(asdict(both)) == both


def test_copies_are_left_out_and_reported() -> None:
    first, other = Melody([60, 62], [24, 24], source="a"), Melody([60, 64, 62], [24, 24, 24], source="b")
    copy = replace(first.transposed(5), source="c", title="other")
    reading = without_copies(
        collect_tunes([WrittenTune(first), DroppedTune("x", "no"), *map(WrittenTune, (other, copy))])
    )
    assert [melody.source for melody in reading.melodies] == ["a", "b"]
    assert (reading.report.n_tunes, reading.report.n_melodies, reading.report.n_notes) == (4, 2, 5)
    assert reading.report.dropped == (DroppedTune("x", "no"), DroppedTune("c", "the same notes as a"))
    assert without_copies(reading) is reading
