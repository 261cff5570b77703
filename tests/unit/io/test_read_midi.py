"""MIDI files that the test writes byte by byte, real cases, and files that the program writes itself."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.independent_readers import sounding_notes
from tests.strategies import melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_midi import parse_midi
from chromasonic.melody_generation.io.read_score import parse_scores, read_score
from chromasonic.melody_generation.io.tunes import (
    GRACE_NOTES,
    IMPOSSIBLE_EVENTS,
    OTHER_PARTS,
    PERCUSSION,
    WrittenTune,
)
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import REST, Melody, Metre

CASES = Path(__file__).parents[2] / "data" / "reading"
QUARTER = 480  # ticks of the file
D_MAJOR = [62, 64, 66, 67, 69, 71, 73, 74]


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


def text(kind: int, words: str, quarters: float = 0) -> tuple[int, bytes]:
    data = words.encode("latin-1")
    return round(quarters * QUARTER), bytes([0xFF, kind]) + number(len(data)) + data


def read(content: bytes, part: str | int | None = None) -> WrittenTune:
    [tune] = parse_scores(content, ".mid", "a.mid", part)
    assert isinstance(tune, WrittenTune)
    return tune


def case(name: str) -> WrittenTune:
    return read((CASES / f"midi_{name}.mid").read_bytes())


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


@pytest.mark.parametrize(("sharps", "minor", "tonic"), [(7, 0, 1), (-7, 0, 11), (0, 1, 9), (6, 1, 3), (-1, 1, 2)])
def test_key_signatures_are_read(sharps: int, minor: int, tonic: int) -> None:
    mode = "minor" if minor else "major"
    assert parse_midi(midi_file(track(key(sharps, minor), *note(60, 0, 1)))).key == Key(tonic, mode)


@pytest.mark.parametrize("signature", [b"", b"\x02", b"\x08\x00", b"\xf8\x00", b"\x80\x00", b"\x02\x02", b"\x02\xff"])
def test_an_impossible_key_signature_is_counted_and_ignored(signature: bytes) -> None:
    event = 0, bytes([0xFF, 0x59, len(signature)]) + signature
    score = parse_midi(midi_file(track(event, *note(60, 0, 1))))
    assert (score.key, score.left_out[IMPOSSIBLE_EVENTS]) == (None, 1)
    score = parse_midi(midi_file(track(event, key(2, 0), *note(60, 0, 1))))
    assert (score.key, score.left_out[IMPOSSIBLE_EVENTS]) == (Key(2, "major"), 1)


@pytest.mark.parametrize("signature", [b"", b"\x03", b"\x00\x02\x18\x08", b"\x04\x06\x18\x08", b"\x04\xff\x18\x08"])
def test_an_impossible_metre_is_counted_and_ignored(signature: bytes) -> None:
    event = 0, bytes([0xFF, 0x58, len(signature)]) + signature
    score = parse_midi(midi_file(track(metre(3, 2), event, *note(60, 0, 1))))
    assert [str(change.metre) for change in score.metres] == ["3/4"]
    assert score.left_out[IMPOSSIBLE_EVENTS] == 1


def test_of_metres_and_keys_at_one_time_the_last_holds() -> None:
    score = parse_midi(midi_file(track(metre(4, 2), metre(3, 2), key(0, 0), key(3, 0), *note(60, 0, 1))))
    assert ([str(change.metre) for change in score.metres], score.key) == (["3/4"], Key(9, "major"))


# Names, words and counts ---------------------------------------------------------------------------------------------


def test_parts_have_the_names_of_tracks_and_instruments() -> None:
    tracks = [
        track(text(3, "Song"), metre(4, 2)),
        track(text(3, " Melody\x00"), *note(60, 0, 1)),
        track(text(4, "Flöte"), *note(60, 0, 1)),
        track(text(3, "Track 3"), text(4, "Voice"), *note(60, 0, 1)),
        track(text(3, "All"), *note(60, 0, 1), *note(72, 0, 1, channel=2)),
    ]
    names = [part.name for part in parse_midi(midi_file(*tracks)).parts]
    assert names == ["Melody", "Flöte", "Track 3, Voice", "", ""]


def test_lyrics_are_sung_to_the_notes_of_their_track_or_channel() -> None:
    tune, bass = note(60, 0, 1) + note(62, 1, 2) + note(64, 2, 3), note(40, 0, 3, channel=2)
    words = [text(5, "la", quarters) for quarters in range(3)]

    def n_lyrics(*tracks: bytes) -> list[int]:
        return [part.n_lyrics for part in parse_midi(midi_file(*tracks)).parts]

    assert n_lyrics(track(*tune, *words), track(*bass)) == [3, 0]
    assert n_lyrics(track(*bass), track(*tune), track(*words)) == [0, 3]
    assert sorted(n_lyrics(track(*bass, *tune, *words))) == [0, 3]
    assert n_lyrics(track(*bass), track(*bass), track(*words)) == [0, 0]


def test_what_is_left_out_is_counted_by_kind() -> None:
    grace = [(0, b"\x90\x48\x40"), (20, b"\x80\x48\x00")]
    tune = [*grace, (20, b"\x90\x3e\x40"), (QUARTER, b"\x80\x3e\x00"), *note(64, 1, 2), (0, b"\x90\xff\x40")]
    drums = note(36, 0, 1, channel=10) * 3
    tune_read = read(midi_file(track(*tune), track(*note(40, 0, 2)), track(*drums)))
    assert tune_read.left_out == {GRACE_NOTES: 1, IMPOSSIBLE_EVENTS: 1, PERCUSSION: 3, OTHER_PARTS: 1}


def test_a_damaged_track_is_reported() -> None:
    content = midi_file(track(*note(60, 0, 1), *note(62, 1, 2)))
    tune = read(content[:-6])
    assert (tune.melody.pitches.tolist(), [remark.detail for remark in tune.remarks]) == (
        [60, 62],
        ["1 of 2 notes", "track 1"],
    )


def test_two_pieces_in_a_file_are_two_tunes() -> None:
    content = bytearray(midi_file(track(*note(60, 0, 1)), track(*note(62, 0, 1))))
    content[9] = 2  # the format
    tunes = list(parse_scores(bytes(content), ".mid", "a.mid"))
    assert [tune.melody.source for tune in tunes if isinstance(tune, WrittenTune)] == ["a.mid:1", "a.mid:2"]


# Real cases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ks_empty", "ks_onebyte", "ts_empty", "ts_4_6", "ks_18flats", "ks_255", "ks_8"])
def test_bad_meta_events_are_ignored(name: str) -> None:
    tune = case(name)
    assert (tune.melody.pitches.tolist(), tune.melody.durations.tolist()) == (D_MAJOR, [24] * 8)
    assert (tune.melody.tonic, tune.melody.mode, tune.melody.metre) == (2, "major", Metre(4, 4))
    assert tune.left_out == {IMPOSSIBLE_EVENTS: 1}


def test_a_note_above_127_is_ignored() -> None:
    tune = case("pitch200")
    assert (tune.melody.pitches.tolist(), tune.melody.start) == (D_MAJOR, 24)
    assert tune.left_out == {IMPOSSIBLE_EVENTS: 2}


def test_a_default_key_that_the_notes_contradict_is_replaced() -> None:
    tune = case("ks_default_C")
    assert (tune.melody.tonic, tune.melody.mode) == (2, "major")
    assert [remark.detail for remark in tune.remarks] == ["D major instead of C major"]


def test_a_grace_note_leaves_its_main_note() -> None:
    tune = case("grace")
    assert (tune.melody.pitches.tolist(), tune.melody.durations.tolist()) == ([62, 64, 66, 67], [24] * 4)
    assert tune.left_out == {GRACE_NOTES: 1}


@pytest.mark.parametrize(
    ("name", "pitches", "values"),
    [("hanging", [62, 64, 66, 67], [24] * 4), ("hang_last", [*D_MAJOR, 76], [24] * 8 + [48])],
)
def test_hanging_notes_are_read_and_reported(name: str, pitches: list[int], values: list[int]) -> None:
    tune = case(name)
    assert (tune.melody.pitches.tolist(), tune.melody.durations.tolist()) == (pitches, values)
    assert [remark.detail for remark in tune.remarks] == [f"1 of {len(pitches)} notes"]


def test_a_live_performance_is_even_and_its_moved_onsets_are_counted() -> None:
    tune = case("live")
    assert (tune.melody.pitches.tolist(), tune.melody.durations.tolist()) == (D_MAJOR * 2, [12] * 16)
    assert tune.n_onsets_moved > 0


def test_the_named_melody_is_read() -> None:
    tune = case("named")
    assert (tune.melody.pitches.tolist(), tune.melody.durations.tolist()) == (D_MAJOR, [24] * 8)
    assert [remark.detail for remark in tune.remarks] == ["part 1 of 2, 'Melody'"]
    strings = read((CASES / "midi_named.mid").read_bytes(), part="strings")
    assert strings.melody.pitches.tolist()[:3] == [74, 76, 78]


def test_a_note_may_begin_before_the_one_of_its_pitch_ends() -> None:
    tune = case("off_after_on")
    assert (tune.melody.pitches.tolist(), tune.melody.durations.tolist()) == ([62, 62, 64], [24] * 3)


# Files that are played exactly ---------------------------------------------------------------------------------------


def _has_no_short_values(melody: Melody) -> bool:
    """Return whether no note is as short as an ornament, and no rest as an early release."""
    pairs = list(zip(melody.pitches.tolist(), melody.durations.tolist(), strict=True))
    is_clear = all(ticks >= (6 if pitch == REST else 3) for pitch, ticks in pairs)
    return is_clear and any(pitch != REST for pitch, _ in pairs)


@given(melodies(min_notes=1).filter(_has_no_short_values), st.integers(20, 300))
def test_a_written_file_is_read_back(melody: Melody, tempo: int) -> None:
    [part] = parse_midi(to_midi(melody, tempo)).parts
    begin = melody.start if melody.metre.beats else 0
    expected = [(begin + note.onset, note.duration, note.pitch) for note in sounding_notes(melody)]
    assert [(note.onset, note.end - note.onset, note.pitch) for note in part.notes] == expected


@given(
    st.lists(
        st.sampled_from([(24,), (12, 12), (18, 6), (6, 6, 12), (8, 8, 8), (16, 8), (36, 12), (4, 4, 4, 12), (48,)]),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([96, 192, 480, 960, 1024]),
    st.randoms(use_true_random=False),
)
def test_quantised_melodies_with_changes_of_tempo_are_read_back(
    beats: list[tuple[int, ...]], division: int, random: Random
) -> None:
    values = [value for beat in beats for value in beat]
    pitches = [random.randrange(50, 90) for _ in values]
    line, now, begin = mido.MidiTrack(), 0, 0
    for pitch, value in zip(pitches, values, strict=True):
        end = round((begin + value) * division / 24)
        line.append(mido.MetaMessage("set_tempo", tempo=random.randrange(200_000, 1_500_000)))
        line.append(mido.Message("note_on", note=pitch))
        line.append(mido.Message("note_off", note=pitch, time=end - now))
        now, begin = end, begin + value
    content = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=division, tracks=[line]).save(file=content)
    melody = read(content.getvalue()).melody
    assert (melody.pitches.tolist(), melody.durations.tolist()) == (pitches, values)
