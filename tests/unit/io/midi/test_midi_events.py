"""Whole and damaged MIDI files, and mido as an independent reader."""

from __future__ import annotations

import io

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.midi.midi_events import KeyEvent, read_events, split_sequences

HEADER = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0"
END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"
PLAYED = [KeyEvent(0, 1, 60, pressed=True), KeyEvent(96, 1, 60, pressed=False)]


def chunk(content: bytes, length: int | None = None) -> bytes:
    return b"MTrk" + (len(content) if length is None else length).to_bytes(4) + content


def keys(content: bytes) -> list[KeyEvent]:
    return [key for track in read_events(content).tracks for key in track.keys]


@pytest.mark.parametrize(
    "event",
    [
        b"\x00\xff\x59\x00",  # an empty key signature
        b"\x00\xff\x58\x01\x04",
        b"\x00\xff\x51\x00",
        b"\x00\xff\x7f\x03\xff\x2f\x00",  # data that look like the end
        b"\x00\xff\xfe\x01\x00",  # an unknown meta event
        b"\x00\xf0\x03\x01\x02\xf7",
        b"\x00\xf7\x01\xf3",
        b"\x00\xf2\x01\x02",
        b"\x00\xf4",  # undefined
        b"\x00\xfe",
        b"\x00\xb0\xff\xff\x00\xc0\x05\x00\xd0\x10\x00\xe0\x00\x40\x00\xa0\x3c\x10",
    ],
)
def test_an_event_that_is_no_note_leaves_the_notes(event: bytes) -> None:
    [track] = read_events(HEADER + chunk(event + NOTE + event + END)).tracks
    assert (track.keys, track.is_cut) == (PLAYED, False)


def test_a_running_status_lasts_through_other_events() -> None:
    content = b"\x00\x90\x3c\x40\x60\xff\x01\x01a\x00\x3c\x00" + END
    assert keys(HEADER + chunk(content)) == PLAYED


def test_a_note_above_127_is_counted_and_left_out() -> None:
    [track] = read_events(HEADER + chunk(b"\x00\x90\xc8\x40\x00\x80\xc8\x00" + NOTE + END)).tracks
    assert (track.keys, track.n_impossible, track.is_cut) == (PLAYED, 2, False)


def test_a_velocity_above_127_is_a_note() -> None:
    assert keys(HEADER + chunk(b"\x00\x90\x3c\xff\x60\x80\x3c\xff" + END)) == PLAYED


@pytest.mark.parametrize(
    "damage",
    [b"\x00", b"\x00\x90", b"\x00\x90\x3c", b"\xff\xff\xff\xff\x7f\x90\x3c\x40", b"\x00\xff\x01\x7fabc", b"\x81"],
)
def test_a_track_is_read_up_to_the_damage(damage: bytes) -> None:
    [track] = read_events(HEADER + chunk(NOTE + damage)).tracks
    assert (track.keys, track.is_cut) == (PLAYED, True)


def test_a_message_without_a_status_cuts_the_track() -> None:
    [track] = read_events(HEADER + chunk(b"\x00\x3c\x40" + NOTE + END)).tracks
    assert (track.keys, track.is_cut) == ([], True)


@pytest.mark.parametrize("length", [0, 3, len(NOTE) - 1, 10_000])
def test_a_wrong_length_of_a_track_loses_neither_it_nor_the_next(length: int) -> None:
    for content in (chunk(NOTE + END, length), chunk(NOTE + END, length) + chunk(NOTE + END)):
        n_tracks = content.count(b"MTrk")
        assert keys(HEADER + content) == PLAYED * n_tracks


@pytest.mark.parametrize("after", [b"", b"\x00\x00", b"XFIH\x00\x00\x00\x02ab", b"junk"])
def test_what_follows_a_track_is_ignored(after: bytes) -> None:
    assert keys(HEADER + chunk(NOTE + END) + after) == PLAYED
    assert keys(HEADER + chunk(NOTE) + after[:0]) == PLAYED  # without an end of track


def test_a_chunk_of_another_kind_is_skipped() -> None:
    assert keys(HEADER + b"XFKM\x00\x00\x00\x03abc" + chunk(NOTE + END)) == PLAYED


def test_a_longer_header_and_a_container_are_read() -> None:
    longer = HEADER[:4] + b"\x00\x00\x00\x08" + HEADER[8:] + b"\x00\x00"
    assert keys(longer + chunk(NOTE + END)) == PLAYED
    assert keys(b"RIFF\x00\x00\x00\x00RMIDdata\x00\x00\x00\x00" + HEADER + chunk(NOTE + END)) == PLAYED


@pytest.mark.parametrize("content", [b"", b"MThd", HEADER[:13], b"this is no music", chunk(NOTE + END)])
def test_other_files_raise_an_error(content: bytes) -> None:
    for read in (read_events, split_sequences):
        with pytest.raises(InputError, match="no MIDI file"):
            read(content)


@pytest.mark.parametrize("division", [0, 0xE719])
def test_a_time_unit_that_is_no_part_of_a_note_raises_an_error(division: int) -> None:
    with pytest.raises(InputError, match="seconds"):
        read_events(HEADER[:12] + division.to_bytes(2) + chunk(NOTE + END))


def test_tracks_of_format_2_are_pieces() -> None:
    other = NOTE.replace(b"\x3c", b"\x40") + END
    content = HEADER[:8] + b"\x00\x02\x00\x02" + HEADER[12:] + chunk(NOTE + END) + chunk(other)
    pieces = [keys(piece) for piece in split_sequences(content)]
    assert [[key.pitch for key in piece] for piece in pieces] == [[60, 60], [64, 64]]
    assert split_sequences(HEADER + chunk(NOTE + END)) == [HEADER + chunk(NOTE + END)]


messages = st.one_of(
    st.builds(mido.Message, st.sampled_from(["note_on", "note_off"]), channel=st.integers(0, 15),
              note=st.integers(0, 127), velocity=st.integers(0, 127), time=st.integers(0, 300_000)),
    st.builds(mido.Message, st.just("program_change"), program=st.integers(0, 127), time=st.integers(0, 5)),
    st.builds(mido.Message, st.just("sysex"), data=st.lists(st.integers(0, 127), max_size=3).map(tuple)),
    st.builds(mido.MetaMessage, st.just("lyrics"), text=st.text("abc", max_size=200), time=st.integers(0, 5)),
)  # fmt: skip


@given(st.lists(st.lists(messages, max_size=12), min_size=1, max_size=3))
def test_mido_reads_the_same_notes(tracks: list[list[mido.Message]]) -> None:
    file = mido.MidiFile(type=1, tracks=[mido.MidiTrack(track) for track in tracks])
    content = io.BytesIO()
    file.save(file=content)
    theirs = []
    for track in mido.MidiFile(file=io.BytesIO(content.getvalue())).tracks:
        time = 0
        for message in track:
            time += message.time
            if message.type in {"note_on", "note_off"}:
                is_pressed = message.type == "note_on" and message.velocity > 0
                theirs.append(KeyEvent(time, message.channel + 1, message.note, is_pressed))
    assert keys(content.getvalue()) == theirs


@given(st.binary(max_size=200))
def test_any_bytes_are_read(content: bytes) -> None:
    for track in read_events(HEADER + chunk(content) + content).tracks:
        assert all(0 <= key.time <= track.end for key in track.keys)
