from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.io.abc.abc_key import parse_key_field
from chromasonic.melody_generation.melody import MODES
from chromasonic.melody_generation.notation.spelling import AccidentalTracker, Spelling, WrittenPitch

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
keys = st.builds(Spelling.for_key, st.integers(0, 11), st.sampled_from(MODES))


def spelled(pitches: range | list[int], tonic: int, mode: str) -> str:
    spelling = Spelling.for_key(tonic, mode)
    return " ".join(spelling.spell(pitch).name for pitch in pitches)


@pytest.mark.parametrize(
    ("tonic", "mode", "name", "sharps"),
    [
        *((0, "major", "C", 0), (7, "major", "G", 1), (2, "major", "D", 2), (5, "major", "F", -1)),
        *((10, "major", "Bb", -2), (6, "major", "F#", 6), (1, "major", "Db", -5), (11, "major", "B", 5)),
        *((9, "minor", "A", 0), (4, "minor", "E", 1), (3, "minor", "Eb", -6), (6, "minor", "F#", 3)),
        *((2, "dorian", "D", 0), (9, "dorian", "A", 1), (7, "mixolydian", "G", 0), (2, "mixolydian", "D", 1)),
        *((4, "phrygian", "E", 0), (5, "lydian", "F", 0), (11, "locrian", "B", 0)),
    ],
)
def test_keys_have_their_usual_names_and_signatures(tonic: int, mode: str, name: str, sharps: int) -> None:
    assert (Spelling.for_key(tonic, mode).tonic, Spelling.for_key(tonic, mode).sharps) == (name, sharps)


# The usual names of the tonics of each mode, from C upwards.
USUAL_NAMES = {
    "major": "C Db D Eb E F F# G Ab A Bb B",
    "minor": "C C# D Eb E F F# G G# A Bb B",
    "dorian": "C C# D Eb E F F# G Ab A Bb B",
    "phrygian": "C C# D D# E F F# G G# A Bb B",
    "lydian": "C Db D Eb E F Gb G Ab A Bb B",
    "mixolydian": "C Db D Eb E F F# G Ab A Bb B",
    "locrian": "C C# D D# E F F# G G# A Bb B",
}


@pytest.mark.parametrize("mode", MODES)
def test_every_tonic_has_its_usual_name_in_every_mode(mode: str) -> None:
    spellings = [Spelling.for_key(tonic, mode) for tonic in range(12)]
    assert " ".join(spelling.tonic for spelling in spellings) == USUAL_NAMES[mode]
    assert all(abs(spelling.sharps) <= (7 if spelling.name == "Bb locrian" else 6) for spelling in spellings)


def test_a_scale_is_spelled_without_accidentals() -> None:
    assert spelled([62, 64, 66, 67, 69, 71, 73], 2, "major") == "D E F# G A B C#"
    assert spelled([70, 72, 74, 75, 77, 79, 81], 10, "major") == "Bb C D Eb F G A"
    assert spelled([62, 64, 65, 67, 69, 71, 72], 2, "dorian") == "D E F G A B C"


def test_chromatic_pitches_are_spelled_as_in_melodies() -> None:
    assert spelled(range(60, 72), 0, "major") == "C C# D Eb E F F# G G# A Bb B"
    assert spelled(range(57, 69), 9, "minor") == "A Bb B C C# D Eb E F F# G G#"  # the raised sixth and seventh
    assert spelled(range(62, 74), 2, "major") == "D D# E F F# G G# A A# B C C#"


@given(keys, st.integers(0, 127))
def test_a_spelled_pitch_sounds_as_the_midi_number(spelling: Spelling, pitch: int) -> None:
    spelled_pitch = spelling.spell(pitch)
    octave, semitones = spelled_pitch.octave + 1, SEMITONES[spelled_pitch.step]
    assert 12 * octave + semitones + spelled_pitch.alter == pitch
    assert abs(spelled_pitch.alter) <= 2


@given(st.integers(0, 11), st.sampled_from(MODES))
def test_name_and_signature_agree_with_the_abc_parser_in_every_key(tonic: int, mode: str) -> None:
    spelling = Spelling.for_key(tonic, mode)
    key = parse_key_field(f"{spelling.tonic} {mode}")
    assert (key.tonic, key.mode) == (tonic, mode)
    assert dict(key.signature) == spelling.alterations()
    assert sum(spelling.alterations().values()) == spelling.sharps
    assert -7 <= spelling.sharps <= 6


@given(keys, st.lists(st.integers(40, 90) | st.none(), max_size=30), st.booleans())
def test_readers_of_either_convention_read_every_note_correctly(
    spelling: Spelling, notes: list[int | None], in_all_octaves: bool
) -> None:
    """Accidentals hold to the end of the bar (None), in their own octave or in all octaves."""
    accidentals, in_force = AccidentalTracker(spelling), dict[object, int]()
    for pitch in notes:
        if pitch is None:
            accidentals.bar_line()
            in_force.clear()
            continue
        note = spelling.spell(pitch)
        position = note.step if in_all_octaves else (note.step, note.octave)
        if accidentals.needs_accidental(note):
            in_force[position] = note.alter
        assert in_force.get(position, spelling.alterations()[note.step]) == note.alter


def test_no_accidental_is_repeated_within_a_bar() -> None:
    accidentals = AccidentalTracker(Spelling.for_key(0, "major"))
    sharp, natural = WrittenPitch("F", 1, 4), WrittenPitch("F", 0, 4)
    assert [accidentals.needs_accidental(pitch) for pitch in (natural, sharp, sharp, natural, natural)] == [
        *(False, True, False),
        *(True, False),
    ]
