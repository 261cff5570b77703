"""Names of chords and the notes that sound for them, checked by music21."""

from __future__ import annotations

import pytest
from music21.harmony import ChordSymbol

from chromasonic.melody_generation.form import QUALITIES, Chord, parse_chord
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.chord_names import chord_name, chord_pitches, sounding_chords
from chromasonic.melody_generation.notation.spelling import Spelling

# Names by which music21 knows a quality.
OF_MUSIC21 = {"7sus4": "7sus", "5": "power"}


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("root", [0, 6, 11])
def test_a_chord_has_the_notes_that_music21_gives_it(root: int, quality: str) -> None:
    chord = Chord(0, root, quality, (root + 7) % 12)
    bass, *upper = chord_pitches(chord)
    suffix = {"major": "", "minor": "m", "7sus4": "7sus4"}.get(quality, quality)
    step = {0: "C", 6: "F#", 11: "B"}[root]
    expected = {pitch.pitchClass for pitch in ChordSymbol(step + OF_MUSIC21.get(quality, suffix)).pitches}
    assert {pitch % 12 for pitch in upper} == expected
    assert bass % 12 == chord.bass
    assert 36 <= bass < 48 <= min(upper)
    assert max(upper) < 60


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_name_is_parsed_to_its_chord(quality: str) -> None:
    for root in range(12):
        chord = Chord(0, root, quality, (root + 3) % 12)
        assert parse_chord(chord_name(chord, Spelling.for_key(root, "major"))) == chord


def test_a_chord_sounds_until_the_next_one_or_the_end() -> None:
    melody = Melody([60, 62], [48, 48], chords=(Chord(24, 0, "5", 0), Chord(72, 7, "5", 7)))
    assert list(sounding_chords(melody)) == [
        *((pitch, 24, 48) for pitch in (36, 48, 55)),
        *((pitch, 72, 24) for pitch in (43, 50, 55)),
    ]
    assert not list(sounding_chords(Melody([60], [48])))
