"""How pitches are written in a key: F# rather than Gb in D major, and which of them need an accidental.

Pitch classes stand on the line of fifths: ... Bb F C G D A E B F# ..., C being 0. A key signature of n sharps makes
the seven places from n - 1 on its own. The other five pitch classes are taken from the two places below these (the
lowered third and seventh of a major key) and the three above (the raised fourth, first and fifth), as they come in
melodies: in minor the three are the raised sixth, third and seventh.
"""

from __future__ import annotations

from dataclasses import dataclass

from chromasonic.melody_generation.melody import Melody

_STEPS = "FCGDAEB"
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
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
_A_SHARP = 10  # its place on the line of fifths
# Places below a signature's own seven that are spelt with it.
_N_BELOW = 2


@dataclass(frozen=True)
class WrittenPitch:
    """A pitch on the page: ``step`` A to G, ``alter`` in semitones, and the octave, 4 from middle C on."""

    step: str
    alter: int
    octave: int

    @property
    def name(self) -> str:
        """The pitch class as text, such as ``F#``."""
        return self.step + _SIGNS[self.alter]


@dataclass(frozen=True)
class Spelling:
    """A key as it is written.

    Attributes:
        sharps: Of its signature, negative for flats: -7 to 6.
        tonic: The tonic's name, such as ``F#`` or ``Bb``.
        mode: One of ``MODES``.
    """

    sharps: int
    tonic: str
    mode: str

    @classmethod
    def of(cls, tonic: int, mode: str) -> Spelling:
        """The key with the fewest accidentals; of two the one whose tonic is simpler. Nobody calls a tonic A sharp.

        Example:
            >>> Spelling.of(6, "minor"), Spelling.of(10, "dorian").tonic
            (Spelling(sharps=3, tonic='F#', mode='minor'), 'Bb')
        """
        offset = _MODE_SHARPS[mode]
        sharps = (7 * tonic + offset) % 12
        choices = [sharps - 12, sharps]
        best = min(choices, key=lambda each: (abs(each), abs(each - offset)))
        # Gb major and F# major are equal in all that: sharps are read more easily.
        best = 6 if best == -6 and mode == "major" else best
        # In locrian the name that musicians use, B flat, takes seven flats.
        best = best - 12 if best - offset == _A_SHARP else best
        step, alter = _place(best - offset)
        return cls(best, step + _SIGNS[alter], mode)

    @classmethod
    def of_melody(cls, melody: Melody) -> Spelling:
        """The melody's key."""
        return cls.of(melody.tonic, melody.mode)

    @property
    def name(self) -> str:
        """The key as text, such as ``F# minor``."""
        return f"{self.tonic} {self.mode}"

    def written(self, pitch: int) -> WrittenPitch:
        """How a MIDI number is written.

        Example:
            >>> Spelling.of(2, "major").written(66)
            WrittenPitch(step='F', alter=1, octave=4)
        """
        lowest = self.sharps - 1 - _N_BELOW
        place = lowest + (7 * pitch - lowest) % 12
        step, alter = _place(place)
        return WrittenPitch(step, alter, (pitch - alter - _SEMITONES[step]) // 12 - 1)

    def signature(self) -> dict[str, int]:
        """The semitones by which the signature alters each step."""
        return dict(_place(place) for place in range(self.sharps - 1, self.sharps + 6))


class AccidentalTracker:
    """Says which notes of a bar need an accidental.

    Programs differ in whether an accidental holds in other octaves as well; one is asked for wherever either custom
    would have the note read wrongly. So it is after a bar line that is written but not seen: a program forgets the
    accidentals of the bar there, and who reads on does not.
    """

    def __init__(self, spelling: Spelling) -> None:
        self._signature = spelling.signature()
        self._by_step: dict[str, int] = {}
        self._by_place: dict[tuple[str, int], int] = {}
        self._by_place_since: dict[tuple[str, int], int] = {}  # the latest bar line, seen or not

    def bar_line(self) -> None:
        """Forget the accidentals of the bar."""
        self._by_step.clear()
        self._by_place.clear()
        self._by_place_since.clear()

    def unseen_bar_line(self) -> None:
        """Forget the accidentals of the bar only as far as a program does."""
        self._by_place_since.clear()

    def needs_one(self, pitch: WrittenPitch) -> bool:
        """Whether the next note needs an accidental, which is then taken to be written."""
        place = (pitch.step, pitch.octave)
        signature = self._signature[pitch.step]
        by_place = [each.get(place, signature) for each in (self._by_place, self._by_place_since)]
        if {self._by_step.get(pitch.step, signature), *by_place} == {pitch.alter}:
            return False
        self._by_step[pitch.step] = self._by_place[place] = self._by_place_since[place] = pitch.alter
        return True


def _place(fifths: int) -> tuple[str, int]:
    """Step and alteration of a place on the line of fifths."""
    return _STEPS[(fifths + 1) % 7], (fifths + 1) // 7
