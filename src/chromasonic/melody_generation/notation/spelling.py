"""Pitch spelling in a key (F# rather than Gb in D major), and the accidentals that spelled pitches need.

Pitch names lie on the line of fifths: ... Bb F C G D A E B F# ..., with C at 0. A key signature of n sharps covers the
seven positions from n - 1 on. The other five pitch classes are spelled with the two positions below these (the lowered
third and seventh of a major key) and the three above (the raised fourth, first and fifth), as they occur in melodies.
In minor the three above are the raised sixth, third and seventh.

This is the spelling of a pitch alone. A melody is spelled by its voice leading (``voice_leading.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from chromasonic.melody_generation.form import NATURALS
from chromasonic.melody_generation.melody import Melody

_STEPS = "FCGDAEB"
_SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
# Sharps of a mode's signature less those of the major key on the same tonic.
_MODE_SHARPS = {
    "major": 0,
    "minor": -3,
    "dorian": -2,
    "phrygian": -4,
    "lydian": 1,
    "mixolydian": -1,
    "locrian": -5,
}
_A_SHARP = 10  # on the line of fifths
_N_BELOW = 2  # positions below the seven of a signature that spell pitches outside the key


@dataclass(frozen=True)
class WrittenPitch:
    """A spelled pitch: ``step`` A to G, ``alter`` in semitones, and the octave, which is 4 from middle C up."""

    step: str
    alter: int
    octave: int

    @property
    def name(self) -> str:
        """The pitch class as text, such as ``F#``."""
        return self.step + _SIGNS[self.alter]


@dataclass(frozen=True)
class Spelling:
    """A spelled key.

    Attributes:
        sharps: Number of sharps in its signature, negative for flats: -7 to 6.
        tonic: The tonic's name, such as ``F#`` or ``Bb``.
        mode: One of ``MODES``.
    """

    sharps: int
    tonic: str
    mode: str

    @classmethod
    def for_key(cls, tonic: int, mode: str) -> Spelling:
        """Choose the spelling with the fewest accidentals in its signature, then with the simpler tonic; never A sharp.

        Example:
            >>> Spelling.for_key(6, "minor"), Spelling.for_key(10, "dorian").tonic
            (Spelling(sharps=3, tonic='F#', mode='minor'), 'Bb')
        """
        offset = _MODE_SHARPS[mode]
        sharps = (7 * tonic + offset) % 12
        best = min((sharps - 12, sharps), key=lambda n_sharps: (abs(n_sharps), abs(n_sharps - offset)))
        # Gb major and F# major have equally many accidentals: sharps are read more easily.
        best = 6 if best == -6 and mode == "major" else best
        # B flat locrian, the usual name, takes seven flats.
        best = best - 12 if best - offset == _A_SHARP else best
        step, alter = _step_and_alter(best - offset)
        return cls(best, step + _SIGNS[alter], mode)

    @classmethod
    def for_melody(cls, melody: Melody) -> Spelling:
        """Choose the spelling of a melody's key."""
        return cls.for_key(melody.tonic, melody.mode)

    @property
    def name(self) -> str:
        """The key as text, such as ``F# minor``."""
        return f"{self.tonic} {self.mode}"

    def spell(self, pitch: int) -> WrittenPitch:
        """Spell a MIDI number.

        Example:
            >>> Spelling.for_key(2, "major").spell(66)
            WrittenPitch(step='F', alter=1, octave=4)
        """
        return written_pitch(pitch, self.fifths(pitch))

    def fifths(self, pitch: int) -> int:
        """Return the position on the line of fifths (C is 0) by which a MIDI number is spelled.

        Example:
            >>> Spelling.for_key(2, "major").fifths(66)
            6
        """
        lowest = self.sharps - 1 - _N_BELOW
        return lowest + (7 * pitch - lowest) % 12

    def is_in_signature(self, pitch: int) -> bool:
        """Return whether a MIDI number needs no accidental."""
        return 0 <= self.fifths(pitch) - (self.sharps - 1) < len(_STEPS)

    def alterations(self) -> dict[str, int]:
        """Return the semitones by which the key signature alters each step."""
        return dict(_step_and_alter(fifths) for fifths in range(self.sharps - 1, self.sharps + 6))


class AccidentalTracker:
    """Tracks the accidentals of a bar, to tell which notes need one.

    Programs differ in whether an accidental holds in other octaves. A note needs an accidental if it would be misread
    under either convention. The same holds after an invisible bar line, at which programs forget the accidentals of the
    bar and human readers do not.
    """

    def __init__(self, spelling: Spelling) -> None:
        self._signature = spelling.alterations()
        self._by_step: dict[str, int] = {}
        self._by_pitch: dict[tuple[str, int], int] = {}
        self._by_pitch_since: dict[tuple[str, int], int] = {}  # since the last bar line, visible or not

    def bar_line(self) -> None:
        """Forget the accidentals of the bar."""
        self._by_step.clear()
        self._by_pitch.clear()
        self._by_pitch_since.clear()

    def invisible_bar_line(self) -> None:
        """Forget the accidentals of the bar for programs, but not for human readers."""
        self._by_pitch_since.clear()

    def needs_accidental(self, pitch: WrittenPitch) -> bool:
        """Return whether the next note needs an accidental, and track the accidental as written."""
        position = (pitch.step, pitch.octave)
        signature = self._signature[pitch.step]
        in_force = {
            self._by_step.get(pitch.step, signature),
            self._by_pitch.get(position, signature),
            self._by_pitch_since.get(position, signature),
        }
        if in_force == {pitch.alter}:
            return False
        self._by_step[pitch.step] = self._by_pitch[position] = self._by_pitch_since[position] = pitch.alter
        return True


def written_pitch(pitch: int, fifths: int) -> WrittenPitch:
    """Return a MIDI number as it is spelled by a position on the line of fifths, with two accidentals at most.

    Raises:
        ValueError: If it would need more accidentals, or the position is of another pitch class.

    Example:
        >>> written_pitch(70, -2), written_pitch(70, 10)
        (WrittenPitch(step='B', alter=-1, octave=4), WrittenPitch(step='A', alter=1, octave=4))
    """
    step, alter = _step_and_alter(fifths)
    if alter not in _SIGNS or (7 * fifths - pitch) % 12:
        raise ValueError(f"{fifths} on the line of fifths does not spell the pitch {pitch}")
    return WrittenPitch(step, alter, (pitch - alter - NATURALS[step]) // 12 - 1)


def fifths_of(letter: str, pitch: int) -> int:
    """Return the position on the line of fifths (C is 0) of a pitch that is written with a letter, ``A`` to ``G``.

    Example:
        >>> fifths_of("F", 66), fifths_of("B", 70)
        (6, -2)
    """
    alteration = (pitch - NATURALS[letter] + 6) % 12 - 6
    return _STEPS.index(letter) - 1 + 7 * alteration


def _step_and_alter(fifths: int) -> tuple[str, int]:
    """Return step and alteration of a position on the line of fifths."""
    return _STEPS[(fifths + 1) % 7], (fifths + 1) // 7
