"""MIDI files: notes as they are played, laid on a grid of thirty-second notes and triplets.

A MIDI file has no bar lines, so they are counted from the metre, 4/4 where there is none. Each channel of
each track is a part; percussion (channel 10) is left out.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

from music21.midi import MetaEvents, MidiFile
from music21.midi.translate import getNotesFromEvents, getTimeForEvents

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.melody_line import MetreChange, ParsedScore, TimedNote
from chromasonic.melody_generation.measures.key_estimation import Key
from chromasonic.melody_generation.melody import TICKS_PER_QUARTER, Metre

_PERCUSSION = 10
_SIXTEENTH = TICKS_PER_QUARTER // 4
_EIGHTH_TRIPLET = TICKS_PER_QUARTER // 3


def parse_midi(content: bytes) -> ParsedScore:
    """Read a Standard MIDI File.

    Raises:
        InputError: If its time is in seconds instead of notes. Music21 raises errors of many kinds for a
            file that is not in order.
    """
    file = MidiFile()
    file.readstr(content)
    if file.ticksPerSecond is not None or not file.ticksPerQuarterNote:
        raise InputError("its time is counted in seconds, not in notes")
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
            # Not through music21's own signatures: a metre of 245/8 takes it ten seconds to build.
            if event.type == MetaEvents.TIME_SIGNATURE:
                metre = Metre(event.data[0], 2 ** event.data[1])
                changes.append(MetreChange(Fraction(snap_to_grid(time * unit)), metre))
            elif event.type == MetaEvents.KEY_SIGNATURE:
                keys.append((time, _key(event.data)))
    return ParsedScore(
        parts=tuple(tuple(quantise(part)) for part in parts.values()),
        metres=tuple(_without_repetition(changes)),
        key=min(keys, key=lambda each: each[0])[1] if keys else None,
    )


def _key(signature: bytes) -> Key:
    """Read a key signature's two bytes: sharps, negative for flats, and 1 for minor."""
    sharps = int.from_bytes(signature[:1], signed=True)
    minor = signature[1] == 1
    return Key((7 * sharps + 9 * minor) % 12, "minor" if minor else "major")


def _without_repetition(changes: list[MetreChange]) -> list[MetreChange]:
    """In order of time, without those that state once more, in another track or later, what holds already."""
    found: list[MetreChange] = []
    for change in sorted(changes, key=lambda each: each.onset):
        if not found or found[-1].metre != change.metre:
            found.append(change)
    return found


def snap_to_grid(ticks: Fraction) -> int:
    """Round to the nearest thirty-second note or triplet sixteenth, in ticks; rather to the former."""
    return min(3 * round(ticks / 3), 4 * round(ticks / 4), key=lambda place: abs(place - ticks))


def quantise(sounds: list[TimedNote]) -> list[TimedNote]:
    """Lay onsets and ends on the grid.

    Players and programs let go of a note a little before the next: a gap shorter than a sixteenth is not
    a rest but belongs to the note before it. After the last note that is what is missing to the next
    sixteenth or eighth triplet.
    """
    onsets = sorted({snap_to_grid(sound.onset) for sound in sounds})
    following = dict(pairwise(onsets))
    found: list[TimedNote] = []
    for sound in sounds:
        onset = snap_to_grid(sound.onset)
        end = max(snap_to_grid(sound.end), onset + 3)
        after = following.get(onset)
        if after is None:
            whole = max(round(sound.end), onset + 3)
            end = min(-(-whole // step) * step for step in (_SIXTEENTH, _EIGHTH_TRIPLET))
        elif 0 < after - end < _SIXTEENTH:
            end = after
        found.append(TimedNote(Fraction(onset), Fraction(end), sound.pitch))
    return found
