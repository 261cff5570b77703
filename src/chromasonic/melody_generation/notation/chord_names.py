"""Names of chords in a key, such as ``F#m7/C#``."""

from __future__ import annotations

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.notation.spelling import Spelling, WrittenPitch

_SUFFIXES = {"major": "", "minor": "m"}
_MIDDLE_OCTAVE = 60


def chord_name(chord: Chord, spelling: Spelling) -> str:
    """Return the name of a chord with its notes spelled in a key.

    Example:
        >>> chord_name(Chord(0, 6, "minor", 1), Spelling.for_key(2, "major"))
        'F#m/C#'
    """
    root, bass = (spell_chord_note(pitch, spelling).name for pitch in (chord.root, chord.bass))
    suffix = _SUFFIXES.get(chord.quality, chord.quality)
    return f"{root}{suffix}" + (f"/{bass}" if chord.bass != chord.root else "")


def spell_chord_note(pitch_class: int, spelling: Spelling) -> WrittenPitch:
    """Spell the root or the bass of a chord in a key, without double accidentals."""
    written = spelling.spell(_MIDDLE_OCTAVE + pitch_class)
    return written if abs(written.alter) < 2 else Spelling.for_key(0, "major").spell(_MIDDLE_OCTAVE + pitch_class)
