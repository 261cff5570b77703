from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mido
import pytest
from hypothesis import given
from tests.independent_readers import read_by_music21, sounding_notes
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.io.read_score import read_score
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.notation.titles import plain_title

JIG = Melody([62, 67, 71, 74], [12, 36, 12, 24], Metre(6, 8), 60, tonic=7, title="Jig é 漢")


def messages(content: bytes) -> list[mido.MetaMessage]:
    [track] = mido.MidiFile(file=io.BytesIO(content), charset="utf-8").tracks
    return list(track)


def read_back(melody: Melody, folder: Path) -> Melody:
    path = folder / "tune.mid"
    path.write_bytes(to_midi(melody, 120))
    return read_score(path).melody


@given(melodies(min_notes=1))
def test_music21_reads_the_notes(melody: Melody) -> None:
    begin = melody.start if melody.metre.beats else 0
    assert read_by_music21(to_midi(melody, 120), begin) == sounding_notes(melody)


def test_title_tempo_key_and_metre_are_written() -> None:
    by_type = {message.type: message for message in messages(to_midi(JIG, 156))}
    assert by_type["track_name"].name == JIG.title
    assert mido.tempo2bpm(by_type["set_tempo"].tempo) == pytest.approx(156, rel=1e-5)
    assert by_type["key_signature"].key == "G"
    assert (by_type["time_signature"].numerator, by_type["time_signature"].denominator) == (6, 8)


@pytest.mark.parametrize(
    ("metre", "clocks"),
    [("4/4", 24), ("3/4", 24), ("2/2", 48), ("6/8", 36), ("9/8", 36), ("3/8", 36), ("6/4", 72), ("7/8", 12)],
)
def test_a_metronome_clicks_on_the_beat(metre: str, clocks: int) -> None:
    track = messages(to_midi(Melody([60], [24], Metre.parse(metre)), 120))
    assert [message.clocks_per_click for message in track if message.type == "time_signature"] == [clocks]


@given(melodies(min_notes=1))
def test_every_key_and_title_can_be_written_and_read(melody: Melody) -> None:
    by_type = {message.type: message for message in messages(to_midi(melody, 120))}
    assert by_type["track_name"].name == plain_title(melody.title)
    is_minor = melody.mode in {"minor", "dorian", "phrygian", "locrian"}
    assert by_type["key_signature"].key.endswith("m") == is_minor


CHORDS = (Chord(0, 7, "major", 7), Chord(12, 2, "7", 6))
WITH_CHORDS = replace(JIG, chords=CHORDS, form=(FormMark(2, FormSign.REPEAT_END),))


def test_chords_sound_softly_on_a_channel_of_their_own() -> None:
    tracks = mido.MidiFile(file=io.BytesIO(to_midi(WITH_CHORDS, 120)), charset="utf-8").tracks
    assert [track.name for track in tracks] == [JIG.title, "Melody", "Chords"]
    begun: dict[int, int] = {}
    notes, now = [], 0
    for message in tracks[2]:
        now += message.time
        if message.type == "note_on":
            assert (message.channel, message.velocity) == (1, 40)
            begun[message.note] = now
        elif message.type == "note_off":
            onset = begun.pop(message.note)
            notes.append((onset // 20 - JIG.start, (now - onset) // 20, message.note))
    first = [(0, 12, pitch) for pitch in (43, 50, 55, 59)]
    assert sorted(notes) == [*first, *((12, 72, pitch) for pitch in (42, 48, 50, 54, 57))]


def test_chords_can_be_left_out() -> None:
    assert to_midi(WITH_CHORDS, 120, chords=False) == to_midi(JIG, 120)


def test_the_melody_is_read_back_from_a_file_with_chords(tmp_path: Path) -> None:
    assert read_back(WITH_CHORDS, tmp_path) == read_back(JIG, tmp_path)


def test_an_upbeat_precedes_the_first_counted_bar_line(tmp_path: Path) -> None:
    first = next(message for message in messages(to_midi(JIG, 120)) if message.type == "note_on")
    assert Fraction(first.time, 480) == Fraction(60, 24)
    read = read_back(JIG, tmp_path)
    assert (read.metre, read.start, read.tonic, read.mode) == (JIG.metre, JIG.start, 7, "major")
    assert read.pitches.tolist() == JIG.pitches.tolist()
    assert read.durations.tolist() == JIG.durations.tolist()
    assert read.bar_lines.tolist() == JIG.bar_lines.tolist()


def test_a_short_bar_gets_a_metre_that_aligns_later_bar_lines(tmp_path: Path) -> None:
    melody = Melody([60] * 9, [24] * 9, departures=[Departure(3)])
    read = read_back(melody, tmp_path)
    assert read.bar_lines.tolist() == melody.bar_lines.tolist() == [0, 72, 168]
    assert [str(metre) for _, _, metre, _ in read.segments] == ["3/4", "4/4"]


def test_changes_of_metre_are_written(tmp_path: Path) -> None:
    melody = Melody([60] * 7, [24] * 7, Metre(2, 4), departures=[Departure(2, Metre(3, 4)), Departure(5, Metre(2, 4))])
    assert read_back(melody, tmp_path).segments == melody.segments


def test_rests_are_silent_and_repeated_notes_are_separate() -> None:
    content = to_midi(Melody([60, 60, REST, 60], [12, 12, 24, 12]), 120)
    notes = [(int(note.onset), int(note.duration)) for note in read_by_music21(content, 0)]
    assert notes == [(0, 12), (12, 12), (48, 12)]


def test_free_metre_has_no_time_signature() -> None:
    content = to_midi(Melody([60], [24], Metre.parse("free")), 120)
    assert not [message for message in messages(content) if message.type == "time_signature"]


def test_melodies_that_cannot_be_written_raise_an_error() -> None:
    with pytest.raises(InputError, match="without notes"):
        to_midi(Melody([], []), 120)
    with pytest.raises(InputError, match="tempo"):
        to_midi(JIG, 0)
