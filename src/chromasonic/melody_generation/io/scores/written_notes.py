"""Parts of all parsers of notated scores: ties, the length of a measure, keys by signature and mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_part import TimedNote
from chromasonic.melody_generation.measures.key_estimation import Key

_MAX_DIGITS_OF_BEATS = 3
_MIN_NOTES_PER_UNREADABLE = 20
# Semitones from the tonic of the major key with the same signature.
_TONIC_OF_MODE = {
    "major": 0,
    "ionian": 0,
    "dorian": 2,
    "phrygian": 4,
    "lydian": 5,
    "mixolydian": 7,
    "minor": 9,
    "aeolian": 9,
    "locrian": 11,
}


@dataclass(frozen=True)
class WrittenNote:
    """A note of MIDI number ``pitch`` in ticks from the beginning.

    ``tied_back`` and ``tied_on`` name its ties, ``fifths`` is the position of its spelling on the line of fifths.
    """

    onset: Fraction
    end: Fraction
    pitch: int
    tied_back: bool = False
    tied_on: bool = False
    fifths: int | None = None


def join_ties(notes: Iterable[WrittenNote]) -> tuple[TimedNote, ...]:
    """Join tied notes of one pitch that follow each other without a gap; a tie to nowhere has no effect.

    Example:
        >>> first, second = WrittenNote(0, 24, 60, tied_on=True), WrittenNote(24, 36, 60, tied_back=True)
        >>> [(int(note.onset), int(note.end)) for note in join_ties([second, first])]
        [(0, 36)]
    """
    joined: list[TimedNote] = []
    open_ties: dict[tuple[int, Fraction], int] = {}  # pitch and end -> index of the note from which a tie leads on
    for note in sorted(notes, key=lambda note: note.onset):
        index = open_ties.pop((note.pitch, note.onset), None) if note.tied_back else None
        if index is None:
            index = len(joined)
            joined.append(TimedNote(note.onset, note.end, note.pitch, note.fifths))
        else:
            joined[index] = replace(joined[index], end=note.end)
        if note.tied_on:
            open_ties[note.pitch, note.end] = index
    return tuple(joined)


def measure_length(lengths: Sequence[Fraction], bar: Fraction | None) -> Fraction:
    """Return the length of a measure from the lengths of its voices or parts.

    Args:
        lengths: Length of the content of each voice or part, in any unit.
        bar: The length that the metre gives; None in free metre.

    Returns:
        The length of the bar if one of them fills it, or all are empty; else the longest length.

    Example:
        >>> [measure_length(lengths, 96) for lengths in ([96, 97], [24, 48], [])]
        [96, 48, 96]
    """
    longest = max(lengths, default=Fraction(0))
    if bar is not None and (bar in lengths or not longest):
        return bar
    return longest


def key_of_signature(sharps: int, mode: str) -> Key | None:
    """Return the key of a signature with a mode, or None if the mode is not known.

    Example:
        >>> key_of_signature(-1, "dorian")
        Key(tonic=7, mode='dorian')
    """
    name = {"ionian": "major", "aeolian": "minor"}.get(mode, mode)
    return Key((7 * sharps + _TONIC_OF_MODE[mode]) % 12, name) if mode in _TONIC_OF_MODE else None


def check_beats(beats: str) -> None:
    """Raise an error for absurdly many beats."""
    if any(len(number.strip()) > _MAX_DIGITS_OF_BEATS for number in beats.split("+")):
        raise InputError(f"it has a metre of {beats.strip()[:20]} beats, more than {_MAX_DIGITS_OF_BEATS} digits")


def check_unreadable(n_unreadable: int, n_notes: int) -> None:
    """Raise an error if too many notes cannot be read: the rest would be another melody."""
    if n_unreadable * _MIN_NOTES_PER_UNREADABLE > n_notes:
        raise InputError(f"{n_unreadable} of its {n_notes} notes have no pitch or duration that can be read")
