"""MIDI files that the test writes byte by byte."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_part import TimedNote
from chromasonic.melody_generation.io.read_midi import parse_midi, quantise, snap_to_grid
from chromasonic.melody_generation.io.read_score import read_score
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import Metre

QUARTER = 480  # ticks of the file


def number(value: int) -> bytes:
    """Return a variable-length quantity of a MIDI file."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def track(*events: tuple[int, bytes]) -> bytes:
    """Return a track of events with absolute times, in any order."""
    content, now = b"", 0
    for time, message in sorted(events, key=lambda event: event[0]):
        content += number(time - now) + message
        now = time
    content += b"\x00\xff\x2f\x00"
    return b"MTrk" + len(content).to_bytes(4, "big") + content


def midi_file(*tracks: bytes, division: int = QUARTER) -> bytes:
    header = [6, 1, len(tracks), division]
    sizes = [4, 2, 2, 2]
    return b"MThd" + b"".join(map(lambda v, n: v.to_bytes(n, "big"), header, sizes)) + b"".join(tracks)


def note(pitch: int, onset: float, end: float, channel: int = 1) -> list[tuple[int, bytes]]:
    """Return the events of a note; times are in quarters."""
    on = bytes([0x90 + channel - 1, pitch, 64])
    off = bytes([0x80 + channel - 1, pitch, 0])
    return [(round(onset * QUARTER), on), (round(end * QUARTER), off)]


def metre(beats: int, power: int, quarters: float = 0) -> tuple[int, bytes]:
    return round(quarters * QUARTER), bytes([0xFF, 0x58, 4, beats, power, 24, 8])


def key(sharps: int, minor: int) -> tuple[int, bytes]:
    return 0, bytes([0xFF, 0x59, 2, sharps % 256, minor])


def test_notes_metre_and_key_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a tune.mid"
    notes = note(62, 2, 3) + note(66, 3, 4.5) + note(67, 4.5, 5) + note(69, 5, 6)
    path.write_bytes(midi_file(track(metre(3, 2), key(2, 0)), track(*notes)))
    melody = read_score(path).melody
    assert melody.pitches.tolist() == [62, 66, 67, 69]
    assert melody.durations.tolist() == [24, 36, 12, 24]
    assert (melody.metre, melody.start, melody.departures) == (Metre(3, 4), 48, ())
    assert (melody.tonic, melody.mode) == (2, "major")
    assert (melody.title, melody.source, melody.corpus) == ("a tune", "a tune.mid", "unknown")


def test_channels_of_one_track_are_parts_and_percussion_is_omitted() -> None:
    bass = [event for i in range(4) for event in note(40, i, i + 1, channel=2)]
    drums = [event for i in range(16) for event in note(81, i / 4, i / 4 + 0.25, channel=10)]
    score = parse_midi(midi_file(track(*note(70, 0, 1), *bass, *drums)))
    assert sorted(len(part.notes) for part in score.parts) == [1, 4]


def test_the_default_metre_is_4_4_and_a_missing_key_is_estimated(tmp_path: Path) -> None:
    path = tmp_path / "scale.midi"
    pitches = [67, 69, 71, 72, 74, 76, 78, 79, 74, 71, 67]
    path.write_bytes(midi_file(track(*(e for i, pitch in enumerate(pitches) for e in note(pitch, i, i + 1)))))
    melody = read_score(path).melody
    assert melody.metre == Metre(4, 4)
    assert (melody.tonic, melody.mode) == (7, "major")


def test_a_minor_key_with_flats_is_read() -> None:
    assert parse_midi(midi_file(track(key(-3, 1), *note(60, 0, 1)))).key == Key(0, "minor")


def test_a_repeated_metre_is_no_change() -> None:
    events = [metre(4, 2), metre(4, 2, 1.5), metre(3, 2, 4)]
    score = parse_midi(midi_file(track(*events, *note(60, 0, 8)), track(metre(4, 2), *note(60, 0, 8))))
    assert [(int(change.onset), str(change.metre)) for change in score.metres] == [(0, "4/4"), (96, "3/4")]


def test_a_time_unit_of_seconds_raises_an_error() -> None:
    content = midi_file(track(*note(60, 0, 1)), division=0xE719)  # 25 frames a second, 25 ticks a frame
    with pytest.raises(InputError, match="seconds"):
        parse_midi(content)


def test_a_note_released_early_is_extended_to_the_next_note() -> None:
    played = [TimedNote(Fraction(i * 24), Fraction(i * 24) + Fraction(216, 10), 60 + i) for i in range(4)]
    assert [int(note.end - note.onset) for note in quantise(played)] == [24, 24, 24, 24]


def test_a_gap_of_a_sixteenth_is_a_rest() -> None:
    first, _ = quantise([TimedNote(Fraction(0), Fraction(18), 60), TimedNote(Fraction(24), Fraction(48), 62)])
    assert first.end == 18


@given(st.integers(0, 10_000), st.sampled_from([3, 4]))
def test_thirty_seconds_and_triplets_are_on_the_grid(index: int, step: int) -> None:
    assert snap_to_grid(Fraction(index * step)) == index * step


@given(st.fractions(0, 10_000, max_denominator=480))
def test_snapping_moves_by_half_a_thirty_second_at_most(ticks: Fraction) -> None:
    assert abs(snap_to_grid(ticks) - ticks) <= Fraction(3, 2)
    assert snap_to_grid(ticks) % 3 == 0 or snap_to_grid(ticks) % 4 == 0


@given(st.lists(st.sampled_from([12, 24, 36, 48, 72, 96]), min_size=1, max_size=20), st.data())
def test_quantising_recovers_durations_from_uneven_playing(durations: list[int], data: st.DataObject) -> None:
    deviations = st.fractions(-1, 1, max_denominator=20)
    begins = [sum(durations[:i]) for i in range(len(durations))]
    notes = [
        TimedNote(
            Fraction(begin + 24) + data.draw(deviations),
            Fraction(begin + 24 + ticks) - abs(data.draw(deviations)) * 3,
            60,
        )
        for begin, ticks in zip(begins, durations, strict=True)
    ]
    assert [int(note.end - note.onset) for note in quantise(notes)] == durations


@pytest.mark.parametrize(("sharps", "minor", "tonic"), [(7, 0, 1), (-7, 0, 11), (0, 1, 9), (6, 1, 3), (-1, 1, 2)])
def test_key_signatures_are_read(sharps: int, minor: int, tonic: int) -> None:
    mode = "minor" if minor else "major"
    assert parse_midi(midi_file(track(key(sharps, minor), *note(60, 0, 1)))).key == Key(tonic, mode)
