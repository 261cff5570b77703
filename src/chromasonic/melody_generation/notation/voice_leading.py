"""Spell a melody by its voice leading.

A melody that comes with the spelling of its source keeps it. Otherwise its key spells the notes of the signature, and a
note outside the signature is spelled as its neighbours ask, as in the second stage of the algorithm ps13 (Meredith
2006): a step of a semitone is a minor second where it can be, B - A sharp - B rather than B - B flat - B.

1. A chromatic note that moves by a semitone to the next pitch is a minor second from it.
2. Else, if it is a semitone from the pitch before it, it is a minor second from that.
3. Else it is spelled like the nearest chromatic note of its pitch class that rule 1 or 2 has spelled.
4. Else the key spells it.

The rules choose among positions on the line of fifths that melodies use: in C from D flat to D sharp, and A sharp
between two Bs alone. Of the chromatic notes beside a semitone in 17 877 tunes (Nottingham, O'Neill's, Aird's, Ryan's,
Essen, FolkWiki), 0.9 % are spelled otherwise than in the source. By the key alone it is 10.0 %, by the first stage of
ps13 with a window of 52 notes 2.6 %.
"""

from __future__ import annotations

from typing import NamedTuple

from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.notation.spelling import Spelling, WrittenPitch, written_pitch

_MINOR_SECOND = 5  # down on the line of fifths for a step up, C to D flat
# Positions from that of the signature's major key on: in C, D flat to D sharp, and to A sharp.
_LOWEST, _HIGHEST, _HIGHEST_OF_NEIGHBOURS = -5, 9, 10
_MOST_ACCIDENTALS = 2


class _Neighbour(NamedTuple):
    """The nearest other pitch on one side of a note, and the step to it in semitones."""

    note: int
    step: int


def spell_melody(melody: Melody, spelling: Spelling) -> tuple[WrittenPitch | None, ...]:
    """Return the written pitch of each note, and None for each rest, shape (N,).

    Args:
        melody: A melody; its own spelling is kept, except where it needs more than two accidentals.
        spelling: The spelling of its key.

    Example:
        >>> melody = Melody([71, 70, 71, 70, 69], [24] * 5)
        >>> [pitch.name for pitch in spell_melody(melody, Spelling.for_key(0, "major"))]
        ['B', 'A#', 'B', 'Bb', 'A']
    """
    pitches = melody.pitches.tolist()
    fifths = melody.spelling.tolist() if len(melody.spelling) else _by_voice_leading(pitches, spelling)
    return tuple(
        None if pitch == REST else written_pitch(pitch, position if _is_writable(position) else spelling.fifths(pitch))
        for pitch, position in zip(pitches, fifths, strict=True)
    )


def _is_writable(fifths: int) -> bool:
    return abs((fifths + 1) // 7) <= _MOST_ACCIDENTALS


def _by_voice_leading(pitches: list[int], spelling: Spelling) -> list[int]:
    """Return the position of each note on the line of fifths; 0 for a rest."""
    fifths = [0 if pitch == REST else spelling.fifths(pitch) for pitch in pitches]
    chromatic = [note for note, pitch in enumerate(pitches) if pitch != REST and not spelling.is_in_signature(pitch)]
    decided: dict[int, list[int]] = {}  # notes by pitch class
    undecided = []
    for note in chromatic:
        position = _minor_second(pitches, fifths, note, spelling.sharps)
        if position is None:
            undecided.append(note)
            continue
        fifths[note] = position
        decided.setdefault(pitches[note] % 12, []).append(note)
    for note in undecided:
        alike = decided.get(pitches[note] % 12)
        fifths[note] = fifths[_nearest(note, alike)] if alike else fifths[note]
    return fifths


def _nearest(note: int, others: list[int]) -> int:
    return min(others, key=lambda other: abs(other - note))


def _minor_second(pitches: list[int], fifths: list[int], note: int, sharps: int) -> int | None:
    """Return the position that makes a note a minor second from its neighbour; None without such a position."""
    sides = [neighbour for neighbour in (_neighbour(pitches, note, 1), _neighbour(pitches, note, -1)) if neighbour]
    is_neighbour_note = len(sides) > 1 and sides[0].step == sides[1].step
    highest = _HIGHEST_OF_NEIGHBOURS if is_neighbour_note else _HIGHEST
    for side in sides:
        position = fifths[side.note] + _MINOR_SECOND * side.step
        if abs(side.step) == 1 and _LOWEST <= position - sharps <= highest:
            return position
    return None


def _neighbour(pitches: list[int], note: int, direction: int) -> _Neighbour | None:
    """Return the nearest other pitch after (1) or before (-1) a note; None at a rest or an end."""
    other = note
    while pitches[other] == pitches[note]:
        other += direction
        if not 0 <= other < len(pitches):
            return None
    return None if pitches[other] == REST else _Neighbour(other, pitches[other] - pitches[note])
