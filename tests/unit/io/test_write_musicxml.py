from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from tests.independent_readers import read_by_verovio, sounding_notes
from tests.strategies import melodies
from tests.written_music import content, is_sayable

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_score import read_score
from chromasonic.melody_generation.io.write_musicxml import head_id, to_musicxml
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre

# The order in which MusicXML's schema wants what stands in a note.
ORDER = (
    *("pitch", "rest", "duration", "tie", "voice", "type", "dot", "accidental", "time-modification"),
    *("beam", "notations"),
)


def tree(melody: Melody, tempo: float | None = 120) -> ElementTree.Element:
    return ElementTree.fromstring(to_musicxml(melody, tempo))


def texts(melody: Melody, path: str) -> list[str]:
    return [each.text or "" for each in tree(melody).iterfind(path)]


def read_back(melody: Melody, folder: Path) -> Melody:
    path = folder / "tune.musicxml"
    path.write_text(to_musicxml(melody, 120), encoding="utf-8")
    return read_score(path).melody


@given(melodies(min_notes=1))
def test_the_engraver_reads_the_notes(melody: Melody) -> None:
    assert read_by_verovio(to_musicxml(melody, 120)) == sounding_notes(melody)


@given(melodies(min_notes=1))
@settings(max_examples=25)
def test_our_own_reader_reads_what_sounds_and_all_that_can_be_said(
    tmp_path_factory: pytest.TempPathFactory, melody: Melody
) -> None:
    """Silence at either end is none of a score's melody, and a title is one only if there is one."""
    sounding = melody.pitches != REST
    if not sounding.any():
        return
    read = read_back(melody, tmp_path_factory.mktemp("score"))
    found, expected = sounding_notes(read), sounding_notes(melody)
    begin = expected[0].onset
    assert found == [each._replace(onset=each.onset - begin) for each in expected]
    assert (read.tonic, read.mode) == (melody.tonic, melody.mode)
    if sounding.all() and is_sayable(melody) and content(melody).title:
        assert content(read) == content(melody)


@given(melodies(min_notes=1))
def test_elements_stand_in_the_order_of_the_schema_and_ids_are_unique(melody: Melody) -> None:
    root = tree(melody)
    for note in root.iter("note"):
        places = [ORDER.index(child.tag) for child in note]
        assert places == sorted(places)
    ids = [note.get("id") for note in root.iter("note")]
    assert len(ids) == len(set(ids))
    assert {head_id(note, 0) for note in range(len(melody))} <= set(ids)


@given(melodies(min_notes=1))
def test_durations_of_each_measure_add_up_and_tuplets_are_closed(melody: Melody) -> None:
    root = tree(melody)
    durations = [int(each.text or "") for each in root.iter("duration")]
    assert sum(durations) == melody.ticks
    for measure in root.iter("measure"):
        kinds = [each.get("type") for each in measure.iter("tuplet")]
        assert all(one != other for one, other in pairwise(kinds))
        assert kinds[::2] == ["start"] * (len(kinds) // 2)


def test_what_a_jig_says() -> None:
    jig = Melody([67, 66, 71, 72, 74], [12, 24, 12, 36, 36], Metre(6, 8), 60, tonic=7, title="Rock & <Roll>")
    assert texts(jig, "work/work-title") == ["Rock & <Roll>"]
    assert texts(jig, ".//fifths") == ["1"]
    assert texts(jig, ".//mode") == ["major"]
    assert (texts(jig, ".//beats"), texts(jig, ".//beat-type")) == (["6"], ["8"])
    assert [measure.get("number") for measure in tree(jig).iter("measure")] == ["0", "1", "2"]
    assert [measure.get("implicit") for measure in tree(jig).iter("measure")] == ["yes", None, "yes"]
    assert (texts(jig, ".//per-minute"), len(tree(jig).findall(".//beat-unit-dot"))) == (["80"], 1)
    assert [each.get("tempo") for each in tree(jig).iter("sound")] == ["120"]


def test_only_accidentals_that_are_needed_are_shown() -> None:
    melody = Melody([66, 67, 65, 65, 66, 65], [24] * 6, Metre(4, 4), tonic=7)
    notes = list(tree(melody).iter("note"))
    assert [note.findtext("accidental") for note in notes] == [None, None, "natural", None, None, "natural"]


def test_a_tie_across_a_bar_line_carries_its_accidental() -> None:
    notes = list(tree(Melody([61, 61], [120, 24])).iter("note"))
    assert [note.findtext("accidental") for note in notes] == ["sharp", None, "sharp"]
    assert [[tie.get("type") for tie in note.iter("tied")] for note in notes] == [["start"], ["stop"], []]


def test_metre_changes_and_free_metre_are_said() -> None:
    melody = Melody([60] * 4, [24] * 4, Metre(2, 4), departures=[Departure(2, Metre.parse("free"))])
    assert len(tree(melody).findall(".//time")) == 2
    assert len(tree(melody).findall(".//time/senza-misura")) == 1


def test_free_metre_is_cut_into_measures_that_no_bar_line_divides(tmp_path: Path) -> None:
    melody = Melody([61, 60, 62] * 10, [24] * 30, Metre.parse("free"), departures=[Departure(18)], title="Free")
    root = tree(melody)
    styles = [measure.findtext("barline/bar-style") for measure in root.iter("measure")]
    assert styles == ["none", "none", None, "none", "light-heavy"]
    assert [measure.get("number") for measure in root.iter("measure")] == ["1", "X1.1", "X1.2", "2", "X2.1"]
    assert len(root.findall(".//time")) == 1
    assert read_back(melody, tmp_path) == replace(melody, source="tune.musicxml")


def test_an_accidental_before_an_invisible_bar_line_is_said_again_after_it() -> None:
    notes = list(tree(Melody([61, 60, *[62] * 6, 61, 60], [24] * 10, Metre.parse("free"))).iter("note"))
    shown = ["sharp", "natural", *[None] * 6, "sharp", "natural"]
    assert [note.findtext("accidental") for note in notes] == shown


def test_low_melodies_get_a_bass_clef() -> None:
    assert texts(Melody([48, 50], [24, 24]), ".//clef/sign") == ["F"]
    assert texts(Melody([60, 62], [24, 24]), ".//clef/sign") == ["G"]


def test_without_a_tempo_there_is_no_mark() -> None:
    assert tree(Melody([60], [24]), None).find(".//metronome") is None


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="without notes"):
        to_musicxml(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        to_musicxml(Melody([60], [24]), 5)
