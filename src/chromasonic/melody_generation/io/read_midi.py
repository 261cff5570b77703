"""Read MIDI files, and quantise notes to a grid of thirty-second notes and triplet sixteenths.

A MIDI file has no bar lines, so they are counted from the metre (4/4 if there is none). Each channel of each track is a
part; percussion (channel 10) is omitted.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

from music21.midi import MetaEvents, MidiFile
from music21.midi.translate import getNotesFromEvents, getTimeForEvents

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore
from chromasonic.melody_generation.io.melody_part import ScorePart, TimedNote
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Metre

_PERCUSSION = 10
_SIXTEENTH = TICKS_PER_QUARTER // 4
_EIGHTH_TRIPLET = TICKS_PER_QUARTER // 3


def parse_midi(content: bytes) -> ParsedScore:
    """Parse a Standard MIDI File.

    Raises:
        InputError: If its time unit is seconds instead of notes. On damaged files, music21 raises other errors too.
    """
    file = MidiFile()
    file.readstr(content)
    if file.ticksPerSecond is not None or not file.ticksPerQuarterNote:
        raise InputError("its time unit is seconds instead of notes")
    unit = Fraction(TICKS_PER_QUARTER, file.ticksPerQuarterNote)
    parts: dict[tuple[int, int], list[TimedNote]] = defaultdict(list)
    changes: list[MetreChange] = []
    keys: list[tuple[int, Key]] = []
    for number, track in enumerate(file.tracks):
        events = getTimeForEvents(track)
        for note in getNotesFromEvents(events):
            if note.event.channel != _PERCUSSION:
                sound = TimedNote(note.onTime * unit, note.offTime * unit, note.event.pitch)
                parts[number, note.event.channel].append(sound)
        for time, event in events:
            # Without music21's own time signatures, which take ten seconds to build for a metre of 245/8.
            if event.type == MetaEvents.TIME_SIGNATURE:
                metre = Metre(event.data[0], 2 ** event.data[1])
                changes.append(MetreChange(Fraction(snap_to_grid(time * unit)), metre))
            elif event.type == MetaEvents.KEY_SIGNATURE:
                keys.append((time, _key(event.data)))
    return ParsedScore(
        parts=tuple(ScorePart(tuple(quantise(part))) for part in parts.values()),
        metres=tuple(_without_repetitions(changes)),
        key=min(keys, key=lambda timed: timed[0])[1] if keys else None,
    )


def _key(signature: bytes) -> Key:
    """Parse the two bytes of a key signature: number of sharps, negative for flats, and 1 for minor."""
    sharps = int.from_bytes(signature[:1], signed=True)
    minor = signature[1] == 1
    return Key((7 * sharps + 9 * minor) % 12, "minor" if minor else "major")


def _without_repetitions(changes: list[MetreChange]) -> list[MetreChange]:
    """Return the changes by onset, without those that repeat the metre in force."""
    distinct: list[MetreChange] = []
    for change in sorted(changes, key=lambda change: change.onset):
        if not distinct or distinct[-1].metre != change.metre:
            distinct.append(change)
    return distinct


def snap_to_grid(ticks: Fraction) -> int:
    """Round to the nearest thirty-second note or triplet sixteenth, in ticks; ties go to the thirty-second.

    Example:
        >>> [snap_to_grid(Fraction(ticks)) for ticks in (7, 8, 11)]
        [6, 8, 12]
    """
    return min(3 * round(ticks / 3), 4 * round(ticks / 4), key=lambda position: abs(position - ticks))


def quantise(sounds: list[TimedNote]) -> list[TimedNote]:
    """Quantise onsets and ends of notes to the grid.

    Players and programs release a note shortly before the next one: a gap shorter than a sixteenth is no rest, but part
    of the note before it. The last note is extended to the next sixteenth or triplet eighth.
    """
    onsets = sorted({snap_to_grid(sound.onset) for sound in sounds})
    following = dict(pairwise(onsets))
    quantised: list[TimedNote] = []
    for sound in sounds:
        onset = snap_to_grid(sound.onset)
        end = max(snap_to_grid(sound.end), onset + 3)
        after = following.get(onset)
        if after is None:
            whole = max(round(sound.end), onset + 3)
            end = min(-(-whole // step) * step for step in (_SIXTEENTH, _EIGHTH_TRIPLET))
        elif 0 < after - end < _SIXTEENTH:
            end = after
        quantised.append(TimedNote(Fraction(onset), Fraction(end), sound.pitch))
    return quantised
