"""Names of chords in a key, such as ``F#m7/C#``, and the notes that sound for them."""

from __future__ import annotations

from collections.abc import Iterator

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.notation.spelling import Spelling, WrittenPitch

_SUFFIXES = {"major": "", "minor": "m"}
_MIDDLE_OCTAVE = 60
_LOWEST_BASS = 36  # the bass lies in the octave from here, the chord in the octave above
_OCTAVE = 12
# Semitones above the root, by quality.
_INTERVALS = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "aug": (0, 4, 8),
    "aug7": (0, 4, 8, 10),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "7sus4": (0, 5, 7, 10),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "5": (0, 7),
}


def chord_name(chord: Chord, spelling: Spelling) -> str:
    """Return the name of a chord with its notes spelled in a key.

    Example:
        >>> chord_name(Chord(0, 6, "minor", 1), Spelling.for_key(2, "major"))
        'F#m/C#'
    """
    root, bass = (spell_chord_note(pitch, spelling).name for pitch in (chord.root, chord.bass))
    return f"{root}{chord_suffix(chord.quality)}" + (f"/{bass}" if chord.bass != chord.root else "")


def chord_suffix(quality: str) -> str:
    """Return what stands after the root in the name of a chord."""
    return _SUFFIXES.get(quality, quality)


def spell_chord_note(pitch_class: int, spelling: Spelling) -> WrittenPitch:
    """Spell the root or the bass of a chord in a key, without double accidentals."""
    written = spelling.spell(_MIDDLE_OCTAVE + pitch_class)
    return written if abs(written.alter) < 2 else Spelling.for_key(0, "major").spell(_MIDDLE_OCTAVE + pitch_class)


def chord_pitches(chord: Chord) -> tuple[int, ...]:
    """Return the MIDI numbers of a block chord below middle C, from its bass up.

    Example:
        >>> chord_pitches(Chord(0, 7, "7", 11))
        (47, 50, 53, 55, 59)
    """
    tones = {(chord.root + interval) % _OCTAVE for interval in _INTERVALS[chord.quality]}
    return (_LOWEST_BASS + chord.bass, *(_LOWEST_BASS + _OCTAVE + tone for tone in sorted(tones)))


def sounding_chords(melody: Melody) -> Iterator[tuple[int, int, int]]:
    """Yield the notes of all chords: MIDI number, onset and duration in ticks; a chord sounds until the next one."""
    ends = [*(chord.onset for chord in melody.chords), melody.ticks][1:]
    for chord, end in zip(melody.chords, ends, strict=True):
        for pitch in chord_pitches(chord):
            yield pitch, chord.onset, end - chord.onset
