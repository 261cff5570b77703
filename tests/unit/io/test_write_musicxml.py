from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from tests.independent_readers import read_by_verovio, sounding_notes
from tests.strategies import formed_melodies, melodies
from tests.written_music import content, is_lossless

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_score import parse_scores, read_score
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.io.write_musicxml import head_id, to_musicxml
from chromasonic.melody_generation.measures.key_estimation import Key, contradicted_key
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre

# The order of the elements of a note in the MusicXML schema.
ORDER = (
    *("pitch", "rest", "duration", "tie", "voice", "type", "dot", "accidental", "time-modification"),
    *("beam", "notations"),
)


def tree(melody: Melody, tempo: float | None = 120) -> ElementTree.Element:
    return ElementTree.fromstring(to_musicxml(melody, tempo))


def texts(melody: Melody, path: str) -> list[str]:
    return [element.text or "" for element in tree(melody).iterfind(path)]


def read_back(melody: Melody, folder: Path) -> Melody:
    path = folder / "tune.musicxml"
    path.write_text(to_musicxml(melody, 120), encoding="utf-8")
    return read_score(path).melody


@pytest.mark.slow
@given(melodies(min_notes=1))
def test_verovio_reads_the_notes(melody: Melody) -> None:
    assert read_by_verovio(to_musicxml(melody, 120)) == sounding_notes(melody)


@given(melodies(min_notes=1))
@example(
    Melody(
        [60, REST, 60], [24, 96, 24], Metre.parse("free"), departures=(Departure(1, Metre(5, 4)), Departure(2, None))
    )
)
@example(
    Melody(
        [60, REST, 60], [24, 96, 24], Metre.parse("free"), departures=(Departure(1, Metre(5, 4)), Departure(2, None))
    )
)
@example(Melody([60] * 9 + [REST, 60], [24] * 9 + [192, 24], Metre.parse("free")))
@settings(max_examples=25)
def test_our_reader_reads_the_notes_and_all_that_notation_determines(
    tmp_path_factory: pytest.TempPathFactory, melody: Melody
) -> None:
    """The reader omits silence at either end, replaces an empty title, and a key that the notes contradict."""
    sounding = melody.pitches != REST
    if not sounding.any():
        return
    read = read_back(melody, tmp_path_factory.mktemp("score"))
    written = sounding_notes(melody)
    begin = written[0].onset
    assert sounding_notes(read) == [note._replace(onset=note.onset - begin) for note in written]
    key = Key(melody.tonic, melody.mode)
    better = contradicted_key(key, melody.pitches, melody.durations)
    assert Key(read.tonic, read.mode) == (better or key)
    if better is None and sounding.all() and is_lossless(melody) and content(melody).title:
        assert content(read) == content(melody)


@given(formed_melodies())
@settings(max_examples=50)
def test_our_reader_reads_form_chords_kind_and_spelling(melody: Melody) -> None:
    """Of signs in any order, some have no meaning: what is read once is read the same again."""
    melody = replace(melody, pitches=np.where(melody.pitches == REST, 60, melody.pitches), title="A")
    assume(is_lossless(melody))
    read = parsed(melody)
    again = parsed(read)
    assert replace(again, tonic=read.tonic, mode=read.mode, part_order=read.part_order) == read
    assert read.kind == melody.kind
    if read.departures == melody.departures:  # of several signs in a bar, some are read as departures
        assert read.chords == melody.chords
        assert not len(melody.spelling) or read.spelling.tolist() == melody.spelling.tolist()


def parsed(melody: Melody) -> Melody:
    [tune] = parse_scores(to_musicxml(melody, 120).encode(), ".musicxml", "a.musicxml")
    assert isinstance(tune, WrittenTune)
    return tune.melody


@given(melodies(min_notes=1))
def test_elements_are_in_schema_order_and_ids_are_unique(melody: Melody) -> None:
    root = tree(melody)
    for note in root.iter("note"):
        order = [ORDER.index(child.tag) for child in note]
        assert order == sorted(order)
    ids = [note.get("id") for note in root.iter("note")]
    assert len(ids) == len(set(ids))
    assert {head_id(note, 0) for note in range(len(melody))} <= set(ids)


@given(melodies(min_notes=1))
def test_durations_sum_to_the_melody_and_tuplets_are_closed(melody: Melody) -> None:
    root = tree(melody)
    durations = [int(element.text or "") for element in root.iter("duration")]
    assert sum(durations) == melody.ticks
    for measure in root.iter("measure"):
        kinds = [element.get("type") for element in measure.iter("tuplet")]
        assert all(first != second for first, second in pairwise(kinds))
        assert kinds[::2] == ["start"] * (len(kinds) // 2)


def test_the_elements_of_a_jig() -> None:
    jig = Melody([67, 66, 71, 72, 74], [12, 24, 12, 36, 36], Metre(6, 8), 60, tonic=7, title="Rock & <Roll>")
    assert texts(jig, "work/work-title") == ["Rock & <Roll>"]
    assert texts(jig, ".//fifths") == ["1"]
    assert texts(jig, ".//mode") == ["major"]
    assert (texts(jig, ".//beats"), texts(jig, ".//beat-type")) == (["6"], ["8"])
    assert [measure.get("number") for measure in tree(jig).iter("measure")] == ["0", "1", "2"]
    assert [measure.get("implicit") for measure in tree(jig).iter("measure")] == ["yes", None, "yes"]
    assert (texts(jig, ".//per-minute"), len(tree(jig).findall(".//beat-unit-dot"))) == (["80"], 1)
    assert [element.get("tempo") for element in tree(jig).iter("sound")] == ["120"]


def test_only_necessary_accidentals_are_written() -> None:
    melody = Melody([66, 67, 65, 65, 66, 65], [24] * 6, Metre(4, 4), tonic=7)
    notes = list(tree(melody).iter("note"))
    assert [note.findtext("accidental") for note in notes] == [None, None, "natural", None, None, "natural"]


def test_an_accidental_holds_along_a_tie_across_a_bar_line() -> None:
    notes = list(tree(Melody([61, 61], [120, 24])).iter("note"))
    assert [note.findtext("accidental") for note in notes] == ["sharp", None, "sharp"]
    assert [[tie.get("type") for tie in note.iter("tied")] for note in notes] == [["start"], ["stop"], []]


def test_changes_of_metre_and_free_metre_are_written() -> None:
    melody = Melody([60] * 4, [24] * 4, Metre(2, 4), departures=[Departure(2, Metre.parse("free"))])
    assert len(tree(melody).findall(".//time")) == 2
    assert len(tree(melody).findall(".//time/senza-misura")) == 1


def test_free_metre_is_cut_into_measures_without_bar_lines(tmp_path: Path) -> None:
    melody = Melody([64, 60, 62] * 10, [24] * 30, Metre.parse("free"), departures=[Departure(18)], title="Free")
    root = tree(melody)
    styles = [measure.findtext("barline/bar-style") for measure in root.iter("measure")]
    assert styles == ["none", "none", None, "none", "light-heavy"]
    assert [measure.get("number") for measure in root.iter("measure")] == ["1", "X1.1", "X1.2", "2", "X2.1"]
    assert len(root.findall(".//time")) == 1
    read = read_back(melody, tmp_path)
    assert read == replace(melody, source="tune.musicxml", spelling=read.spelling)


def test_an_accidental_is_repeated_after_an_invisible_bar_line() -> None:
    notes = list(tree(Melody([66, 65, *[67] * 6, 66, 65], [24] * 10, Metre.parse("free"))).iter("note"))
    shown = ["sharp", "natural", *[None] * 6, "sharp", "natural"]
    assert [note.findtext("accidental") for note in notes] == shown


def test_low_melodies_get_a_bass_clef() -> None:
    assert texts(Melody([48, 50], [24, 24]), ".//clef/sign") == ["F"]
    assert texts(Melody([60, 62], [24, 24]), ".//clef/sign") == ["G"]


def test_no_tempo_writes_no_tempo_mark() -> None:
    assert tree(Melody([60], [24]), None).find(".//metronome") is None


def test_melodies_that_cannot_be_written_raise_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        to_musicxml(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        to_musicxml(Melody([60], [24]), 5)
